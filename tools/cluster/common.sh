# Sourced by the cluster scripts: where things are and small helpers.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
sampan=${SAMPAN:-$root/build/release/sampan}
data_dir=${SAMPAN_DATA_DIR:-/var/lib/sampan}
run_dir=${SAMPAN_RUN_DIR:-/run/sampan}
port=${SAMPAN_PORT:-6443}
kubeconfig=$data_dir/admin.kubeconfig
log=$data_dir/sampan.log

say() { echo "sampan: $*"; }
fail() { echo "sampan: $*" >&2; exit 1; }

# running_pid server|agent: the pid of the running one of this data directory, or nothing.
running_pid() {
  case $1 in
    server) file=$run_dir/sampan.pid ;;
    agent) file=$run_dir/agent.pid ;;
  esac
  [ -r "$file" ] || return 0
  pid=$(cat "$file")
  # The number may be another process's by now. A process that has been killed has no command line any more.
  words=$(tr '\0' ' ' 2>/dev/null < "/proc/$pid/cmdline") || return 0
  case "$words" in
    *" $1 "*) ;;  # whatever name the program was copied to
    *) return 0 ;;
  esac
  case "$words" in
    *--data-dir[=\ ]"$data_dir"\ *) echo "$pid" ;;
    *--data-dir*) ;;
    *) echo "$pid" ;;
  esac
}

# wait_until SECONDS WHAT COMMAND...: polls, with a line every ten seconds so that nobody thinks it hangs. The seconds are the
# clock's, however long each try takes. SAMPAN_PATIENCE multiplies every limit (default 1).
wait_until() {
  begun=$(clock) limit=$(($1 * ${SAMPAN_PATIENCE:-1})) what=$2 told=0
  shift 2
  until "$@" >/dev/null 2>&1; do
    waited=$(($(clock) - begun))
    [ $waited -lt $limit ] || return 1
    if [ $((waited / 10)) -gt $told ]; then
      told=$((waited / 10))
      say "waiting for $what ($waited s)"
    fi
    sleep 0.2
  done
}

# The whole seconds since the machine started: no one sets this clock.
clock() { cut -d. -f1 /proc/uptime; }

kube() { kubectl --kubeconfig "$kubeconfig" "$@"; }
