# Everything that people and CI run. `make` alone lists the targets.

# The CPU build of torch: taken as is where pip finds a CPU wheel at hand (PIP_FIND_LINKS, an internal mirror).
# Elsewhere name PyTorch's own index, or pip takes a CUDA build of several gigabytes:
#   make setup TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
DEMO_ARGS ?=
TEST_ARGS ?=
# Two processes, a file at a time and in the order of the folders: the long files of real processes come before the
# many short ones. WORKERS=0 runs all in one process, as a debugger needs.
WORKERS ?= 2
BENCH_ARGS ?= --nodes 3 --json
COVERING ?= tests/contract tests/integration tests/privacy_audits tests/unit tests/e2e/federation/test_edge.py

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check
TORCH := $(shell sed -n 's/^torch==/torch==/p' constraints.txt)
export FLWR_TELEMETRY_ENABLED := 0
export FLWR_DISABLE_UPDATE_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test check fmt lint types imports slow coverage bench containers test-tools clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## ?(.*)/  \1\t\2/' | expand -t 16

setup: $(STAMP) ## make .venv and install the pinned dependencies (TORCH_INDEX=URL names an index for torch)

demo: $(STAMP) ## nine countries train one model together, on this machine (DEMO_ARGS="--keep")
	@$(BIN)/safeborders demo run $(DEMO_ARGS)

test: $(STAMP) test-tools ## the whole default test suite (TEST_ARGS="tests/unit -k ledger")
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(TEST_ARGS)

check: fmt lint types imports ## format, lint, types and import rules; run it before each commit

fmt: $(STAMP) ## is the code formatted? (make fmt FIX=1 formats it)
	@$(BIN)/ruff format --quiet $(if $(FIX),,--diff) .

lint: $(STAMP) ## ruff's rules (make lint FIX=1 mends what it can)
	@$(BIN)/ruff check --quiet $(if $(FIX),--fix,) .

types: $(STAMP) ## mypy, strict
	@$(BIN)/mypy --no-error-summary

imports: $(STAMP) ## who may import whom
	@$(BIN)/lint-imports --no-logo > $(VENV)/imports.log 2>&1 || { cat $(VENV)/imports.log; exit 1; }

slow: $(STAMP) test-tools ## the tests that take minutes
	@$(BIN)/python -m pytest -m slow $(TEST_ARGS)

coverage: $(STAMP) test-tools ## is every branch of privacy/, the access code and the audit log tested? (several minutes)
	@$(BIN)/coverage erase
	@OMP_NUM_THREADS=1 $(BIN)/coverage run -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(COVERING)
	@$(BIN)/coverage combine -q && $(BIN)/coverage report --fail-under=100

bench: $(STAMP) ## seconds per round, against stock Flower (BENCH_ARGS="--nodes 9 --json")
	@$(BIN)/python -m benchmarks.round $(BENCH_ARGS)

containers: $(STAMP) test-tools ## build both images and run them (podman or Docker)
	@$(BIN)/python -m pytest -m slow tests/e2e/containers $(TEST_ARGS)

test-tools:
	@.ci/test-tools

clean: ## remove .venv, caches and built things
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage

$(STAMP): pyproject.toml constraints.txt
	@.ci/find-python $(VENV)
	@echo "Installing the pinned dependencies into $(VENV): two minutes on a fast line."
	@$(BIN)/python -c 'import torch' 2> /dev/null || $(PIP_INSTALL) -c constraints.txt $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $(TORCH)
	@$(PIP_INSTALL) -c constraints.txt -e '.[dev,postgres]'
	@$(BIN)/python -m pip check
	@touch $@
