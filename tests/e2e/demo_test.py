"""The demo application's life on a one-node cluster, driven by a stock kubectl."""
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import urllib.parse

from cluster import ROOT, Machine, alive, expect, http, poll

ORDER = ["make_up_starts_the_cluster", "make_up_again_changes_nothing", "a_value_written_is_read_back",
         "a_pod_reaches_the_service_by_name", "logs_and_port_forward_work", "long_output_arrives_whole",
         "files_are_copied_both_ways", "secrets_stay_in_memory", "scale_to_five", "a_killed_container_is_restarted",
         "a_deleted_pod_is_replaced", "a_new_version_rolls_out_without_a_failed_request",
         "killing_the_server_stops_no_container"]
END = ["delete_all_leaves_nothing", "make_down_leaves_nothing"]


def url(cluster, path="/"):
    node = cluster.json("nodes")["items"][0]
    address = next(a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP")
    return f"http://{address}:{cluster.json('service', 'guestbook')['spec']['ports'][0]['nodePort']}{path}"


def pods(cluster, app):
    """The pods that are not on their way out."""
    return [pod for pod in cluster.json("pods", "-l", f"app={app}")["items"] if "deletionTimestamp" not in pod["metadata"]]


def ready(pod):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))


def ready_pods(cluster, app, count):
    found = pods(cluster, app)
    return found if len(found) == count and all(map(ready, found)) else None


def make_up_starts_the_cluster(cluster):
    done = cluster.script("up.sh")
    expect("guestbook" in done.stdout and "Try next" in done.stdout, f"make up said:\n{done.stdout}")
    status, page = http(url(cluster))
    expect(status == 200 and "Sampan guestbook" in page, f"the page answers {status}: {page[:200]}")


def make_up_again_changes_nothing(cluster):
    cluster.kubectl("scale", "deployment/guestbook", "--replicas=3")
    poll("three replicas", 60, lambda: ready_pods(cluster, "guestbook", 3))
    generation = cluster.json("deployment", "guestbook")["metadata"]["generation"]
    before = {pod["metadata"]["uid"] for pod in cluster.json("pods", "-A")["items"]}
    pid, tasks = cluster.pid(), cluster.tasks()
    cluster.script("up.sh")
    expect(cluster.json("deployment", "guestbook")["metadata"]["generation"] == generation, "what the user scaled was undone")
    expect(before == {pod["metadata"]["uid"] for pod in cluster.json("pods", "-A")["items"]}, "pods were replaced")
    expect(pid == cluster.pid() and tasks == cluster.tasks(), "processes were restarted")


def a_value_written_is_read_back(cluster):
    data = urllib.parse.urlencode({"text": "hello from the e2e test"}).encode()
    expect(http(url(cluster, "/entries"), data)[0] == 200, "the entry was refused")
    expect("hello from the e2e test" in json.loads(http(url(cluster, "/entries"))[1]), "the entry is not there")


def a_pod_reaches_the_service_by_name(cluster):
    for name in ("guestbook", "guestbook.default", "guestbook.default.svc.cluster.local"):
        fetch = f"import urllib.request as r; print(r.urlopen('http://{name}/version', timeout=5).read().decode())"
        answer = cluster.kubectl("exec", "deployment/guestbook", "--", "python3", "-c", fetch).stdout
        expect(json.loads(answer)["version"] == "1", f"{name} answers {answer!r}")


