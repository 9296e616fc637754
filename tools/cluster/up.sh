#!/bin/sh
# Starts the one-node cluster, unless it runs already, deploys the demo application and prints how to reach it.
# `up.sh check` only tells whether this user may.
. "$(dirname -- "$0")/common.sh"
[ "$(id -u)" = 0 ] || fail "a node needs root: run \`sudo make up\`"
[ "${1:-}" != check ] || exit 0

server=$(running_pid server)
logged=0
if [ -n "$server" ]; then
  [ "/proc/$server/exe" -ef "$sampan" ] ||
    say "the server that runs is of an older build; \`make down\` and \`make up\` change to the new one, containers start anew"
else
  mkdir -p "$data_dir" "$run_dir"
  chmod 700 "$data_dir"
  [ ! -f "$log" ] || logged=$(wc -c < "$log")
  # shellcheck disable=SC2086  # flags are meant to split
  setsid "$sampan" server --data-dir "$data_dir" --run-dir "$run_dir" --secure-port "$port" ${SAMPAN_FLAGS:-} \
    >> "$log" 2>&1 < /dev/null &
  server=$!
  say "starting (log: $log)"
fi
last_lines() { tail -c "+$((logged + 1))" "$log" | tail -n 20 >&2; }
ready() { ! kill -0 "$server" || curl -fsk --max-time 2 "https://127.0.0.1:$port/readyz"; }
wait_until 30 "the API server" ready || { last_lines; fail "the API server did not get ready; its last lines are above"; }
kill -0 "$server" 2>/dev/null || { last_lines; fail "the server has ended; its last line above says why"; }
node_ready() { kube wait --for=condition=Ready node --all --timeout=1s; }
wait_until 60 "the node" node_ready || { last_lines; fail "the node did not get ready; \`kubectl describe node\` and $log say why"; }

"$root/demo/images.sh" import "$run_dir"
# What its user has made of it since stays.
kube get deployment guestbook > /dev/null 2>&1 || kube apply -f "$root/demo/manifests/guestbook.yaml" > /dev/null
for deployment in redis guestbook; do
  rolled_out() { kube rollout status "deployment/$deployment" --timeout=1s; }
  wait_until 120 "deployment $deployment" rolled_out ||
    { kube get pods >&2; fail "deployment $deployment did not roll out; \`kubectl describe pods\` says why"; }
done
address=$(kube get nodes -o jsonpath='{.items[0].status.addresses[?(@.type=="InternalIP")].address}')
url=http://$address:$(kube get service guestbook -o jsonpath='{.spec.ports[0].nodePort}')/
answers() { curl -fs --max-time 2 "$url"; }
wait_until 60 "$url" answers || fail "$url does not answer; \`kubectl get endpoints guestbook\` says who should"

cat <<EOF

The cluster runs, and so does the demo application:
  guestbook    $url
  kubeconfig   $kubeconfig

Try next:
  export KUBECONFIG=$kubeconfig
  kubectl get pods -o wide
  kubectl scale deployment guestbook --replicas=5
  kubectl logs -f deployment/guestbook
EOF
