# Sourced by eng/packages: trees into .deb files.

depends_of() { # package; what its programs are linked with, and what they open when they run
  local control=$work/shlibs programs
  mkdir -p "$control/debian"
  printf 'Source: cloister\n\nPackage: cloister\nArchitecture: amd64\n' >"$control/debian/control"
  mapfile -t programs < <(find "$work/$1" -type f \( -name '*.so' -o -path '*/bin/*' -o -path "*/usr/lib/cloister/cloister*" ! -name '*.*' \))
  if [ ${#programs[@]} -gt 0 ]; then
    (cd "$control" && dpkg-shlibdeps -O --ignore-missing-info "${programs[@]/#/-e}" 2>/dev/null) | sed -n 's/^shlibs:Depends=//p'
  fi
}

control_of() { # package; prints its control file
  local depends
  depends=$(depends_of "$1")
  printf 'Package: %s\nSource: cloister\nVersion: %s\nArchitecture: amd64\nMaintainer: %s\nInstalled-Size: %s\n' \
    "$1" "$version" "$maintainer" "$(du -k -s --apparent-size "$work/$1" | cut -f1)"
  case $1 in
    cloister) printf 'Depends: %s, libssl3, ca-certificates\n' "$depends" ;;
    cloister-enclave) printf 'Depends: %s, libssl3, systemd | systemd-standalone-sysusers\nRecommends: cloister (= %s)\n' "$depends" "$version" ;;
    cloister-relay) printf 'Depends: cloister (= %s), systemd | systemd-standalone-sysusers\n' "$version" ;;
    cloister-broker) printf 'Depends: %s, cloister (= %s), systemd | systemd-standalone-sysusers\nSuggests: postgresql\nConflicts: cloister-enclave, cloister-relay\n' "${depends:-libc6}" "$version" ;;
  esac
  printf 'Section: admin\nPriority: optional\nDescription: %s\n' "$(one_line "$1")"
  long_text "$1" | sed 's/^/ /'
}

debian_changelog() {
  printf 'cloister (%s) unstable; urgency=medium\n\n  * Release %s. What changed: CHANGELOG.md of the source.\n\n -- %s  %s\n' \
    "$version" "$version" "$maintainer" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")"
}

maintainer_scripts() { # package, folder
  { script installing "$1"; printf '\nif [ "$1" = configure ]; then\n  prepare\n  if [ -n "$2" ]; then restart_what_runs; fi\nfi\n'; } >"$2/postinst"
  if guarded "$1"; then
    { script removing "$1"; printf '\nif [ "$1" = remove ]; then\n  refuse_while_in_use\n  stop_what_runs\nfi\n'; } >"$2/prerm"
  else
    { script installing "$1"; printf '\nif [ "$1" = remove ]; then stop_what_runs; fi\n'; } >"$2/prerm"
  fi
  { script installing "$1"; printf '\nif has_systemd; then systemctl daemon-reload; fi\nif [ "$1" = purge ]; then say_what_stays; fi\n'; } >"$2/postrm"
  chmod 0755 "$2"/{postinst,prerm,postrm}
}

debs() {
  local package tree doc maintainer='The Cloister authors <packages@cloister.dev>'
  for package in "${packages[@]}"; do
    tree=$work/deb/$package doc=$work/deb/$package/usr/share/doc/$package
    mkdir -p "$work/deb"
    cp -a "$work/$package" "$tree"
    mkdir -p "$tree/DEBIAN"
    control_of "$package" >"$tree/DEBIAN/control"
    maintainer_scripts "$package" "$tree/DEBIAN"
    debian_changelog | gzip -9n >"$doc/changelog.gz"
    cp "$root/deploy/packages/copyright" "$doc/copyright"
    if [ -e "$root/deploy/packages/$package.lintian-overrides" ]; then
      install -D -m 0644 "$root/deploy/packages/$package.lintian-overrides" "$tree/usr/share/lintian/overrides/$package"
    fi
    (cd "$tree" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
    find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -Z"$packer" -z"$level" --build "$tree" "$out/${package}_${version}_amd64.deb" >/dev/null
    echo "packages: ${package}_${version}_amd64.deb"
  done
}
