#!/bin/sh
# Makes the demo's images from Debian packages, once, under build/demo:
#   images.sh build              make what is missing
#   images.sh import RUN_DIR     also import them into the containerd that Sampan runs
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$here")
out=$root/build/demo
tool=$root/tools/image/build_image.py
mkdir -p "$out"

# newer TARGET SOURCE...: whether TARGET exists and no source is newer.
newer() {
  target=$1
  shift
  [ -f "$target" ] || return 1
  for source in "$@"; do [ "$target" -nt "$source" ] || return 1; done
}

make_redis() {
  newer "$out/redis-7.tar" "$tool" "$here/app/redis.conf" && return
  echo "demo: making the image redis:7"
  "$tool" -o "$out/redis-7.tar" -t sampan.local/demo/redis:7 --package redis-server --package busybox-static --busybox \
    --copy "$here/app/redis.conf:/etc/redis/demo.conf:0644" --directory /data:0755:65534:65534 \
    --user 65534:65534 --workdir /data --expose 6379 --entrypoint redis-server /etc/redis/demo.conf > /dev/null
}

# make_guestbook VERSION
make_guestbook() {
  newer "$out/guestbook-$1.tar" "$tool" "$here/app/guestbook.py" && return
  echo "demo: making the image guestbook:$1"
  echo "$1" > "$out/VERSION"
  "$tool" -o "$out/guestbook-$1.tar" -t "sampan.local/demo/guestbook:$1" --package python3 --package busybox-static --busybox \
    --copy "$here/app/guestbook.py:/app/guestbook.py:0755" --copy "$out/VERSION:/app/VERSION:0644" \
    --user 65534:65534 --expose 8080 --entrypoint python3 /app/guestbook.py > /dev/null
}

case "${1:-}" in
  build | import) make_redis; make_guestbook 1; make_guestbook 2 ;;
  *) sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
[ "$1" = import ] || exit 0

run_dir=${2:?the run directory of the server}
ctr() { command ctr --address "$run_dir/containerd/containerd.sock" --namespace k8s.io "$@"; }
present=$(ctr images list -q)
for image in redis:7 guestbook:1 guestbook:2; do
  case "$present" in
    *"sampan.local/demo/$image"*) ;;
    *) ctr images import "$out/$(echo "$image" | tr : -).tar" > /dev/null ;;
  esac
done
