"""A control plane without a node of its own, and simulated nodes that answer for its pods."""
import pathlib
import shutil
import signal
import subprocess
import tempfile

from cluster import FACTOR, Cluster, poll

NODES = 3


class ControlPlane(Cluster):
    """Started by its constructor; `stop` leaves nothing behind."""

    def __init__(self, name, port, binary, flags=()):
        super().__init__(name, port=port)
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix=f"sampan-{name}-"))
        self.binary = binary
        self.data_dir, self.run_dir = self.scratch / "data", self.scratch / "run"
        self.data_dir.mkdir()
        self.flags = " ".join(["--disable-agent", *flags])
        self.nodes = None
        self.start_server()

    def start_nodes(self):
        if self.nodes is not None:
            return
        with open(self.scratch / "nodes.log", "ab") as log:
            self.nodes = subprocess.Popen([str(self.binary), "simulate", "--kubeconfig", str(self.kubeconfig), "--nodes",
                                           str(NODES), "--name-prefix", "sim"],
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        poll("the simulated nodes ready", 20, lambda: self.kubectl("get", "nodes").stdout.count(" Ready ") == NODES)

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    def stop(self):
        for process in (self.nodes, self.process):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(timeout=10 * FACTOR)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        shutil.rmtree(self.scratch, ignore_errors=True)
