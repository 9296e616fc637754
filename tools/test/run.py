#!/usr/bin/env python3
"""Runs the test programs of one preset and, with --e2e, the end-to-end tests; the last line is the sum.

Every GoogleTest program that the build registered with ctest is run with a time limit. A failed test prints its output,
a skipped one its reason.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import sanitizers
from sanitizers import ROOT


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []


def programs(preset):
    """The registered test programs: (name, command)."""
    build = ROOT / "build" / preset
    listing = subprocess.run(["ctest", "--show-only=json-v1"], cwd=build, capture_output=True, text=True, check=True)
    return [(test["name"], test["command"]) for test in json.loads(listing.stdout)["tests"] if "command" in test]


def message(case):
    lines = [failure["failure"] for failure in case.get("failures", [])]
    lines += [skip["message"] for skip in case.get("skipped", [])]
    return "\n".join(lines)


def run_program(name, command, limit, tally):
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sampan-test-") as scratch:
        report = pathlib.Path(scratch) / "report.json"
        environment = {**os.environ, **sanitizers.OPTIONS, "TMPDIR": scratch}
        try:
            done = subprocess.run([*command, f"--gtest_output=json:{report}", "--gtest_brief=1"], cwd=ROOT, text=True,
                                  env=environment, timeout=limit, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  errors="replace")
            code, output = done.returncode, done.stdout
        except subprocess.TimeoutExpired as expired:
            code, output = "time limit", (expired.stdout or b"").decode(errors="replace")
        failed_before = len(tally.failed)
        if report.exists():
            for suite in json.loads(report.read_text())["testsuites"]:
                for case in suite["testsuite"]:
                    title = f"{name}: {suite['name']}.{case['name']}"
                    if case.get("failures"):
                        tally.failed.append(title)
                    elif case.get("result") == "SKIPPED":
                        tally.skipped.append(title)
                        print(f"  skipped {title}: {message(case).strip() or first_skip_reason(output)}")
                    elif case.get("status") == "RUN":
                        tally.passed += 1
        if code != 0 and len(tally.failed) == failed_before:
            tally.failed.append(f"{name}: ended with {code}")
    state = "ok" if len(tally.failed) == failed_before else "FAILED"
    print(f"{state:7} {name} ({time.monotonic() - started:.1f} s)", flush=True)
    if state == "FAILED":
        print(output[-20000:], flush=True)


def first_skip_reason(output):
    for line in output.splitlines():
        if "Skipped" in line:
            return line.strip()
    return "no reason printed"


def run_e2e(tally):
    """The end-to-end suite is a program of its own; its last lines are `ok|FAILED|skipped NAME ...`."""
    done = subprocess.Popen([sys.executable, str(ROOT / "tests/e2e/run.py")], cwd=ROOT, text=True, stdout=subprocess.PIPE)
    for line in done.stdout:
        print(line, end="", flush=True)
        word, _, rest = line.partition(" ")
        if word == "ok":
            tally.passed += 1
        elif word == "FAILED":
            tally.failed.append("e2e: " + rest.strip())
        elif word == "skipped":
            tally.skipped.append("e2e: " + rest.strip())
    if done.wait() != 0 and not any(name.startswith("e2e") for name in tally.failed):
        tally.failed.append(f"e2e: ended with {done.returncode}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="dev")
    parser.add_argument("--e2e", action="store_true", help="also run tests/e2e (root, real containers)")
    parser.add_argument("--only", nargs="+", help="only the programs with these names")
    parser.add_argument("--limit", type=float, default=600, help="seconds a program may run")
    arguments = parser.parse_args()

    tally = Tally()
    for name, command in programs(arguments.preset):
        if arguments.only is None or name in arguments.only:
            run_program(name, command, arguments.limit, tally)
    if arguments.e2e:
        run_e2e(tally)
    for title in tally.failed:
        print(f"failed: {title}")
    print(f"{tally.passed} passed, {len(tally.failed)} failed, {len(tally.skipped)} skipped")
    return 1 if tally.failed or tally.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
