#!/usr/bin/env python3
"""The house rules that a machine can check. Each rule is a function that yields `file:line: what, why and what to do`.

    tools/lint/verify.py            run every rule
    tools/lint/verify.py layers     run the named rules
    tools/lint/verify.py --self-test  check every rule against its good and its bad example
"""
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Tree:
    """The files a rule looks at: the repository's, or an example's."""

    def __init__(self, root, paths):
        self.root = root
        self.paths = paths

    def sources(self, *suffixes):
        for path in self.paths:
            if path.startswith(("src/", "tests/")) and path.endswith(suffixes):
                yield path, (self.root / path).read_text(errors="replace").splitlines()


def layers(tree):
    """An include may only point down the layers of tools/lint/layers.toml."""
    allowed = tomllib.loads((ROOT / "tools/lint/layers.toml").read_text())["layers"]
    for path, lines in tree.sources(".h", ".cc"):
        if not path.startswith("src/"):
            continue
        module = path.split("/")[1]
        test = path.endswith(("_test.cc", "_bench.cc", "_fuzz.cc")) or "/testing/" in path
        for number, line in enumerate(lines, 1):
            found = re.match(r'#include "([a-z_]+)/', line)
            if not found or found[1] == module or found[1] not in allowed:
                continue
            if found[1] not in allowed.get(module, []) and not test:
                yield (f"{path}:{number}: {module} may not include {found[1]}: arrows point down only. Move the code, or declare"
                       " an interface in a lower layer that the higher one implements")


def test_sleeps(tree):
    """A sleep in a test is either too short (flaky) or too long (slow)."""
    for path, lines in tree.sources("_test.cc"):
        for number, line in enumerate(lines, 1):
            if re.search(r"\b(sleep_for|sleep_until|usleep|nanosleep)\s*\(", line):
                yield f"{path}:{number}: a test sleeps. Use ManualClock, or wait for the condition itself"


def clock_in_plan(tree):
    """Plans must replay: time and chance are parameters."""
    for path, lines in tree.sources(".h", ".cc"):
        if not re.search(r"(plan|/plugins/)", path) or path.endswith(("_test.cc", "_bench.cc")):
            continue
        for number, line in enumerate(lines, 1):
            if re.search(r"(system_clock::now|steady_clock::now|std::random_device|\brand\()", line):
                yield f"{path}:{number}: a plan reads the clock or chance. Take `WallTime now` or `Rng&` as a parameter"


def unfinished(tree):
    """What is not done is not in the tree."""
    for path, lines in tree.sources(".h", ".cc", ".py", ".sh"):
        for number, line in enumerate(lines, 1):
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line) or re.search(r"^\s*#if 0\b", line):
                yield f"{path}:{number}: unfinished work. Finish it, or file it outside the tree"
            if re.search(r"\b(TEST|TEST_F|TEST_P)\(\w+, DISABLED_", line) or re.match(r"\s*//\s*(TEST|TEST_F)\(", line):
                yield f"{path}:{number}: a switched-off test. Repair it or remove it"


def naked_new(tree):
    """Ownership is a type: values first, then unique_ptr."""
    for path, lines in tree.sources(".h", ".cc"):
        for number, line in enumerate(lines, 1):
            code = line.split("//")[0]
            if re.search(r"(^|[=(,\s])delete(\[\])?\s+\w", code) and "= delete" not in code and "\"" not in code:
                yield f"{path}:{number}: naked delete. Give the object an owner (unique_ptr, a container, a value)"


def file_size(tree):
    """A file past 600 lines does two jobs."""
    for path, lines in tree.sources(".h", ".cc"):
        if len(lines) > 600 and not path.endswith(("_test.cc",)):
            yield f"{path}:1: {len(lines)} lines. A file past 600 lines does two jobs: split it by job"


def third_party_in_headers(tree):
    """A public header is a page one can use without knowing the library behind it."""
    banned = re.compile(r'#include [<"](boost/asio|openssl|nghttp2|rocksdb|grpc|google/protobuf|yaml-cpp|spdlog|CLI|nftables|netlink)')
    for path, lines in tree.sources(".h"):
        if path.endswith("_internal.h") or "/detail/" in path or "/engine/" in path or path.startswith("tests/"):
            continue
        for number, line in enumerate(lines, 1):
            if banned.search(line):
                yield f"{path}:{number}: a third-party type in a public header. Hide it in the .cc or in a *_internal.h"