def logs_and_port_forward_work(cluster):
    log = cluster.kubectl("logs", "deployment/guestbook").stdout
    expect("guestbook 1 listens on port 8080" in log, f"the log is {log[:300]!r}")

    forward = subprocess.Popen([cluster.kubectl_program, "--kubeconfig", str(cluster.kubeconfig), "port-forward",
                                "service/guestbook", "18081:80"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        expect("Forwarding from" in forward.stdout.readline(), "port-forward does not start")
        for _ in range(3):
            expect(http("http://127.0.0.1:18081/healthz") == (200, "ok"), "the forwarded port does not answer")
    finally:
        forward.terminate()
        forward.wait()


def long_output_arrives_whole(cluster):
    """Many times what any buffer on the way holds: the end must not overtake it."""
    script = "import sys; [sys.stdout.write('x' * 999999 + chr(10)) for _ in range(20)]"
    for _ in range(3):
        output = cluster.kubectl("exec", "deployment/guestbook", "--", "python3", "-c", script).stdout
        expect(len(output) == 20_000_000, f"{len(output)} of 20000000 bytes arrived")
    failed = cluster.kubectl("exec", "deployment/guestbook", "--", "sh", "-c", "exit 7", check=False)
    expect(failed.returncode == 7, f"exit 7 in the container is {failed.returncode} outside")
    echo = cluster.kubectl("exec", "-i", "deployment/guestbook", "--", "cat", text_input="typed\n").stdout
    expect(echo == "typed\n", f"cat gave back {echo!r}")


def files_are_copied_both_ways(cluster):
    pod = pods(cluster, "guestbook")[0]["metadata"]["name"]
    with tempfile.TemporaryDirectory() as scratch:
        here, back = pathlib.Path(scratch) / "here", pathlib.Path(scratch) / "back"
        here.write_bytes(os.urandom(3_000_000))
        cluster.kubectl("cp", here, f"{pod}:/tmp/there")
        cluster.kubectl("cp", f"{pod}:/tmp/there", back)
        expect(here.read_bytes() == back.read_bytes(), "the copy differs")


def secrets_stay_in_memory(cluster):
    mounts = cluster.kubectl("exec", "deployment/guestbook", "--", "cat", "/proc/mounts").stdout
    tokens = [line for line in mounts.splitlines() if "kubernetes.io/serviceaccount" in line]
    expect(tokens and tokens[0].startswith("tmpfs "), f"the account's token lies on {tokens}")


def scale_to_five(cluster):
    cluster.kubectl("scale", "deployment/guestbook", "--replicas=5")
    five = poll("five ready pods", 60, lambda: ready_pods(cluster, "guestbook", 5))
    names = {pod["metadata"]["name"] for pod in five}
    seen = set()

    def all_answer():
        seen.add(json.loads(http(url(cluster, "/version"))[1])["pod"])
        return seen == names

    poll("every pod answers behind the service", 30, all_answer)


def a_killed_container_is_restarted(cluster):
    pod = pods(cluster, "guestbook")[0]
    container = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    os.kill(cluster.tasks()[container], 9)

    def restarted():
        now = cluster.json("pod", pod["metadata"]["name"])
        status = now["status"]["containerStatuses"][0]
        return status["restartCount"] == 1 and ready(now) and status["lastState"]["terminated"]["exitCode"] == 137

    poll("the container restarted and ready", 60, restarted)


def a_deleted_pod_is_replaced(cluster):
    name = pods(cluster, "guestbook")[0]["metadata"]["name"]
    cluster.kubectl("delete", "pod", name)
    five = poll("five ready pods", 60, lambda: ready_pods(cluster, "guestbook", 5))
    expect(name not in {pod["metadata"]["name"] for pod in five}, f"{name} is still there")


class Load:
    """Requests one after another from several threads, until stopped; every failure is kept."""
    def __init__(self, target):
        self.target, self.sent, self.faults, self.stopping = target, 0, [], threading.Event()
        self.threads = [threading.Thread(target=self.work) for _ in range(4)]
        for thread in self.threads:
            thread.start()

    def work(self):
        while not self.stopping.is_set():
            try:
                status, text = http(self.target, timeout=10)
                if status != 200:
                    self.faults.append(f"{status} {text[:100]}")
            except OSError as fault:
                self.faults.append(repr(fault))
            self.sent += 1

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def a_new_version_rolls_out_without_a_failed_request(cluster):
    cluster.kubectl("scale", "deployment/guestbook", "--replicas=2")
    poll("two ready pods", 60, lambda: ready_pods(cluster, "guestbook", 2))
    load = Load(url(cluster, "/version"))
    try:
        cluster.kubectl("set", "image", "deployment/guestbook", "web=sampan.local/demo/guestbook:2")
        cluster.kubectl("rollout", "status", "deployment/guestbook", "--timeout=120s")
        poll("version 2 everywhere", 30,
             lambda: all(json.loads(http(url(cluster, "/version"))[1])["version"] == "2" for _ in range(10)))
        cluster.kubectl("rollout", "undo", "deployment/guestbook")
        cluster.kubectl("rollout", "status", "deployment/guestbook", "--timeout=120s")
        poll("version 1 everywhere", 30,
             lambda: all(json.loads(http(url(cluster, "/version"))[1])["version"] == "1" for _ in range(10)))
        poll("the old pods gone", 60, lambda: len(cluster.json("pods", "-l", "app=guestbook")["items"]) == 2)
    finally:
        load.stop()
    expect(load.sent > 100, f"only {load.sent} requests were sent")
    expect(not load.faults, f"{len(load.faults)} of {load.sent} requests failed: {load.faults[:3]}")
    history = cluster.kubectl("rollout", "history", "deployment/guestbook").stdout
    expect("3" in history, f"the history is {history!r}")


def killing_the_server_stops_no_container(cluster):
    before = cluster.tasks()
    load = Load(url(cluster, "/version"))
    try:
        cluster.kill_server()
        expect(all(map(alive, before.values())), "a container died with the server")
        cluster.start_server()
        poll("the node ready", 60, lambda: cluster.kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=1s"))
        cluster.kubectl("scale", "deployment/guestbook", "--replicas=3")
        poll("three ready pods", 60, lambda: ready_pods(cluster, "guestbook", 3))
    finally:
        load.stop()
    after = cluster.tasks()
    expect(before.items() <= after.items(), "containers were restarted")
    expect(not load.faults, f"{len(load.faults)} of {load.sent} requests failed: {load.faults[:3]}")
    expect("hello from the e2e test" in http(url(cluster, "/entries"))[1], "the entry is lost")


def delete_all_leaves_nothing(cluster):
    cluster.kubectl("delete", "-f", ROOT / "demo/manifests/guestbook.yaml", "--timeout=60s")
    poll("no pods", 60, lambda: cluster.json("pods")["items"] == [])
    expect(cluster.json("replicasets")["items"] == [], "replica sets are left")
    slices = [s["metadata"]["name"] for s in cluster.json("endpointslices")["items"]]
    expect(slices == ["kubernetes"], f"endpoint slices are left: {slices}")
    poll("no containers", 30, lambda: cluster.ctr("tasks", "list").count("\n") == 1)
    expect(cluster.kubectl("get", "events", check=False).returncode == 0, "events cannot be listed")


def make_down_leaves_nothing(cluster):
    cluster.script("down.sh")

    def nothing_left():
        after = Machine.snapshot()
        for what, before in cluster.before.items():
            expect(after[what] == before, f"{what}: left {[x for x in after[what] if x not in before]}, "
                                          f"gone {[x for x in before if x not in after[what]]}")
        return True

    poll("the machine as it was", 10, nothing_left)
