# `make` lists the commands.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup run test test-faults bench check

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --editable . --group dev
	@touch $(STAMP)

setup: $(STAMP) ## make the virtual environment

run: $(STAMP) ## start everything on this machine
	@exec $(BIN)/python manage.py standalone

test: $(STAMP) ## run the test suite
	@$(BIN)/python -m pytest -q

test-faults: $(STAMP) ## kill, freeze and cut everything under load, on both databases
	@$(BIN)/python -m tests.faults

bench: $(STAMP) ## measure beside raw Celery; writes bench/latest.json
	@$(BIN)/python -m bench

check: $(STAMP) ## lint, import contracts, migrations
	@$(BIN)/python -m ruff check .
	@$(BIN)/lint-imports
	@ORCHESTRATOR_HOME=$$(mktemp -d) $(BIN)/python manage.py makemigrations --check --dry-run
