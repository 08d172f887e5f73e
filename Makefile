# Every target sets up what it needs: the first one run makes the virtual environment.

# The newest Python here that Chalice can package for Lambda; `make PYTHON=… ` overrides it.
PYTHON ?= $(firstword $(foreach version,3.14 3.13 3.12 3.11,$(shell python$(version) -c 'print("python$(version)")' 2>/dev/null)) python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint types mutations check plan scan lock clean

demo: $(READY)  ## Run the whole application on an embedded registry, without an AWS account
	@$(BIN)/python -m local.demo

test: $(READY)  ## Run every test, with branch coverage
	$(BIN)/pytest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

mutations: $(READY)  ## Break the rules one by one and see that the tests notice
	$(BIN)/python -m tests.mutations

check: lint types test demo  ## What must hold before a change lands

plan: $(READY)  ## What is due in a real account: make plan ARGS="--profile audit --region eu-west-1"
	@$(BIN)/python -m cli plan $(ARGS)

scan: $(READY)  ## Start the scans that are due in a real account
	@$(BIN)/python -m cli scan $(ARGS)

lock: $(READY)  ## Resolve the development requirements anew
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --upgrade \
		requirements-dev.in --output-file requirements-dev.txt

clean:
	rm -rf $(VENV) out .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage

$(READY): requirements-dev.txt
	@echo "Setting up $(VENV) with $(PYTHON) (once) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@touch $(READY)
