# Everything a developer or CI does with this repository; `make help` lists it.
# The virtual environment is made on first use and renewed when pyproject.toml or a lock changes.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV ?= .venv
# Narrow a test run: make test T=tests/codec
T ?= tests
# Newer Pythons that `make test-all` looks for.
NEWER ?= 3.12 3.13 3.14

ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
EXE := .exe
else
BIN := $(VENV)/bin
EXE :=
endif
PY := $(BIN)/python$(EXE)
PIP := $(PY) -m pip --disable-pip-version-check --quiet
# Wheels only: what an sdist is built with would come without hashes. Where a system has no wheel of
# a tool, `make WHEELS= dev` builds it all the same.
WHEELS ?= --only-binary=:all:
LOCKED := $(PIP) install --require-hashes $(WHEELS)
# pip knows no hash of a folder: the package itself is a step of its own, which fetches nothing.
EDITABLE := $(PIP) install --no-index --no-deps --no-build-isolation --editable .
# -P: the tests see the installed packages, not the folder `cli` of the working directory.
PYTEST := $(PY) -P -m pytest -q
# The whole suite runs on all cores, each file in one process.
SPREAD ?= -n auto --dist loadfile
RUN_STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev

.PHONY: help demo dev test test-all test-newer test-here test-loops test-packaging lint format type proto \
        proto-check grpcjs integration bench docs docs-tables captures offline build lock lock-check \
        audit ci clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(RUN_STAMP) ## Set up, then show plant values moving, from a simulator in the same process.
	@$(BIN)/mxgw-py$(EXE) demo

dev: $(DEV_STAMP) ## Set up everything a developer needs.

test: $(DEV_STAMP) ## Set up, then run the tests (asyncio and trio) with a coverage report.
	$(PYTEST) $(SPREAD) --cov --cov-report=term -m "not slow and not network" $(T)

test-all: $(DEV_STAMP) ## Run every test, slow ones and those that need a package index too, also on newer Pythons.
	$(PYTEST) --cov --cov-report=term $(T)
	@for version in $(NEWER); do \
	  $(MAKE) --no-print-directory test-newer VERSION=$$version T="$(T)" || exit 1; \
	done

# One newer Python: found on PATH or among pyenv's, else skipped visibly.
test-newer:
	@found=""; \
	for candidate in python$(VERSION) \
	    "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$(VERSION)*/bin/python$(VERSION); do \
	  if "$$candidate" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "$(VERSION)")' \
	      >/dev/null 2>&1; then found="$$candidate"; break; fi; \
	done; \
	if [ -z "$$found" ]; then echo "SKIPPED Python $(VERSION): not found on PATH or in pyenv"; \
	else echo "Python $(VERSION): $$found" && \
	  $(MAKE) --no-print-directory VENV=.venv-$(VERSION) PYTHON="$$found" test-here T="$(T)"; fi

test-here: $(DEV_STAMP)
	$(PYTEST) $(T)

# What waits and schedules, on loops that nobody has to have: VENV=... picks their Python.
LOOPS_T ?= tests/transport tests/events tests/client tests/tags tests/loops
test-loops: $(DEV_STAMP) ## Run the tests of what waits on asyncio with eager tasks and on uvloop.
	@for loop in eager uvloop; do \
	  if reason=$$(PYTHONPATH=tests $(PY) -c "import event_loops; print(event_loops.absent('$$loop'))"); \
	  then if [ -n "$$reason" ]; then echo "SKIPPED $$loop: $$reason"; continue; fi; else exit 1; fi; \
	  echo "$$loop"; \
	  MXGATEWAY_TEST_LOOP=$$loop $(PYTEST) -m "not slow and not network" $(LOOPS_T) || exit 1; \
	done

test-packaging: $(DEV_STAMP) ## Check wheel, sdist and the pure-Python closure (needs a package index).
	$(PYTEST) -rs tests/packaging

lint: $(DEV_STAMP) ## Check style, formatting, the import contracts, security (bandit) and the locks.
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(BIN)/lint-imports$(EXE)
	$(PY) -m bandit -q -c pyproject.toml -r mxgateway cli
	$(PY) .ci/lock_check.py

format: $(DEV_STAMP) ## Rewrite the sources in the project's format.
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

type: $(DEV_STAMP) ## Check types (mypy strict).
	$(PY) -m mypy mxgateway cli tests
	$(PY) -m mypy benchmarks examples proto/generate.py docs/cli/generate.py docs/cli/schemas.py
	$(PY) -m mypy .ci/offline.py .ci/lock.py .ci/lock_check.py

