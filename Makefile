# The project's commands. Each makes what it needs: a virtual environment in .venv, the native module.
#
#   make demo       the first thing to run: three transports against the embedded peer, under a minute
#   make test       all tests but the long ones        make test-all   the long ones
#   make bench      the benchmark table                make sanitize   C tests under ASan, UBSan, TSan
#   make coverage   lines of csrc that the tests reach      make valgrind   C tests without a leak
#   make libvapi    the library for C and C++ programs      make install-c  install it under PREFIX
#   make lint       ruff, mypy, clang-format           make docs       the documentation, into site/
#   make dev        an environment to work in

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
NATIVE := vapi_cffi/_native.abi3.so
SOURCES := $(wildcard csrc/*.c csrc/*.h csrc/include/*/*.h vapi_cffi/cdef/*.h) vapi_cffi/_ffi_build.py
C_FILES = $(wildcard csrc/*.c csrc/*.h csrc/include/*/*.h tests/native/*.c tests/native/*.h)
# One build at a time, also when several shells work in one checkout.
LOCK := flock $(VENV)/.lock

.PHONY: libvapi install-c demo dev install-dev test test-all bench sanitize valgrind lint format docs clean
.PHONY: coverage coverage-build coverage-run coverage-report
.DELETE_ON_ERROR:

demo: $(VENV)/.run $(NATIVE)
	@$(BIN)/vapi demo

dev install-dev: $(VENV)/.run $(VENV)/.test $(VENV)/.lint $(NATIVE)

test: $(VENV)/.run $(VENV)/.test $(NATIVE)
	$(BIN)/python -m pytest -m "not long" $(ARGS)

test-all: $(VENV)/.run $(VENV)/.test $(NATIVE)
	$(BIN)/python -m pytest -m long $(ARGS)
	$(MAKE) -C tests/native fuzz-smoke
	if command -v valgrind >/dev/null; then $(MAKE) -C tests/native valgrind; fi

bench: $(VENV)/.run $(VENV)/.test $(VENV)/.bench $(NATIVE)
	@$(BIN)/python -m bench $(ARGS)

sanitize:
	$(MAKE) -C tests/native check asan tsan

# An instrumented copy of the checkout in build/coverage, so that the normal build stays as it is;
# all tests run in it, C and Python. ARGS: for pytest; COVERED: fail below so many percent. Generated
# headers are left out. In steps, to add up runs: coverage-build, coverage-run (with ARGS),
# coverage-report.
COVERAGE := $(abspath build/coverage)
COVERED ?= 90
coverage: coverage-build
	@failed=0; $(MAKE) coverage-run || failed=1; $(MAKE) coverage-report || failed=1; exit $$failed

coverage-build: $(VENV)/.run $(VENV)/.test $(VENV)/.coverage
	@mkdir -p $(COVERAGE)
	@git ls-files -z --cached --others --exclude-standard --deduplicate | \
		xargs -0 ls -d 2>/dev/null | tar -c -T - | tar -x -C $(COVERAGE)
	@find $(COVERAGE) -name '*.gcda' -delete
	cd $(COVERAGE) && CFLAGS="-O0 --coverage -fprofile-update=atomic" LDFLAGS=--coverage \
		$(abspath $(BIN))/python setup.py -q build_ext --inplace

coverage-run:
	cd $(COVERAGE) && PYTHONPATH=$(COVERAGE) VAPI_NATIVE_VARIANTS=coverage \
		$(abspath $(BIN))/python -m pytest $(or $(ARGS),-m "not long")

coverage-report:
	cd $(COVERAGE) && $(abspath $(BIN))/gcovr --root . --filter csrc/ --exclude '.*\.api\.vapi\.h' \
		--gcov-ignore-errors=no_working_dir_found --fail-under-line $(COVERED) --txt -

# Leaks and reads of memory that nobody set, over all three transports.
valgrind: $(VENV)/.run
	$(MAKE) -C tests/capi PYTHON=$(abspath $(BIN))/python valgrind
	$(MAKE) -C tests/native valgrind

libvapi install-c:
	$(MAKE) -C csrc $@

lint: $(VENV)/.run $(VENV)/.lint $(NATIVE)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy generator
	$(BIN)/clang-format --dry-run --Werror $(C_FILES)

# Warnings are errors, links are checked offline.
docs: $(VENV)/.run $(VENV)/.docs $(NATIVE)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

format: $(VENV)/.lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(C_FILES)

$(VENV)/.lock:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "needs Python 3.11 or newer: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sysconfig, os, sys; sys.exit(not os.path.exists( \
		os.path.join(sysconfig.get_path("include"), "Python.h")))' || \
		{ echo "needs Python's headers: apt-get install python3-dev" >&2; exit 1; }
	@command -v $${CC:-cc} >/dev/null || { echo "needs a C compiler: apt-get install gcc" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "needs the venv module: apt-get install python3-venv" >&2; exit 1; }
	@touch $@

# Without isolation a changed source builds against what is here already, with no network.
$(VENV)/.run: pyproject.toml setup.py | $(VENV)/.lock
	@echo "installing into $(VENV)"
	@$(LOCK) sh -ec '$(PIP) install "setuptools>=77" "cffi>=1.17" && \
		$(PIP) install --no-build-isolation -e .'
	@touch $@ $(NATIVE)

$(VENV)/.test $(VENV)/.bench $(VENV)/.coverage $(VENV)/.lint $(VENV)/.docs: $(VENV)/.%: pyproject.toml | $(VENV)/.run
	@$(LOCK) $(PIP) install --no-build-isolation -e ".[$*]"
	@touch $@ $(NATIVE)

$(NATIVE): $(SOURCES) | $(VENV)/.run
	@echo "building $@"
	@$(LOCK) $(BIN)/python setup.py -q build_ext --inplace
	@touch $@

clean:
	rm -rf build dist site *.egg-info $(NATIVE) vapi_cffi/_native.c
	-$(MAKE) -C tests/native clean
