
# systemd runs here, rather than files being put into a folder.
has_systemd() { [ -d /run/systemd/system ] && command -v systemctl >/dev/null; }

# Users and folders. Nothing is enabled and nothing is started.
prepare() {
  if [ -n "$users" ]; then systemd-sysusers "$users"; fi
  if [ -e "/usr/lib/tmpfiles.d/$package.conf" ]; then systemd-tmpfiles --create "$package.conf" || true; fi
  if has_systemd; then systemctl daemon-reload; fi
}

# After an upgrade: what ran runs on, as the new version where that loses nothing.
restart_what_runs() {
  has_systemd || return 0
  for unit in $units; do
    case " $restarts " in
      *" $unit "*) systemctl try-restart "$unit" || echo "$package: $unit did not start again: journalctl -u $unit" >&2 ;;
      *) if systemctl --quiet is-active "$unit"; then echo "$package: $unit still runs the version before: systemctl restart $unit, one node after the other" >&2; fi ;;
    esac
  done
}

stop_what_runs() {
  for unit in $units; do
    if has_systemd; then systemctl --quiet disable --now "$unit"; else systemctl --quiet disable "$unit" 2>/dev/null || true; fi
  done
}

say_what_stays() {
  for folder in $state; do
    if [ -d "$folder" ] && [ -n "$(ls -A "$folder")" ]; then echo "$package: $folder stays, with what it holds: remove it by hand" >&2; fi
  done
}
