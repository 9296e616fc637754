#!/usr/bin/env python3
"""Measures every figure of docs/benchmarks.md and prints it with its conditions.

    tests/perf/run.py             all rows
    tests/perf/run.py NAME...     the named rows (--list names them)

The server runs on this machine with its embedded store in a directory of its own (SAMPAN_PERF_DIR, default /tmp); the load
generator shares the machine's processors with it. Rows that need a node need root.
"""
import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
from cluster import Cluster, poll  # noqa: E402  (the path is set above)

BUILD = pathlib.Path(os.environ.get("SAMPAN_PERF_BUILD", ROOT / "build/release"))
LOAD = BUILD / "sampan-load"
PORT, KUBELET_PORT = 18443, 21250
SECONDS = 8
CONNECTIONS = 32
LISTED = 9561
SIMULATED_NODES, SCHEDULED_PODS = 5000, 3000


def print_row(name, figure, conditions):
    print(f"{name:52} {figure:>28}   {conditions}", flush=True)


def new_cluster(directory, flags=""):
    cluster = Cluster("perf", port=PORT, kubelet_port=KUBELET_PORT)
    cluster.binary = BUILD / "sampan"
    cluster.data_dir, cluster.run_dir = pathlib.Path(directory) / "data", pathlib.Path(directory) / "run"
    cluster.data_dir.mkdir(exist_ok=True)
    if flags:
        cluster.flags = flags
    return cluster


def control_plane(directory, flags="--disable-agent"):
    cluster = new_cluster(directory, flags)
    cluster.start_server()
    return cluster


def stop(cluster):
    cluster.process.terminate()
    cluster.process.wait(timeout=20)


