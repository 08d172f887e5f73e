# `make help` lists the targets. Each sets up what it needs: the first one run makes .venv.

# The Python of .venv: the newest here that Lambda has, or 3.11, or else one that uv fetches.
# `make PYTHON=… TARGET` makes .venv anew with another; only what is said so counts, not what a shell
# holds.
ifeq ($(origin PYTHON),command line)
CHOSEN := -$(subst /,_,$(PYTHON))
else
PYTHON = $(or $(shell .ci/find-python 3.14 3.13 3.12 3.11 || .ci/fetch-python 3.13),\
	$(error There is no Python from 3.11 on to make $(VENV) with))
CHOSEN :=
endif
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready$(CHOSEN)
READY_FOR_LAMBDA := $(VENV)/.ready-for-lambda
CHECKOV := .venv-checkov
CHECKOV_READY := $(CHECKOV)/.ready

# Which stage of .chalice/config.json is packaged, deployed or deleted.
STAGE ?= dev
# Parameters of the stage's stack, such as "CriticalThreshold=1 NotificationEmails=a@example.org".
PARAMETERS ?=

# No command sees what the shell says to another Python, or to pip beside how to reach packages;
# AWS's variables reach only those that work on a real account, and the benchmark's choice of retries.
TO_REACH_PACKAGES := $(addprefix PIP_,CERT CLIENT_CERT CONFIG_FILE CONSTRAINT DEFAULT_TIMEOUT \
	EXTRA_INDEX_URL FIND_LINKS INDEX_URL NO_INDEX PROXY RETRIES TRUSTED_HOST)
unexport $(filter PYTHON%,$(.VARIABLES))
unexport $(filter-out $(TO_REACH_PACKAGES),$(filter PIP_%,$(.VARIABLES)))
ifeq ($(filter bench delete deploy gate plan report resources scan,$(MAKECMDGOALS)),)
unexport $(filter AWS_%,$(.VARIABLES))
endif

.DEFAULT_GOAL := help
.PHONY: accessibility audit bandit bench bench-cold-start bench-growth bench-large bench-noise bench-page bench-registries bench-risks check clean coverage delete demo deploy docs drawings environment faults gate generate help hooks lint lint-templates lock mutations package plan release report resources sbom scan screenshots security test types

##@ See it work

demo: $(READY)  ## The whole application on an embedded registry: make demo, make demo ARGS=--all
	@$(BIN)/python -m local.demo $(ARGS)

test: $(READY)  ## Run every test, with the lines that they cover
	$(BIN)/pytest

help:  ## List the targets
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' Makefile

##@ In a real account, without deploying

plan: $(READY)  ## What is due in a real account: make plan ARGS="--profile audit --region eu-west-1"
	@$(BIN)/python -m ecr_scan_reporter plan $(ARGS)

scan: $(READY)  ## Start the scans that are due in a real account
	@$(BIN)/python -m ecr_scan_reporter scan $(ARGS)

report: $(READY)  ## The fleet's open findings: make report ARGS="--demo --html report.html"
	@$(BIN)/python -m ecr_scan_reporter report $(ARGS)

gate: $(READY)  ## Whether an image may go on: make gate ARGS="shop/api:1.4 --fail-on HIGH"
	@$(BIN)/python -m ecr_scan_reporter gate $(ARGS)

##@ Deploy: STAGE=dev or another of .chalice/config.json

package: $(READY)  ## The whole application as one template and one zip file, in out/STAGE
	$(BIN)/python -m deployment package $(STAGE) out/$(STAGE)

release: $(READY)  ## Versioned zip, templates and checksums: make release BUCKET=… REGION=…
	$(BIN)/python -m deployment release out/release $(if $(BUCKET),--bucket $(BUCKET)) \
		$(if $(REGION),--region $(REGION))

sbom: package  ## The bill of materials (CycloneDX) of that zip file, in out/STAGE
	$(BIN)/python -m deployment sbom out/$(STAGE)/deployment.zip out/$(STAGE)/sbom.json

resources: $(READY_FOR_LAMBDA)  ## Queues, topics, roles and alarms; `chalice deploy` makes the rest
	$(BIN)/python -m deployment resources $(STAGE) $(PARAMETERS)

deploy: $(READY_FOR_LAMBDA)  ## Deploy a stage: make deploy STAGE=prod PARAMETERS="CriticalThreshold=1"
	$(BIN)/python -m deployment deploy $(STAGE) $(PARAMETERS)

delete: $(READY)  ## Delete a stage that was deployed, with everything but its reports
	$(BIN)/python -m deployment delete $(STAGE)

##@ Before a change lands

check: lint lint-templates bandit types docs test demo  ## What must hold before a change lands

lint: $(READY)  ## Style, formatting, common mistakes, and that imports run one way
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m deployment generate --check

generate: $(READY)  ## Write the files that are generated, such as the functions' policies
	$(BIN)/python -m deployment generate

types: $(READY)  ## Types, strictly
	$(BIN)/mypy

