# Sourced by eng/packages: one tree of files for each package, under $work/NAME, which deb and rpm both take.
# Programs stand in /usr/lib/cloister, with .NET's runtime beside them (/usr/lib/cloister/dotnet), and are linked from /usr/bin.

# The newest runtime of the version that the programs are made for, by the tool that published them.
runtime_of() { # framework; prints its folder
  local line
  line=$(dotnet --list-runtimes | grep -E "^$1 10\.0\." | sort -V | tail -n 1)
  [ -n "$line" ] || { echo "packages: dotnet has no runtime $1 10.0" >&2; return 1; }
  sed -E 's|^[^ ]+ ([^ ]+) \[(.*)\]$|\2/\1|' <<<"$line"
}

copy_runtime() { # framework, tree
  local from to=$2/usr/lib/cloister/dotnet/shared/$1
  from=$(runtime_of "$1")
  mkdir -p "$to/${from##*/}"
  cp "$from"/* "$to/${from##*/}/"
  # What looks into a process, or writes it to a file, stays out; so does tracing, which needs a library of its own.
  rm -f "$to"/*/{createdump,libmscordaccore.so,libmscordbi.so,libcoreclrtraceptprovider.so}
}

# Names of the files a program is made of, as its build wrote them down.
files_of() { # program
  { grep -oE '[^/"]+\.(dll|so)"' "$published/$1.deps.json" | tr -d '"'; printf '%s\n' "$1" "$1.dll" "$1.deps.json" "$1.runtimeconfig.json"; } | sort -u
}

# A unit as a package has it: programs are where packages put them. What an administrator signs (Gramine) stays in /usr/local.
stage_unit() { # tree, unit
  mkdir -p "$1/usr/lib/systemd/system"
  sed -e 's|/usr/local/bin/cloister|/usr/bin/cloister|g' -e 's|/usr/local/lib/cloister/cloister-broker|/usr/lib/cloister/cloister-broker|g' \
    "$root/deploy/systemd/$2" >"$1/usr/lib/systemd/system/$2"
}

stage_users() { # package, lines of deploy/systemd/cloister.sysusers
  mkdir -p "$work/$1/usr/lib/sysusers.d"
  grep -E "$2" "$root/deploy/systemd/cloister.sysusers" >"$work/$1/usr/lib/sysusers.d/$1.conf"
}

stage_run() { # package
  mkdir -p "$work/$1/usr/lib/tmpfiles.d"
  cp "$root/deploy/packages/run.tmpfiles" "$work/$1/usr/lib/tmpfiles.d/$1.conf"
}

# The manual page of a program whose help is its usage line.
usage_page() { # program, one line, what follows its usage
  local usage
  usage=$(sed -E 's/^usage: [^ ]+ //; s/-/\\-/g' <<<"$3")
  printf '.TH %s 8 "" "%s %s" "System Administration"\n.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n.B %s\n%s\n.SH DESCRIPTION\n%s\n.SH SEE ALSO\n\\fBcloister\\fR(1)\n' \
    "$(tr a-z A-Z <<<"$1" | sed 's/-/\\-/g')" cloister "$version" "${1//-/\\-}" "$2" "${1//-/\\-}" "$usage" "$4"
}

stage() {
  local package tree lib man file runtime
  for package in "${packages[@]}"; do mkdir -p "$work/$package/usr/share/doc/$package"; done

  # The command, .NET, and what all share.
  tree=$work/cloister lib=$work/cloister/usr/lib/cloister man=$work/cloister/usr/share/man/man1
  mkdir -p "$lib/dotnet/host/fxr" "$tree/usr/bin" "$tree/etc/cloister" "$man"
  files_of cloister | while read -r file; do [ ! -e "$published/$file" ] || cp "$published/$file" "$lib/"; done
  copy_runtime Microsoft.NETCore.App "$tree"
  runtime=$(runtime_of Microsoft.NETCore.App)
  cp -r "${runtime%/shared/*}/host/fxr/${runtime##*/}" "$lib/dotnet/host/fxr/"
  ln -s ../lib/cloister/cloister "$tree/usr/bin/cloister"
  stage_unit "$tree" cloister-metrics.service
  # What is made from the command tree is made by the program itself, on the runtime that it will have.
  DOTNET_ROOT=/nonexistent "$lib/cloister" man-pages "$man"
  for file in bash:bash-completion/completions/cloister zsh:zsh/vendor-completions/_cloister fish:fish/vendor_completions.d/cloister.fish; do
    install -d "$tree/usr/share/$(dirname "${file#*:}")"
    DOTNET_ROOT=/nonexistent "$lib/cloister" completion "${file%%:*}" >"$tree/usr/share/${file#*:}"
  done
  mkdir -p "$tree/usr/share/doc/cloister/examples"
  gzip -9n <"${runtime%/shared/*}/ThirdPartyNotices.txt" >"$tree/usr/share/doc/cloister/dotnet-third-party-notices.txt.gz"
  cp "$root"/docs/*.md "$tree/usr/share/doc/cloister/"
  cp -r "$root/deploy/kubernetes" "$root/deploy/prometheus" "$root/deploy/grafana" "$tree/usr/share/doc/cloister/examples/"

  tree=$work/cloister-enclave
  mkdir -p "$tree/usr/bin" "$tree/etc/cloister" "$tree/usr/share/man/man8" "$tree/usr/share/doc/cloister-enclave/examples"
  cp "$published/cloister-enclave" "$tree/usr/bin/"
  stage_unit "$tree" cloister-enclave.service
  stage_unit "$tree" cloister-enclave-sgx.service
  stage_users cloister-enclave '^(u cloister|g sgx) '
  stage_run cloister-enclave
  usage_page cloister-enclave 'keys of Kubernetes Secrets, inside a TEE' '[--log-format text|json] [--needs] --config FILE | --version' \
    'Serves the KMS plugin of Kubernetes, and what else its configuration says. Ends at once where there is no TEE. /usr/share/doc/cloister/install.md begins with it.' \
    >"$tree/usr/share/man/man8/cloister-enclave.8"
  cp "$root"/deploy/gramine/enclave*.yaml "$tree/usr/share/doc/cloister-enclave/examples/"

  tree=$work/cloister-relay
  stage_unit "$tree" cloister-relay.service
  stage_users cloister-relay '^u cloister '
  stage_run cloister-relay

  # The broker, without what the command already has.
  tree=$work/cloister-broker lib=$work/cloister-broker/usr/lib/cloister
  mkdir -p "$lib" "$tree/usr/bin" "$tree/etc/cloister" "$tree/usr/share/man/man8"
  comm -13 <(files_of cloister) <(files_of cloister-broker) | while read -r file; do [ ! -e "$published/$file" ] || cp "$published/$file" "$lib/"; done
  strip --strip-unneeded "$lib/libe_sqlite3.so"
  copy_runtime Microsoft.AspNetCore.App "$tree"
  ln -s ../lib/cloister/cloister-broker "$tree/usr/bin/cloister-broker"
  stage_unit "$tree" cloister-broker.service
  stage_users cloister-broker '^u cloister-broker '
  usage_page cloister-broker 'releases keys to enclaves by attestation' "$("$published/cloister-broker" --help 2>&1 | head -n 1)" \
    'Runs under the key owner'"'"'s control, on no machine of the clusters that it serves. /usr/share/doc/cloister/broker.md begins with its first start.' \
    >"$tree/usr/share/man/man8/cloister-broker.8"

  # Modes say what a file is: a program or not; .NET's assemblies are none.
  for package in "${packages[@]}"; do
    find "$work/$package" -type d -exec chmod 0755 {} +
    find "$work/$package" -type f -exec chmod 0644 {} +
    find "$work/$package" -path '*/man/*' -type f -exec gzip -9n {} +
  done
  chmod 0755 "$work"/cloister/usr/lib/cloister/cloister "$work"/cloister-enclave/usr/bin/cloister-enclave "$work"/cloister-broker/usr/lib/cloister/cloister-broker
}

# The script that a package runs at a moment: eng/packaging/scripts has one for each, and each says for which packages it is.
script() { # kind, package; prints it
  printf '#!/bin/sh\nset -e\npackage=%s\nunits="%s"\nusers=%s\nrestarts="%s"\nstate="%s"\n' "$2" "$(units_of "$2")" "$(users_of "$2")" "$(restarts_of "$2")" "$(state_of "$2")"
  cat "$root/deploy/packages/common.sh"
  if [ "$1" = removing ]; then cat "$root/deploy/packages/guard.sh"; fi
}
units_of() { (cd "$work/$1/usr/lib/systemd/system" && echo *.service); }
users_of() { if [ -e "$work/$1/usr/lib/sysusers.d/$1.conf" ]; then echo "$1.conf"; fi; }
# An enclave is not started again: with custody manual it would lose its KEK. Who upgrades does that, one node after the other.
restarts_of() { case $1 in cloister-enclave) ;; *) units_of "$1" ;; esac; }
state_of() { case $1 in cloister-enclave) echo /var/lib/cloister /etc/cloister ;; cloister-broker) echo /var/lib/cloister-broker /etc/cloister ;; *) echo /etc/cloister ;; esac; }
# Only these give API servers a socket.
guarded() { case $1 in cloister-enclave | cloister-relay) return 0 ;; *) return 1 ;; esac; }

one_line() { case $1 in
  cloister) echo 'encrypted Kubernetes Secrets: the operator command' ;;
  cloister-enclave) echo 'encrypted Kubernetes Secrets: KMS plugin and gateway in a TEE' ;;
  cloister-relay) echo 'encrypted Kubernetes Secrets: socket of an enclave that has none' ;;
  cloister-broker) echo 'encrypted Kubernetes Secrets: releases keys by attestation' ;;
esac; }
long_text() { case $1 in
  cloister) printf '%s\n' 'Looks at enclaves, evidence, brokers and what lies in etcd, and prepares' 'the configuration of API servers. Carries its own .NET runtime.' ;;
  cloister-enclave) printf '%s\n' 'Keeps the keys of Kubernetes Secrets in a TEE (SGX, TDX, SEV-SNP) and' 'serves them to the API servers of its node. Does not start without one.' ;;
  cloister-relay) printf '%s\n' 'The unit of a relay: a unix socket for API servers in front of an enclave' 'that cannot own one (SGX, Nitro).' ;;
  cloister-broker) printf '%s\n' 'Verifies the evidence of enclaves and releases keys to those that a policy' 'accepts. For a machine of the owner of the keys, never for a node.' ;;
esac; }
