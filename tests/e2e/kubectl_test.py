"""What users do with kubectl, as tables of commands, with the oldest and newest releases that are at hand."""
import atexit
import os
import pathlib
import re
import shlex
import shutil
import tempfile

from cluster import ROOT, Failure, expect, poll, run
from control_plane import ControlPlane
from kubectl_tables import MANIFESTS, TABLES

# The releases between differ little: the tables in which they do.
VERSIONS = {"1.20": TABLES, "1.27": ["apply", "validate", "rollout", "access"], "1.33": TABLES}
ORDER = []

_plane = None
_folder = None


def plane_of(cluster):
    """The control plane of this module's tests, started by the first."""
    global _plane, _folder
    if _plane is None:
        _plane = ControlPlane("kubectl", 16643, cluster.binary)
        _plane.start_nodes()
        _folder = pathlib.Path(tempfile.mkdtemp(prefix="sampan-kubectl-manifests-"))
        for name, text in MANIFESTS.items():
            (_folder / name).write_text(text)
        (_folder / "big").write_text("x" * (4 * 1024 * 1024))
    return _plane


def finish():
    """After the module's last test."""
    global _plane, _folder
    if _plane is not None:
        _plane.stop()
        shutil.rmtree(_folder, ignore_errors=True)
    _plane = _folder = None


atexit.register(finish)


def debian_kubectl():
    """Debian 12's kubectl 1.20, unpacked below build/."""
    folder = ROOT / "build/kubectl-1.20"
    program = folder / "usr/bin/kubectl"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            fetched = run("sh", "-c", f"cd {scratch} && apt-get download -q kubernetes-client", check=False)
            packages = list(pathlib.Path(scratch).glob("*.deb"))
            if fetched.returncode != 0 or not packages:
                return None
            run("dpkg", "-x", packages[0], folder)
    return program


def program_of(version):
    """A release's program, or None."""
    if version == "1.20":
        return debian_kubectl()
    found = shutil.which("kubectl")
    beside = pathlib.Path(os.path.realpath(found)).parent / f"kubectl.{version}" if found else None
    return beside if beside is not None and beside.exists() else None


def number(version):
    return tuple(int(part) for part in version.split("."))


def applies(step, version):
    return number(step.get("since", "0")) <= number(version) < number(step.get("before", "9999"))


def take(plane, program, namespace, step):
    """Runs one command of a table and compares."""
    words = shlex.split(step["run"].replace("$NS", namespace))
    said = f"kubectl {' '.join(words)}"
    environment = {"EDITOR": step["editor"]} if "editor" in step else {}
    environment["HOME"] = str(_folder)

    def attempt():
        done = run(program, "--kubeconfig", plane.kubeconfig, "--namespace", namespace, *words, check=False,
                   text_input=step.get("input", "").replace("$NS", namespace), env=environment, timeout=60, cwd=_folder)
        output = done.stdout + done.stderr
        wanted = step.get("code", 0)
        expect(done.returncode == wanted, f"{said}: exit {done.returncode}, not {wanted}\n{output[-3000:]}")
        for text in step.get("says", []):
            pattern = text.replace("$NS", namespace)
            expect(re.search(pattern, output, re.MULTILINE), f"{said}: no /{pattern}/ in\n{output[-3000:]}")
        return True

    if step.get("within"):
        poll(said, step["within"], attempt)
    else:
        attempt()


def play(cluster, version, table):
    program = program_of(version)
    if program is None:
        return f"no kubectl {version} on this machine"
    plane = plane_of(cluster)
    namespace = f"{table.replace('_', '-')}-{version.replace('.', '-')}"
    plane.kubectl("create", "namespace", namespace)
    poll("the namespace's account", 10, lambda: plane.kubectl("-n", namespace, "get", "serviceaccount", "default"))
    faults = []
    for step in TABLES[table]:
        if applies(step, version):
            try:
                take(plane, program, namespace, step)
            except Failure as fault:
                faults.append(str(fault))
    plane.kubectl("delete", "namespace", namespace, "--wait=false")
    if faults:
        raise Failure("\n".join(faults))
    return None


def _define(version, table):
    def test(cluster):
        return play(cluster, version, table)

    test.__name__ = f"{table}_with_kubectl_{version.replace('.', '_')}"
    globals()[test.__name__] = test
    ORDER.append(test.__name__)


for _version, _tables in VERSIONS.items():
    for _table in _tables:
        _define(_version, _table)
