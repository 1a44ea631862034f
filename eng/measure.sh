# Sourced by .ci/run and eng/run-tests.

# Sets cpu to the seconds of processors that the ended children of this shell have used; $log.times is scratch.
measure() {
  local user system
  times >"$log.times"
  { read -r _; read -r user system; } <"$log.times"
  cpu=$(awk -F'[ms ]+' '{ printf "%d", $1 * 60 + $2 + $3 * 60 + $4 }' <<<"$user $system")
}
