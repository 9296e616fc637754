# Sampan: the commands a person types. `make help` lists them.
.DEFAULT_GOAL := help
PRESET ?= release
TSAN_TESTS ?= async client net scheduler store
ALL_TESTS := $(filter-out cli,$(patsubst src/%/CMakeLists.txt,%,$(wildcard src/*/CMakeLists.txt)))
SIM_SEEDS ?= 3000
.PHONY: help setup build up down clean-data test test-all test-asan test-tsan test-e2e-asan test-e2e-tsan fuzz bench verify fix clean

help: ## list the commands
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: ## install every Debian package that building and running need
	@tools/setup/install.sh build run

build: ## build build/release/sampan (PRESET=dev|asan|tsan|fuzz for another)
	@tools/setup/install.sh build
	@tools/build.sh $(PRESET)

up: ## start a one-node cluster with the demo application and print how to reach it
	@tools/cluster/up.sh check
	@tools/setup/install.sh build run
	@tools/build.sh release sampan
	@tools/cluster/up.sh

down: ## stop the cluster; the state in /var/lib/sampan stays
	@tools/cluster/down.sh

clean-data: ## stop the cluster and remove its state
	@tools/cluster/down.sh
	@tools/cluster/clean_data.sh

test: ## simulations, unit, integration and end-to-end tests
	@tools/setup/install.sh build run
	@tools/build.sh dev
	@tools/build.sh release sampan sim_test
	@tools/test/run.py --preset release --only sim
	@tools/test/run.py --preset dev --e2e

test-all: ## everything: every suite under each sanitizer, SIM_SEEDS simulated clusters more, fuzzers for long; takes hours
	@$(MAKE) --no-print-directory test test-asan test-e2e-asan test-e2e-tsan
	@$(MAKE) --no-print-directory test-tsan TSAN_TESTS="$(ALL_TESTS)"
	@build/release/tests/sim/sim_test --first 1001 --seeds $(SIM_SEEDS)
	@FUZZ_SECONDS=600 $(MAKE) --no-print-directory fuzz

test-asan: ## unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/setup/install.sh build
	@tools/build.sh asan
	@tools/test/run.py --preset asan

test-e2e-asan: ## end-to-end tests of server and agent under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/setup/install.sh build run
	@tools/build.sh asan sampan
	@SAMPAN_E2E_BINARY=build/asan/sampan SAMPAN_E2E_FACTOR=5 tests/e2e/run.py

test-e2e-tsan: ## end-to-end tests of server and agent under ThreadSanitizer
	@tools/setup/install.sh build run
	@tools/build.sh tsan sampan
	@SAMPAN_E2E_BINARY=build/tsan/sampan SAMPAN_E2E_FACTOR=10 tests/e2e/run.py

test-tsan: ## unit tests of the modules TSAN_TESTS (default: those with threads of their own) under ThreadSanitizer
	@tools/setup/install.sh build
	@tools/build.sh tsan $(addsuffix _test,$(TSAN_TESTS))
	@tools/test/run.py --preset tsan --only $(TSAN_TESTS)

fuzz: ## every fuzzer for FUZZ_SECONDS each (default 10)
	@tools/setup/install.sh build
	@tools/build.sh asan
	@tools/test/fuzz.py --seconds $${FUZZ_SECONDS:-10}

bench: ## measure every figure of docs/benchmarks.md
	@tools/setup/install.sh build run
	@tools/build.sh release
	@tools/build.sh release benches
	@tests/perf/run.py

verify: ## formatting, layers, headers that compile alone, lints
	@tools/setup/install.sh build
	@tools/lint/verify.py

fix: ## repair what the lints can repair
	@clang-format-19 -i $$(git ls-files 'src/*.h' 'src/*.cc' 'tests/*.h' 'tests/*.cc')

clean: ## remove the build trees
	@rm -rf build
