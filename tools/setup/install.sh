#!/bin/sh
# Installs the Debian packages of the named lists that are still missing: install.sh build run
# Prints nothing when all are there. kubectl comes from Debian too, unless the machine has one.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)

missing=""
for list in "$@"; do
  for package in $(sed -e 's/#.*//' "$here/${list}_packages.txt"); do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
  done
done
case " $* " in
  *" run "*) command -v kubectl >/dev/null 2>&1 || missing="$missing kubernetes-client" ;;
esac
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
  echo "setup: these packages are missing:$missing" >&2
  echo "setup: run this command as root, or install them with: sudo apt-get install$missing" >&2
  exit 1
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "setup: installing$missing"
export DEBIAN_FRONTEND=noninteractive
# A package must not start its service: containerd runs under Sampan, not under the machine's init.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
  trap 'rm -f "$log" "$policy"' EXIT
fi
if ! { apt-get update -q && apt-get install -y -q --no-install-recommends $missing; } > "$log" 2>&1; then
  tail -n 30 "$log" >&2
  echo "setup: apt-get failed; the lines above say why. Check the machine's package sources and run the command again." >&2
  exit 1
fi
