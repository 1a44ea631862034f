# Sourced by eng/packages: the same trees into .rpm files, by Debian's rpmbuild.

rpm_scripts() { # package; the scripts of a spec
  printf '%%post\n'; script installing "$1"; printf '\nprepare\n\n'
  # Of an upgrade, the last thing that runs: what the version before left is gone.
  printf '%%posttrans\n'; script installing "$1"; printf '\nrestart_what_runs\n\n'
  if guarded "$1"; then
    printf '%%preun\n'; script removing "$1"; printf '\nif [ "$1" = 0 ]; then\n  refuse_while_in_use\n  stop_what_runs\nfi\n\n'
  else
    printf '%%preun\n'; script installing "$1"; printf '\nif [ "$1" = 0 ]; then stop_what_runs; fi\n\n'
  fi
  printf '%%postun\n'; script installing "$1"; printf '\nif has_systemd; then systemctl daemon-reload; fi\nif [ "$1" = 0 ]; then say_what_stays; fi\n\n'
}

spec_of() { # package; prints its spec
  printf 'Name: %s\nVersion: %s\nRelease: 1\nSummary: %s\nLicense: Apache-2.0 AND MIT\n' "$1" "$version" "$(one_line "$1")"
  # Only .NET's own files look for what lies beside them: it is no library for others.
  printf '%%global __provides_exclude_from ^/usr/lib/cloister/.*$\n%%global __requires_exclude ^lib(clr|coreclr|host|mscor|System\\\\.).*$\n'
  case $1 in
    cloister) printf 'Requires: libssl.so.3()(64bit), ca-certificates\n' ;;
    cloister-enclave) printf 'Requires: libssl.so.3()(64bit), systemd\nRecommends: cloister = %s-1\n' "$version" ;;
    cloister-relay) printf 'Requires: cloister = %s-1, systemd\n' "$version" ;;
    cloister-broker) printf 'Requires: cloister = %s-1, systemd\nConflicts: cloister-enclave, cloister-relay\n' "$version" ;;
  esac
  printf '\n%%description\n'
  long_text "$1"
  printf '\n%%install\nmkdir -p %%{buildroot}\ncp -a "%s/." %%{buildroot}/\n\n' "$work/$1"
  rpm_scripts "$1"
  printf '%%files\n'
  (cd "$work/$1" && find . -mindepth 1 \( -type f -o -type l \) -printf '"/%P"\n' -o -type d \( -path ./etc/cloister -o -path './usr/lib/cloister*' -o -path "./usr/share/doc/$1*" \) -printf '%%dir "/%P"\n' | sort)
}

rpms() {
  local package
  mkdir -p "$work/rpm"
  for package in "${packages[@]}"; do
    cp "$root/deploy/packages/copyright" "$work/$package/usr/share/doc/$package/copyright"
    # Where zsh looks in distributions with rpm.
    if [ -d "$work/$package/usr/share/zsh/vendor-completions" ]; then mv "$work/$package/usr/share/zsh/vendor-completions" "$work/$package/usr/share/zsh/site-functions"; fi
    spec_of "$package" >"$work/rpm/$package.spec"
    # Nothing is compiled, stripped or changed on the way: the files are those of the .deb.
    rpmbuild -bb --quiet --target x86_64-linux --buildroot "$work/$package.root" \
      --define "_topdir $work/rpm" --define "_rpmdir $out" --define '_rpmfilename %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm' \
      --define '__os_install_post %{nil}' --define '_build_id_links none' --define "_binary_payload w$level.${packer/#gzip/gz}dio" \
      --define '_buildhost localhost' --define 'use_source_date_epoch_as_buildtime 1' --define 'clamp_mtime_to_source_date_epoch 1' \
      --define 'debug_package %{nil}' \
      "$work/rpm/$package.spec" >"$work/rpm/log" 2>&1 || { cat "$work/rpm/log" >&2; return 1; }
    echo "packages: $package-$version-1.x86_64.rpm"
  done
}
