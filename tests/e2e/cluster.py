"""A cluster of its own for the end-to-end tests, and what they need to look at the machine.

    SAMPAN_E2E_BINARY   the program that every process of every cluster runs (default build/release/sampan)
    SAMPAN_E2E_FACTOR   the whole number by which limits of time and memory are multiplied (default 1), for a program that
                        is slow and large, as those with sanitizers are
"""
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("SAMPAN_E2E_BINARY", ROOT / "build/release/sampan")).resolve()
FACTOR = int(os.environ.get("SAMPAN_E2E_FACTOR", "1"))


class Failure(Exception):
    """An expectation that did not hold; the text says which."""


def expect(condition, text):
    if not condition:
        raise Failure(text)


def poll(what, seconds, probe, interval=0.1):
    """Asks until `probe` gives something true and returns that; each wait is for a condition, bounded by `seconds`
    times FACTOR."""
    seconds *= FACTOR
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        try:
            last = probe()
            if last:
                return last
        except (Failure, OSError, subprocess.SubprocessError, KeyError, ValueError) as fault:
            last = fault
        time.sleep(interval)
    raise Failure(f"{what}: not within {seconds} s; last seen: {last}")


def run(*command, check=True, text_input=None, timeout=120, env=None, cwd=None):
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, input=text_input,
                              timeout=timeout * FACTOR, env={**os.environ, **(env or {})}, errors="replace", cwd=cwd)
    except subprocess.TimeoutExpired as expired:
        said = "".join(part.decode(errors="replace")[-2000:] for part in (expired.stdout, expired.stderr) if part)
        raise Failure(f"{' '.join(map(str, command))}: not within {expired.timeout} s; it said:\n{said}") from None
    if check and done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done


class Machine:
    """What a node leaves on a machine: compared before and after."""

    @staticmethod
    def snapshot():
        return {
            "processes": Machine.processes(),
            "mounts": sorted(line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()),
            "interfaces": sorted(os.listdir("/sys/class/net")),
            "nftables": sorted(run("nft", "list", "tables", check=False).stdout.split("\n")),
            "namespaces": sorted(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else [],
            "cgroups": Machine.cgroups(),
        }

    @staticmethod
    def processes():
        names = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    name = (entry / "comm").read_text().strip()
                except OSError:
                    continue
                if re.match(r"sampan|containerd|runc|pause|redis-server", name) and alive(entry.name):
                    names.append(name)
        return sorted(names)

    @staticmethod
    def cgroups():
        found = []
        for path, folders, _ in os.walk("/sys/fs/cgroup"):
            found += [os.path.join(path, name) for name in folders if re.search(r"kubepods|sampan|cri-containerd", name)]
        return sorted(found)


class Cluster:
    """One server with its node, in directories and on ports of its own."""

    def __init__(self, name="e2e", port=16443, kubelet_port=20250):
        self.data_dir = pathlib.Path(f"/tmp/sampan-{name}/data")
        self.run_dir = pathlib.Path(f"/tmp/sampan-{name}/run")
        self.port = port
        self.binary = BINARY
        self.kubelet_port = kubelet_port
        self.flags = f"--kubelet-port {kubelet_port}"
        self.kubectl_program = shutil.which("kubectl")
        self.process = None

    @property
    def kubeconfig(self):
        return self.data_dir / "admin.kubeconfig"

    @property
    def environment(self):
        return {"SAMPAN": str(self.binary), "SAMPAN_DATA_DIR": str(self.data_dir), "SAMPAN_RUN_DIR": str(self.run_dir),
                "SAMPAN_PORT": str(self.port), "SAMPAN_FLAGS": self.flags, "SAMPAN_PATIENCE": str(FACTOR),
                "KUBECONFIG": str(self.kubeconfig)}

    def script(self, name, timeout=400):
        return run(ROOT / "tools/cluster" / name, timeout=timeout, env=self.environment)

    def pid(self):
        return int((self.run_dir / "sampan.pid").read_text())

    def log_tail(self):
        log = self.data_dir / "sampan.log"
        return log.read_text(errors="replace")[-6000:] if log.exists() else "(no log)"

    def start_server(self, interval=0.1):
        """Only the server, for tests that stop and kill it."""
        with open(self.data_dir / "sampan.log", "ab") as log:
            self.process = subprocess.Popen([str(self.binary), "server", "--data-dir", str(self.data_dir), "--run-dir",
                                             str(self.run_dir), "--secure-port", str(self.port), *self.flags.split()],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        poll("the API server ready", 30, lambda: self.get("/readyz") == "ok", interval)

    def kill_server(self):
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        poll("the server to be gone", 10, lambda: not alive(pid))

    def get(self, path, address=None):
        """Without credentials, from the server or from another address."""
        context = ssl._create_unverified_context()
        with urllib.request.urlopen(f"https://{address or f'127.0.0.1:{self.port}'}{path}", context=context,
                                    timeout=5 * FACTOR) as answer:
            return answer.read().decode()

    def kubectl(self, *words, check=True, text_input=None, timeout=120, program=None):
        return run(program or self.kubectl_program, "--kubeconfig", self.kubeconfig, *words, check=check,
                   text_input=text_input, timeout=timeout)

    def json(self, *words):
        return json.loads(self.kubectl("get", *words, "-o", "json").stdout)

    def ctr(self, *words):
        socket = self.run_dir / "containerd/containerd.sock"
        return run("ctr", "--address", socket, "--namespace", "k8s.io", *words).stdout

    def tasks(self):
        """The running containers' processes: {container id: pid}."""
        rows = [line.split() for line in self.ctr("tasks", "list").splitlines()[1:]]
        return {row[0]: int(row[1]) for row in rows if row[2] == "RUNNING"}


def alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def http(url, data=None, timeout=5):
    """(status, text); redirects are followed."""
    try:
        with urllib.request.urlopen(url, data=data, timeout=timeout * FACTOR) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as fault:
        return fault.code, fault.read().decode(errors="replace")
