"""Server and agent are two processes: neither's end is felt by what the other does."""
import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

from cluster import FACTOR, Failure, alive, expect, poll
from demo_test import Load, pods, ready, ready_pods, url

ORDER = ["a_killed_agent_is_back_within_a_second", "an_agent_out_of_memory_is_back_within_a_second",
         "a_killed_server_leaves_the_node_working", "a_stopped_server_leaves_the_node_working"]

# How long the server is away. SAMPAN_E2E_OUTAGE=60 is the long form.
OUTAGE = float(os.environ.get("SAMPAN_E2E_OUTAGE", "20"))
DNS = "10.96.0.10"
# A pod whose probe the tests make fail from outside, through the runtime.
PROBED = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probed", "labels": {"app": "probed"}},
          "spec": {"terminationGracePeriodSeconds": 1,
                   "containers": [{"name": "c", "image": "sampan.local/demo/redis:7", "command": ["busybox", "sleep", "100000"],
                                   "livenessProbe": {"exec": {"command": ["busybox", "test", "!", "-e", "/data/sick"]},
                                                     "periodSeconds": 1, "failureThreshold": 1},
                                   "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
                   "volumes": [{"name": "data", "emptyDir": {}}]}}


def agent_pid(cluster):
    return int((cluster.run_dir / "agent.pid").read_text())


def kubelet_answers(cluster):
    connection = http.client.HTTPSConnection("127.0.0.1", cluster.kubelet_port, timeout=FACTOR,
                                             context=ssl._create_unverified_context())
    with contextlib.closing(connection):
        connection.request("GET", "/healthz")
        return connection.getresponse().status in (200, 401, 403)


class Asking:
    """Asks the API again and again on one connection; remembers how long the slowest answer took, and every failure."""

    def __init__(self, cluster):
        self.slowest, self.faults, self.asked, self.stopping = 0.0, [], 0, threading.Event()
        self.connection = http.client.HTTPSConnection("127.0.0.1", cluster.port, timeout=10 * FACTOR,
                                                      context=ssl._create_unverified_context())
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                self.connection.request("GET", "/readyz")
                answer = self.connection.getresponse()
                answer.read()
                if answer.status != 200:
                    self.faults.append(answer.status)
            except OSError as fault:
                self.faults.append(repr(fault))
                self.connection.close()
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.asked += 1
            self.stopping.wait(0.005)

    def stop(self):
        self.stopping.set()
        self.thread.join()
        self.connection.close()


def lookup(name):
    """The address that the cluster's DNS gives for a name, asked as pods ask."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    query = struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        client.sendto(query, (DNS, 53))
        answer = client.recv(2000)
    expect(answer[3] & 15 == 0 and struct.unpack(">H", answer[6:8])[0] == 1, f"{name}: {answer!r}")
    return socket.inet_ntoa(answer[-4:])


def containers(cluster):
    """What no end of an agent may change: every container with its start and its restarts."""
    return {status["containerID"]: (status["restartCount"], status["state"]["running"]["startedAt"])
            for pod in cluster.json("pods", "-A")["items"] for status in pod["status"].get("containerStatuses", [])
            if "running" in status["state"]}


def the_agent_comes_back(cluster, end):
    """`end` ends the agent that it is given; the API and the containers do not feel it."""
    tasks, before, old = cluster.tasks(), containers(cluster), agent_pid(cluster)
    asking, load = Asking(cluster), Load(url(cluster, "/version"))
    try:
        end(old)
        poll("the agent gone", 10, lambda: not alive(old), 0.002)
        gone = time.monotonic()
        poll("the agent back", 10, lambda: agent_pid(cluster) != old and kubelet_answers(cluster), 0.01)
        took = time.monotonic() - gone
        cluster.kubectl("exec", "deployment/guestbook", "--", "true")
    finally:
        asking.stop()
        load.stop()
    expect(took < FACTOR, f"the agent was back after {took:.2f} s")
    expect(not asking.faults and asking.slowest < 0.5 * FACTOR,
           f"the API was felt: slowest answer {asking.slowest:.2f} s, {asking.faults[:3]} of {asking.asked}")
    expect(not load.faults, f"{len(load.faults)} of {load.sent} requests to a Service failed: {load.faults[:3]}")
    expect(tasks == cluster.tasks() and before == containers(cluster), "containers were touched")
    node = cluster.json("nodes")["items"][0]
    expect(any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"]), "the node is not ready")


def a_killed_agent_is_back_within_a_second(cluster):
    the_agent_comes_back(cluster, lambda pid: os.kill(pid, signal.SIGKILL))


def an_agent_out_of_memory_is_back_within_a_second(cluster):
    group = pathlib.Path("/sys/fs/cgroup/memory/sampan-e2e-memory")
    if not group.parent.is_dir():
        return "no memory controller of version 1"
    group.mkdir(exist_ok=True)

    def starve(pid):
        """The kernel's killer takes it with the next page that it needs."""
        (group / "memory.limit_in_bytes").write_text("65536")
        (group / "cgroup.procs").write_text(str(pid))
        script = "import sys; sys.stdout.write('x' * 30000000)"
        cluster.kubectl("exec", "deployment/guestbook", "--", "python3", "-c", script, check=False, timeout=20)

    try:
        the_agent_comes_back(cluster, starve)
    finally:
        poll("the group to be empty", 10, lambda: group.rmdir() or not group.exists())


def the_node_works_alone(cluster, away):
    """`away` is a context in which the server does not answer; meanwhile the node does all that it can, and afterwards
    it catches up."""
    cluster.kubectl("apply", "-f", "-", text_input=json.dumps(PROBED))
    probed = poll("the probed pod", 60, lambda: ready_pods(cluster, "probed", 1))[0]
    doomed = json.dumps({**PROBED, "metadata": {"name": "doomed", "labels": {"app": "doomed"}}})
    cluster.kubectl("apply", "-f", "-", text_input=doomed)
    poll("another pod", 60, lambda: ready_pods(cluster, "doomed", 1))
    container = probed["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    restarts = probed["status"]["containerStatuses"][0]["restartCount"]
    others = {key: pid for key, pid in cluster.tasks().items() if key != container}
    agent, service = agent_pid(cluster), cluster.json("service", "guestbook")["spec"]["clusterIP"]
    load = Load(url(cluster, "/version"))
    try:
        with away():
            deadline = time.monotonic() + OUTAGE
            cluster.ctr("tasks", "exec", "--exec-id", "sicken", container, "busybox", "touch", "/data/sick")
            poll("the probe ends the container", 20, lambda: container not in cluster.tasks())
            poll("a container in its place", 20, lambda: len(cluster.tasks()) > len(others))
            while time.monotonic() < deadline:
                expect(lookup("guestbook.default.svc.cluster.local") == service, "DNS gives another address")
                time.sleep(0.2)
        cluster.kubectl("delete", "pod", "doomed", "--wait=false")
        fresh = json.dumps({**PROBED, "metadata": {"name": "fresh", "labels": {"app": "fresh"}}})
        cluster.kubectl("apply", "-f", "-", text_input=fresh)
        poll("a pod made right afterwards runs", 20, lambda: ready_pods(cluster, "fresh", 1))
        poll("a pod deleted right afterwards ends", 20,
             lambda: cluster.kubectl("get", "pod", "doomed", check=False).returncode != 0)

        def restart_is_told():
            now = cluster.json("pod", "probed")["status"]["containerStatuses"][0]
            return now["restartCount"] > restarts

        poll("the API knows of the restart", 20, restart_is_told)
        now = cluster.tasks()
        lost = {key for key, pid in others.items() if now.get(key) != pid}
        expect(len(lost) <= 2, f"containers were restarted: {lost}")  # the deleted pod's, and its sandbox
        expect(agent_pid(cluster) == agent, "the agent was restarted")
    finally:
        load.stop()
        cluster.kubectl("delete", "pod", "probed", "fresh", "doomed", "--ignore-not-found", "--timeout=60s", check=False)
    expect(not load.faults, f"{len(load.faults)} of {load.sent} requests to a Service failed: {load.faults[:3]}")
    expect(all(map(ready, pods(cluster, "guestbook"))), "pods are not ready")


def a_killed_server_leaves_the_node_working(cluster):
    @contextlib.contextmanager
    def killed():
        cluster.kill_server()
        try:
            yield
        finally:
            cluster.start_server()

    the_node_works_alone(cluster, killed)


def a_stopped_server_leaves_the_node_working(cluster):
    @contextlib.contextmanager
    def stopped():
        os.kill(cluster.pid(), signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(cluster.pid(), signal.SIGCONT)

    the_node_works_alone(cluster, stopped)
