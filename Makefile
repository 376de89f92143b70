# Every target in one line: make help
SHELL := /bin/bash
# Debian's, which the local images have too: others may be built without optimisations.
PYTHON ?= $(firstword $(wildcard /usr/bin/python3.11) python3)
VENV := .venv
PY := $(VENV)/bin/python
STAMP := build/.venv-ready
DOCS := build/.docs-ready
CODE := operator server models registry cli dev tests benchmarks

.DEFAULT_GOAL := help
.PHONY: help venv check fmt test test-changed test-unit test-server test-chart test-api test-e2e test-gitops test-envoy test-page test-page-live test-long demo models images crds reference docs docs-serve golden argocd gateway-schema vendored requirements \
	cluster-up cluster-down clean bench-scale bench-server bench-loading bench-neighbour bench-prediction-log bench-answer-cache bench-rollback bench-locust bench-simulation

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  \033[1m%-16s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(STAMP) ## Create .venv with every pinned dependency
$(STAMP): requirements/dev.txt pyproject.toml cli/pyproject.toml
	@bash dev/venv.sh $(PYTHON) $(VENV)
	@mkdir -p build && touch $@

$(DOCS): $(STAMP) requirements/docs.txt
	@$(VENV)/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements/docs.txt
	@touch $@

check: venv $(DOCS) ## Lint, types, import contracts, generated files, documentation and unit tests; no cluster (a minute)
	@bash dev/check.sh

fmt: venv ## Format and sort imports
	@$(VENV)/bin/ruff format $(CODE) && $(VENV)/bin/ruff check --fix $(CODE)

test: check images models ## Everything that CI runs: check, then every suite on a real cluster
	@$(PYTHON) -m dev.cluster build metrics-server promtool kubeconform azurite fake-gcs-server registry mlflow
	@$(PYTHON) -m dev.cluster postgres
	@$(PYTHON) -m dev.cluster redis
	@$(PY) -m dev.suite chart page timing failover scenarios e2e disruptive server

test-changed: venv ## What your change can reach; SINCE=COMMIT for more than the uncommitted one
	@$(PY) -m dev.suite --changed $(or $(SINCE),HEAD)

test-unit: venv ## Unit tests of the pure core only
	@$(PY) -m dev.suite unit

test-server: cluster-up models ## Model store, registry and server processes (the store's tests need the cluster's MinIO program)
	@$(PYTHON) -m dev.cluster postgres
	@$(PYTHON) -m dev.cluster redis
	@$(PYTHON) -m dev.cluster build azurite fake-gcs-server registry mlflow
	@$(PY) -m dev.suite server timing

test-chart: venv ## The chart's templates with every value, its rules and dashboards; no cluster
	@$(PYTHON) -m dev.cluster build helm promtool kubeconform
	@$(PY) -m dev.suite chart

test-api: images ## API server, objects, policies, commands, faults on the cluster
	@$(PY) -m dev.suite failover scenarios

test-e2e: images models ## Whole rollouts of real models; then what all share is taken away
	@$(PY) -m dev.suite e2e disruptive

test-gitops: images ## Rollouts by commits that a real Argo CD syncs (builds it once: ten minutes)
	@$(PYTHON) -m dev.cluster build argocd kstatus
	@$(PY) -m dev.suite gitops

test-envoy: images ## Rollouts behind a real Envoy Gateway (builds it once: five minutes)
	@$(PYTHON) -m dev.cluster build envoy-gateway
	@$(PY) -m dev.suite envoy

test-page: venv ## The live page in a real Chromium (Debian's; installed if need be), with axe
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq chromium >/dev/null; }
	@$(PY) -m dev.suite browser

test-page-live: images ## The live page in Chromium during a real rollout, against the API server and Prometheus
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq chromium >/dev/null; }
	@$(PY) -m dev.suite watched

test-long: venv ## Property tests with a large budget (half an hour): a habit for the night
	@HYPOTHESIS_PROFILE=long $(PY) -m pytest -q -n 2 tests/unit tests/server/api/test_v2_binary.py

demo: images models ## Roll out good and bad versions of a model on a real cluster; GITOPS=1: by Argo CD
	@$(PYTHON) -m dev.cluster database
	@$(if $(GITOPS),$(PYTHON) -m dev.cluster argocd)
	@$(PY) -m dev.demo $(if $(GITOPS),--gitops)

bench-rollback: images models ## Measure how long a bad version answers clients, ten times
	@$(PY) -m benchmarks.rollback

bench-locust: images models ## The guide's 100 users, by Locust, during a rollout (three minutes; makes a venv for it)
	@$(PY) -m benchmarks.guide

bench-simulation: venv ## How often a good version is rolled back, how fast a bad one (simulated)
	@$(PY) -m benchmarks.simulation

bench-server: venv models ## The server against its peers (40 minutes; makes a venv for each)
	@$(PY) -m benchmarks.server

bench-loading: venv models ## Loading time and memory against another commit: AGAINST=COMMIT (ten minutes)
	@$(PY) -m benchmarks.loading --against $(or $(AGAINST),HEAD)

bench-prediction-log: venv models ## What the prediction log takes of a server's throughput (two minutes)
	@$(PY) -m benchmarks.prediction_log

bench-answer-cache: venv models ## What the answer cache gains, and what it costs (four minutes)
	@$(PYTHON) -m dev.cluster redis
	@$(PY) -m benchmarks.answer_cache

bench-neighbour: venv models ## What one client suffers from another that means harm (five minutes)
	@$(PY) -m benchmarks.neighbour

bench-scale: venv ## Measure the operator with 100, 1,000 and 5,000 ModelDeployments (over an hour)
	@$(PY) -m benchmarks.scale

models: venv ## Train the example models into build/models
	@$(PY) -m transit_models.cli train build/models

images: ## Start the cluster, build the images and load them into it
	@$(PYTHON) -m dev.cluster images

golden: venv ## Write the golden YAML pairs of the unit tests anew; read the diff
	@$(PY) -m tests.unit.golden.render
	@$(PY) -m tests.unit.argocd.render

argocd: venv ## Make the ConfigMap for Argo CD of the files in deploy/argocd
	@$(PY) -m dev.gitops.customization > deploy/argocd/argocd-cm.yaml

crds: venv ## Generate the CRD, and the chart's schema, table of values and dashboards
	@$(PY) -m dev.chart

reference: venv ## Generate the reference pages of the documentation
	@$(PY) -m dev.reference

docs: venv $(DOCS) ## Build the documentation into build/site and check it; INTO=folder: put it beside other versions there
	@$(PY) -m dev.site $(if $(INTO),--into $(INTO))

docs-serve: venv $(DOCS) ## Show the documentation while you write it, at http://localhost:8000
	@$(VENV)/bin/zensical serve

gateway-schema: venv ## Take the schema of HTTPRoutes' rules from Gateway API anew
	@$(PY) -m dev.gateway_schema

vendored: venv ## Take the scripts of the live page anew from the npm registry, by their hashes
	@$(PY) -m dev.vendor

requirements: venv ## Pin every dependency again, with hashes
	@bash dev/requirements.sh

cluster-up: ## Start the cluster for daily work (CLUSTER=local|kind|current)
	@$(PYTHON) -m dev.cluster up

cluster-down: ## Stop the cluster and leave nothing behind
	@$(PYTHON) -m dev.cluster down

clean: ## Remove the virtual environment and build/
	@rm -rf $(VENV) build
