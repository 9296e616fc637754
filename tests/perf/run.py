#!/usr/bin/env python3
"""Measures every figure of docs/benchmarks.md and prints it with its conditions.

    tests/perf/run.py             all rows
    tests/perf/run.py NAME...     the named rows (--list names them)

The server runs on this machine with its embedded store in a directory of its own (SAMPAN_PERF_DIR, default /tmp); the load
generator shares the machine's processors with it. Rows that need a node need root. Each row has a time limit and leaves
nothing behind; the exit code is 1 when a row could not be measured.
"""
import argparse
import contextlib
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
sys.path.insert(0, str(ROOT / "tests/perf"))
from cluster import Cluster, Failure, poll  # noqa: E402  (the paths are set above)
from pods import PodBench  # noqa: E402
from slow_uploads import SlowUploads  # noqa: E402
from worst_request import waits  # noqa: E402

BUILD = pathlib.Path(os.environ.get("SAMPAN_PERF_BUILD", ROOT / "build/release"))
PORT, KUBELET_PORT = 18443, 21250
SECONDS = 8
CONNECTIONS = 32
LISTED = 9561
SIMULATED_NODES, SCHEDULED_PODS, SCHEDULE_ROUNDS = 5000, 3000, 3
WATCHERS = 1000
APPLIED = 1000
TOGETHER = 50
UPLOADS = 86
ROW_SECONDS = 150  # the longest that a row may take


class TookTooLong(Failure):
    """A row that did not end within its time."""


def print_row(name, figure, conditions):
    print(f"{name:46} {figure:>36}   {conditions}", flush=True)


def control_plane_flags(*more):
    return " ".join(["--disable-agent", *more])


def new_cluster(directory, flags):
    cluster = Cluster("perf", port=PORT, kubelet_port=KUBELET_PORT)
    cluster.binary = BUILD / "sampan"
    cluster.data_dir, cluster.run_dir = pathlib.Path(directory) / "data", pathlib.Path(directory) / "run"
    cluster.data_dir.mkdir(exist_ok=True)
    cluster.flags = f"--kubelet-port {KUBELET_PORT} {flags}"
    return cluster


def stop(cluster):
    """How long SIGTERM takes; a server that does not heed it is killed."""
    began = time.monotonic()
    cluster.process.terminate()
    try:
        cluster.process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        cluster.process.kill()
        cluster.process.wait()
        raise Failure("the server did not stop within 20 s") from None
    return time.monotonic() - began


@contextlib.contextmanager
def running(directory, flags=control_plane_flags()):
    cluster = new_cluster(directory, flags)
    try:
        cluster.start_server(interval=0.01)
        yield cluster
    finally:
        if cluster.process is not None and cluster.process.poll() is None:
            stop(cluster)


