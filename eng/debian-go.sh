# Fetches packages of Debian (sid, where a harness names no other release) into a cache and builds Go programs against them in GOPATH mode. Sourced by the harnesses
# in this folder, which set:
#
#   repository    the checkout
#   tool          the harness's name: of its file in eng/, of its package list beside it, and in front of what it says
#   cache         where packages and programs are kept; one folder for each harness, so that none waits for another
#   download      what the first fetch costs, for people; first_build what the first build costs
#   programs      associative array: name in bin/ -> folder in the repository
#   libraries     folders that the programs use, if any; their tests run before the programs are built
#
# and may define `suite`, `compiler` (prints packages), `linker_flags ROOT` (prints), `prepare ROOT` (before a build) and `also_provide ROOT OUT` (adds files to it). Then `provide "$@"`.
declare -p libraries >/dev/null 2>&1 || libraries=()
suite=${suite:-sid}
package_list=$repository/eng/$tool.packages

linker_flags() { printf '%s' '-s -w'; }
prepare() { :; }
also_provide() { :; }

say() { printf '%s: %s\n' "$tool" "$*" >&2; }
unavailable() { say "skipped: $*"; exit 77; }

# --- packages ---------------------------------------------------------------------------------------------------------

# The mirrors this machine's apt uses (deb822 and one-line files), without those of other distributions' extras.
mirrors() {
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
    sed -nE 's/^[[:space:]]*URIs:[[:space:]]*//p; s/^[[:space:]]*deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+).*/\2/p' |
    tr ' \t' '\n\n' | sed -E 's,/+$,,' | { grep -E '/debian$' || true; } | awk '!seen[$0]++'
}

keyring() {
  local file
  for file in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp} /etc/apt/trusted.gpg.d/debian-archive-*; do
    if [[ -r $file ]]; then printf '%s\n' "$file"; return; fi
  done
}

# apt with lists, archives and sources of its own; the machine's proxy settings still apply.
own_apt() {
  local program=$1
  shift
  "$program" -q \
    -o Dir::Etc::SourceList="$cache/apt/$suite.sources" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
    -o Dir::State="$cache/apt" -o Dir::State::Lists="$cache/apt/lists" -o Dir::State::status="$cache/apt/status" \
    -o Dir::Cache="$cache/apt" -o Dir::Cache::Archives="$cache/apt/archives" \
    -o Acquire::Languages=none -o APT::Sandbox::User="$(id -un)" "$@"
}

update_lists() {
  local mirror key
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || unavailable "needs apt-get and dpkg-deb (Debian)"
  key=$(keyring)
  [[ -n $key ]] || unavailable "no Debian archive keyring found"
  mkdir -p "$cache/apt/lists/partial" "$cache/apt/archives/partial"
  : >"$cache/apt/status"
  for mirror in $(mirrors); do
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nArchitectures: %s\nTargets: Packages\nSigned-By: %s\n' \
      "$mirror" "$suite" "$(dpkg --print-architecture)" "$key" >"$cache/apt/$suite.sources"
    if own_apt apt-get -o APT::Update::Error-Mode=any update >"$cache/apt/update.log" 2>&1; then return; fi
  done
  unavailable "no Debian mirror of this machine's apt sources answers for $suite"
}

# The Go compiler that golang-go depends on, and its library.
compiler() {
  local name
  name=$(own_apt apt-cache depends golang-go | sed -nE 's/^ *Depends: (golang-1\.[0-9]+-go)$/\1/p')
  [[ -n $name ]] || unavailable "$suite has no Go compiler"
  printf '%s\n%s\n' "$name" "${name%-go}-src"
}

# Prints "package version", one a line, for the list and the Go compiler.
candidates() {
  { compiler; sed -E 's/#.*//; /^[[:space:]]*$/d' "$package_list"; } >"$cache/apt/wanted"
  own_apt apt-cache show --no-all-versions $(<"$cache/apt/wanted") 2>/dev/null |
    awk '/^Package: /{p=$2} /^Version: /{print p, $2}' | LC_ALL=C sort -u >"$cache/apt/found"
  local missing
  missing=$(LC_ALL=C comm -23 <(LC_ALL=C sort "$cache/apt/wanted") <(cut -d' ' -f1 "$cache/apt/found"))
  [[ -z $missing ]] || unavailable "not in $suite now: $(tr '\n' ' ' <<<"$missing")"
  cat "$cache/apt/found"
}