lint-templates: export AWS_DEFAULT_REGION := us-east-1
lint-templates: $(READY) $(CHECKOV_READY)  ## Check every template that is deployed
	$(BIN)/python -m deployment templates out/templates
	cd out/templates && $(abspath $(BIN))/cfn-lint sam.yaml plain.json resources.json accounts.yaml
	cd out/templates && $(abspath $(CHECKOV))/bin/checkov --framework cloudformation --skip-download \
		--compact --quiet --file sam.yaml plain.json resources.json accounts.yaml

docs: export NO_MKDOCS_2_WARNING := 1
docs: $(READY)  ## The documents as a site, in out/site, with every link in it checked
	$(BIN)/mkdocs build --strict --quiet

bandit: $(READY)  ## Look for insecure code in what ships
	$(BIN)/bandit --quiet --recursive app.py chalicelib ecr_scan_reporter

audit: $(READY)  ## Look for known vulnerabilities in what ships; asks the PyPI advisory data
	$(BIN)/pip-audit --strict --disable-pip --no-deps --requirement requirements.txt

security: bandit audit  ## Both of these

faults: $(READY)  ## Drive the application through faults: make faults ARGS="--runs 500 --seed 0"
	@$(BIN)/python -m tests.faults $(ARGS)

coverage: $(READY)  ## Run every test, with the branches too that they cover: takes twice the time
	COVERAGE_CORE=ctrace $(BIN)/pytest --cov-branch

mutations: $(READY)  ## Break the rules one by one and see that the tests notice
	$(BIN)/python -m tests.mutations $(ARGS)

hooks: $(READY)  ## Have git run these checks at each commit (pre-commit)
	$(BIN)/pre-commit install

##@ Measure

bench: $(READY)  ## The application beside the usual approach: make bench ARGS="--quick"
	@$(BIN)/python -m benchmarks $(ARGS)

bench-cold-start: $(READY)  ## What a function loads before and in its first run
	@$(BIN)/python -m benchmarks.cold_start $(ARGS)

bench-growth: $(READY)  ## Calls and memory against the number of images
	@$(BIN)/python -m benchmarks.growth $(ARGS)

bench-large: $(READY)  ## Plan and pace a simulated registry of 1,000,000 images within ECR's quotas
	@$(BIN)/python -m benchmarks.large_registry $(ARGS)

bench-noise: $(READY)  ## How many messages a day 300 repositories with 30 images each lead to
	@$(BIN)/python -m benchmarks.noise $(ARGS)

bench-page: $(READY)  ## The page of large fleets: its size, and how soon Chromium shows it
	@$(BIN)/python -m benchmarks.fleet_page

bench-registries: $(READY)  ## The memory that the clients of 100 registries take
	@$(BIN)/python -m benchmarks.registries $(ARGS)

bench-risks: $(READY)  ## A long list of accepted risks against 10,000 findings
	@$(BIN)/python -m benchmarks.accepted_risks

##@ Housekeeping

environment: $(READY)  ## Set up .venv, with another Python: make PYTHON=python3.13 environment

screenshots: $(READY)  ## Pictures of the demo and of its fleet report (needs Chromium), in docs/images
	$(BIN)/python -m local.screenshots out/screenshots
	mkdir -p docs/images
	cp out/screenshots/demo.svg out/screenshots/fleet-report-390-dark.png \
		out/screenshots/fleet-report-1280-light.png docs/images

drawings: $(READY)  ## Pictures of the documents' drawings, for the site (needs npm and Chromium)
	mkdir -p out/mermaid
	cd out/mermaid && npm pack --silent mermaid@11.17.2 && tar xzf mermaid-11.17.2.tgz
	$(BIN)/python -m local.drawings out/mermaid/package/dist/mermaid.min.js

accessibility: $(READY)  ## Look for what keeps people from reading the page, with axe-core (needs npm and Chromium)
	mkdir -p out/axe-core
	cd out/axe-core && npm pack --silent axe-core@4.14.1 && tar xzf axe-core-4.14.1.tgz
	$(BIN)/pytest -o addopts="" -q tests/fleet/test_html_page.py -k accessible

lock: $(READY)  ## Resolve the development requirements anew
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --upgrade \
		requirements-dev.in --output-file requirements-dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --upgrade \
		requirements-checkov.in --output-file requirements-checkov.txt

clean:  ## Delete what was set up and written here
	rm -rf $(VENV) $(CHECKOV) out .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage

$(READY): requirements-dev.txt
	@echo "Setting up $(VENV) with $(PYTHON) (once) …"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@touch $(VENV)/.ready $(READY)

# Chalice gives functions the version of the Python that it runs on.
$(READY_FOR_LAMBDA): $(READY)
	@$(BIN)/python -m deployment check-python || { \
		python=$$(.ci/find-python 3.13 3.14 3.12 || .ci/fetch-python 3.13 $(BIN)) && \
		$(MAKE) --no-print-directory environment PYTHON="$$python"; }
	@touch $@

$(CHECKOV_READY): requirements-checkov.txt
	@echo "Setting up $(CHECKOV) with $(PYTHON) (once) …"
	@$(PYTHON) -m venv --clear $(CHECKOV)
	@$(CHECKOV)/bin/pip install --quiet --disable-pip-version-check --requirement requirements-checkov.txt
	@touch $(CHECKOV_READY)
