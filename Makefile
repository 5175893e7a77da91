# make run | make test | make check | make bench. Needs Python 3.11 or newer and nothing else.

PYTHON := $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
TESTS  ?=
# Tests that run side by side (0: one after the other).
BESIDE ?= 2
# Packages of Debian that some tests drive; installed only when we may.
APT    := chromium chromium-driver postgresql pgbouncer $(if $(shell command -v npm),,nodejs npm)

.PHONY: help run test check format bench clean-venv
.DEFAULT_GOAL := help

help:  ## What can be done here
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 14

run: $(VENV)/.runtime  ## Install, create what is missing, and serve on http://127.0.0.1:9000
	@exec $(BIN)/python manage.py serve

test: $(VENV)/.development  ## Set up what the tests need and run the whole suite (TESTS=... for a part)
	@sh tests/system_packages.sh $(APT)
	@$(BIN)/python -m pytest -n $(BESIDE) --dist loadfile $(TESTS)

check: $(VENV)/.development  ## Lint, format, import directions, types, missing migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && \
		SLUICEGATE_HOME=$$home $(BIN)/python manage.py makemigrations --check --dry-run

format: $(VENV)/.development  ## Write the code the way that `check` wants it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.development  ## Measure listings, requests, memory and migrations, beside the peers (ARGS=--help)
	@$(BIN)/python -m benchmarks $(ARGS)

clean-venv:  ## Remove the virtual environment
	rm -rf $(VENV)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: there is no python3 on the PATH." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: $(PYTHON) is older." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is missing (on Debian: apt-get install python3-venv)." >&2; exit 1; }
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.txt | $(BIN)/python
	@echo "Installing what it needs into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.development: requirements.txt requirements-dev.txt | $(BIN)/python
	@echo "Installing what it and its tests need into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.runtime
