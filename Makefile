# Every target sets up what it needs: the first one run makes the virtual environment.

# The newest Python here that Chalice can package for Lambda; `make PYTHON=… ` overrides it.
PYTHON ?= $(firstword $(foreach version,3.14 3.13 3.12 3.11,$(shell python$(version) -c 'print("python$(version)")' 2>/dev/null)) python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CHECKOV := .venv-checkov
CHECKOV_READY := $(CHECKOV)/.ready

# Which stage of .chalice/config.json is packaged, deployed or deleted.
STAGE ?= dev
# Parameters of the stage's stack, such as "CriticalThreshold=1 NotificationEmails=a@example.org".
PARAMETERS ?=

.PHONY: audit bandit bench bench-cold-start bench-growth bench-large check clean delete demo deploy faults lint lint-templates lock mutations package plan report resources sbom scan screenshots security test types

demo: $(READY)  ## Run the whole application on an embedded registry, without an AWS account
	@$(BIN)/python -m local.demo

test: $(READY)  ## Run every test, with branch coverage
	$(BIN)/pytest

faults: $(READY)  ## Drive the application through faults: make faults ARGS="--runs 500 --seed 0"
	@$(BIN)/python -m tests.faults $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-templates: export AWS_DEFAULT_REGION ?= us-east-1
lint-templates: $(READY) $(CHECKOV_READY)  ## Check every template that is deployed
	$(BIN)/python -m deployment templates out/templates
	cd out/templates && $(abspath $(BIN))/cfn-lint sam.yaml plain.json resources.json
	cd out/templates && $(abspath $(CHECKOV))/bin/checkov --framework cloudformation --skip-download \
		--compact --quiet --file sam.yaml plain.json resources.json

bandit: $(READY)  ## Look for insecure code in what ships
	$(BIN)/bandit --quiet --recursive app.py chalicelib

audit: $(READY)  ## Look for known vulnerabilities in what ships; asks the PyPI advisory data
	$(BIN)/pip-audit --strict --disable-pip --no-deps --requirement requirements.txt

security: bandit audit  ## Both of them

types: $(READY)
	$(BIN)/mypy

mutations: $(READY)  ## Break the rules one by one and see that the tests notice
	$(BIN)/python -m tests.mutations $(ARGS)

check: lint lint-templates bandit types test demo  ## What must hold before a change lands

plan: $(READY)  ## What is due in a real account: make plan ARGS="--profile audit --region eu-west-1"
	@$(BIN)/python -m cli plan $(ARGS)

scan: $(READY)  ## Start the scans that are due in a real account
	@$(BIN)/python -m cli scan $(ARGS)

report: $(READY)  ## The fleet's open findings: make report ARGS="--demo --html report.html"
	@$(BIN)/python -m cli report $(ARGS)

screenshots: $(READY)  ## Pictures of the demo's fleet report (needs Chromium), in docs/images
	$(BIN)/python -m local.screenshots out/screenshots
	mkdir -p docs/images
	cp out/screenshots/fleet-report-390-dark.png out/screenshots/fleet-report-1280-light.png docs/images

# The packaged template is the same for every region, but Chalice wants one to be set.
package: export AWS_DEFAULT_REGION ?= us-east-1
package: $(READY)  ## The whole application as one template and one zip file, in out/STAGE
	$(BIN)/chalice package --stage $(STAGE) --merge-template .chalice/template.yaml out/$(STAGE)

sbom: package  ## The bill of materials (CycloneDX) of that zip file, in out/STAGE
	$(BIN)/python -m deployment sbom out/$(STAGE)/deployment.zip out/$(STAGE)/sbom.json

resources: $(READY)  ## Before `chalice deploy`: the stage's queues, topics, roles and alarms
	$(BIN)/python -m deployment resources $(STAGE) $(PARAMETERS)

deploy: resources  ## Deploy a stage: make deploy STAGE=prod PARAMETERS="CriticalThreshold=1"
	$(BIN)/chalice --project-dir .chalice/stages/$(STAGE) deploy --stage $(STAGE)
	$(BIN)/python -m deployment finish $(STAGE)

delete: $(READY)  ## Delete a stage that was deployed, with everything but its reports
	$(BIN)/chalice delete --stage $(STAGE)
	$(BIN)/python -m deployment delete $(STAGE)

bench: $(READY)  ## The application beside the usual approach: make bench ARGS="--quick"
	@$(BIN)/python -m benchmarks $(ARGS)

bench-cold-start: $(READY)  ## What a function loads before and in its first run
	@$(BIN)/python -m benchmarks.cold_start $(ARGS)

bench-growth: $(READY)  ## Calls and memory against the number of images
	@$(BIN)/python -m benchmarks.growth $(ARGS)

bench-large: $(READY)  ## Plan and pace a simulated registry of 1,000,000 images within ECR's quotas
	@$(BIN)/python -m benchmarks.large_registry $(ARGS)

lock: $(READY)  ## Resolve the development requirements anew
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --upgrade \
		requirements-dev.in --output-file requirements-dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --upgrade \
		requirements-checkov.in --output-file requirements-checkov.txt

clean:
	rm -rf $(VENV) $(CHECKOV) out .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage

$(READY): requirements-dev.txt
	@echo "Setting up $(VENV) with $(PYTHON) (once) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@touch $(READY)

$(CHECKOV_READY): requirements-checkov.txt
	@echo "Setting up $(CHECKOV) with $(PYTHON) (once) …"
	@$(PYTHON) -m venv $(CHECKOV)
	@$(CHECKOV)/bin/pip install --quiet --disable-pip-version-check --requirement requirements-checkov.txt
	@touch $(CHECKOV_READY)