@contextlib.contextmanager
def running_node(directory):
    """A server with a node; whatever happens, nothing of the node stays."""
    cluster = new_cluster(directory, "")
    try:
        cluster.start_server(interval=0.01)
        poll("the node ready", 60, lambda: cluster.kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=1s"))
        yield cluster
    finally:
        with time_limit(60):  # of its own: the row's may have passed
            cluster.script("down.sh")


@contextlib.contextmanager
def time_limit(seconds):
    def give_up(*_):
        raise TookTooLong(f"not done within {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def proportional_megabytes(pid):
    """What the process holds, pages that several share divided among them."""
    return int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)[1]) / 1024


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def tool(name, *words):
    """The JSON that one of our load generators prints."""
    done = subprocess.run([str(BUILD / name), *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"{name} failed: {done.stderr}")
    return json.loads(done.stdout)


def load(cluster, path, *words, connections=CONNECTIONS, seconds=SECONDS):
    """One run of the load generator; its report."""
    tls = cluster.data_dir / "tls"
    before = processor_seconds(cluster.process.pid)
    report = tool("sampan-load", "--host", "127.0.0.1", "--port", cluster.port, "--path", path, "--ca", tls / "ca.crt",
                  "--cert", tls / "admin.crt", "--key", tls / "admin.key", "--connections", connections,
                  "--threads", min(connections, os.cpu_count()), "--duration", f"{seconds}s", "--json", *words)
    used = (processor_seconds(cluster.process.pid) - before) / report["succeeded"] * 1e6
    report["processor"] = f"{used:,.0f} us of the server's processor time each"
    return report


def create_maps(cluster, value, *words):
    body = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c-{n}"}, "data": {"key": value}})
    return load(cluster, "/api/v1/namespaces/default/configmaps", "--method", "POST", "--body", body, *words)


def start(directory):
    """API server ready after start"""
    times, stops = [], []
    for _ in range(5):
        began = time.monotonic()
        cluster = new_cluster(directory, control_plane_flags())
        try:
            cluster.start_server(interval=0.002)
            times.append(time.monotonic() - began)
        finally:
            stops.append(stop(cluster))
    print_row("API server ready after start", f"{min(times[1:]) * 1000:.0f} ms",
              f"process start to /readyz, best of 4 with a data directory; first start {times[0] * 1000:.0f} ms, keys "
              f"included; SIGTERM to exit {max(stops) * 1000:.0f} ms")


def idle(directory):
    """resident memory, idle, both processes"""
    with running_node(directory) as cluster:
        time.sleep(25)
        server = proportional_megabytes(cluster.process.pid)
        agent = proportional_megabytes(int((cluster.run_dir / "agent.pid").read_text()))
        print_row("resident memory, idle, both processes", f"{server + agent:.0f} MB",
                  f"PSS 25 s after the node is ready: server {server:.0f} MB (API, store, controllers, scheduler), agent "
                  f"{agent:.0f} MB (node agent, proxy, DNS); pages that both use are counted once")


def get(directory):
    """GET one ConfigMap over TLS"""
    with running(directory) as cluster:
        cluster.kubectl("create", "configmap", "one", "--from-literal=key=value")
        report = load(cluster, "/api/v1/namespaces/default/configmaps/one")
        print_row("GET one ConfigMap over TLS", f"{report['rps']:,.0f}/s p99 {report['p99_ms']:.1f} ms",
                  f"{CONNECTIONS} connections, HTTP/1.1, {SECONDS} s, generator on the same cores, {report['processor']}")


def create(directory):
    """create ConfigMap, durable"""
    with running(directory) as cluster:
        report = create_maps(cluster, "value-{n}")
        print_row("create ConfigMap, durable", f"{report['rps']:,.0f}/s p99 {report['p99_ms']:.1f} ms",
                  f"{CONNECTIONS} connections, {SECONDS} s, each acknowledged after its fsync, {report['processor']}")


def uploads(directory):
    """86 slow uploads"""
    with running(directory) as cluster:
        before = load_of_writes(cluster, "before")
        with SlowUploads(cluster, UPLOADS) as slow:
            poll("the uploads", 60, lambda: slow.begun >= UPLOADS)
            during = load_of_writes(cluster, "during")
        print_row(f"writes during {UPLOADS} slow uploads", f"{during['rps']:,.0f}/s p99 {during['p99_ms']:.1f} ms",
                  f"{during['failed']} failed; without the uploads {before['rps']:,.0f}/s p99 {before['p99_ms']:.1f} ms; each upload "
                  f"3 MiB of the same user and address, the last bytes one in 7 s; {slow.ended} of {slow.begun} were ended")


def load_of_writes(cluster, name):
    body = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{name}-{{n}}"}, "data": {"key": "value"}})
    return load(cluster, "/api/v1/namespaces/default/configmaps", "--method", "POST", "--body", body)


def list_all(directory):
    """LIST 9,561 ConfigMaps"""
    with running(directory) as cluster:
        create_maps(cluster, "x" * 350, "--requests", LISTED - 1)
        report = load(cluster, "/api/v1/namespaces/default/configmaps", connections=4)
        print_row(f"LIST {LISTED:,} ConfigMaps", f"{report['rps']:.0f}/s {report['bytes_per_second'] / 1e6:,.0f} MB/s",
                  f"4 connections, {report['bytes_per_second'] / max(report['rps'], 1e-9) / 1e6:.1f} MB each, TLS, {report['processor']}")


def watch(directory):
    """one write to 1,000 watchers"""
    with running(directory) as cluster:
        report = tool("sampan-watch-load", "--kubeconfig", cluster.kubeconfig, "--watchers", WATCHERS)
        stopped = stop(cluster)
        print_row(f"one write to {WATCHERS:,} watchers", f"all have it in {report['slowest_median_ms']:.0f} ms",
                  f"median of {report['writes']} writes, durable; a watcher has it in {report['median_ms']:.0f} ms, p99 "
                  f"{report['p99_ms']:.0f} ms; each its own TLS connection, read on the same cores; stop {stopped * 1000:.0f} ms")


def apply(directory):
    """kubectl apply of 1,000 ConfigMaps"""
    with running(directory) as cluster:
        items = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"m-{n}"}, "data": {"key": "x" * 100}}
                 for n in range(APPLIED)]
        before, began = processor_seconds(cluster.process.pid), time.monotonic()
        cluster.kubectl("apply", "-f", "-", text_input=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        took, used = time.monotonic() - began, processor_seconds(cluster.process.pid) - before
        print_row(f"kubectl apply of {APPLIED:,} ConfigMaps", f"{took:.1f} s",
                  f"one file, one kubectl, which sends one request after another; {used:.2f} s of the server's processor time")


def wait_for_text(what, path, pattern, seconds, after=0):
    return poll(what, seconds, lambda: re.findall(pattern, path.read_bytes()[after:].decode(errors="replace")), 0.02)


@contextlib.contextmanager
def simulator(cluster, directory):
    log_path = pathlib.Path(directory) / "simulate.log"
    with open(log_path, "wb") as log:
        process = subprocess.Popen([str(cluster.binary), "simulate", "--kubeconfig", str(cluster.kubeconfig), "--nodes",
                                    str(SIMULATED_NODES), "--pod-start-delay", "2s"], stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log)
    try:
        wait_for_text("the nodes", log_path, r"nodes registered", 60)
        yield process
    finally:
        process.kill()
        process.wait()


def schedule_round(cluster, number):
    """Pods that wait before the scheduler comes; pods a second from its first decision to the last binding."""
    cluster.flags = control_plane_flags("--disable", "scheduler")
    cluster.start_server(interval=0.01)
    body = json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"p{number}-{{n}}"},
                       "spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "100m"}}}]}})
    load(cluster, "/api/v1/namespaces/default/pods", "--method", "POST", "--body", body, "--requests", SCHEDULED_PODS)
    stop(cluster)
    log = cluster.data_dir / "sampan.log"
    seen = log.stat().st_size
    cluster.flags = control_plane_flags()
    cluster.start_server(interval=0.05)
    # Nothing else asks the server meanwhile: its own log tells when the last pod was bound.
    bound = wait_for_text("all pods bound", log, r"bound (\d+) pods in ([\d.]+) s", 60, seen)
    stop(cluster)
    count, took = int(bound[-1][0]), float(bound[-1][1])
    if count < SCHEDULED_PODS:
        raise Failure(f"{count} pods were bound in one go, not {SCHEDULED_PODS}")
    return count / took


