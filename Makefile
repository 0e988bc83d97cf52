# Nothing but Python 3.11 is needed: PostgreSQL and Redis come with the Python packages.
# A setting goes before or after the command: `PORT=8001 make run`, `make bench ONLY=door`.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
RUNTIME := .venv/.runtime-installed
DEVELOPMENT := .venv/.development-installed

.DEFAULT_GOAL := help
.PHONY: help setup run reset test check migration format rehearse rewritten day bench chaos chromium

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(RUNTIME) ## make .venv with what the product needs (the other commands do it themselves)

run: $(RUNTIME) ## start everything with a demo, and say where to go
	@$(BIN)/python -m bot.run

reset: $(RUNTIME) ## forget the data of `make run`
	@$(BIN)/python -m bot.run reset

test: $(DEVELOPMENT) chromium ## all the tests (ARGS= for pytest)
	$(BIN)/python -m pytest -n auto $(ARGS)

check: $(DEVELOPMENT) ## format, lint, types, layers, models against migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m bot.embedded.migrations

migration: $(DEVELOPMENT) ## write what the models have beside the migrations (NAME="Add x")
	@$(BIN)/python -m bot.embedded.migrations "$(NAME)"

format: $(DEVELOPMENT) ## put the code in form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

rehearse: $(DEVELOPMENT) ## play the written conversations (ONLY= one of them)
	$(BIN)/flask rehearse $(or $(ONLY),tests/conversations)

rewritten: $(DEVELOPMENT) ## the same, as others would type them (STYLE= accents, typos, sms, polite)
	$(BIN)/flask rehearse --rewritten $(or $(STYLE),all) $(or $(ONLY),tests/conversations)

day: $(DEVELOPMENT) ## the hundred messages of a day, and what became of them
	$(BIN)/flask day

bench: $(DEVELOPMENT) ## measure (ONLY= one of the benches)
	$(BIN)/python -m tests.bench $(ONLY)

chaos: $(DEVELOPMENT) ## everything dies at random, and nothing is lost (MESSAGES= SEED= MINUTES=)
	@$(BIN)/python -m tests.chaos --messages $(or $(MESSAGES),5000) --seed $(or $(SEED),1) \
	--minutes $(or $(MINUTES),10)

chromium:
	@command -v chromium >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Chromium is missing: installing Debian's package for the browser tests"; \
	  { apt-get update -q && apt-get install -y -q --no-install-recommends chromium; } \
	  || echo "It could not be installed: the browser tests will be skipped"; \
	else \
	  echo "Chromium is missing and this is not root with apt: the browser tests will be skipped"; \
	fi

$(BIN)/python:
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
	|| { echo "Python 3.11 is needed (make setup PYTHON=/where/it/is)" >&2; exit 1; }
	$(PYTHON) -m venv .venv

$(RUNTIME): requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(DEVELOPMENT): requirements-dev.txt $(RUNTIME)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
