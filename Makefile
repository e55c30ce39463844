# The commands people type. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BUILD := $(CURDIR)/build
PYTHON := $(CURDIR)/.venv/bin/python
SOURCES := Package.swift $(shell find Sources include -type f)
TOOL := $(BUILD)/bin/prognos
LIBRARY := $(BUILD)/lib/libprognos.so
CMAKE_STAMP := $(BUILD)/cmake/build.ninja
HOSTED := .build
SANITIZED := .build-tsan

.PHONY: help
help: ## list these commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

.PHONY: setup
setup: ## install what is missing: Debian packages, a Python environment in .venv
	@scripts/setup

.PHONY: build
build: $(LIBRARY) $(TOOL) ## build the library that ships into build/lib, the command into build/bin

$(LIBRARY): $(SOURCES) scripts/build-library
	@scripts/setup
	scripts/build-library $(BUILD)/lib
	@touch -h $@

$(TOOL): $(SOURCES) scripts/build-tool
	@scripts/setup
	scripts/build-tool $(BUILD)/bin
	@touch $@

$(CMAKE_STAMP): CMakeLists.txt cmake/* Tests/CMakeLists.txt examples/c/CMakeLists.txt
	@scripts/setup
	cmake -S . -B $(BUILD)/cmake -G Ninja -DCMAKE_BUILD_TYPE=Release \
	  -DPython3_EXECUTABLE=$(PYTHON) --log-level=WARNING

.PHONY: demo
demo: build python $(CMAKE_STAMP) ## build and run the examples; print their profiles, leave profile.json
	@cmake --build $(BUILD)/cmake --target example_hello example_ingest example_async
	@echo; echo "== the C host: examples/c/ingest"
	$(BUILD)/cmake/examples/c/example_ingest --json profile.json
	@echo; echo "== the C host of coroutines: examples/c/async"
	$(BUILD)/cmake/examples/c/example_async
	@echo; echo "== the Python host: examples/python/ingest.py"
	PYTHONPATH=$(BUILD)/python $(PYTHON) examples/python/ingest.py
	@echo; echo "the C host's whole profile is in profile.json"

.PHONY: test
test: build test-c test-swift test-install ## build and run every test

.PHONY: test-c
test-c: build $(CMAKE_STAMP) ## the C, C++, ABI and Python tests against the shipped library, by ctest
	@cmake --build $(BUILD)/cmake
	ctest --test-dir $(BUILD)/cmake --output-on-failure --no-tests=error --parallel 2

.PHONY: test-python abi
test-python: build ## only the ABI, Python and tool tests, by pytest
	$(PYTHON) -m pytest -q -rs -p no:cacheprovider Tests/abi
	$(PYTHON) -m pytest -q -rs -p no:cacheprovider Tests/python
	$(PYTHON) -m pytest -q -rs -p no:cacheprovider Tests/tool

abi: build ## only the ABI tests: exports, header, hot functions, loading, samples
	$(PYTHON) -m pytest -q -rs -p no:cacheprovider Tests/abi

.PHONY: python test-bindings
python: build ## build the Python package into build/python: PYTHONPATH=build/python
	@scripts/build-python $(PYTHON) $(BUILD)/python

test-bindings: python ## only the tests of the Python package, with every CPython that is found
	PYTHONPATH=$(BUILD)/python $(PYTHON) -m pytest -q -rs -p no:cacheprovider bindings/python/tests
	scripts/test-python-versions $(BUILD)/python-versions

.PHONY: test-swift
test-swift: ## the unit tests, on the hosted build
	swift test --scratch-path $(HOSTED) --enable-code-coverage

.PHONY: test-install
test-install: build $(CMAKE_STAMP) ## install into a directory and use it from there
	@scripts/test-install $(BUILD)

.PHONY: package test-packages
package: build ## make the .deb, the tarball and the wheel in build/packages
	@scripts/make-packages $(BUILD)/packages

test-packages: package ## install each of them in a clean Debian root without Swift, and use it there (needs root)
	@scripts/test-packages $(BUILD)/packages

.PHONY: test-threads
test-threads: ## the unit tests under ThreadSanitizer
	swift test --scratch-path $(SANITIZED) --sanitize=thread

.PHONY: fuzz
fuzz: ## fuzz the readers of recordings with libFuzzer and AddressSanitizer for FUZZ_SECONDS (60)
	scripts/fuzz $${FUZZ_SECONDS:-60}

.PHONY: coverage
coverage: test-swift ## line coverage of Sources by the unit tests
	@scripts/coverage $(HOSTED)

.PHONY: bench bench-tracking
bench: build bench-tracking ## measure the hot path against counter reads and peers, and what bench-tracking does
	$(PYTHON) benchmarks/hot-path/run.py

bench-tracking: build ## measure memory, I/O and samples: their cost, peers, programs, accuracy
	$(PYTHON) benchmarks/tracking/run.py

.PHONY: bench-durations bench-suggestions
bench-durations: build ## measure how well durations of fourteen operations are predicted
	$(PYTHON) benchmarks/durations/run.py $(BUILD)/lib --json benchmarks/results/durations.json

bench-suggestions: build ## measure whether suggestions are right, and keep what they promise
	$(PYTHON) benchmarks/suggestions/run.py $(BUILD)/lib --json benchmarks/results/suggestions.json

.PHONY: bench-load bench-productivity
bench-load: build ## measure forecasts: M4=folder with Hourly-train.csv and Hourly-test.csv, NAB=copy of that benchmark
	$(PYTHON) benchmarks/load/run.py $(BUILD)/lib $(M4) $(if $(NAB),--nab $(NAB)) --json benchmarks/load/results.json

bench-productivity: build ## measure what competitors for a CPU cost, and simulate best hours
	$(PYTHON) benchmarks/productivity/run.py $(BUILD)/lib --processes 200 --scratch-path $(HOSTED) \
	  --json benchmarks/productivity/results.json

.PHONY: bench-bottlenecks
bench-bottlenecks: build ## measure bottlenecks of planted pipelines against what really faster operations bring
	$(PYTHON) benchmarks/bottlenecks/run.py $(BUILD)/lib --json benchmarks/results/bottlenecks.json

.PHONY: bench-python
bench-python: python ## measure what operations cost in Python, and whether a thousand tasks have their own
	PYTHONPATH=$(BUILD)/python $(PYTHON) benchmarks/python/cost.py --json benchmarks/results/python-cost.json
	PYTHONPATH=$(BUILD)/python $(PYTHON) benchmarks/python/tasks.py --json benchmarks/results/python-tasks.json

.PHONY: bench-cpp
bench-cpp: build ## measure scopes of C++ beside one of C
	$(CC) -O2 -std=c11 -Iinclude -c benchmarks/cpp/scope_c.c -o $(BUILD)/scope_c.o
	$(CXX) -O2 -std=c++17 -Iinclude -Ibindings/cpp benchmarks/cpp/scope.cpp $(BUILD)/scope_c.o -o $(BUILD)/bench-cpp \
	  -L$(BUILD)/lib -lprognos -Wl,-rpath,$(BUILD)/lib
	$(BUILD)/bench-cpp

.PHONY: aarch64
aarch64: ## compile for aarch64; run there under emulation where qemu-user is installed
	@scripts/compile-aarch64 $(BUILD)/aarch64

.PHONY: lint
lint: ## check formatting
	swift format lint --strict --recursive Sources Tests Package.swift
	@if command -v clang-format >/dev/null; then \
	  git ls-files '*.c' '*.h' '*.cpp' '*.hpp' | xargs clang-format --dry-run --Werror; \
	else echo "skipped: clang-format is not installed"; fi
	$(CURDIR)/.venv/bin/ruff check .
	$(CURDIR)/.venv/bin/ruff format --check .

.PHONY: fmt
fmt: ## mend formatting
	swift format --in-place --recursive Sources Tests Package.swift
	git ls-files '*.c' '*.h' '*.cpp' '*.hpp' | xargs clang-format -i
	$(CURDIR)/.venv/bin/ruff check --fix .
	$(CURDIR)/.venv/bin/ruff format .

.PHONY: clean
clean: ## remove what was built
	rm -rf $(BUILD) .build .build-* profile.json
