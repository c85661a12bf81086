"""The documented SQL for DuckDB erases a person from tables that target-duckdb loaded."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.dbt.cases import sample
from tests.dbt.warehouse import DuckDB
from tests.targets.person import empty_parts, filled, person_in
from tests.tools.docs import blocks, page

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.dbt,
    pytest.mark.skipif(sys.version_info >= (3, 14), reason="dbt-core 1.11 is for Python < 3.14"),
]

STREAMS = ("threads", "messages", "actors")
PAGE = page("privacy/erase-personal-data")
(DRY_RUN,) = [block for block in blocks(PAGE, "sql") if "getvariable" in block]


def run(warehouse: DuckDB, sql: str) -> tuple[list[int], list[str]]:
    """Run the SQL, and return the numbers and the IDs of messages that it shows."""
    import duckdb  # noqa: PLC0415 - only where its group is installed

    shown: list[list[Any]] = []
    with duckdb.connect(str(warehouse.path)) as connection:
        for statement in connection.extract_statements(sql):
            result = connection.execute(statement)
            if statement.type == duckdb.StatementType.SELECT:
                shown.append(result.fetchall())
    counts, mentions = shown
    return [row[1] for row in counts], [row[0] for row in mentions]


def rows(warehouse: DuckDB) -> dict[str, list[str]]:
    """Return all rows as text, by table."""
    return {
        name: sorted(
            json.dumps(row, default=str) for row in warehouse.query(f"SELECT * FROM hubspot.{name}")
        )
        for name in STREAMS
    }


def test_person_is_erased(tmp_path: Path) -> None:
    """The SQL shows what it would delete, deletes exactly that, and then finds nothing more."""
    warehouse = DuckDB(tmp_path)
    account = sample(60)
    _, person, mention = person_in(account)
    warehouse.load(account, "hubspot", *STREAMS)
    before = rows(warehouse)
    dry_run = filled(DRY_RUN, person)
    counts, mentions = run(warehouse, dry_run)
    assert rows(warehouse) == before
    assert mentions == [mention]
    assert run(warehouse, dry_run.replace("ROLLBACK", "COMMIT")) == (counts, mentions)
    after = rows(warehouse)
    messages, changed, threads, actors = counts
    assert (changed, threads, actors) == (2, 1, 1)
    lost = {name: len(before[name]) - len(after[name]) for name in STREAMS}
    assert lost == {"messages": messages, "threads": threads, "actors": actors}
    words = [f'V-{person["contact_id"]}"', f'V-{person["contact_id"]}\\"', *person.values()]
    left = [
        row
        for table in after.values()
        for row in table
        if any(word.lower() in row.lower() for word in words if not word.isdigit())
    ]
    assert len(left) == 1
    assert mention in left[0]
    assert run(warehouse, dry_run) == ([0, 0, 0, 0], [mention])


def test_empty_values_delete_nothing(tmp_path: Path) -> None:
    """Without values, the SQL finds nothing."""
    warehouse = DuckDB(tmp_path)
    account = sample(60)
    _, person, _ = person_in(account)
    warehouse.load(account, "hubspot", *STREAMS)
    assert run(warehouse, filled(DRY_RUN, dict.fromkeys(person, ""))) == ([0, 0, 0, 0], [])


def test_one_of_two_accounts(tmp_path: Path) -> None:
    """Without the comment marks, the SQL changes no row of another account."""
    warehouse = DuckDB(tmp_path)
    account = sample(60)
    _, person, _ = person_in(account)
    warehouse.load(account, "hubspot", *STREAMS)
    for name in STREAMS:
        warehouse.query(
            f"""CREATE OR REPLACE TABLE hubspot.{name} AS
            SELECT *, '7' AS account FROM hubspot.{name}
            UNION ALL SELECT *, '62515' FROM hubspot.{name}"""
        )
    before = rows(warehouse)
    sql = filled(DRY_RUN, person).replace("/*", "").replace("*/", "")
    run(warehouse, sql.replace("ROLLBACK", "COMMIT"))
    after = rows(warehouse)
    for name in STREAMS:
        others = [row for row in before[name] if '"account": "7"' in row]
        assert [row for row in after[name] if '"account": "7"' in row] == others
        assert len(after[name]) < len(before[name])
    counts, _ = run(warehouse, sql)
    assert counts == [0, 0, 0, 0]


def test_missing_columns_and_actors(tmp_path: Path) -> None:
    """With an empty table and empty columns instead of missing ones, the SQL works unchanged."""
    warehouse = DuckDB(tmp_path)
    account = sample(60)
    thread, person, _ = person_in(account)
    warehouse.load(account, "hubspot", "threads", "messages")
    for column in ("senders", "recipients"):
        warehouse.query(f"ALTER TABLE hubspot.messages DROP COLUMN {column}")
    for statement in empty_parts(PAGE, "json"):
        warehouse.query(statement)
    sql = filled(DRY_RUN, person)
    counts, _ = run(warehouse, sql.replace("ROLLBACK", "COMMIT"))
    assert counts == [len(account.messages(thread)), 0, 1, 0]
    assert run(warehouse, sql)[0] == [0, 0, 0, 0]
    warehouse.load(account, "hubspot", "threads", "messages")
    assert run(warehouse, sql)[0] != [0, 0, 0, 0]
