"""The models on a real load: the account's figures, streams not loaded, deleted threads."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from rich.console import Console

from demo import support_report
from emulator.data.account import Account
from emulator.endpoints.actors import actor_payloads
from tests.dbt import fivetran
from tests.dbt.figures import agent_daily_activity, conversations, events, of_models
from tests.dbt.warehouse import ACCOUNT, PROJECT, STREAMS, ZONE
from tests.tools.docs import blocks, page

if TYPE_CHECKING:
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
    """Each column of the models has its definition and its counterpart in HubSpot or none."""
    for model in yaml_file("models.yml")["models"]:
        columns = [
            column["name"]
            for column in model["columns"]
            if column["description"] and column["config"]["meta"]["hubspot"]
        ]
        row = warehouse.query(f"SELECT * FROM hubspot_analytics.{model['name']} LIMIT 1")[0]
        assert sorted(columns) == sorted(row)


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


@pytest.mark.usefixtures("built")
def test_support_report(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report answers each question, with the longest-waiting customer first."""
    printed = io.StringIO()
    monkeypatch.setattr(support_report, "console", Console(file=printed, width=100))
    monkeypatch.setattr(support_report, "_build", lambda *_: True)
    assert (
        support_report.build_and_show(support_report.Destination(warehouse.url, "hubspot"), ZONE)
        == 0
    )
    rows = conversations(ACCOUNT, warehouse.names(ACCOUNT)).values()
    waiting = [row for row in rows if row["awaiting_reply_from"] == "business"]
    oldest = min(waiting, key=lambda row: row["waiting_since"])
    lines = printed.getvalue().splitlines()
    assert all(title in printed.getvalue() for title in support_report.TABLES)
    assert next(line for line in lines if "9336" in line).split()[1] == oldest["conversation_id"]
    assert "No results" not in printed.getvalue()
    with pytest.raises(ValueError, match="Run `make run` first"):
        support_report.build_and_show(support_report.Destination(warehouse.url, "nowhere"), ZONE)


def test_without_messages(warehouse: Warehouse) -> None:
    """If only `threads` is loaded, the models fill what threads contain, and the rest is null."""
    account = Account.sample(60)
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


def test_without_some_columns(warehouse: Warehouse) -> None:
    """Columns that are not selected, such as message text, are null in the models."""
    warehouse.query(
        """CREATE SCHEMA textless;
        CREATE TABLE textless.threads AS SELECT * FROM hubspot.threads;
        CREATE TABLE textless.messages AS SELECT * FROM hubspot.messages;
        ALTER TABLE textless.threads DROP COLUMN "associatedContactId",
            DROP COLUMN "otherProperties";
        ALTER TABLE textless.messages DROP COLUMN text, DROP COLUMN "richText",
            DROP COLUMN subject, DROP COLUMN attachments, DROP COLUMN senders,
            DROP COLUMN recipients, DROP COLUMN status, DROP COLUMN "otherProperties";
        UPDATE textless.messages SET "createdBy" = NULL WHERE "createdBy" ~ '^[VE]-';
        CREATE TABLE textless.actors AS SELECT * FROM hubspot.actors WHERE type = 'AGENT';
        ALTER TABLE textless.actors DROP COLUMN email, DROP COLUMN avatar,
            DROP COLUMN "otherProperties";"""
    )
    assert set(warehouse.dbt("run", schema="textless").values()) == {"success"}
    rows = warehouse.query("SELECT text, recipients FROM textless_analytics.stg_messages")
    assert {(row["text"], row["recipients"]) for row in rows} == {(None, None)}
    assert len(rows) == len(fivetran.payloads(ACCOUNT)["conversation_message_history"])


def test_deleted_threads(warehouse: Warehouse) -> None:
    """Deleted threads leave all models, unless they came back. The cleanup script removes them.

    With them go their messages, and the actors that no row names any more. It may run twice.
    """
    account = Account.sample(60, seed=11)
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

    recipe = PROJECT / "recipes" / "remove_deleted_threads.postgres.sql"
    statements = re.sub(r"\bhubspot\.", "gone.", recipe.read_text(encoding="utf-8"))
    statements = re.sub(r"^(begin|commit);$", "", statements, flags=re.MULTILINE)
    actors = actor_payloads(account).keys()
    assert warehouse.column("gone.actors", "id") > actors
    for _ in range(2):
        warehouse.query(statements)
        assert warehouse.column("gone.threads", "id") == threads
        assert warehouse.column("gone.messages", "id") == messages
        assert warehouse.column("gone.actors", "id") == actors
