"""Pods that mean harm, all at once: each fails alone. A well-behaved pod beside them stays ready and answers, so do the API,
the agent and the cluster's DNS; agent and server keep their memory; every object stays readable; and all of it goes again."""
import json
import pathlib
import threading
import time

from cluster import FACTOR, alive, expect, http, poll

ORDER = ["hostile_pods_fail_alone", "hostile_pods_leave_nothing"]
NAMESPACE = "hostile"
IMAGE = "sampan.local/demo/guestbook:1"
# The server has just started when it is measured first: 4 MB are what every server takes once it has served.
MOST_GROWN_KB = (24 << 10) * FACTOR
GOOD = "good"
BIG = "big"

_state = {}


def sh(script):
    return ["sh", "-c", script]


def py(script):
    return ["python3", "-c", script]


def pod(name, command, restart="Never", container=None, spec=None, volumes=()):
    """One container running `command` as root; volumes are emptyDirs mounted at /NAME."""
    one = {"name": "c", "image": IMAGE, "command": command, "securityContext": {"runAsUser": 0},
           "resources": {"limits": {"memory": "256Mi"}, "requests": {"cpu": "1m", "memory": "1Mi"}},
           "volumeMounts": [{"name": volume, "mountPath": f"/{volume}"} for volume in volumes], **(container or {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"hostile": "yes"}},
            "spec": {"restartPolicy": restart, "terminationGracePeriodSeconds": 2, "automountServiceAccountToken": False,
                     "containers": [one], "volumes": [{"name": volume, "emptyDir": {}} for volume in volumes],
                     **(spec or {})}}


def probed(name, command, probe, server=("sleep", "1000")):
    return pod(name, list(server), container={"readinessProbe": {"periodSeconds": 1, "timeoutSeconds": 1, **(
        probe or {"exec": {"command": command}})}})


# Answers every connection with `head` and then with `rest` for ever.
ENDLESS = """
import socket, threading
def feed(c):
    c.recv(1000)
    try:
        c.sendall({head!r})
        while {rest!r}: c.sendall({rest!r} * 1000)
    except OSError: pass
    c.close()
s = socket.create_server(("", 80), backlog=50)
while True: threading.Thread(target=feed, args=(s.accept()[0],), daemon=True).start()
"""

FLOOD = """
import os, socket, ssl, threading, time
node, dns = os.environ["NODE"], open("/etc/resolv.conf").read().split("nameserver")[1].split()[0]
kept = []
for port in (10250, int(os.environ["KUBERNETES_SERVICE_PORT"])):
    host = node if port == 10250 else os.environ["KUBERNETES_SERVICE_HOST"]
    for i in range(150):
        try:
            c = socket.create_connection((host, port), timeout=2)
            c.sendall([b"", b"GET / HTTP/1.1\\r\\n", b"\\x16\\x03\\x01\\xff\\xff", os.urandom(500)][i % 4])
            kept.append(c)
        except OSError: pass
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(20000):
    try: u.sendto([os.urandom(40), b"\\0" * 12, bytes([i >> 8, i & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 97 + i % 26, 0, 0, 1, 0, 1])][i % 3], (dns, 53))
    except OSError: pass
time.sleep(8)
"""

DEEP = "import os\nos.chdir('/d')\nfor i in range(20000): os.mkdir('a'); os.chdir('a')"
WIDE = "import os\nos.chdir('/d')\nfor i in range(50000): os.close(os.open(str(i), os.O_CREAT))"
ODD_FILES = r"""
import os, socket, stat
os.chdir('/d'); os.mkfifo('fifo'); os.symlink('/', 'root'); os.symlink('loop', 'loop'); os.symlink('/etc/shadow', 'log')
os.mknod('zero', stat.S_IFCHR | 0o666, os.makedev(1, 5)); os.mkdir('mode', 0); os.chmod('mode', 0)
for name in (b'\xff\xfe', b'new\nline', b' ', b'-rf', b'..data', b'x' * 255): os.close(os.open(name, os.O_CREAT))
socket.socket(socket.AF_UNIX).bind('socket'); os.truncate(os.open('sparse', os.O_CREAT | os.O_WRONLY), 10 << 40)
"""
ZOMBIES = "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" \
          "for i in range(1000):\n  if os.fork() == 0: os._exit(0)\nwhile True: time.sleep(1)"
