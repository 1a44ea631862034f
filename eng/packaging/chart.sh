# Sourced by eng/packages: the Helm chart, with the digest of the broker's image that was made with it.

chart() {
  local digest
  digest=$(sed -n 's/^cloister-broker@//p' "$out/images_$version.txt")
  mkdir -p "$work/chart"
  # Links to files of deploy/ become the files.
  cp -rL "$root/deploy/helm/cloister-broker" "$work/chart/"
  # A version of ours may have what SemVer has not.
  sed -i -E "s/^(version|appVersion): .*/\1: \"${version//\~/-}\"/" "$work/chart/cloister-broker/Chart.yaml"
  sed -i -E "s/^(  digest: )\"\" +/\1$digest  /" "$work/chart/cloister-broker/values.yaml"
  tar --sort=name --format=gnu --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime="@$SOURCE_DATE_EPOCH" -C "$work/chart" -c cloister-broker |
    gzip -9n >"$out/cloister-broker-$version.tgz"
}
