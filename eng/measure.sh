# Sourced by .ci/run and eng/run-tests.

# Runs a command, as the first of a pipeline, which has a shell of its own: what it used is told apart from what others use meanwhile. $log.times keeps it.
measured() {
  "$@"
  local code=$?
  times >"$log.times"
  return "$code"
}

# Prints the seconds of processors that it used.
processors() {
  sed -n 2p "$log.times" | awk -F'[ms ]+' '{ printf "%d", $1 * 60 + $2 + $3 * 60 + $4 }'
}
