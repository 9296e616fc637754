#!/bin/sh
# Removes the state of the stopped cluster.
. "$(dirname -- "$0")/common.sh"
[ -z "$(running_pid server)$(running_pid agent)" ] || fail "the cluster still runs: \`make down\` first"
rm -rf -- "${data_dir:?}" "${run_dir:?}"
say "removed $data_dir"
