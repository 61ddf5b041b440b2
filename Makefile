# Two commands matter: `make demo` opens the main job in JupyterLab, `make test` runs every check.
# Both set up what they need on a Debian machine with Python 3.11+, Node 20+ and root or sudo.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
ALLOW_ROOT := $(shell [ "$$(id -u)" = 0 ] && echo --allow-root)
APT := $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq

.PHONY: help demo test bench build format screenshots clean
.DELETE_ON_ERROR:

help: ## What can be made here
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.demo ## Set up and open examples/quickstart.ipynb in JupyterLab
	$(BIN)/jupyter lab $(ALLOW_ROOT) $(JUPYTER_ARGS) examples/quickstart.ipynb

test: $(VENV)/.test js/node_modules/.package-lock.json | chromium ## Set up and run every check: Python, TypeScript, browser, style, types, bundle
	$(BIN)/python -m pytest $(PYTEST_ARGS)

bench: $(VENV)/.test ## Measure speed and quality; prints tables with ratios
	$(BIN)/python -m pytest tests/benchmarks -m benchmark -s $(PYTEST_ARGS)

build: $(VENV)/.test js/node_modules/.package-lock.json ## Build the front end into relabel_widget/widget/static
	$(BIN)/python js/wire.py
	cd js && npm run --silent build

format: $(VENV)/.test ## Format the Python sources
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove what was set up here
	rm -rf $(VENV) js/node_modules tests/artifacts dist

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

# Debian ships Python without ensurepip; python3-venv brings it.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or later is needed; set PYTHON=...'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(APT) update && $(APT) install -y --no-install-recommends python3-venv; }
	$(PYTHON) -m venv $(VENV)

js/node_modules/.package-lock.json: js/package-lock.json
	@command -v npm >/dev/null || { echo 'Node 20 or later with npm is needed for the TypeScript checks.'; exit 1; }
	cd js && npm ci --silent --no-audit --no-fund
	@touch $@

.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || { $(APT) update && $(APT) install -y --no-install-recommends chromium fonts-dejavu-core >/dev/null; }
