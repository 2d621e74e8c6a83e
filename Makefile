# The verbs of proaktiv. Needs Python 3.11+, make and a network to PyPI; everything else is set up here.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := PYTHONPATH=.tools $(PYTHON) -m uv
GET_UV := $(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .tools uv
STAMP  := $(VENV)/.locked

# Where the flow log's twenty-five tests stand that go further in full.
FLOWLOG := tests/flowlog tests/keys tests/core/test_merkle.py

.DEFAULT_GOAL := help
.PHONY: help env test exhaustive check demo bench oracle events-docs words screens lock format clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(STAMP) ## build .venv from requirements.lock

# A machine without ensurepip has no `python -m venv`: pip fetches uv into .tools, uv builds the environment.
$(STAMP): requirements.lock pyproject.toml
	@echo "Building $(VENV) from requirements.lock …"
	@test -d .tools/uv || $(PYTHON) -m pip --version > /dev/null 2>&1 || { echo "$(PYTHON) has no pip, which fetches the rest:\
 leave the environment you are in (deactivate), install your system's python3-pip, or name another one: make PYTHON=…"; exit 1; }
	@test -d .tools/uv || $(GET_UV)
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

test: env ## run every test
	$(BIN)/python -m pytest -q -n 3 --dist worksteal

exhaustive: env ## the rigs of chaos, fuzz, rules and the flow log at their full depth: an hour and more
	EXHAUSTIVE=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal tests/chaos tests/fuzz tests/rules $(FLOWLOG)

check: env ## format, lint, types, walls, migrations, tests: what a commit must pass
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory test

demo: env ## a simulated city of 40 events, log verified, stays up until Ctrl-C; ONCE=1 ends after the run
	@$(BIN)/proaktiv demo --events 40 $(if $(ONCE),--once --json)

bench: env ## measure, print ratios, write docs/performance.md; ONLY=flood one of them, QUICK=1 a short run
	$(BIN)/python -m tests.bench $(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick)

# GETTSIM is AGPL: an environment of its own, a separate process, and only its numbers come back.
oracle: $(STAMP) ## ask GETTSIM anew about Elterngeld and Kindergeld, into rules/geburt/faelle/oracle.json
	@test -d .tools/uv || $(GET_UV)
	@test -x .cache/oracle/bin/python || $(UV) venv --quiet --python $(PYTHON) .cache/oracle
	@$(UV) pip install --quiet --python .cache/oracle/bin/python gettsim==1.3.1
	@.cache/oracle/bin/python tests/oracle/gettsim_run.py rules/geburt/faelle/oracle.json $$(date +%F)

events-docs: env ## write docs/events anew: schema and example of each kind of event
	@$(BIN)/proaktiv events docs docs/events

words: env ## bring the pages' catalogues up to date with the sentences in templates and code
	@mkdir -p .cache
	@$(BIN)/pybabel -q extract -F pyproject.toml --no-location --sort-output -o .cache/pages.pot .
	@$(BIN)/pybabel -q update -i .cache/pages.pot -o proaktiv/web/locale/en.po -l en --omit-header --ignore-pot-creation-date --no-fuzzy-matching

screens: env ## take the README's screenshots anew (needs chromium)
	SCREENS=docs/screens $(BIN)/python -m pytest -q -n 0 tests/browser/test_screens.py

lock: ## pin versions and hashes anew (no index address goes into the file)
	@test -d .tools/uv || $(GET_UV)
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --group dev pyproject.toml -o requirements.lock

format: env ## let ruff write the files
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## throw the environment away
	rm -rf $(VENV) .tools .cache
