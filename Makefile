PYTHON ?= python3
UV := .uv/bin/uv
RUN := $(UV) run --locked --quiet

export UV_PYTHON ?= $(PYTHON)
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS := true

.PHONY: help run answers answers-test answers-snowflake test test-next test-other-targets loads
.PHONY: package snowflake airflow model planted lint format build audit bench docs docs-site

help: ## Show what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 19

run: $(UV) ## Load threads into PostgreSQL and show them
	@$(RUN) python -m demo

answers: $(UV) ## Model what `make run` loaded, and show what a support lead asks
	@$(RUN) --group answers python -m demo.support_report

test: $(UV) ## Run the tests
	@$(RUN) pytest

test-next: $(UV) ## Run the tests on the next version of the SDK, which may fail
	@$(UV) venv --quiet --allow-existing .next
	@echo 'singer-sdk>=0.55.0b1' > .next/overrides.txt
	@$(UV) pip install --quiet --python .next/bin/python --overrides .next/overrides.txt \
		--group test --editable .
	@.next/bin/python -c 'from importlib.metadata import version as v; print("singer-sdk", v("singer-sdk"))'
	@.next/bin/python -m pytest

test-other-targets: $(UV) ## Load by targets in environments of their own, and compare
	@for name in dlt duckdb parquet postgres; do \
		$(UV) venv --quiet --allow-existing .targets/$$name && \
		$(UV) pip sync --quiet --python .targets/$$name/bin/python tests/targets/others/$$name.txt || exit 1; \
	done
	@$(RUN) pytest -m other_targets

loads: $(UV) ## Load into a PostgreSQL by real targets and runners, and compare
	@$(RUN) pytest -m loads

package: $(UV) ## Build the package, install it in empty environments and run it there
	@$(RUN) pytest -m package --numprocesses=0

snowflake: answers-snowflake ## Load into what plays Snowflake, by the real target, and compare
	@$(RUN) pytest -m snowflake --numprocesses=0 tests/targets/test_snowflake.py

answers-test: $(UV) ## Test the models of dbt/ on a PostgreSQL, against the account
	@$(RUN) --group answers pytest --quiet -m answers --numprocesses=0 tests/answers

answers-snowflake: $(UV) ## Test the models of dbt/ in Snowflake's words, on fakesnow
	@$(UV) run --quiet --no-project --with 'dbt-core<1.12' --with 'dbt-snowflake~=1.12.4' \
		--with 'fakesnow~=0.12.1' --with typing-extensions \
		python -W ignore -m tests.answers.snowflake

airflow: $(UV) ## Load eight accounts by a real Airflow, twice
	@$(UV) venv --quiet --allow-existing .airflow
	@$(UV) pip sync --quiet --python .airflow/bin/python examples/airflow/requirements.txt
	@$(RUN) pytest -m airflow --numprocesses=0

model: $(UV) ## Hold random histories of an account against the warehouse; HISTORIES=2000 of them
	@HISTORIES=$(or $(HISTORIES),2000) $(RUN) pytest --quiet --show-capture=stdout tests/simulation/test_histories.py

planted: $(UV) ## Plant bugs, and see that random histories find each within two minutes
	@$(RUN) pytest --quiet -rP -m planted tests/simulation/test_mutants.py

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
	@$(RUN) python -m benchmarks.messages
	@$(RUN) python -m benchmarks.pipe
	@$(RUN) python -m benchmarks.start

docs: $(UV) ## Write what is generated of docs/, hub/ and meltano.yml anew
	@$(RUN) cog -r $$(grep -rlF '[[[cog' docs hub meltano.yml)

docs-site: $(UV) ## Build the documentation into site/ (Python 3.11 or newer)
	@$(RUN) --group docs zensical build --clean --strict
	@$(RUN) python -m tests.tools.site

$(UV):
	@$(PYTHON) -m venv .uv
	@.uv/bin/pip install --quiet --disable-pip-version-check uv==0.13.8