def resident_megabytes(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(cluster, path, *words, connections=CONNECTIONS, seconds=SECONDS):
    """One run of the load generator; its JSON report."""
    tls = cluster.data_dir / "tls"
    before = processor_seconds(cluster.process.pid)
    done = subprocess.run([str(LOAD), "--host", "127.0.0.1", "--port", str(cluster.port), "--path", path, "--ca", tls / "ca.crt",
                           "--cert", tls / "admin.crt", "--key", tls / "admin.key", "--connections", str(connections),
                           "--threads", str(min(connections, os.cpu_count())), "--duration", f"{seconds}s", "--json", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"the load generator failed: {done.stderr}")
    report = json.loads(done.stdout)
    used = (processor_seconds(cluster.process.pid) - before) / report["succeeded"] * 1e6
    report["processor"] = f"{used:,.0f} us of the server's processor time each"
    return report


def start(directory):
    """API server ready after start"""
    times = []
    for _ in range(5):
        cluster = new_cluster(directory, "--disable-agent")
        began = time.monotonic()
        cluster.start_server(interval=0.002)
        times.append(time.monotonic() - began)
        stop(cluster)
    print_row("API server ready after start", f"{min(times[1:]) * 1000:.0f} ms",
              f"process start to /readyz, best of 4 with a data directory; first start {times[0] * 1000:.0f} ms, keys included")


def idle(directory):
    """resident memory, idle, all in one"""
    if os.geteuid() != 0:
        return print_row("resident memory, idle, all in one", "not measured", "a node needs root")
    cluster = control_plane(directory, "")
    try:
        poll("the node ready", 60, lambda: cluster.kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=1s"))
        time.sleep(20)
        print_row("resident memory, idle, all in one", f"{resident_megabytes(cluster.process.pid):.0f} MB",
                  "VmRSS 20 s after the node is ready: API, store, controllers, scheduler, agent, proxy, DNS")
    finally:
        stop(cluster)
        cluster.script("down.sh")


def get(directory):
    """GET one ConfigMap over TLS"""
    cluster = control_plane(directory)
    try:
        cluster.kubectl("create", "configmap", "one", "--from-literal=key=value")
        report = load(cluster, "/api/v1/namespaces/default/configmaps/one")
        print_row("GET one ConfigMap over TLS", f"{report['rps']:,.0f}/s p99 {report['p99_ms']:.1f} ms",
                  f"{CONNECTIONS} connections, HTTP/1.1, {SECONDS} s, generator on the same cores, {report['processor']}")
    finally:
        stop(cluster)


def create(directory):
    """create ConfigMap, durable"""
    cluster = control_plane(directory)
    try:
        body = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c-{n}"}, "data": {"key": "value-{n}"}})
        report = load(cluster, "/api/v1/namespaces/default/configmaps", "--method", "POST", "--body", body)
        print_row("create ConfigMap, durable", f"{report['rps']:,.0f}/s p99 {report['p99_ms']:.1f} ms",
                  f"{CONNECTIONS} connections, {SECONDS} s, each acknowledged after its fsync, {report['processor']}")
    finally:
        stop(cluster)


def list_all(directory):
    """LIST 9,561 ConfigMaps"""
    cluster = control_plane(directory)
    try:
        body = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c-{n}"},
                           "data": {"key": "x" * 350}})
        load(cluster, "/api/v1/namespaces/default/configmaps", "--method", "POST", "--body", body, "--requests", str(LISTED - 1))
        report = load(cluster, "/api/v1/namespaces/default/configmaps", connections=4)
        print_row(f"LIST {LISTED:,} ConfigMaps", f"{report['rps']:.0f}/s {report['bytes_per_second'] / 1e6:,.0f} MB/s",
                  f"4 connections, {report['bytes_per_second'] / max(report['rps'], 1e-9) / 1e6:.1f} MB each, TLS, {report['processor']}")
    finally:
        stop(cluster)


def schedule(directory):
    """schedule waiting pods, binding included"""
    cluster = control_plane(directory, "--disable-agent --disable scheduler")
    simulation = None
    try:
        simulation = subprocess.Popen([str(cluster.binary), "simulate", "--kubeconfig", str(cluster.kubeconfig), "--nodes",
                                       str(SIMULATED_NODES), "--pod-start-delay", "1h"], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        poll("the nodes", 120, lambda: cluster.kubectl("get", "nodes", "-o", "name").stdout.count("\n") == SIMULATED_NODES)
        body = json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p-{n}"},
                           "spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "100m"}}}]}})
        load(cluster, "/api/v1/namespaces/default/pods", "--method", "POST", "--body", body, "--requests", str(SCHEDULED_PODS))
        # The pods wait; now the scheduler comes.
        stop(cluster)
        cluster.flags = "--disable-agent"
        began = time.monotonic()
        cluster.start_server()
        ready = time.monotonic()
        poll("all pods bound", 120, lambda: cluster.kubectl(
            "get", "pods", "--field-selector", "spec.nodeName=", "-o", "name").stdout == "")
        bound = time.monotonic()
        log = (cluster.data_dir / "sampan.log").read_text(errors="replace")
        own = re.findall(r"bound (\d+) pods in ([\d.]+) s", log)
        count, took = (int(own[-1][0]), float(own[-1][1])) if own else (SCHEDULED_PODS, bound - ready)
        print_row(f"schedule {SCHEDULED_PODS:,} waiting pods on {SIMULATED_NODES:,} nodes", f"{count / took:,.0f}/s",
                  f"{took:.2f} s from first decision to last binding, all durable; server start to all bound {bound - began:.1f} s")
    finally:
        if simulation:
            simulation.kill()
            simulation.wait()
        stop(cluster)


def pods(directory):
    """pod created to Ready, image present"""
    if os.geteuid() != 0:
        return print_row("pod created to Ready", "not measured", "a node needs root")
    cluster = control_plane(directory, "")
    try:
        poll("the node ready", 60, lambda: cluster.kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=1s"))
        subprocess.run([str(ROOT / "demo/images.sh"), "import", str(cluster.run_dir)], check=True, stdout=subprocess.DEVNULL)
        manifest = {"apiVersion": "v1", "kind": "Pod", "spec": {"terminationGracePeriodSeconds": 0, "containers": [
            {"name": "c", "image": "sampan.local/demo/redis:7", "command": ["sleep", "3600"]}]}}

        def run(count, prefix):
            items = [{**manifest, "metadata": {"name": f"{prefix}-{n}"}} for n in range(count)]
            began = time.monotonic()
            cluster.kubectl("create", "-f", "-", text_input=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
            cluster.kubectl("wait", "--for=condition=Ready", "pod", *[item["metadata"]["name"] for item in items],
                            "--timeout=120s")
            took = time.monotonic() - began
            cluster.kubectl("delete", "pod", *[item["metadata"]["name"] for item in items], "--timeout=120s")
            return took

        run(1, "warm")
        alone = statistics.median(run(1, f"alone-{n}") for n in range(5))
        together = run(50, "together")
        print_row("pod created to Ready, image present", f"{alone:.2f} s alone, 50 in {together:.1f} s",
                  "kubectl create to kubectl wait, median of 5 alone; both kubectl runs included")
    finally:
        stop(cluster)
        cluster.script("down.sh")


def size(directory):
    """binary size"""
    print_row("binary, stripped", f"{(BUILD / 'sampan').stat().st_size / 1e6:.1f} MB", "beside Debian's libraries")


ROWS = {"start": start, "idle": idle, "get": get, "create": create, "list": list_all, "schedule": schedule, "pods": pods,
        "size": size}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[[], *ROWS], help="rows to measure; all by default")
    parser.add_argument("--list", action="store_true", help="name the rows")
    arguments = parser.parse_args()
    if arguments.list:
        for name, row in ROWS.items():
            print(f"{name:10} {row.__doc__}")
        return 0
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    print(f"{os.cpu_count()} x {cpu}, {platform.system()} {platform.release()}, release build, embedded store")
    failed = 0
    for name in arguments.rows or ROWS:
        directory = tempfile.mkdtemp(prefix="sampan-perf-", dir=os.environ.get("SAMPAN_PERF_DIR", "/tmp"))
        try:
            ROWS[name](directory)
        except Exception as fault:  # one row that cannot be measured must not hide the others
            failed += 1
            print_row(ROWS[name].__doc__, "FAILED", str(fault)[:300])
        finally:
            shutil.rmtree(directory, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