def schedule(directory):
    """schedule 3,000 waiting pods on 5,000 nodes, binding included"""
    with running(directory, control_plane_flags("--disable", "scheduler")) as cluster, simulator(cluster, directory):
        stop(cluster)
        rates = sorted(schedule_round(cluster, number) for number in range(SCHEDULE_ROUNDS))
        print_row(f"schedule {SCHEDULED_PODS:,} waiting pods on {SIMULATED_NODES:,} nodes", f"{statistics.median(rates):,.0f}/s",
                  f"median of {len(rates)} rounds ({rates[0]:,.0f}-{rates[-1]:,.0f}), first decision to last durable binding, "
                  "on a server that has just started; the simulator of the nodes shares the cores")


def pods(directory):
    """pod created to Ready, image present"""
    with running_node(directory) as cluster:
        subprocess.run([str(ROOT / "demo/images.sh"), "import", str(cluster.run_dir)], check=True, stdout=subprocess.DEVNULL)
        bench = PodBench(cluster, "sampan.local/demo/redis:7")
        bench.run("warm", 1)
        alone = [bench.run(f"alone-{n}", 1) for n in range(7)]
        middle = sorted(alone, key=lambda one: one.took)[len(alone) // 2]
        print_row("pod created to Ready, image present, alone", f"{middle.took * 1000:.0f} ms",
                  f"of which {middle.in_runtime * 1000:.0f} ms in the runtime's calls and "
                  f"{statistics.median(one.took - one.in_runtime for one in alone) * 1000:.0f} ms in Sampan (median); POST to the "
                  f"event of Ready at a watcher, median of {len(alone)}")
        together = bench.run("together", TOGETHER)
        least = tool("sampan-cri-load", "--endpoint", cluster.run_dir / "containerd/containerd.sock", "--image",
                     "sampan.local/demo/redis:7", "--count", TOGETHER, "--parallel", TOGETHER)
        print_row(f"{TOGETHER} pods at once, image present", f"{together.took:.1f} s",
                  f"first POST to the last event of Ready; the same calls of the runtime alone, without Sampan, {least['total_s']:.1f} "
                  f"s; {together.processor * 1000 / TOGETHER:.0f} ms of Sampan's processor time each")


def worst(directory):
    """worst single request under 3 MiB"""
    with running(directory) as cluster:
        found, quiet = waits(cluster)
        (waited, took, status, name), slowest = found[0], max(found, key=lambda one: one[1])
        print_row("worst single request under 3 MiB", f"others wait {waited * 1000:.0f} ms",
                  f"of {len(found)} kinds: {name} (answered {status} after {took * 1000:.0f} ms); without any of them others wait up "
                  f"to {quiet * 1000:.0f} ms; the slowest answer takes {slowest[1] * 1000:.0f} ms: {slowest[3]}")


def size(_):
    """binary size"""
    print_row("binary, stripped", f"{(BUILD / 'sampan').stat().st_size / 1e6:.1f} MB", "beside Debian's libraries")


ROWS = {"start": start, "idle": idle, "get": get, "create": create, "uploads": uploads, "list": list_all, "watch": watch, "apply": apply,
        "schedule": schedule, "pods": pods, "worst": worst, "size": size}
NEED_ROOT = {"idle", "pods"}


def mounts_below(directory):
    return [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
            if line.split()[4].startswith(directory)]


def measure(name):
    """Whether the row was measured."""
    if name in NEED_ROOT and os.geteuid() != 0:
        print_row(ROWS[name].__doc__, "not measured", "a node needs root")
        return False
    directory = tempfile.mkdtemp(prefix="sampan-perf-", dir=os.environ.get("SAMPAN_PERF_DIR", "/tmp"))
    try:
        with time_limit(ROW_SECONDS):
            ROWS[name](directory)
        return True
    except Exception as fault:  # one row that cannot be measured must not hide the others
        print_row(ROWS[name].__doc__, "FAILED", str(fault)[:300])
        return False
    finally:
        if left := mounts_below(directory):
            print(f"left behind: {', '.join(left)}", file=sys.stderr)
        else:
            shutil.rmtree(directory, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[[], *ROWS], help="rows to measure; all by default")
    parser.add_argument("--list", action="store_true", help="name the rows")
    arguments = parser.parse_args()
    if arguments.list:
        for name, row in ROWS.items():
            print(f"{name:10} {row.__doc__}")
        return 0
    os.environ["SAMPAN"] = str(BUILD / "sampan")  # the scripts that end a node use the same
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    load_now = f"{os.getloadavg()[0]:.1f}"
    print(f"{os.cpu_count()} x {cpu}, {platform.system()} {platform.release()}, load {load_now}, release build, embedded store")
    measured = [measure(name) for name in arguments.rows or ROWS]
    return 0 if all(measured) else 1


if __name__ == "__main__":
    sys.exit(main())
