#!/bin/sh
# Configures and builds one preset, with progress: build.sh PRESET [TARGET...]
set -eu
cd "$(dirname -- "$0")/.."
preset=$1
shift
dir=build/$preset
log=$dir/build.log
mkdir -p "$dir"
if [ ! -f "$dir/build.ninja" ] || [ CMakeLists.txt -nt "$dir/build.ninja" ]; then
  if ! cmake --preset "$preset" > "$dir/configure.log" 2>&1; then
    tail -n 40 "$dir/configure.log" >&2
    echo "build: configuration failed; the whole log is $dir/configure.log" >&2
    exit 1
  fi
fi
start=$(date +%s)
if [ -t 1 ]; then
  NINJA_STATUS="build ($preset) [%f/%t %es] " ninja -C "$dir" "$@"
else
  # Not a terminal: a line every half minute is enough to see that it moves.
  NINJA_STATUS="[%f/%t] " ninja -C "$dir" "$@" > "$log" 2>&1 &
  ninja_pid=$!
  while kill -0 $ninja_pid 2>/dev/null; do
    timeout 30 tail --pid=$ninja_pid -f /dev/null ||
      echo "build ($preset): $(grep -ao '^\[[0-9]*/[0-9]*\]' "$log" | tail -n 1) after $(( $(date +%s) - start )) s"
  done
  if ! wait $ninja_pid; then
    grep -aE 'FAILED|error|Error|undefined' "$log" | head -n 60 >&2
    echo "build: $preset failed; the whole log is $log" >&2
    exit 1
  fi
fi
echo "build ($preset): done in $(( $(date +%s) - start )) s"
