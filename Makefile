# `make` alone lists the targets. Each one prepares what it needs by itself.
# Python packages come from requirements/*.txt, where every file is named with its hash (Python 3.11 to 3.13).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory --no-builtin-rules

PYTHON ?= python3
BIN := .venv/bin
DATABASE ?= sqlite
SEEDS ?= 1000
CHECKED := $(sort $(foreach folder,connector tests bench demo tools certs,$(if $(wildcard $(folder)/*.py),$(folder))))
# The pure rooms: every branch is covered by their own tests (settings in pyproject.toml, [tool.coverage]).
PURE := $(wildcard tests/unit/protocol tests/unit/policy tests/unit/evidence tests/unit/services/test_decide*.py tests/unit/net/test_backoff*.py)

.PHONY: help demo test check tck simulate bench image image-test system-deps lock format environment coverage clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: environment ## three connectors publish, negotiate, share and revoke real data (--keep: make demo ARGS=--keep)
	@$(BIN)/python -m demo.run $(ARGS)

test: coverage ## every test, on SQLite and, where it is installed, on PostgreSQL
	@echo "Running every other test, the slow ones and the simulation too (several minutes) ..."
	@$(BIN)/pytest -n 2 $(addprefix --ignore=,$(PURE)) $(ARGS)

check: environment ## format, lint, types, import walls, documentation and fast tests
	@echo "Checking the format, the style, the types and the import walls ..."
	@$(BIN)/ruff format --check --quiet $(CHECKED) || { echo "Not formatted: run 'make format'."; exit 1; }
	@$(BIN)/ruff check --quiet $(CHECKED)
	@$(BIN)/mypy $(CHECKED)
	@$(BIN)/lint-imports --no-logo >.cache/lint-imports.txt || { cat .cache/lint-imports.txt; exit 1; }
	@tail -n 1 .cache/lint-imports.txt
	@echo "Running the fast tests ..."
	@$(BIN)/pytest -n 2 -m 'not slow and not postgresql' --hypothesis-profile quick $(ARGS)

coverage: environment
	@echo "Running the tests of the pure rooms, whose every branch must be covered ..."
	@$(BIN)/coverage run -m pytest -p no:xdist $(PURE)
	@$(BIN)/coverage report

tck: environment ## the official conformance kit (DATABASE=sqlite or postgresql)
	@$(BIN)/python -m tests.conformance.run --database $(DATABASE) $(ARGS)

simulate: environment ## two parties on a network and disk that fail (SEEDS=n)
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS) $(ARGS)

bench: environment ## the figures of docs/reference/performance.md
	@$(BIN)/python -m bench.run $(ARGS)

image: ## the container image, with docker or buildah (BASE=image:tag for another base)
	@tools/image

image-test: ## build the image from a fresh Debian, start it, wait until it is ready, stop it
	@tools/image-test

system-deps: ## what Debian must provide for every test: PostgreSQL, Java and Maven
	@tools/system-deps

format: environment ## format the code and repair what can be repaired
	@$(BIN)/ruff check --quiet --fix-only $(CHECKED)
	@$(BIN)/ruff format --quiet $(CHECKED)

lock: ## renew requirements/*.txt from pyproject.toml (ARGS=--upgrade for newer versions)
	@tools/lock $(ARGS)

clean: ## remove the environment and every cache
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage* build dist *.egg-info

environment: .venv/.project | .cache

.cache:
	@mkdir -p .cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; name it with make PYTHON=..."; exit 1; }
	@echo "Making a Python environment in .venv ..."
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }

.venv/.packages: requirements/dev.txt | $(BIN)/python
	@echo "Installing the Python packages of requirements/dev.txt (about a minute) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

.venv/.project: pyproject.toml .venv/.packages
	@echo "Installing the connector as .venv/bin/connector ..."
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