proto: $(DEV_STAMP) ## Generate mxgateway/generated from proto/.
	$(PY) proto/generate.py

proto-check: $(DEV_STAMP) ## Fail where mxgateway/generated is not what proto/ generates.
	$(PY) proto/generate.py --check

# The packages are pinned in tests/grpcjs/package-lock.json; npm takes them from its registry.
grpcjs: ## Install grpc-js, the second independent gRPC stack of the tests (needs Node.js and npm).
	cd tests/grpcjs && npm ci --ignore-scripts --no-audit --no-fund

integration: $(DEV_STAMP) ## Check a live gateway; docs/integration.md names the variables to set.
	MXGATEWAY_INTEGRATION=1 $(PYTEST) -rs tests/integration

bench: $(DEV_STAMP) ## Measure codec, event stream, start-up and simulator, beside betterproto2 and grpcio.
	$(PY) benchmarks/codec.py
	$(PY) benchmarks/events.py
	$(PY) benchmarks/startup.py
	$(PY) benchmarks/tags.py
	$(PY) benchmarks/simulator.py

docs: $(DEV_STAMP) ## Run every command and snippet of README and docs, and check their links.
	$(PYTEST) tests/docs

offline: $(DEV_STAMP) ## Build mxgw-py.pyz and a wheelhouse for machines without network into dist/offline/.
	$(PY) .ci/offline.py

captures: $(DEV_STAMP) ## Draw the pictures of the command line in docs/captures.
	$(PY) docs/captures/generate.py

docs-tables: $(DEV_STAMP) ## Fill the generated tables of the docs from the code.
	$(PY) docs/tables.py
	$(PY) docs/cli/generate.py
	$(PY) docs/cli/schemas.py

build: $(DEV_STAMP) ## Build sdist and wheel into dist/.
	$(PY) .ci/distribution.py

# UPGRADE=--upgrade takes the newest of everything, UPGRADE=--upgrade-package=h2 of one project.
lock: $(PY) ## Write locks/ anew where pyproject.toml asks for it (needs a package index).
	$(PY) .ci/lock.py $(UPGRADE)
	$(MAKE) --no-print-directory lock-check

lock-check: $(DEV_STAMP) ## Fail where locks/ does not fit pyproject.toml.
	$(PY) .ci/lock_check.py

audit: $(PY) ## Look for known vulnerabilities of what is locked; fail where their database is out of reach.
	$(PY) .ci/lock.py --audit

ci: ## What CI runs: the demo with nothing but the runtime installed, then the checks, then the tests.
	$(MAKE) --no-print-directory demo
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory type
	$(MAKE) --no-print-directory proto-check
	$(MAKE) --no-print-directory build
	$(MAKE) --no-print-directory test-packaging
	@$(MAKE) --no-print-directory grpcjs || echo "grpc-js is not installed; its tests will be skipped"
	$(MAKE) --no-print-directory test

clean: ## Remove what builds and tests leave behind; the virtual environments stay.
	rm -rf build dist *.egg-info .coverage .coverage.* .mypy_cache .ruff_cache .hypothesis \
	  .import_linter_cache

$(RUN_STAMP): pyproject.toml locks/runtime.txt locks/build.txt | $(PY)
	@echo "Installing mxgateway and its dependencies into $(VENV)"
	@$(LOCKED) --requirement locks/runtime.txt --requirement locks/build.txt
	@$(EDITABLE)
	@touch $@

$(DEV_STAMP): pyproject.toml locks/dev.txt | $(PY)
	@echo "Installing mxgateway and its development tools into $(VENV)"
	@$(LOCKED) --requirement locks/dev.txt
	@$(EDITABLE)
	@touch $(RUN_STAMP) $@

# PYTHON=... picks the interpreter; without it the first of these that is new enough.
$(PY):
	@found=""; \
	for candidate in $(if $(PYTHON),"$(PYTHON)",python3 python3.14 python3.13 python3.12 python3.11 python); do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	  then found="$$candidate"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "mxgateway needs Python 3.11 or newer; found none as $(or $(PYTHON),python3)." >&2; \
	  echo "Install one, or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; \
	fi; \
	echo "Making $(VENV) with $$found"; \
	"$$found" -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "No virtual environment could be made; on Debian and Ubuntu: apt install python3-venv" >&2; \
	  exit 1; }
