# Everything a developer does with fieldserve. `make` alone lists it.
#
# All it needs is make, a Python >= 3.11 with venv, and pip's package index. Each set of packages is installed once and
# again only when its lock changes: the stamp's name carries the checksum of the lock.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --silent

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check -qq
LOCKS := requirements

checksum = $(firstword $(shell cat $(1) | cksum))
VENV_STAMP := $(VENV)/.made
DEV_STAMP := $(VENV)/.dev-$(call checksum,$(LOCKS)/dev.lock)
SERVER_STAMP := $(VENV)/.server-$(call checksum,$(LOCKS)/build.lock $(LOCKS)/server.lock)
# The front end is built when the package is installed, so what it is built from counts, too.
PACKAGE_STAMP := $(VENV)/.package-$(call checksum,pyproject.toml hatch_build.py $(wildcard frontend/*.* frontend/src/*))

# Overridable: make test PYTEST='-k reservation -x'; make demo ARGS='--port 9000'; make prove WORLDS=200000
PYTEST ?=
ARGS ?=
WORLDS ?= 10000
DAYS ?= 1000
FUZZ ?= 200
WORKERS ?= 2

##@ Run

.PHONY: demo
demo: setup-server ## start the demo: server, console and a world to try things in (ARGS=…)
	@exec $(VENV)/bin/fieldserve demo $(ARGS)

##@ Work on it

.PHONY: console
console: setup ## build the console's scripts and styles from frontend/
	@$(PY) hatch_build.py


.PHONY: setup
setup: $(DEV_STAMP) ## make .venv with everything, from the hashed lock
	@$(MAKE) $(PACKAGE_STAMP)

.PHONY: setup-server
setup-server: ## make .venv with only what the server runs on (faster)
	@[ -e $(DEV_STAMP) ] || $(MAKE) $(SERVER_STAMP)
	@$(MAKE) $(PACKAGE_STAMP)

.PHONY: test
test: setup ## run all tests (PYTEST='…' passes options on)
	@$(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST)

.PHONY: check
check: setup ## lint, format, types, and who may import whom
	@echo "ruff check"; $(VENV)/bin/ruff check .
	@echo "ruff format"; $(VENV)/bin/ruff format --check .
	@echo "mypy"; $(VENV)/bin/mypy
	@echo "tsc"; $(PY) hatch_build.py check
	@echo "import-linter"; $(VENV)/bin/lint-imports --no-logo

.PHONY: format
format: setup ## rewrite the code as `make check` wants it
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

.PHONY: prove
prove: setup ## hold capacities against a slow second way, in WORLDS random worlds, and plans of DAYS random days against all rules
	@FIELDSERVE_WORLDS=$(WORLDS) FIELDSERVE_DAYS=$(DAYS) $(PY) -m pytest tests/prove -n $(WORKERS) -o timeout=0 $(PYTEST)

.PHONY: fuzz
fuzz: setup ## make FUZZ random requests of each kind for each operation, from the OpenAPI document
	@FIELDSERVE_FUZZ=$(FUZZ) $(PY) -m pytest tests/official/test_schemathesis.py -n $(WORKERS) -o timeout=0 $(PYTEST)

.PHONY: faults
faults: setup ## kill, cut and crowd the server at full size (minutes; a short form is part of `make test`)
	@FIELDSERVE_FAULTS=full $(PY) -m pytest tests/faults -o timeout=0 $(PYTEST)

.PHONY: bench
bench: setup ## run the benchmarks, or one: make bench BENCH=capacity
	@for name in $(or $(BENCH),capacity server client testing analytics console); do \
		echo "== benchmarks/$$name.py"; $(PY) -m benchmarks.$$name $(ARGS); done

.PHONY: bench-planning
bench-planning: setup ## measure planning against its peers (ARGS=…; FIELDSERVE_VRP=folder of instances)
	@$(PY) -m benchmarks.planning $(ARGS)

.PHONY: docs
docs: setup ## write the reference pages anew from the code
	@$(PY) docs/build.py $(ARGS)

.PHONY: pictures
pictures: setup ## take the pictures of the console anew, of a demo that runs (DEMO=its credentials.json; started with FIELDSERVE_WEBHOOK_TARGETS=any)
	@PYTHONPATH=. $(PY) docs/pictures.py $(or $(DEMO),fieldserve-demo/credentials.json)

.PHONY: lock
lock: $(VENV)-lock/.made ## resolve the dependencies anew (UPGRADE=1 takes newer versions)
	@tools/lock $(VENV)-lock/bin/uv $(if $(UPGRADE),--upgrade)

.PHONY: clean
clean: ## remove the environments, caches and everything built
	@rm -rf $(VENV) $(VENV)-lock .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

.PHONY: help
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo

# ---- the environment -------------------------------------------------------------------------------------------------

# PYTHON=… decides; otherwise the first of these that is new enough and can make an environment.
PYTHON ?=

define find_python
python=; \
for candidate in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python3.14); do \
	if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then python=$$candidate; break; fi; \
done; \
if [ -z "$$python" ]; then \
	echo "fieldserve needs Python 3.11 or newer, with its module venv (Debian: apt-get install python3-venv);" >&2; \
	echo "tried: $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python3.14). Name another with PYTHON=…" >&2; \
	exit 1; \
fi
endef

$(VENV_STAMP):
	@$(find_python); echo "making $(VENV) with $$("$$python" --version)"; "$$python" -m venv $(VENV)
	@touch $@

$(DEV_STAMP): | $(VENV_STAMP)
	@echo "installing everything from $(LOCKS)/dev.lock (a minute or two)"
	@$(PIP) install --no-compile --require-hashes -r $(LOCKS)/dev.lock
	@# Compiled here on all cores, and not on first import, where a dependency's warnings would fail a test.
	@$(PY) -W ignore -m compileall -qq -j 0 $(VENV)/lib || true
	@rm -f $(VENV)/.dev-*; touch $@

$(SERVER_STAMP): | $(VENV_STAMP)
	@echo "installing the server's packages from $(LOCKS)/server.lock"
	@$(PIP) install --no-compile --require-hashes -r $(LOCKS)/build.lock -r $(LOCKS)/server.lock
	@rm -f $(VENV)/.server-*; touch $@

$(PACKAGE_STAMP): | $(VENV_STAMP)
	@echo "installing fieldserve itself, editable"
	@$(PIP) install --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/.package-*; touch $@

$(VENV)-lock/.made:
	@$(find_python); echo "making $(VENV)-lock with uv"; "$$python" -m venv $(VENV)-lock
	@$(VENV)-lock/bin/python -m pip --disable-pip-version-check -qq install 'uv>=0.9'
	@touch $@
