# `make` lists the commands.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
INTEGRATIONS ?= .venv-integrations
# Tests are shared out over two processes, file by file and in order; each has its own Redis, database and home.
SHARED := -n 2 --dist loadscope --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup run test test-all test-faults test-simulation test-conformance test-integrations compat bench screenshots demo-data check docs texts verify clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --editable . --group dev
	@touch $(STAMP)

setup: $(STAMP) ## make the virtual environment

run: $(STAMP) ## start everything on this machine; Ctrl-C stops it
	@exec $(BIN)/python manage.py standalone

test: $(STAMP) ## run the test suite on SQLite, and what works on rows on PostgreSQL too
	@$(BIN)/python -m pytest -q $(SHARED)
	@TEST_DATABASE=postgresql $(BIN)/python -m pytest -q $(SHARED) tests/dags_app tests/runs_app tests/api tests/access/test_refusals.py tests/faults

test-all: export API_CASES := $(or $(API_CASES),5000)
test-all: export API_SEED := $(or $(API_SEED),$(shell date +%Y%m%d))
test-all: export SIMULATION_SEEDS := $(or $(SIMULATION_SEEDS),2000)
test-all: test test-conformance test-faults ## test at the size of a night: 5,000 API cases (API_SEED), 2,000 simulation seeds, conformance, faults

test-faults: $(STAMP) ## kill, freeze and cut everything under load, on both databases
	@$(BIN)/python -m tests.faults

test-conformance: $(STAMP) ## hold runs, schedules, clears, ... against Airflow's recorded answers; CASES="runs clear-12" for some
	@$(BIN)/python -m tests.conformance $(CASES)

test-simulation: $(STAMP) ## live through 2,000 seeds of the engine's steps, deaths and lost messages (SIMULATION_SEEDS)
	@SIMULATION_SEEDS=$${SIMULATION_SEEDS:-2000} $(BIN)/python -m pytest -q tests/simulation

$(INTEGRATIONS)/.installed: pyproject.toml constraints.txt tests/integrations/providers.txt tests/integrations/counterparts.txt
	@test -x $(INTEGRATIONS)/bin/python || $(PYTHON) -m venv $(INTEGRATIONS)
	@$(INTEGRATIONS)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1" uv
	@PYTHONWARNINGS=ignore $(INTEGRATIONS)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --editable . --group dev \
	  -r tests/integrations/counterparts.txt
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && ORCHESTRATOR_HOME="$$home" UV_NO_PROGRESS=1 \
	  $(INTEGRATIONS)/bin/python manage.py providers install $$(sed '/^#/d' tests/integrations/providers.txt) \
	  $$(pkg-config --exists mysqlclient 2>/dev/null && echo mysql)
	@$(PYTHON) -m venv $(INTEGRATIONS)/dbt && $(INTEGRATIONS)/dbt/bin/pip install --quiet --disable-pip-version-check 'dbt-core<1.11' dbt-duckdb
	@! command -v npm >/dev/null || npm install --silent --no-fund --no-audit --prefix $(INTEGRATIONS)/node azurite
	@touch $@

test-integrations: $(INTEGRATIONS)/.installed ## run the examples with real provider packages against real counterparts, in an environment of its own; TESTS=tests/integrations/test_amazon.py for some
	@PATH="$(CURDIR)/$(INTEGRATIONS)/bin:$(CURDIR)/$(INTEGRATIONS)/dbt/bin:$(CURDIR)/$(INTEGRATIONS)/node/node_modules/.bin:$$PATH" \
	  $(INTEGRATIONS)/bin/python -m pytest -q $${TESTS:-tests/integrations}

compat: $(STAMP) ## see which public DAG files of all three eras run here; fetches the packages that carry them
	@$(BIN)/python -m tests.public

bench: $(STAMP) ## measure beside raw Celery; writes bench/latest.json
	@$(BIN)/python -m bench

screenshots: $(STAMP) ## take a picture of every page, into docs/images; PAGES="home grid" for some
	@$(BIN)/python -m tests.screenshots $(PAGES)

demo-data: $(STAMP) ## make the reference data in ./var/demo: 500 DAGs, a year of runs; SIZES="--dags 40 --runs 20" for less
	@export ORCHESTRATOR_HOME=$${ORCHESTRATOR_HOME:-var/demo} && export DAGS_FOLDER=$${DAGS_FOLDER:-$$ORCHESTRATOR_HOME/dags} && \
	  exec $(BIN)/python manage.py demo_data $(SIZES)

check: $(STAMP) ## lint, format, types, import contracts, migrations, deployment
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check --quiet .
	@$(BIN)/python -m mypy
	@$(BIN)/lint-imports
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && export ORCHESTRATOR_HOME="$$home" && \
	  $(BIN)/python manage.py makemigrations --check --dry-run && \
	  HTTPS=true $(BIN)/python manage.py check --deploy --fail-level WARNING

docs: $(STAMP) ## write the reference pages that are made from the code
	@$(BIN)/python -m tests.docs

texts: $(STAMP) ## mark, collect and compile the texts of pages in each language
	@$(BIN)/python -m tests.texts mark

verify: $(STAMP) ## see whether the documents say what is there
	@$(BIN)/python -m pytest -q tests/docs

clean: ## delete what was made here, but for ./var (database, keys, logs)
	@rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +
