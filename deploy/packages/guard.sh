
# Text without comments, and with one way to write a path.
plain() { sed -E 's/(^|[[:space:]])#.*$//' "$1" 2>/dev/null | tr -d '\\' | tr -s /; }

# Where API servers are told things: their pods, units and command lines.
api_servers() {
  for file in /etc/kubernetes/manifests/* /var/lib/rancher/*/agent/pod-manifests/* /etc/rancher/*/* /etc/systemd/system/*.service /etc/systemd/system/*.service.d/*; do
    if [ -f "$file" ]; then plain "$file"; fi
  done
  for file in /proc/[0-9]*/cmdline; do
    { tr '\0' ' ' <"$file"; echo; } 2>/dev/null | grep -a -- '--etcd-servers' || true
  done
}

# Files that say what API servers of this node encrypt with.
encryption_configurations() {
  {
    grep -rlsE 'EncryptionConfig' /etc/kubernetes /etc/rancher /var/lib/rancher/*/server/cred || true
    api_servers | grep -oE 'encryption-provider-config[= ]+[^ ",]+' | sed -E 's/^[^= ]+[= ]+//' || true
    # As the process sees it: a pod has folders of its own.
    for process in /proc/[0-9]*; do
      { tr '\0' ' ' <"$process/cmdline"; echo; } 2>/dev/null | sed -nE "s|.*--encryption-provider-config[= ](/[^ ]+).*|$process/root\1|p"
    done
  } | sort -u
}

# Sockets of this package: the usual ones, and those that its configuration names.
sockets() {
  echo /run/cloister/
  for file in /etc/cloister/enclave.yaml /etc/systemd/system/cloister-*.service /etc/systemd/system/cloister-*.service.d/*; do
    if [ -f "$file" ]; then plain "$file" | grep -oE 'unix:/[^ "'\'',}]+' | sed 's/^unix://' || true; fi
  done
}

# Refuses while an API server is told to use what would be removed: it could not read its Secrets any more.
refuse_while_in_use() {
  sockets=$(sockets | sort -u)
  encryption_configurations | while IFS= read -r file; do
    [ -f "$file" ] || continue
    for socket in $sockets; do
      if plain "$file" | grep -qF -- "unix:$socket" || { [ "$socket" = /run/cloister/ ] && plain "$file" | grep -qF 'unix:/var/run/cloister/'; }; then
        echo "$package: not removed: $file names unix://$socket. Without it API servers cannot read their Secrets." >&2
        echo "$package: first decrypt them (/usr/share/doc/cloister/install.md, \"Switch off\"), then take the provider out of that file" >&2
        exit 1
      fi
    done
  done
  if api_servers | grep -qE -- 'etcd-servers-overrides[= ]+[^ ]*secrets#'; then
    echo "$package: not removed: an API server of this node gets its Secrets through a gateway (--etcd-servers-overrides)." >&2
    echo "$package: first decrypt them and take the flag out (/usr/share/doc/cloister/gateway.md)" >&2
    exit 1
  fi
}