BOMB = "import os, time\nwhile True:\n  try: os.fork()\n  except OSError: time.sleep(0.1)"

FAILED, SUCCEEDED, RUNS, WAITS = "Failed", "Succeeded", "Running", "Pending"


def hostile_pods():
    """(pod, phases it may end in). Whatever it is, it is this pod's own."""
    ephemeral = {"initContainers": [{"name": "link", "image": IMAGE, "command": sh("ln -s / /d/out"),
                                     "securityContext": {"runAsUser": 0},
                                     "volumeMounts": [{"name": "d", "mountPath": "/d"}]}]}
    many = [{"name": f"c{i}", "image": IMAGE, "command": ["sleep", "1000"],
             "ports": [{"containerPort": 1000 + 50 * i + n} for n in range(50)]} for i in range(8)]
    return [
        # Output.
        (pod("endless-line", py("import os\nfor i in range(300): os.write(1, b'x' * 1000000)")), [SUCCEEDED]),
        (pod("all-bytes", py("import os\nfor i in range(2000): os.write(1 + i % 2, bytes(range(256)) * 4 + b'\\x1b]0;x\\x07')\n"
                             "os._exit(1)"), container={"terminationMessagePolicy": "FallbackToLogsOnError"}), [FAILED]),
        (pod("message-bytes", sh("printf 'bad \\377\\376 bytes' > /dev/termination-log; exit 1")), [FAILED]),
        (pod("message-sparse", sh("truncate -s 10995116277760 /dev/termination-log; exit 1")), [FAILED]),
        (pod("message-elsewhere", sh("ln -sf /etc/shadow /dev/termination-log; mount --bind /etc/shadow /dev/termination-log; "
                                     "exit 1")), [FAILED]),
        (pod("hosts-sparse", sh("truncate -s 10995116277760 /etc/hosts; exit 1"), restart="Always"), [RUNS]),
        # Files.
        (pod("deep", py(DEEP), volumes=["d"]), [SUCCEEDED]),
        (pod("wide", py(WIDE), volumes=["d"]), [SUCCEEDED]),
        (pod("odd-files", py(ODD_FILES), volumes=["d"]), [SUCCEEDED]),
        (pod("sub-path", sh("! ls /in | grep -q proc"), spec=ephemeral, volumes=["d"],
             container={"volumeMounts": [{"name": "d", "mountPath": "/in", "subPath": "out"}]}), [SUCCEEDED, WAITS]),
        # Probes and hooks.
        (probed("probe-bytes", sh("printf 'x \\377\\376'; exit 1"), None), [RUNS]),
        (probed("probe-flood", sh("head -c 20000000 /dev/zero; exit 1"), None), [RUNS]),
        (probed("probe-hangs", ["sleep", "1000"], None), [RUNS]),
        (probed("probe-endless-body", None, {"httpGet": {"port": 80}},
                py(ENDLESS.format(head=b"HTTP/1.1 500 No\r\n\r\n", rest=b"x" * 100))), [RUNS]),
        (probed("probe-endless-head", None, {"httpGet": {"port": 80}},
                py(ENDLESS.format(head=b"HTTP/1.1 200 OK\r\n", rest=b"x-a: b\r\n"))), [RUNS]),
        (probed("probe-loops", None, {"httpGet": {"port": 80}},
                py(ENDLESS.format(head=b"HTTP/1.1 302 Go\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", rest=b""))), [RUNS]),
        (pod("hook-hangs", ["sleep", "1000"], container={"lifecycle": {"preStop": {"exec": {"command": ["sleep", "1000"]}}}}),
         [RUNS]),
        (pod("hook-flood", ["sleep", "1000"], restart="Always", container={"lifecycle": {"postStart": {"exec": {
            "command": sh("head -c 20000000 /dev/urandom; exit 1")}}}}), [RUNS, WAITS]),
        # Processes and memory.
        (pod("zombies", py(ZOMBIES)), [RUNS]),
        (pod("fork-bomb", py(BOMB), container={"resources": {"limits": {"memory": "64Mi", "cpu": "200m"}}}), [RUNS, FAILED]),
        (pod("out-of-memory", py("x = bytearray(1 << 31)"), container={"resources": {"limits": {"memory": "32Mi"}}}), [FAILED]),
        (pod("stopped", py("import os, signal\nos.fork() or os.kill(os.getpid(), signal.SIGSTOP)\n"
                           "import time\ntime.sleep(1000)")), [RUNS]),
        # Names, sizes, images.
        (pod("n" * 200, ["true"]), [SUCCEEDED, WAITS]),
        (pod("big-environment", ["true"], container={"env": [{"name": f"E{i}", "value": "v" * 60000} for i in range(4)]}),
         [SUCCEEDED, FAILED]),
        (pod("too-big-environment", ["true"], container={"env": [{"name": "E", "value": "v" * 140000}]}), [FAILED]),
        (pod("doubled-variables", ["true"], container={"env": [{"name": "V0", "value": "v" * 1000}] + [
            {"name": f"V{i}", "value": f"$(V{i - 1})" * 10} for i in range(1, 12)]}), [WAITS]),
        (pod("one-key-often", ["true"], container={"env": [{"name": f"V{i}", "valueFrom": {
            "configMapKeyRef": {"name": BIG, "key": "k"}}} for i in range(2000)]}), [WAITS]),
        (pod("one-file-often", ["true"], spec={"volumes": [{"name": "d", "projected": {"sources": [{"configMap": {
            "name": BIG, "items": [{"key": "k", "path": str(i)} for i in range(2000)]}}]}}]}), [WAITS]),
        (pod("unsafe-sysctl", ["true"], spec={"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}),
         [FAILED]),
        (pod("many-containers", None, spec={"containers": many}), [RUNS, WAITS]),
        (pod("no-program", ["/no/such/\u202e\x1b[31m"]), [FAILED]),
        (pod("no-image", ["true"], container={"image": "sampan.local/none:1", "imagePullPolicy": "IfNotPresent"}), [WAITS]),
        (pod("another-s-label", ["sleep", "1000"]), [RUNS]),
        # Network.
        (pod("flood", py(FLOOD), container={"env": [{"name": "NODE", "valueFrom": {"fieldRef": {
            "fieldPath": "status.hostIP"}}}]}), [SUCCEEDED]),
    ]


class Watch:
    """Asks the good pod, the API and the agent until stopped; keeps each failure and the longest wait."""

    def __init__(self, targets):
        self.asked, self.faults, self.longest, self.stopping = 0, [], 0.0, threading.Event()
        self.threads = [threading.Thread(target=self.work, args=target, daemon=True) for target in targets.items()]
        for thread in self.threads:
            thread.start()

    def work(self, name, ask):
        while not self.stopping.wait(0.2):
            began = time.monotonic()
            try:
                if not ask():
                    self.faults.append(f"{name}: a wrong answer")
            except Exception as fault:  # every kind of failure counts
                self.faults.append(f"{name}: {fault!r}")
            self.asked += 1
            self.longest = max(self.longest, time.monotonic() - began)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def processes(cluster):
    """{name: pid} of the server and, where it is a process of its own, the agent."""
    found = {}
    for name, file in (("server", "sampan.pid"), ("agent", "agent.pid")):
        path = cluster.run_dir / file
        if path.exists() and alive(path.read_text().strip()):
            found[name] = int(path.read_text())
    return found


def private_kb(pid):
    """What the process has taken itself; pages of its program come and go."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    return 0


def good_pod(cluster):
    found = cluster.json("pod", "-n", NAMESPACE, GOOD)
    conditions = {c["type"]: c["status"] for c in found["status"].get("conditions", [])}
    return found if conditions.get("Ready") == "True" else None


def hostile_pods_fail_alone(cluster):
    cluster.kubectl("create", "namespace", NAMESPACE)
    big = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": BIG}, "data": {"k": "v" * 1000000}}
    cluster.kubectl("-n", NAMESPACE, "create", "-f", "-", text_input=json.dumps(big))
    good = pod(GOOD, ["python3", "-m", "http.server", "8000", "-d", "/app"], restart="Always",
               container={"readinessProbe": {"httpGet": {"port": 8000}, "periodSeconds": 1, "timeoutSeconds": 5}})
    cluster.kubectl("-n", NAMESPACE, "apply", "-f", "-", text_input=json.dumps(good))
    before = poll("the good pod ready", 60, lambda: good_pod(cluster))
    address, node = before["status"]["podIP"], before["status"]["hostIP"]
    cluster.kubectl("get", "events", "-A")
    _state["pids"] = processes(cluster)
    _state["memory"] = {name: private_kb(pid) for name, pid in _state["pids"].items()}
    kubelet = cluster.json("nodes")["items"][0]["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]
    watch = Watch({"the good pod": lambda: http(f"http://{address}:8000/VERSION", timeout=10)[0] == 200,
                   "the API": lambda: cluster.get("/readyz") == "ok",
                   "the agent": lambda: cluster.get("/healthz", address=f"{node}:{kubelet}") == "ok"})
    pods = hostile_pods()
    pods[[one["metadata"]["name"] for one, _ in pods].index("another-s-label")][0]["metadata"]["labels"].update(
        {"io.kubernetes.pod.uid": before["metadata"]["uid"], "io.kubernetes.pod.name": GOOD})
    try:
        cluster.kubectl("-n", NAMESPACE, "create", "-f", "-",
                        text_input=json.dumps({"apiVersion": "v1", "kind": "List", "items": [one for one, _ in pods]}))
        poll("each pod as it must end", 120, lambda: all_ended(cluster, pods), interval=1)
        events = cluster.json("events.v1.events.k8s.io", "-n", NAMESPACE)["items"]
        expect(any("x \ufffd\ufffd" in event.get("note", "") for event in events), "the probe's output is in no event")
        after = good_pod(cluster)
    finally:
        watch.stop()
    expect(after is not None, "the good pod is not ready")
    expect(after["status"]["containerStatuses"][0]["restartCount"] == 0, "the good pod was restarted")
    condition = {pod["type"]: pod["lastTransitionTime"] for pod in after["status"]["conditions"]}["Ready"]
    expect(condition == {pod["type"]: pod["lastTransitionTime"] for pod in before["status"]["conditions"]}["Ready"],
           "the good pod was not ready for a while")
    expect(not watch.faults, f"{len(watch.faults)} of {watch.asked} requests failed: {watch.faults[:3]}")
    expect(processes(cluster) == _state["pids"], "a process was replaced")


def all_ended(cluster, pods):
    found = {one["metadata"]["name"]: one["status"] for one in cluster.json("pods", "-n", NAMESPACE)["items"]}
    for one, phases in pods:
        name = one["metadata"]["name"]
        phase = found.get(name, {}).get("phase")
        expect(phase in phases, f"{name} is {phase}, must be one of {phases}: {json.dumps(found.get(name))[:1000]}")
        # A pod that is to run has had its containers started.
        if phases == [RUNS]:
            expect(any("containerID" in c for c in found[name].get("containerStatuses", [])), f"{name} did not start")
    messages = {name: message(found[name]) for name in ("message-bytes", "message-sparse", "all-bytes")}
    expect(messages["message-bytes"] == "bad \ufffd\ufffd bytes", f"the message is {messages['message-bytes']!r}")
    expect(len(messages["message-sparse"]) == 4096, f"the sparse message has {len(messages['message-sparse'])} characters")
    expect(0 < len(messages["all-bytes"].encode()) <= 2048, "the end of the log is no message")
    return True


def message(status):
    return status["containerStatuses"][0]["state"].get("terminated", {}).get("message", "")


def hostile_pods_leave_nothing(cluster):
    if not _state:
        return "no hostile pod has run"
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
    poll("the namespace to end", 90, lambda: cluster.kubectl("get", "namespace", NAMESPACE, check=False).returncode != 0, 0.5)
    poll("their directories to go", 60, lambda: len(list((cluster.data_dir / "agent/pods").iterdir())) <= 4, 0.5)
    expect(processes(cluster) == _state["pids"], "a process was replaced")

    def settled():
        now = {name: private_kb(pid) for name, pid in _state["pids"].items()}
        grown = {name: now[name] - _state["memory"][name] for name in now}
        expect(all(kb <= MOST_GROWN_KB for kb in grown.values()), f"grown by {grown} KB from {_state['memory']}")
        return True

    # Heaps are trimmed at the end of ten seconds of rest; what comes before that is no rest yet.
    poll("the memory as it was", 60, settled, 0.5)
