# Two commands matter: `make demo` opens the main job in JupyterLab, `make test` runs every check.
# Both set up what they need on a Debian machine with Python 3.11+, Node 20+ and root or sudo.

VENV := .venv
BIN := $(VENV)/bin
LOWEST := .venv-lowest
# Not run on the lowest versions: checks of sources, examples and data sets; searches and bounds, which take as long as all that is run and
# call only what other files test.
NOT_LOWEST := bundle examples paper sst2 style search exhaustion first_order pair_bound bound_%
PYTHON ?= python3
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
ALLOW_ROOT := $(shell [ "$$(id -u)" = 0 ] && echo --allow-root)
APT := $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq

.PHONY: help demo test lowest bench build format screenshots clean
.DELETE_ON_ERROR:

help: ## What can be made here
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.demo ## Set up and open examples/quickstart.ipynb in JupyterLab
	$(BIN)/jupyter lab $(ALLOW_ROOT) $(JUPYTER_ARGS) examples/quickstart.ipynb

test: lowest $(VENV)/.test js/node_modules/.package-lock.json | chromium postgresql ## Set up and run every check: Python, TypeScript, browser, style, types, bundle
	$(BIN)/python -m pytest $(PYTEST_ARGS)

ifeq ($(shell $(PYTHON) -c 'import sys; print(sys.version_info >= (3, 13))'),True)
lowest:
	@echo 'Tests on the lowest versions are left out: NumPy 1.26 has no wheels for Python 3.13 and later.'
else
lowest: $(LOWEST)/.test | postgresql ## Run the Python tests on the lowest versions that pyproject.toml allows
	$(LOWEST)/bin/python -m pytest tests/workbench $(filter-out $(NOT_LOWEST:%=tests/test_%.py),$(wildcard tests/test_*.py))
endif

bench: $(VENV)/.test ## Measure speed and quality; prints tables with ratios
	$(BIN)/python -m pytest tests/benchmarks -m benchmark -s $(PYTEST_ARGS)

build: $(VENV)/.test js/node_modules/.package-lock.json ## Build the front end into relabel_widget/widget/static
	$(BIN)/python js/wire.py
	cd js && npm run --silent build

format: $(VENV)/.test ## Format the Python sources
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove what was set up here
	rm -rf $(VENV) $(LOWEST) js/node_modules tests/artifacts dist

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

$(LOWEST)/.test: pyproject.toml tests/lowest.txt | $(LOWEST)/bin/python
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --requirement tests/lowest.txt --editable .
	@touch $@

# Debian ships Python without ensurepip; python3-venv brings it.
$(BIN)/python $(LOWEST)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or later is needed; set PYTHON=...'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(APT) update && $(APT) install -y --no-install-recommends python3-venv; }
	$(PYTHON) -m venv $(@D:/bin=)

js/node_modules/.package-lock.json: js/package-lock.json
	@command -v npm >/dev/null || { echo 'Node 20 or later with npm is needed for the TypeScript checks.'; exit 1; }
	cd js && npm ci --silent --no-audit --no-fund
	@touch $@

.PHONY: chromium postgresql
chromium:
	@command -v chromium >/dev/null || { $(APT) update && $(APT) install -y --no-install-recommends chromium fonts-dejavu-core >/dev/null; }
postgresql:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { $(APT) update && $(APT) install -y --no-install-recommends postgresql >/dev/null; }
