# Sourced by eng/packages: what the packages are made of, as CycloneDX 1.5 (JSON), and the digests of all files of a version.

# NuGet packages of a program as its build wrote them down: name, version, SHA-512 in hex.
nuget_of() { # deps.json
  awk '/^  "libraries": \{/ {inside = 1; next} inside && /^    "[^"]+": \{/ {split($0, part, "\""); name = part[2]}
    inside && /"type": "package"/ {package = 1} inside && /"sha512": "sha512-/ && package {split($0, part, "\""); print name, substr(part[4], 8); package = 0}' "$1" |
    while read -r name digest; do printf '%s %s %s\n' "${name%/*}" "${name#*/}" "$(base64 -d <<<"$digest" | od -An -v -tx1 | tr -d ' \n')"; done
}

# The licence that a NuGet package declares, where the cache of the build has it; nothing otherwise.
nuget_licence() { # name, version
  sed -nE 's|.*<license type="expression">([^<]+)</license>.*|\1|p' \
    "${NUGET_PACKAGES:-$HOME/.nuget/packages}/${1,,}/$2/${1,,}.nuspec" 2>/dev/null | head -n 1
}

component() { # type, name, version, purl, licence or nothing, SHA-512 or nothing, SHA-256 or nothing
  printf '    {"type": "%s", "bom-ref": "%s", "name": "%s", "version": "%s", "purl": "%s"' "$1" "$4" "$2" "$3" "$4"
  if [ -n "$5" ]; then printf ', "licenses": [{"expression": "%s"}]' "$5"; fi
  if [ -n "$6" ]; then printf ', "hashes": [{"alg": "SHA-512", "content": "%s"}]' "$6"; fi
  if [ -n "$7" ]; then printf ', "hashes": [{"alg": "SHA-256", "content": "%s"}]' "$7"; fi
  printf '},\n'
}

components() {
  local name rest digest framework runtime package
  for package in "${packages[@]}"; do
    if [ -e "$out/${package}_${version}_amd64.deb" ]; then
      component application "$package" "$version" "pkg:deb/cloister/$package@$version?arch=amd64" Apache-2.0 '' "$(sha256sum <"$out/${package}_${version}_amd64.deb" | cut -d' ' -f1)"
    fi
  done
  # The enclave is linked from the first; what is in it besides is .NET's runtime.
  cat <(nuget_of "$published/cloister.deps.json") <(nuget_of "$published/cloister-broker.deps.json") | sort -u | while read -r name rest digest; do
    component library "$name" "$rest" "pkg:nuget/$name@$rest" "$(nuget_licence "$name" "$rest")" "$digest" ''
  done
  for framework in Microsoft.NETCore.App Microsoft.AspNetCore.App; do
    runtime=$(runtime_of "$framework")
    component framework "$framework" "${runtime##*/}" "pkg:nuget/$framework.Runtime.linux-x64@${runtime##*/}" MIT '' ''
  done
  if [ -e "$work/oci/base" ]; then
    while read -r name rest; do
      component library "$name" "$rest" "pkg:deb/debian/$name@${rest//:/%3A}?arch=amd64&distro=bookworm" '' '' ''
    done <"$work/oci/base/usr/share/doc/cloister-image/debian-packages"
  fi
}

sbom() {
  local list
  list=$(components)
  # The number of a document is that of its contents: the same twice.
  serial=$(sha256sum <<<"$list" | sed -E 's/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/\1-\2-5\3-8\4-\5/')
  printf '{\n  "bomFormat": "CycloneDX",\n  "specVersion": "1.5",\n  "serialNumber": "urn:uuid:%s",\n  "version": 1,\n' "$serial"
  printf '  "metadata": {\n    "timestamp": "%s",\n    "component": {"type": "application", "bom-ref": "cloister", "name": "cloister", "version": "%s", "licenses": [{"expression": "Apache-2.0"}]}\n  },\n' \
    "$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)" "$version"
  printf '  "components": [\n%s\n  ]\n}\n' "${list%,}"
}

sums() {
  (cd "$out" && find . -maxdepth 1 -type f \( -name "*[_-]$version[_.-]*" \) ! -name 'SHA256SUMS*' -printf '%P\n' | sort | xargs sha256sum) >"$out/SHA256SUMS"
}
