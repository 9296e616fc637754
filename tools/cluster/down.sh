#!/bin/sh
# Stops the cluster on this machine: server, pods, containerd, interfaces, rules and mounts. The state stays.
. "$(dirname -- "$0")/common.sh"
[ "$(id -u)" = 0 ] || fail "a node needs root: run \`sudo make down\`"
[ -x "$sampan" ] || { say "nothing is built, so nothing runs"; exit 0; }

pid=$(running_pid)
if [ -n "$pid" ]; then
  kill -TERM "$pid"
  stopped() { [ -z "$(running_pid)" ]; }
  wait_until 10 "the server to stop" stopped || kill -KILL "$pid"
fi
if [ -d "$data_dir" ]; then
  "$sampan" teardown --data-dir "$data_dir" --run-dir "$run_dir"
fi
say "stopped"
