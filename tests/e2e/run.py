#!/usr/bin/env python3
"""The end-to-end tests: a real cluster on this machine, real containers, a stock kubectl.

    tests/e2e/run.py              all, in order (each builds on the cluster that the first starts)
    tests/e2e/run.py NAME...      the cluster, then the named tests

Prints `ok|FAILED|skipped NAME ...` a test. Needs root and a build; cluster.py says how to choose which. Whatever a sanitizer
in it reports, in whichever process, fails the run.
"""
import os
import subprocess
import sys
import tempfile
import time
import traceback

import bad_input_test
import demo_test
import hostile_test
import kubectl_test
import processes_test
import server_test
from cluster import ROOT, Cluster, Failure, Machine

sys.path.insert(0, str(ROOT / "tools/test"))
import sanitizers  # noqa: E402


def tests():
    """In the order they run: (name, function). A module's `finish` ends what its tests share."""
    for module, names in ((server_test, server_test.ORDER), (kubectl_test, kubectl_test.ORDER),
                          (bad_input_test, bad_input_test.ORDER), (demo_test, demo_test.ORDER),
                          (hostile_test, hostile_test.ORDER), (processes_test, processes_test.ORDER),
                          (demo_test, demo_test.END)):
        for name in names:
            yield f"{module.__name__}.{name}", getattr(module, name)
        getattr(module, "finish", lambda: None)()


def remove(tree):
    """Python's own removal recurses, and what hostile pods leave is deep."""
    subprocess.run(["rm", "-rf", "--", str(tree)], check=False)


def main():
    if os.geteuid() != 0:
        print("skipped all: a node needs root")
        return 0
    with tempfile.TemporaryDirectory(prefix="sampan-e2e-reports-") as folder:
        os.environ.update(sanitizers.reporting_to(folder))
        try:
            failed = run_tests(sys.argv[1:])
        finally:
            reports = sanitizers.reports(folder)
            for name, text in reports.items():
                print(f"FAILED sanitizer {name}:\n{text}")
    return 1 if failed or reports else 0


def run_tests(wanted):
    """How many failed."""
    # Made before anything is timed, for their packages come over the network.
    subprocess.run([ROOT / "demo/images.sh", "build"], check=True)
    cluster = Cluster()
    cluster.before = Machine.snapshot()
    remove(cluster.data_dir.parent)
    failed = 0
    try:
        for name, function in tests():
            if wanted and name not in wanted and function.__name__ != "make_up_starts_the_cluster":
                continue
            started, broken = time.monotonic(), False
            try:
                reason = function(cluster)
                state = f"skipped {name}: {reason}" if reason else f"ok {name}"
            except Exception as fault:  # a broken test must not hide the ones after it
                failed += 1
                state = f"FAILED {name}"
                broken = function.__name__ == "make_up_starts_the_cluster"
                print(fault if isinstance(fault, Failure) else traceback.format_exc())
                print("the server's last lines:\n" + cluster.log_tail())
            print(f"{state} ({time.monotonic() - started:.1f} s)", flush=True)
            if broken:
                break  # every test after it needs the cluster
    finally:
        cluster.script("down.sh")
        remove(cluster.data_dir.parent)
    return failed


if __name__ == "__main__":
    sys.exit(main())
