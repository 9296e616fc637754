#!/bin/sh
# Stops the cluster on this machine: server, agent, pods, containerd, interfaces, rules and mounts. The state stays.
. "$(dirname -- "$0")/common.sh"
[ "$(id -u)" = 0 ] || fail "a node needs root: run \`sudo make down\`"
[ -x "$sampan" ] || { say "nothing is built, so nothing runs"; exit 0; }

pid=$(running_pid server)
if [ -n "$pid" ]; then
  kill -TERM "$pid"
  stopped() { [ -z "$(running_pid server)" ]; }
  wait_until 15 "the server to stop" stopped || { kill -KILL "$pid"; wait_until 5 "the server to be gone" stopped; }
fi
# The agent of a server that was killed still works; teardown ends it.
if [ -d "$data_dir" ]; then
  "$sampan" teardown --data-dir "$data_dir" --run-dir "$run_dir"
fi
say "stopped"
