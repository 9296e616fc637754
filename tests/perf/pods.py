"""Times pods from their creation to the event that says they are ready, and what of that the container runtime took."""
import contextlib
import dataclasses
import datetime
import http.client
import json
import os
import pathlib
import re
import ssl
import threading
import time

from cluster import Failure, poll

PODS = "/api/v1/namespaces/default/pods"
# What containerd writes when a call of the runtime interface begins and when it has ended.
BEGINS = {"sandbox": re.compile(r"RunPod[Ss]andbox for"), "create": re.compile(r"CreateContainer within sandbox"),
          "start": re.compile(r"StartContainer for")}
ENDED = {"sandbox": "returns sandbox id", "create": "returns container id", "start": "returns successfully"}
LINE = re.compile(r'time="([0-9T:.\-]+)Z" level=info msg="(.*)"')


@dataclasses.dataclass
class PodTimes:
    took: float  # seconds from the first POST to the last event of Ready
    in_runtime: float  # seconds between the beginnings and the ends of the runtime's calls; of one pod only
    processor: float  # seconds of processor time of server and agent


class PodBench:
    """Makes pods that sleep on the cluster's one node, and removes them again."""

    def __init__(self, cluster, image):
        self.cluster = cluster
        self.image = image
        tls = cluster.data_dir / "tls"
        self.context = ssl.create_default_context(cafile=str(tls / "ca.crt"))
        self.context.load_cert_chain(str(tls / "admin.crt"), str(tls / "admin.key"))
        self.runtime_log = cluster.data_dir / "agent/containerd/containerd.log"

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.cluster.port, context=self.context, timeout=100)

    def processor_seconds(self):
        """Of both processes."""
        total = 0
        for pid in (self.cluster.process.pid, int((self.cluster.run_dir / "agent.pid").read_text())):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")

    def ask(self, connection, method, path, body=None):
        connection.request(method, path, body and json.dumps(body), {"content-type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status > 299:
            raise Failure(f"{method} {path}: {answer.status} {text[:300]!r}")

    def pod(self, name):
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"bench": name}},
                "spec": {"terminationGracePeriodSeconds": 0,
                         "containers": [{"name": "c", "image": self.image, "command": ["sleep", "3600"]}]}}

    def watch(self):
        """A connection with a watch of all pods, which begins with those that are there."""
        connection = self.connect()
        connection.request("GET", f"{PODS}?watch=true")
        return connection, connection.getresponse()

    @staticmethod
    def read(stream, enough):
        """Shows the events of a watch to `enough` until that is content or the watch ends."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            while line := stream.readline():
                if enough(json.loads(line)["object"]):
                    return

    def run(self, prefix, count):
        names = {f"{prefix}-{n}" for n in range(count)}
        waiting = set(names)
        ready_at = [0.0]

        def ready(pod):
            conditions = pod.get("status", {}).get("conditions", [])
            is_ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
            if is_ready and pod["metadata"]["name"] in waiting:
                waiting.discard(pod["metadata"]["name"])
                ready_at[0] = time.monotonic()
            return not waiting

        watch, stream = self.watch()
        writer = self.connect()
        reader = threading.Thread(target=self.read, args=(stream, ready), daemon=True)
        used, began, began_wall = self.processor_seconds(), time.monotonic(), time.time()
        reader.start()
        for name in sorted(names):
            self.ask(writer, "POST", PODS, self.pod(name))
        reader.join(90)
        if waiting:
            raise Failure(f"{len(waiting)} of {count} pods were not ready within 90 s")
        times = PodTimes(ready_at[0] - began, self.in_runtime(began_wall), self.processor_seconds() - used)
        watch.close()
        for name in sorted(names):
            self.ask(writer, "DELETE", f"{PODS}/{name}")
        writer.close()
        # Nothing of these pods runs beside those that are measured next.
        poll("the pods' containers to be removed", 60, lambda: self.cluster.ctr("containers", "list", "-q") == "")
        return times

    def in_runtime(self, since):
        """The sum of the runtime's calls of the pod that was made since."""
        total, began = 0.0, {}
        for line in self.runtime_log.read_text(errors="replace").splitlines():
            found = LINE.match(line)
            if not found:
                continue
            at = datetime.datetime.fromisoformat(found[1][:26] + "+00:00").timestamp()
            if at < since:
                continue
            for call, pattern in BEGINS.items():
                if not pattern.match(found[2]):
                    continue
                if ENDED[call] not in found[2]:
                    began[call] = at
                elif call in began:
                    total += at - began.pop(call)
        return total
