# Sourced by eng/packages: the same trees as OCI images, on libraries of Debian 12 and nothing else: no shell, no package manager. By umoci.

# Libraries of Debian that the programs need, unpacked and not configured; fetched again after a day, for its security updates. Prints the folder.
oci_base() {
  local cache=${CLOISTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cloister}/oci-base tree
  mkdir -p "$cache"
  exec 8>"$cache/lock"
  flock 8
  tree=$cache/bookworm
  if [ ! -d "$tree" ] || [ -n "$(find "$tree" -maxdepth 0 -mmin +1440)" ]; then
    rm -rf "$tree" "$tree.new"
    mmdebstrap --quiet --variant=extract --include=libc6,libgcc-s1,libstdc++6,libssl3,zlib1g,ca-certificates bookworm "$tree.new" >"$cache/log" 2>&1 || {
      echo "packages: mmdebstrap cannot fetch the libraries of images: $(tail -n 1 "$cache/log")" >&2
      return 1
    }
    mv "$tree.new" "$tree"
    touch "$tree"
  fi
  exec 8>&-
  printf '%s\n' "$tree"
}

# What an image keeps of them: libraries, authorities, licences. Versions are in /usr/share/doc/cloister-image/debian-packages.
oci_root() { # base, folder
  local to=$2 name
  mkdir -p "$to"/{etc/ssl/certs,usr/lib,usr/share/doc/cloister-image,tmp,run,var/lib} "$to"/usr/lib64
  ln -s usr/lib "$to/lib"; ln -s usr/lib64 "$to/lib64"
  mkdir -p "$to/usr/lib/x86_64-linux-gnu"
  for name in "$1"/lib/x86_64-linux-gnu "$1"/usr/lib/x86_64-linux-gnu; do
    (cd "$name" && find . -maxdepth 1 \( -type f -o -type l \) -name '*.so*' -exec cp -a -t "$to/usr/lib/x86_64-linux-gnu" {} +)
  done
  ln -s ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 "$to/usr/lib64/ld-linux-x86-64.so.2"
  find "$1/usr/share/ca-certificates" -name '*.crt' | sort | xargs cat >"$to/etc/ssl/certs/ca-certificates.crt"
  for name in "$1"/usr/share/doc/*/copyright; do
    name=${name%/copyright} name=${name##*/}
    case $name in debconf | openssl | perl*) continue ;; esac
    install -D -m 0644 "$1/usr/share/doc/$name/copyright" "$to/usr/share/doc/$name/copyright"
    printf '%s %s\n' "$name" "$(zcat "$1/usr/share/doc/$name"/changelog.Debian.gz "$1/usr/share/doc/$name"/changelog.gz 2>/dev/null | sed -nE '1s/^[^ ]+ \(([^)]+)\).*/\1/p')"
  done >"$to/usr/share/doc/cloister-image/debian-packages"
  printf 'root:x:0:0:root:/:/usr/sbin/nologin\ncloister:x:65532:65532:Cloister:/:/usr/sbin/nologin\n' >"$to/etc/passwd"
  printf 'root:x:0:\ncloister:x:65532:\n' >"$to/etc/group"
  printf 'hosts: files dns\n' >"$to/etc/nsswitch.conf"
  chmod 1777 "$to/tmp"
}

oci_layer() { # folder, file
  tar --sort=name --format=gnu --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$1" -cf "$2" .
}

oci_image() { # name, program, packages...
  local name=$1 program=$2 tree=$work/oci/$1 layout=$work/oci/$1.layout created package
  shift 2
  created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
  mkdir -p "$tree/usr/local/bin"
  for package; do
    (cd "$work/$package" && find . -path ./usr/share -prune -o -path ./usr/lib/systemd -prune -o -path ./usr/lib/sysusers.d -prune -o -path ./usr/lib/tmpfiles.d -prune -o \
      \( -type f -o -type l \) -print0 | tar --null -T - -cf -) | tar -x -C "$tree"
    # Where the manifests of pods look.
    for file in "$work/$package"/usr/bin/*; do ln -s "../../bin/${file##*/}" "$tree/usr/local/bin/${file##*/}"; done
  done
  oci_layer "$tree" "$work/oci/$name.tar"
  umoci init --layout "$layout"
  umoci new --image "$layout:$version"
  for file in base "$name"; do umoci raw add-layer --image "$layout:$version" --history.created "$created" --history.created_by "cloister $file" "$work/oci/$file.tar"; done
  umoci config --image "$layout:$version" --no-history --created "$created" --architecture amd64 --os linux --config.user 65532:65532 \
    --config.entrypoint "/usr/bin/$program" --config.env PATH=/usr/bin --config.env DOTNET_EnableDiagnostics=0 --author 'The Cloister authors'
  umoci gc --layout "$layout" >/dev/null
  # The name by which it is loaded: as the manifests of pods have it.
  sed -i -E "s|(\"org.opencontainers.image.ref.name\":)\"[^\"]*\"|\1\"$name:$version\"|" "$layout/index.json"
  oci_layer "$layout" "$out/${name}_$version.oci.tar"
  printf '%s@%s\n' "$name" "$(grep -oE '"digest":"sha256:[0-9a-f]{64}"' "$layout/index.json" | head -n 1 | cut -d'"' -f4)"
}

images() {
  local base file
  mkdir -p "$work/oci/base"
  base=$(oci_base)
  oci_root "$base" "$work/oci/base"
  oci_layer "$work/oci/base" "$work/oci/base.tar"
  {
    oci_image cloister cloister cloister
    # Its probes are the command's.
    oci_image cloister-enclave cloister-enclave cloister-enclave cloister
    oci_image cloister-broker cloister-broker cloister-broker cloister
  } >"$out/images_$version.txt"
  sed 's/^/packages: image /' "$out/images_$version.txt"
}