# Unpacks everything into a folder named by the versions' hash, and points `root` at it.
fetch() {
  local versions name stage deb
  say "fetching packages of Debian $suite ($download, once)"
  update_lists
  versions=$(candidates)
  name=root-$(sha256sum <<<"$versions" | cut -c1-16)
  if [[ ! -e $cache/$name/versions.txt ]]; then
    stage=$cache/$name.partial
    rm -rf "$stage" && mkdir -p "$stage" "$cache/debs"
    (cd "$cache/debs" && own_apt apt-get download $(tr ' ' '=' <<<"$versions")) >"$cache/apt/download.log" 2>&1 ||
      unavailable "packages could not be downloaded: $(tail -n 1 "$cache/apt/download.log")"
    for deb in "$cache/debs"/*.deb; do
      dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$stage" --no-same-owner --exclude=./usr/share/doc --exclude=./usr/share/man
    done
    printf '%s\n' "$versions" >"$stage/versions.txt"
    mv "$stage" "$cache/$name"
    rm -rf "$cache/debs"
  fi
  ln -sfn "$name" "$cache/root"
}

# --- build ------------------------------------------------------------------------------------------------------------

# Of the Go files under the folder given.
sources() { (cd "$1" && find "${programs[@]}" ${libraries[@]+"${libraries[@]}"} -name '*.go' -type f | LC_ALL=C sort); }

# The name of a build: what it is made from.
key() {
  (cat "$repository/eng/$tool" "$repository/eng/debian-go.sh" "$cache/root/versions.txt" && cd "$1" && sources . | xargs sha256sum) |
    sha256sum | cut -c1-16
}

# Builds from a copy, so that the name fits even when a source changes meanwhile; sets `out`.
build() {
  local copy=$cache/gopath/src/cloister root goroot source name flags
  root=$(readlink -f "$cache/root")
  goroot=$(echo "$root"/usr/lib/go-1.*)
  rm -rf "$copy"
  while read -r source; do
    install -D -m 644 "$repository/$source" "$copy/$source"
  done < <(sources "$repository")
  out=$cache/built-$(key "$copy")
  rm -rf "$out.partial" && mkdir -p "$out.partial/bin"
  flags=$(linker_flags "$root")
  export GO111MODULE=off GOPATH="$cache/gopath:$root/usr/share/gocode" GOROOT="$goroot" GOCACHE="$cache/gocache"
  export CGO_ENABLED=0 GOTOOLCHAIN=local GOPROXY=off GOFLAGS=-trimpath GOTELEMETRY=off
  prepare "$root"
  [[ -d $GOCACHE ]] || say "first build (${first_build:-some minutes}, once)"
  for name in ${libraries[@]+"${libraries[@]}"}; do
    (cd "$cache/gopath" && nice -n 10 "$goroot/bin/go" test -vet=off "cloister/$name") >&2
  done
  for name in "${!programs[@]}"; do
    (cd "$cache/gopath" && nice -n 10 "$goroot/bin/go" build -o "$out.partial/bin/$name" \
      -ldflags "$flags" "cloister/${programs[$name]}") >&2
  done
  also_provide "$root" "$out.partial"
  cp "$root/versions.txt" "$out.partial/versions.txt"
  rm -rf "$out"
  mv "$out.partial" "$out"
}

# What has not been used for a week goes: programs built from other sources, packages of earlier versions.
prune() {
  find "$cache" -maxdepth 1 \( -name 'built-*' -o -name 'root-*' \) -mtime +7 \
    ! -path "$1" ! -path "$(readlink -f "$cache/root")" -exec rm -rf {} + || true
}

# Prints the folder that holds bin/ and versions.txt. With --refresh, of the versions of today.
provide() {
  mkdir -p "$cache"
  exec 9>"$cache/lock"
  flock 9
  if [[ ${1:-} == --refresh || ! -e $cache/root/versions.txt ]]; then fetch; fi
  out=$cache/built-$(key "$repository")
  if [[ ! -e $out/versions.txt ]]; then
    say "building with $("$(echo "$cache"/root/usr/lib/go-1.*)/bin/go" version 2>/dev/null | cut -d' ' -f3)"
    build
  fi
  touch "$out" "$cache/root/."
  prune "$out"
  printf '%s\n' "$out"
}
