#!/usr/bin/env python3
"""Runs every fuzzer of the asan preset's build for a short while, two at a time; the last line is the sum.

What a fuzzer finds worth keeping stays in --corpora, so that the next run begins where this one ended."""
import argparse
import concurrent.futures
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(fuzzer, seconds, seed, corpora):
    """None when the fuzzer found nothing, else what it printed of the fault."""
    seeds = ROOT / "tests/fuzz/seeds" / fuzzer.name
    corpus = corpora / fuzzer.name
    corpus.mkdir(parents=True, exist_ok=True)
    read = [str(corpus)] + ([str(seeds)] if seeds.is_dir() else [])
    done = subprocess.run([str(fuzzer), f"-max_total_time={seconds}", "-rss_limit_mb=2048", "-timeout=10", "-max_len=65536",
                           f"-seed={seed}", "-print_final_stats=0", *read], cwd=corpora, text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode == 0:
        return None
    return "\n".join(line for line in done.stdout.splitlines() if not line.startswith("#"))[-8000:]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1, help="where the mutations begin; 0 takes a new one (default: %(default)s)")
    parser.add_argument("--corpora", type=pathlib.Path, default=ROOT / "build/corpora",
                        help="where inputs and faults are kept, a directory a fuzzer (default: build/corpora)")
    arguments = parser.parse_args()
    fuzzers = sorted(path for path in (ROOT / "build/asan").rglob("*_fuzz") if path.is_file())
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for fuzzer, fault in zip(fuzzers, pool.map(lambda f: run(f, arguments.seconds, arguments.seed, arguments.corpora.resolve()), fuzzers)):
            print(f"{'ok' if fault is None else 'FAILED':7} {fuzzer.name} ({arguments.seconds} s)", flush=True)
            if fault is not None:
                failed += 1
                print(fault, flush=True)
    print(f"{len(fuzzers) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not fuzzers else 0


if __name__ == "__main__":
    sys.exit(main())
