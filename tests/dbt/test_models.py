"""The models on a real load: the account's figures, streams not loaded, deleted threads."""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from emulator.endpoints.actors import actor_payloads
from tests.dbt import fivetran
from tests.dbt.cases import sample
from tests.dbt.figures import agent_daily_activity, conversations, events, of_models
from tests.dbt.warehouse import ACCOUNT, PROJECT, STREAMS, ZONE
from tests.targets.columns import snake
from tests.tools.docs import blocks, page

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.dbt.warehouse import Warehouse

pytestmark = [
    pytest.mark.dbt,
    pytest.mark.filterwarnings("ignore"),  # dbt's own
    pytest.mark.skipif(sys.version_info >= (3, 14), reason="dbt-core 1.11 is for Python < 3.14"),
]

SCHEMAS = Path(__file__).parent.parent.parent / "tap_hubspot_threads" / "schemas"
DATA_TESTS = ("build", "--exclude-resource-type", "unit_test")


def yaml_file(name: str) -> dict[str, Any]:
    """Return the content of one of the models' YAML files."""
    said: dict[str, Any] = yaml.safe_load((PROJECT / "models" / name).read_text(encoding="utf-8"))
    return said


def test_build(built: dict[str, str]) -> None:
    """All models are built. All data tests and unit tests pass."""
    failed = [name for name, status in built.items() if status not in {"success", "pass"}]
    assert failed == []
    unit_tests = {test["name"] for test in yaml_file("unit_tests.yml")["unit_tests"]}
    assert len(unit_tests) > 15
    assert unit_tests <= built.keys()


@pytest.mark.usefixtures("built")
def test_figures_of_the_account(warehouse: Warehouse) -> None:
    """Each figure of each row equals the one that is computed without the database."""
    names = warehouse.names(ACCOUNT, works=True)
    assert warehouse.differences(ACCOUNT, names) == []
    for model, (_, rows) in of_models(ACCOUNT, ZONE, names).items():
        assert len(rows) >= (8 if model == "tickets" else 50), model
        for column in {column for row in rows.values() for column in row}:
            values = {row[column] for row in rows.values()}
            assert len(values) > 1 or column == "has_too_few_responses", (
                f"{model}.{column} is {values} in every row"
            )


@pytest.mark.usefixtures("built")
def test_every_column_is_defined(warehouse: Warehouse) -> None:
    """Each column of the models has its definition."""
    for model in yaml_file("models.yml")["models"]:
        columns = [column["name"] for column in model["columns"] if column["description"]]
        row = warehouse.query(f"SELECT * FROM hubspot_analytics.{model['name']} LIMIT 1")[0]
        assert sorted(columns) == sorted(row)


@pytest.mark.usefixtures("built")
def test_types(warehouse: Warehouse) -> None:
    """No column has a type that many programs read as a float, such as a 128-bit integer."""
    columns = warehouse.query(
        """SELECT table_name, column_name, lower(data_type) AS type
        FROM information_schema.columns WHERE table_schema = 'hubspot_analytics'"""
    )
    assert len(columns) > 200
    assert [column for column in columns if column["type"] in {"hugeint", "numeric"}] == []


@pytest.mark.usefixtures("built")
def test_join_to_tickets(warehouse: Warehouse) -> None:
    """The documented join adds the CRM's properties to each ticket."""
    warehouse.query(
        """CREATE SCHEMA crm;
        CREATE TABLE crm.tickets (id bigint, hs_last_csat_rating int, hs_pipeline_stage text);
        INSERT INTO crm.tickets VALUES (7001, 5, 'closed'), (1, 1, 'new')"""
    )
    *_, join = blocks(page("reference/dbt-models"), "sql")
    rows = {row["ticket_id"]: row["hs_last_csat_rating"] for row in warehouse.query(join)}
    assert rows.keys() == warehouse.column("hubspot_analytics.tickets", "ticket_id")
    assert {ticket: rating for ticket, rating in rows.items() if rating} == {"7001": 5}


