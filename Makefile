PYTHON ?= python3
UV := .uv/bin/uv
RUN := $(UV) run --locked --quiet

export UV_PYTHON ?= $(PYTHON)
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS := true

.PHONY: help run test package model planted lint format build audit bench docs

help: ## Show what there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: $(UV) ## Load threads into PostgreSQL and show them
	@$(RUN) python -m emulator.demo

test: $(UV) ## Run the tests
	@$(RUN) pytest

package: $(UV) ## Build the package, install it in empty environments and run it there
	@$(RUN) pytest -m package --numprocesses=0

model: $(UV) ## Hold random histories of an account against the warehouse; HISTORIES=2000 of them
	@HISTORIES=$(or $(HISTORIES),2000) $(RUN) pytest --quiet --show-capture=stdout tests/model/test_model.py

planted: $(UV) ## Plant bugs, and see that random histories find each within two minutes
	@$(RUN) pytest --quiet -rP -m planted tests/model/test_planted.py

lint: $(UV) ## Check style, types and what imports what
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@$(RUN) mypy
	@$(RUN) lint-imports --no-logo

format: $(UV) ## Format the code
	@$(RUN) ruff format
	@$(RUN) ruff check --fix

build: $(UV) ## Build wheel and sdist into dist/
	@rm -rf dist
	@$(UV) build --quiet --out-dir dist

audit: $(UV) ## Look for known vulnerabilities in the dependencies
	@$(UV) audit --locked

bench: $(UV) ## Measure the speed
	@$(RUN) python -m benchmarks.by_id
	@$(RUN) python -m benchmarks.limits
	@$(RUN) python -m benchmarks.shared_limit
	@$(RUN) python -m benchmarks.listing
	@$(RUN) python -m benchmarks.pipe
	@$(RUN) python -m benchmarks.start

docs: $(UV) ## Write the generated parts of README.md and meltano.yml anew
	@$(RUN) cog -r README.md meltano.yml

$(UV):
	@$(PYTHON) -m venv .uv
	@.uv/bin/pip install --quiet --disable-pip-version-check uv==0.13.8
