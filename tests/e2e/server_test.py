"""The program by hand: flags, exit codes, files, signals."""
import os
import pathlib
import signal
import stat
import subprocess
import tempfile

from cluster import FACTOR, Cluster, expect, poll, run

ORDER = ["wrong_settings_end_with_one_line_and_code_2", "a_control_plane_starts_alone_and_stops_on_sigterm",
         "acknowledged_writes_survive_sigkill", "a_second_server_is_told_what_to_do"]


def wrong_settings_end_with_one_line_and_code_2(cluster):
    with tempfile.TemporaryDirectory() as scratch:
        config = pathlib.Path(scratch) / "config.yaml"
        config.write_text("secure-prot: 1\n")
        rows = [
            (["server", "--secure-prot", "1"], "did you mean --secure-port?"),
            (["server", "--secure-port", "70000"], "--secure-port: \"70000\" is not a whole number between 1 and 65535"),
            (["server", "--config", str(config)], "secure-prot: no such key; did you mean secure-port?"),
            (["server", "--config", scratch + "/absent.yaml"], "--config: cannot read"),
            (["server", "--disable", "nothing"], "--disable: \"nothing\" is not one of"),
            (["server", "--cluster-cidr", "10.96.0.0/16"], "overlaps --service-cluster-ip-range"),
            (["server", "--disable-agent=maybe"], "--disable-agent: \"maybe\" is neither true nor false"),
            (["server", "--node-labels", "a b=c"], "--node-labels: \"a b=c\" is not a label such as disk=ssd"),
            (["server", "--tls-san", "bad name"], "--tls-san: \"bad name\" is not a DNS name or an IPv4 address"),
            (["agent", "--kubeconfig", "here"], "--kubeconfig: \"here\" is not an absolute path"),
            (["agent", "--secure-port", "1"], "--secure-port: no such flag"),
            (["agent", "--disable", "scheduler"], "--disable: \"scheduler\" is not one of dns, proxy"),
            (["serve"], "--help"),
        ]
        for words, text in rows:
            done = run(cluster.binary, *words, check=False)
            expect(done.returncode == 2, f"{words}: exit {done.returncode}, not 2")
            expect(text in done.stderr and len(done.stderr.strip().splitlines()) == 1, f"{words}: said {done.stderr!r}")


def second_cluster(scratch):
    other = Cluster("e2e-alone", port=16543)
    other.data_dir = pathlib.Path(scratch) / "data"
    other.run_dir = pathlib.Path(scratch) / "run"
    other.data_dir.mkdir()
    other.flags = "--disable-agent"
    return other


def a_control_plane_starts_alone_and_stops_on_sigterm(cluster):
    with tempfile.TemporaryDirectory() as scratch:
        other = second_cluster(scratch)
        other.start_server()
        mode = stat.S_IMODE(os.stat(other.kubeconfig).st_mode)
        expect(mode == 0o600, f"admin.kubeconfig has mode {mode:o}")
        for path in ("/readyz", "/livez", "/healthz"):
            expect(other.get(path) == "ok", f"{path} is not ok")
        expect('"minor": "36"' in other.get("/version"), "/version does not say 1.36")
        namespaces = other.kubectl("get", "namespaces", "-o", "name").stdout.split()
        expect(namespaces == ["namespace/default", "namespace/kube-node-lease", "namespace/kube-public",
                              "namespace/kube-system"], f"namespaces are {namespaces}")
        os.kill(other.process.pid, signal.SIGTERM)
        expect(other.process.wait(timeout=5 * FACTOR) == 0, f"exit code {other.process.returncode} after SIGTERM")


def acknowledged_writes_survive_sigkill(cluster):
    with tempfile.TemporaryDirectory() as scratch:
        other = second_cluster(scratch)
        other.start_server()
        for number in range(20):
            other.kubectl("create", "configmap", f"kept-{number}", f"--from-literal=n={number}")
        other.process.kill()
        other.process.wait()
        other.start_server()
        names = other.kubectl("get", "configmaps", "-o", "name").stdout.split()
        missing = [n for n in range(20) if f"configmap/kept-{n}" not in names]
        expect(not missing, f"lost after SIGKILL: {missing}")
        other.process.kill()
        other.process.wait()


def a_second_server_is_told_what_to_do(cluster):
    with tempfile.TemporaryDirectory() as scratch:
        other = second_cluster(scratch)
        other.start_server()
        try:
            elsewhere = pathlib.Path(scratch) / "elsewhere"
            for data, run_dir, way_out in ((elsewhere, other.run_dir, "--run-dir"), (other.data_dir, elsewhere, "--data-dir")):
                done = run(cluster.binary, "server", "--data-dir", data, "--run-dir", run_dir, "--secure-port", "16544",
                           "--disable-agent", check=False, timeout=20)
                lines = done.stderr.strip().splitlines()
                expect(done.returncode == 1 and len(lines) == 1, f"exit {done.returncode}: {done.stderr!r}")
                expect(f"process {other.process.pid};" in lines[0] and f"choose another {way_out}" in lines[0],
                       f"said {lines[0]!r}")
            expect(other.get("/readyz") == "ok" and other.pid() == other.process.pid, "the first one suffered")
        finally:
            other.process.kill()
            other.process.wait()