@pytest.mark.usefixtures("built")
def test_documented_questions(warehouse: Warehouse) -> None:
    """Each example question of the documentation has an answer for the sample account."""
    *questions, _ = blocks(page("reference/dbt-models"), "sql")
    assert len(questions) > 4
    for question in questions:
        rows = warehouse.query(question)
        assert rows, question
        for column in rows[0]:
            assert any(row[column] is not None for row in rows), f"{column} in {question}"


def test_sources_are_the_schemas() -> None:
    """The sources declare all columns of the tap's streams, with their types."""
    types = {"boolean": "boolean", "object": "json", "array": "json", "string": "text"}
    tables = yaml_file("sources.yml")["sources"][0]["tables"]
    assert {table["name"] for table in tables} == set(STREAMS)
    for table in tables:
        schema = json.loads((SCHEMAS / f"{table['name']}.json").read_text(encoding="utf-8"))
        wanted = {
            name: "timestamp" if "format" in column else types[column["type"][-1]]
            for name, column in schema["properties"].items()
            if name != "id"
        }
        found = {column["name"]: column["data_type"] for column in table["columns"]}
        assert found == {"id": "text"} | wanted | {"_sdc_extracted_at": "timestamp"}


def test_without_messages(warehouse: Warehouse) -> None:
    """If only `threads` is loaded, the models fill what threads contain, and the rest is null."""
    account = sample(60)
    warehouse.load(account, "bare", "threads")
    assert set(warehouse.dbt(*DATA_TESTS, schema="bare").values()) == {"success", "pass"}
    for thread in account.threads.values():
        account.conversations.drop(thread)
    account.lists = {name: [] for name in account.lists}
    names = warehouse.names(account, "bare")
    nobody = {"assigned_to_name": None, "messages_read_at": None}
    wanted = {name: row | nobody for name, row in conversations(account, names).items()}
    assert warehouse.table("bare_analytics.conversations", "conversation_id") == wanted
    assert {row["awaiting_reply_from"] for row in wanted.values()} == {None}
    assert {row["seconds_to_last_close"] is None for row in wanted.values()} == {True, False}
    for empty in (
        *("conversation_messages", "conversation_events", "conversation_turns"),
        *("agent_daily_activity", "stg_own_addresses", "working_clock"),
    ):
        assert warehouse.query(f"SELECT * FROM bare_analytics.{empty}") == []


NOT_SELECTED = {
    "threads": ("associatedContactId", "otherProperties"),
    "messages": (
        *("text", "richText", "subject", "attachments", "senders", "recipients", "status"),
        "otherProperties",
    ),
    "actors": ("email", "avatar", "otherProperties"),
}


def test_without_some_columns(warehouse: Warehouse) -> None:
    """Columns that are not selected, such as message text, are null in the models."""
    warehouse.query("CREATE SCHEMA textless")
    for table, columns in NOT_SELECTED.items():
        warehouse.query(f"CREATE TABLE textless.{table} AS SELECT * FROM hubspot.{table}")
        for column in columns:
            warehouse.query(f'ALTER TABLE textless.{table} DROP COLUMN "{column}"')
    warehouse.query(
        """UPDATE textless.messages SET "createdBy" = NULL
        WHERE "createdBy" LIKE 'V-%' OR "createdBy" LIKE 'E-%';
        DELETE FROM textless.actors WHERE type <> 'AGENT'"""
    )
    assert set(warehouse.dbt("run", schema="textless").values()) == {"success"}
    rows = warehouse.query("SELECT text, recipients FROM textless_analytics.stg_messages")
    assert {(row["text"], row["recipients"]) for row in rows} == {(None, None)}
    assert len(rows) == len(fivetran.payloads(ACCOUNT)["conversation_message_history"])


SPELLINGS: dict[str, tuple[Callable[[str], str], str]] = {
    "threads": (str, "target-postgres (MeltanoLabs)"),
    "messages": (str.lower, "target-duckdb or pipelinewise-target-postgres"),
    "actors": (snake, "dlt"),
    "inboxes": (lambda name: snake(name).upper(), "target-snowflake with normalise_casing"),
    "channels": (
        str.upper,
        "target-snowflake without normalise_casing, or pipelinewise-target-snowflake",
    ),
    "channel_accounts": (str.swapcase, "an unknown target"),
}