def formatting(tree):
    """One style, by clang-format; `make fix` applies it."""
    if tree.root != ROOT:
        return
    files = [path for path, _ in tree.sources(".h", ".cc")]
    for start in range(0, len(files), 40):
        done = subprocess.run(["clang-format-19", "--dry-run", "-Werror", *files[start:start + 40]], cwd=ROOT, text=True,
                              capture_output=True)
        for path in sorted(set(re.findall(r"^(\S+?):\d+:\d+: error", done.stderr, re.M))):
            yield f"{path}:1: not formatted. Run `make fix`"


def headers_alone(tree):
    """A header compiles alone: whoever includes it needs nothing before it."""
    if tree.root != ROOT:
        return
    build = ROOT / "build/dev"
    headers = [path for path, _ in tree.sources(".h") if path.startswith("src/") and path != "src/base/pch.h"]
    if not (build / "gen").is_dir():
        print("  headers_alone: build/dev is not built yet; headers that need generated code are left out")
        headers = [h for h in headers if not re.search(r'#include "(api/types/|node/cri/)', (ROOT / h).read_text())]

    def check(header):
        done = subprocess.run(["clang++-19", "-std=c++23", "-fcoro-aligned-allocation", "-fsyntax-only", "-w", "-x", "c++", "-Isrc", f"-I{build}/gen", "-isystem", "/usr/include/libnl3",
                               header],
                              cwd=ROOT, text=True, capture_output=True)
        if done.returncode:
            first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[:200])
            return f"{header}:1: does not compile alone: {first}"
        return None

    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        yield from (fault for fault in pool.map(check, headers) if fault)


RULES = [layers, test_sleeps, clock_in_plan, unfinished, naked_new, file_size, third_party_in_headers, formatting, headers_alone]

# rule -> (path, good text, bad text)
EXAMPLES = {
    layers: ("src/scheduler/queue.cc", '#include "api/kind.h"\n', '#include "store/store.h"\n'),
    test_sleeps: ("src/dns/dns_test.cc", "clock.Advance(10s);\n", "std::this_thread::sleep_for(10s);\n"),
    clock_in_plan: ("src/scheduler/plugins/fit.cc", "bool Fit(TimePoint now);\n", "auto now = std::chrono::system_clock::now();\n"),
    unfinished: ("src/dns/dns.cc", "int x = 1;\n", "int x = 1;  // TO" + "DO: two\n"),
    naked_new: ("src/dns/dns.cc", "Dns(const Dns&) = delete;\n", "  delete zone;\n"),
    file_size: ("src/dns/dns.cc", "int x;\n" * 600, "int x;\n" * 601),
    third_party_in_headers: ("src/net/server.h", "#include <memory>\n", "#include <openssl/ssl.h>\n"),
}


def self_test():
    faults = 0
    for rule, (path, good, bad) in EXAMPLES.items():
        for text, expected in ((good, False), (bad, True)):
            with tempfile.TemporaryDirectory(prefix="sampan-lint-") as scratch:
                file = pathlib.Path(scratch) / path
                file.parent.mkdir(parents=True)
                file.write_text(text)
                if any(rule(Tree(pathlib.Path(scratch), [path]))) != expected:
                    print(f"{rule.__name__}: {'misses its bad' if expected else 'refuses its good'} example")
                    faults += 1
    return faults


def main():
    arguments = sys.argv[1:]
    if arguments == ["--self-test"]:
        return 1 if self_test() else 0
    listing = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True,
                             capture_output=True, check=True)
    tree = Tree(ROOT, [path for path in listing.stdout.splitlines() if (ROOT / path).is_file()])
    faults = self_test()
    for rule in RULES:
        if arguments and rule.__name__ not in arguments:
            continue
        found = list(rule(tree))
        faults += len(found)
        print(f"{'ok' if not found else 'FAILED':7} {rule.__name__}: {rule.__doc__}")
        for fault in found:
            print(f"  {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
