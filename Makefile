# One word for each chore. Every target sets up first whatever it needs (python3 -m ris_suite setup: nothing to do when
# all is current). Settings come with the environment: QUANG_HOME, QUANG_HTTP_PORT, QUANG_DATABASE=postgresql, …
SHELL := /bin/bash
.DEFAULT_GOAL := help
SUITE := PYTHONPATH=ris-webapp PYTHONDONTWRITEBYTECODE=1 python3 -m ris_suite
PYTHON := .venv/bin/python
# a scenario that fails is played once more, and how it failed is told: what passed only then is a fault to be found
UNITS := -n auto -p ris_testing.one_database -m "not integration"
SCENARIOS := -n 2 --dist loadfile --no-loadscope-reorder --reruns 1 -rR --rerun-show-tracebacks
RUN := PYTHONPATH=plugins:ris-webapp:integration-tests $(PYTHON)

.PHONY: help setup setup-test demo up down status logs test lint check bench migrations images test-containers orthanc-tests sbom clean

help: ## show these words
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install and build what is missing (Orthanc, Python packages, viewer, front end)
	@$(SUITE) setup

setup-test: ## the same, and what tests and benchmarks need (PostgreSQL, Chromium, DCMTK)
	@$(SUITE) setup --tests

demo: setup ## start the suite and play the five steps with real images and a simulated HIS
	@QUANG_DEMO=on $(SUITE) up
	@$(RUN) -m ris_testing.demo

up: setup ## start the suite on loopback and wait until it is healthy
	@$(SUITE) up

down: ## stop the suite
	@$(SUITE) down

status: ## print the state, URLs and ports of every part as one JSON object
	@$(SUITE) status

logs: ## show the end of the logs (PART=orthanc for one of them, FOLLOW=1 to go on)
	@$(SUITE) logs $(PART) $(if $(FOLLOW),--follow)

test: setup-test ## every test, against the real Orthanc, PostgreSQL and SQLite, and Chromium
	@$(RUN) -m pytest $(UNITS)
	@$(RUN) -m ris_testing.on_postgresql $(PYTHON) -m pytest $(UNITS)
	@$(RUN) -m ris_testing.on_postgresql $(PYTHON) -m pytest $(SCENARIOS) -m "integration and not once"
	@$(RUN) -m pytest $(SCENARIOS) -m "integration and (once or both)"

lint: setup ## format, lint, types, import contracts
	@$(RUN) -m ruff format --check .
	@$(RUN) -m ruff check .
	@$(RUN) -m mypy plugins ris-webapp integration-tests
	@PYTHONPATH=plugins:ris-webapp .venv/bin/lint-imports

check: lint ## the same, and unit tests
	@$(RUN) -m pytest -n auto -m "not integration"

bench: setup-test ## measure against the peers; prints a table and writes $QUANG_HOME/bench.json
	@$(RUN) -m benchmarks

migrations: setup ## write the migrations from the models again (before the first release: one per app)
	@find plugins ris-webapp -path '*/migrations/0*.py' -not -path '*/exam_search/*' -not -path '*/node_modules/*' -delete
	@mv plugins/ris_core/exam_search/migrations/0001_initial.py exam_search.kept # its triggers are written by hand
	@$(RUN) ris-webapp/manage.py makemigrations; made=$$?; \
	mv exam_search.kept plugins/ris_core/exam_search/migrations/0001_initial.py; exit $$made

images: ## build the container images (QUANG_BASE_IMAGE names their base)
	@docker/ensure-docker.sh
	@docker/make-images

test-containers: ## the five-step scenario on containers (installs and starts Docker when there is none)
	@$(SUITE) setup --only host-packages --only uv --only virtualenv
	@docker/test-containers

orthanc-tests: setup-test ## Orthanc's own tests with our plugins and without (CHECKOUT=/path/to/orthanc-tests, TEST=…)
	@$(RUN) -m ris_testing.orthanc_own_tests $(CHECKOUT) $(TEST)

sbom: setup ## write what the suite is made of to $QUANG_HOME/sbom.cdx.json (CycloneDX) and check the licences
	@$(RUN) -m ris_suite.materials

clean: down ## remove what setup made (not the data in QUANG_HOME)
	@$(if $(filter-out 0,$(shell id -u)),sudo) rm -rf --one-file-system .venv .engine ris-webapp/frontend/node_modules ris-webapp/frontend/dist integration-tests/openid-provider/node_modules