def test_spellings(warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    """The models read each target's spelling of the columns, and dbt logs which one it found."""
    for stream, (spell, _) in SPELLINGS.items():
        warehouse.fill("spelled", stream, [{"id": "7", "otherProperties": {}}], spell=spell)
    warehouse.query('ALTER TABLE spelled.threads DROP COLUMN "closedAt"')
    said = warehouse.dbt("run", "--select", "staging", schema="spelled", quiet=False)
    assert set(said.values()) == {"success"}
    printed = capsys.readouterr().out
    for stream, (spell, target) in SPELLINGS.items():
        rows = warehouse.query(f"SELECT * FROM spelled_analytics.stg_{stream}")
        assert [next(iter(row.values())) for row in rows] == ["7"]
        line = f'spelled.{stream} has the column names of {target} ("{spell("otherProperties")}")'
        assert line in printed
    assert '("otherProperties"); missing and therefore null: closedAt\n' in printed
    assert "spelled.deleted_threads does not exist: its models are empty or null." in printed


def test_times_with_a_zone(warehouse: Warehouse) -> None:
    """Times that a target stores with a zone are in UTC in the models, without one."""
    warehouse.query("CREATE SCHEMA zoned")
    warehouse.query('CREATE TABLE zoned.threads (id text, "createdAt" timestamptz)')
    warehouse.query("INSERT INTO zoned.threads VALUES ('7', '2026-01-31 14:00:00+02')")
    warehouse.dbt("run", "--select", "+stg_threads", schema="zoned")
    (row,) = warehouse.query("SELECT created_at FROM zoned_analytics.stg_threads")
    assert row["created_at"] == datetime(2026, 1, 31, 12)  # noqa: DTZ001 - like the tables' times


def test_deleted_threads(warehouse: Warehouse) -> None:
    """Deleted threads leave all models, unless they came back. The cleanup script removes them.

    With them go their messages, and the actors that no row names any more. It may run twice.
    """
    account = sample(60, seed=11)
    warehouse.load(account, "gone", *STREAMS)
    back, *gone = list(account.threads.values())[3:40:4]
    deletions = [(back.id, "2020-01-01"), *((thread.id, "2050-01-01") for thread in gone)]
    values = ", ".join(f"('{number}', '{when}')" for number, when in deletions)
    warehouse.query(f"INSERT INTO gone.deleted_threads (id, _sdc_extracted_at) VALUES {values}")
    for thread in gone:
        account.delete(thread)
    assert set(warehouse.dbt(*DATA_TESTS, schema="gone").values()) == {"success", "pass"}
    names = warehouse.names(account, "gone")
    threads = conversations(account, names).keys()
    messages = fivetran.payloads(account)["conversation_message_history"].keys()
    for table, column, left in [
        ("gone_analytics.stg_threads", "thread_id", threads),
        ("gone_analytics.conversations", "conversation_id", threads),
        ("gone_analytics.conversation_messages", "message_id", messages),
        ("gone_analytics.conversation_events", "event_id", events(account, names).keys()),
        (
            "gone_analytics.agent_daily_activity",
            "agent_day",
            agent_daily_activity(account, ZONE, names).keys(),
        ),
        ("gone_analytics_fivetran.conversation_thread", "id", threads),
        ("gone_analytics_fivetran.conversation_message_history", "id", messages),
    ]:
        assert warehouse.column(table, column) == left

    recipe = PROJECT / "recipes" / f"remove_deleted_threads.{warehouse.name}.sql"
    statements = re.sub(r"\bhubspot\.", "gone.", recipe.read_text(encoding="utf-8"))
    statements = re.sub(r"^(begin|commit);$", "", statements, flags=re.MULTILINE)
    actors = actor_payloads(account).keys()
    assert warehouse.column("gone.actors", "id") > actors
    for _ in range(2):
        warehouse.query(statements)
        assert warehouse.column("gone.threads", "id") == threads
        assert warehouse.column("gone.messages", "id") == messages
        assert warehouse.column("gone.actors", "id") == actors
