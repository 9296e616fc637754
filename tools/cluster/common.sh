# Sourced by the cluster scripts: where things are and small helpers.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
sampan=${SAMPAN:-$root/build/release/sampan}
data_dir=${SAMPAN_DATA_DIR:-/var/lib/sampan}
run_dir=${SAMPAN_RUN_DIR:-/run/sampan}
port=${SAMPAN_PORT:-6443}
kubeconfig=$data_dir/admin.kubeconfig
log=$data_dir/sampan.log
pid_file=$run_dir/sampan.pid

say() { echo "sampan: $*"; }
fail() { echo "sampan: $*" >&2; exit 1; }

# The pid of the running server, or nothing.
running_pid() {
  [ -r "$pid_file" ] || return 0
  pid=$(cat "$pid_file")
  case "$(readlink "/proc/$pid/exe" 2>/dev/null)" in
    */sampan | */sampan\ \(deleted\)) echo "$pid" ;;
  esac
}

# wait_until SECONDS WHAT COMMAND...: polls, with a line every ten seconds so that nobody thinks it hangs.
wait_until() {
  limit=$1 what=$2
  shift 2
  waited=0
  until "$@" >/dev/null 2>&1; do
    waited=$((waited + 1))
    [ $waited -le $((limit * 5)) ] || return 1
    [ $((waited % 50)) -ne 0 ] || say "waiting for $what ($((waited / 5)) s)"
    sleep 0.2
  done
}

kube() { kubectl --kubeconfig "$kubeconfig" "$@"; }
