#!/bin/sh
# Removes the state of the stopped cluster.
. "$(dirname -- "$0")/common.sh"
[ -z "$(running_pid server)$(running_pid agent)" ] || fail "the cluster still runs: \`make down\` first"
# After a crash of both, directories of the host may be mounted below: hostPath volumes with a subPath.
for dir in "$data_dir" "$run_dir"; do
  ! grep -qF " $(readlink -m -- "$dir")/" /proc/self/mountinfo || fail "something is still mounted below $dir: \`make down\` first"
done
rm -rf -- "${data_dir:?}" "${run_dir:?}"
say "removed $data_dir"
