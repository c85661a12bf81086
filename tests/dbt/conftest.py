"""One warehouse for all tests of the models, because dbt takes long to start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo.postgres import embedded_postgres
from tests.dbt.warehouse import ACCOUNT, STREAMS, Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Load all streams of the sample account."""
    folder = tmp_path_factory.mktemp("dbt")
    with embedded_postgres(folder / "data") as url:
        warehouse = Warehouse(url, folder)
        warehouse.load(ACCOUNT, "hubspot", *STREAMS)
        yield warehouse
        warehouse.close()


@pytest.fixture(scope="session")
def built(warehouse: Warehouse) -> dict[str, str]:
    """Build the models and run dbt's tests and unit tests; then configure working hours."""
    said = warehouse.dbt("build")
    warehouse.configure_working_time()
    return said
