"""The models under Fivetran's names have each of its columns, with the right values."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.dbt import fivetran
from tests.dbt.warehouse import ACCOUNT

if TYPE_CHECKING:
    from tests.dbt.warehouse import Warehouse

pytestmark = [
    pytest.mark.dbt,
    pytest.mark.filterwarnings("ignore"),  # dbt's own warnings
    pytest.mark.skipif(sys.version_info >= (3, 14), reason="dbt-core 1.11 is for Python < 3.14"),
]

FIVETRAN = "hubspot_analytics_fivetran"
TYPES = {
    "text": "S",
    "character varying": "S",
    "boolean": "B",
    "timestamp without time zone": "T",
    "VARCHAR": "S",
    "BOOLEAN": "B",
    "TIMESTAMP": "T",
}


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    ("view", "column"),
    [(view, column) for view, columns in fivetran.COLUMNS.items() for column in columns],
)
def test_column(warehouse: Warehouse, view: str, column: str) -> None:
    """Each of Fivetran's columns has its type and has values."""
    rows = warehouse.query(
        f"SELECT {column} AS value, {warehouse.type_of(column)} AS type FROM {FIVETRAN}.{view}"
    )
    assert {TYPES[row["type"]] for row in rows} == {fivetran.COLUMNS[view][column]}
    assert any(row["value"] is not None for row in rows)


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("view", fivetran.COLUMNS)
def test_no_other_columns(warehouse: Warehouse, view: str) -> None:
    """The views have exactly Fivetran's columns, in their order."""
    rows = warehouse.query(f"SELECT * FROM {FIVETRAN}.{view} LIMIT 1")
    assert list(rows[0]) == list(fivetran.COLUMNS[view])


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(("view", "payloads"), fivetran.payloads(ACCOUNT).items())
def test_values(warehouse: Warehouse, view: str, payloads: dict[str, dict[str, Any]]) -> None:
    """Each of Fivetran's columns holds the value of the corresponding HubSpot field."""
    found = warehouse.table(f"{FIVETRAN}.{view}", "id")
    assert found.keys() == payloads.keys()
    for name, payload in payloads.items():
        expected = fivetran.row(view, payload)
        assert {column: found[name][column] for column in expected} == expected


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("name", ["sender", "recipient"])
def test_parties(warehouse: Warehouse, name: str) -> None:
    """Each entry in a list of senders or recipients has a row, even without an actor."""
    expected = fivetran.parties(ACCOUNT, name)
    columns = ", ".join(expected[0])
    rows = warehouse.query(f"SELECT {columns} FROM {FIVETRAN}.conversation_message_{name}")
    assert sorted(map(str, rows)) == sorted(map(str, expected))
    assert any(row["actor_id"] is None for row in rows)


def test_ids_that_can_be_cast(warehouse: Warehouse) -> None:
    """The variable makes IDs null that do not fit a 32-bit integer. Without it, all IDs stay."""
    ids = ["2147483647", "2147483648", "12345678901", "V-17", "", "0000000012", "9" * 20]
    values = ", ".join(f"('{place}', '{contact}')" for place, contact in enumerate(ids))
    warehouse.query(
        f"""CREATE SCHEMA ids; CREATE TABLE ids.threads (id text, "associatedContactId" text);
        INSERT INTO ids.threads VALUES {values}"""
    )
    whole = "SELECT associated_contact_id AS id FROM ids_analytics_fivetran.conversation_thread"
    warehouse.dbt("run", schema="ids")
    assert sorted(row["id"] for row in warehouse.query(whole)) == sorted(ids)
    warehouse.dbt("run", schema="ids", fivetran_integer_ids=True)
    valid = f"SELECT id::integer AS id FROM ({whole}) AS whole WHERE id IS NOT NULL ORDER BY 1"
    assert [row["id"] for row in warehouse.query(valid)] == [12, 2147483647]
