# Every target builds the environment first when it is missing or older than the requirements.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Tests run side by side; those that measure time do not.
TEST_WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help install test lint docs fault-trials quick-recipe report scenes mlflow-ui bench bench-gpu clean

help: ## List the targets.
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

install: $(READY) ## Build the environment in .venv.

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "wvad-bench needs Python 3.11 or newer; say which with: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --progress-bar off --constraint constraints.txt --editable '.[dev]'
	@touch $@

reproduce-table1: $(READY) ## Table 1: the methods on four datasets. ARGS='--profile paper' and so on are passed on.
reproduce-table2: $(READY) ## Table 2: modules and losses of CLAV+CoMo.
reproduce-table3: $(READY) ## Table 3: ICA as an add-on, with controls.
reproduce-table4: $(READY) ## Table 4, cross-dataset: RTFM against CLAV+CoMo.
reproduce-table5: $(READY) ## Table 5: relation modules.
reproduce-all: $(READY) ## All five tables; each distinct run is trained once.
reproduce-%: $(READY)
	$(BIN)/wvad reproduce $* $(ARGS)

quick-recipe: $(READY) ## Search the quick values of METHOD=a,b as those of all methods were; paste what it prints.
	$(BIN)/wvad tune $(METHOD) --dataset scenes-ucf-crime,scenes-xd-violence,scenes-shanghaitech --trials 20 \
		--search learning_rate,weight_decay,dropout,steps,penalty,upper_bound $(ARGS)

report: $(READY) ## One HTML file on all stored runs, with figures for print.
	$(BIN)/wvad report $(ARGS)

scenes: $(READY) ## Make the simulated datasets and print their ceilings.
	$(BIN)/wvad data scenes $(ARGS)

lint: $(READY) ## Style, types and the import contract.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(READY) ## The documentation as a site, in site/; a link to nowhere is an error.
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

test: lint ## Everything that has to hold: lint, then all tests.
	$(BIN)/pytest -n $(TEST_WORKERS) --dist loadfile --benchmark-disable $(ARGS)

fault-trials: $(READY) ## Disturb calls at random moments and count what is lost. ARGS='--trials 20' and so on.
	$(BIN)/python -m tests.faults.trials $(ARGS)

bench: $(READY) ## Measure speeds, as ratios within one run, and print the table of aims (docs/performance.md).
	$(BIN)/pytest tests/performance --benchmark-only --benchmark-storage=file://.benchmarks --benchmark-autosave \
		$(if $(wildcard .benchmarks/*/*.json),--benchmark-compare) --benchmark-columns=median,iqr,rounds $(ARGS)
	$(BIN)/python -m tests.performance.summary .benchmarks

bench-gpu: $(READY) ## Measure training on a GPU at the paper's size, on simulated features.
	$(BIN)/python -m tests.performance.gpu $(ARGS)

mlflow-ui: $(READY) ## Look at the logged runs in a browser.
	MLFLOW_TRACKING_URI= $(BIN)/wvad mlflow sync
	MLFLOW_DISABLE_TELEMETRY=true $(BIN)/mlflow ui --backend-store-uri sqlite:///results/mlflow.db --host 127.0.0.1

clean: ## Remove the environment and caches; datasets and results stay.
	rm -rf $(VENV) site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
