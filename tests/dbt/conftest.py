"""One PostgreSQL and one DuckDB for all tests of the models, because dbt takes long to start."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from demo.postgres import embedded_postgres
from tests.dbt.warehouse import ACCOUNT, STREAMS, DuckDB, PostgreSQL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.dbt.warehouse import Warehouse


@pytest.fixture(scope="session", params=["postgres", "duckdb"])
def warehouse(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warehouse]:
    """Load all streams of the sample account into each warehouse."""
    folder = tmp_path_factory.mktemp("dbt")
    with ExitStack() as stack:
        warehouse: Warehouse = DuckDB(folder)
        if request.param == "postgres":
            url = stack.enter_context(embedded_postgres(folder / "data"))
            warehouse = PostgreSQL(folder, url)
            stack.callback(warehouse.close)
        warehouse.load(ACCOUNT, "hubspot", *STREAMS)
        yield warehouse


@pytest.fixture(scope="session")
def built(warehouse: Warehouse) -> dict[str, str]:
    """Build the models and run dbt's tests and unit tests; then configure working hours."""
    said = warehouse.dbt("build")
    warehouse.configure_working_time()
    return said
