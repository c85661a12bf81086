PYTHON ?= python3
UV := .uv/bin/uv
RUN := $(UV) run --locked --quiet

export UV_PYTHON ?= $(PYTHON)
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS := true

.PHONY: help run demo-metrics test test-loads test-other-targets test-dbt test-dbt-snowflake
.PHONY: test-snowflake test-package test-airflow test-model test-mutations test-next lint format
.PHONY: build audit bench docs docs-site pictures

help: ## List the available targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 21

run: $(UV) ## Load a sample account, or yours, into PostgreSQL and show it
	@$(RUN) python -m demo

demo-metrics: $(UV) ## Build the dbt models on the data of `make run` and print support metrics
	@$(RUN) --group dbt python -m demo.support_report

test: $(UV) ## Run the unit and contract tests
	@$(RUN) pytest

test-next: $(UV) ## Run the tests with the next version of singer-sdk (may fail)
	@$(UV) venv --quiet --allow-existing .next
	@echo 'singer-sdk>=0.55.0b1' > .next/overrides.txt
	@$(UV) pip install --quiet --python .next/bin/python --overrides .next/overrides.txt \
		--group test --editable .
	@.next/bin/python -c 'from importlib.metadata import version as v; print("singer-sdk", v("singer-sdk"))'
	@.next/bin/python -m pytest

test-other-targets: $(UV) ## Test DuckDB, files, dlt and pipelinewise-target-postgres
	@for name in dlt duckdb jsonl parquet postgres; do \
		$(UV) venv --quiet --allow-existing .targets/$$name && \
		$(UV) pip sync --quiet --python .targets/$$name/bin/python tests/targets/others/$$name.txt || exit 1; \
	done
	@$(RUN) pytest -m other_targets

test-loads: $(UV) ## Test complete loads into PostgreSQL by real targets and runners
	@$(RUN) pytest -m loads

test-package: $(UV) ## Test the built package in empty environments
	@$(RUN) pytest -m package --numprocesses=0

test-snowflake: test-dbt-snowflake ## Test target-snowflake against fakesnow, a Snowflake emulator
	@$(RUN) pytest -m snowflake --numprocesses=0 tests/targets/test_snowflake.py

test-dbt: $(UV) ## Test the dbt models on PostgreSQL and DuckDB
	@$(RUN) --group dbt pytest --quiet -m dbt --numprocesses=0 tests/dbt

test-dbt-snowflake: $(UV) ## Test the dbt models on fakesnow
	@$(UV) run --quiet --no-project --with 'dbt-core<1.12' --with 'dbt-snowflake~=1.12.4' \
		--with 'fakesnow~=0.12.1' --with typing-extensions \
		python -W ignore -m tests.dbt.snowflake

test-airflow: $(UV) ## Test the Airflow example with eight accounts
	@$(UV) venv --quiet --allow-existing .airflow
	@$(UV) pip sync --quiet --python .airflow/bin/python examples/airflow/requirements.txt
	@$(RUN) pytest -m airflow --numprocesses=0

test-model: $(UV) ## Run the model-based tests: HISTORIES=2000 random account histories
	@HISTORIES=$(or $(HISTORIES),2000) $(RUN) pytest --quiet --show-capture=stdout tests/simulation/test_histories.py

test-mutations: $(UV) ## Check that the model-based tests find each planted bug
	@$(RUN) pytest --quiet -rP -m mutations tests/simulation/test_mutants.py

lint: $(UV) ## Check style, types, layers and prose
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@$(RUN) mypy
	@$(RUN) lint-imports --no-logo
	@$(RUN) python -m tests.tools.prose

format: $(UV) ## Format the code
	@$(RUN) ruff format
	@$(RUN) ruff check --fix

build: $(UV) ## Build the wheel and the sdist into dist/
	@rm -rf dist
	@$(UV) build --quiet --out-dir dist

audit: $(UV) ## Check the dependencies for known vulnerabilities
	@$(UV) audit --locked

bench: $(UV) ## Run the benchmarks
	@$(RUN) python -m benchmarks.by_id
	@$(RUN) python -m benchmarks.limits
	@$(RUN) python -m benchmarks.shared_limit
	@$(RUN) python -m benchmarks.listing
	@$(RUN) python -m benchmarks.ranges
	@$(RUN) python -m benchmarks.slow_pages
	@$(RUN) python -m benchmarks.messages
	@$(RUN) python -m benchmarks.pipe
	@$(RUN) python -m benchmarks.start

docs: $(UV) ## Regenerate the generated parts of docs/, hub/ and meltano.yml
	@$(RUN) cog -r $$(grep -rlF '[[[cog' docs hub meltano.yml)

docs-site: $(UV) ## Build the documentation site into site/ (Python 3.11 or newer)
	@$(RUN) --group docs zensical build --clean --strict
	@$(RUN) python -m tests.tools.site

pictures: $(UV) ## Draw the pictures in docs/images from the output of `make run`
	@$(RUN) python -m demo.pictures

$(UV):
	@$(PYTHON) -m venv .uv
	@.uv/bin/pip install --quiet --disable-pip-version-check uv==0.13.8
