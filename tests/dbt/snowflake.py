"""Build and test the models on fakesnow, without an account or a network.

Runs in an environment of its own (`make test-dbt-snowflake`), since Snowflake's connector does not
live beside the rest. The tables are made as target-snowflake makes them with `normalise_casing`,
and filled with the sample account. It proves what the SQL means to fakesnow, which is DuckDB behind
a translation: not what Snowflake itself accepts, nor the quoting of names.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fakesnow
import fakesnow.cursor
import snowflake.connector
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from dbt.cli.main import dbtRunner

from emulator.data.thread import HELP_DESK, SALES
from tests.dbt import figures, fivetran
from tests.dbt.cases import account_with_cases
from tests.dbt.conversation import Names, naive
from tests.dbt.working_time import HOLIDAYS, HOURS, WorkingTime
from tests.targets.columns import snake
from tests.targets.expected import stored
from tests.targets.person import empty_parts, filled, person_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.data.account import Account

ROOT = Path(__file__).parent.parent.parent
PROJECT = ROOT / "dbt"
SCHEMAS = ROOT / "tap_hubspot_threads" / "schemas"
ZONE = "US/Eastern"
TYPES = {"boolean": "boolean", "object": "variant", "array": "variant", "string": "varchar"}
READ_AT = "2026-11-25 00:00:00"


def rows(account: Account) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the payloads of each stream to load."""
    sent = fivetran.payloads(account)
    yield "threads", list(sent["conversation_thread"].values())
    yield "messages", list(sent["conversation_message_history"].values())
    yield "actors", list(sent["conversation_actor"].values())
    yield "inboxes", list(sent["conversation_inbox"].values())
    yield "channels", list(sent["conversation_channel"].values())
    yield "channel_accounts", list(sent["conversation_channel_account"].values())
    yield "deleted_threads", []


def load(cursor: Any, stream: str, payloads: list[dict[str, Any]]) -> None:
    """Create a stream's table and fill it."""
    columns = json.loads((SCHEMAS / f"{stream}.json").read_text(encoding="utf-8"))["properties"]
    kinds = {name: kind_of(column) for name, column in columns.items()}
    names = ", ".join(f"{snake(name)} {kind}" for name, kind in kinds.items())
    cursor.execute(f"create table hubspot.{stream} ({names}, _sdc_extracted_at timestamp_tz)")
    selects = [
        ", ".join(value(payload.get(name), kind) for name, kind in kinds.items())
        for payload in payloads
    ]
    for begin in range(0, len(selects), 50):
        union = " union all ".join(
            f"select {one}, '{READ_AT}'" for one in selects[begin : begin + 50]
        )
        cursor.execute(f"insert into hubspot.{stream} {union}")


def kind_of(column: dict[str, Any]) -> str:
    """Return a column's Snowflake type."""
    kinds = column["type"] if isinstance(column["type"], list) else [column["type"]]
    return "timestamp" if "format" in column else TYPES[kinds[-1]]


def value(given: Any, kind: str) -> str:
    """Return a value as an SQL literal."""
    if given is None:
        return "null"
    if kind == "boolean":
        return str(given).lower()
    if kind == "timestamp":
        moment = naive(datetime.fromisoformat(given.replace("Z", "+00:00")))
        return f"'{moment}'::timestamp"
    given = stored(given)
    text = json.dumps(given) if kind == "variant" else str(given)
    quoted = "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
    return f"parse_json({quoted})" if kind == "variant" else quoted


def patch_temporary_tables() -> None:
    """Patch fakesnow, which has no temporary tables, so that dbt's unit tests run."""
    execute = fakesnow.cursor.FakeSnowflakeCursor.execute

    def shim(cursor: Any, command: str, *arguments: Any, **options: Any) -> Any:
        pattern = r"create or replace temporary (table|view)"
        plain = re.sub(pattern, r"create or replace \1", command, flags=re.IGNORECASE)
        return execute(cursor, plain, *arguments, **options)

    fakesnow.cursor.FakeSnowflakeCursor.execute = shim


def compare(cursor: Any, account: Account) -> None:
    """Compare each figure with the account's, in calendar and in working time."""
    names = Names(account, datetime.fromisoformat(READ_AT), WorkingTime(HOURS, set(HOLIDAYS)))
    for model, (key, wanted) in figures.of_models(account, ZONE, names).items():
        found = {row[key]: row for row in table(cursor, f"hubspot_analytics.{model}")}
        differences = figures.differences(found, wanted)
        assert not differences, (model, differences[:9])
    for view, payloads in fivetran.payloads(account).items():
        found = {row["id"]: row for row in table(cursor, f"hubspot_analytics_fivetran.{view}")}
        assert found.keys() == payloads.keys(), view
        for name, payload in payloads.items():
            wanted_row = fivetran.row(view, payload)
            given = {column: found[name][column] for column in wanted_row}
            assert given == wanted_row, (view, given, wanted_row)
    for name in ("sender", "recipient"):
        wanted_rows = fivetran.parties(account, name)
        found_rows = table(cursor, f"hubspot_analytics_fivetran.conversation_message_{name}")
        given_rows = [{column: row[column] for column in wanted_rows[0]} for row in found_rows]
        assert sorted(map(str, given_rows)) == sorted(map(str, wanted_rows)), name


def remove(cursor: Any, account: Account) -> None:
    """Mark threads as deleted, run the cleanup script twice, and compare the remaining rows."""
    gone = list(account.threads.values())[3:40:4]
    for thread in gone:
        row = f"'{thread.id}', null, '2050-01-01'"
        cursor.execute(f"insert into hubspot.deleted_threads select {row}")
        account.delete(thread)
    recipe = (PROJECT / "recipes" / "remove_deleted_threads.snowflake.sql").read_text("utf-8")
    for statement in 2 * statements(recipe):
        cursor.execute(statement)
    sent = fivetran.payloads(account)
    for stream, view in (
        ("threads", "thread"),
        ("messages", "message_history"),
        ("actors", "actor"),
    ):
        left = {row["id"] for row in table(cursor, f"hubspot.{stream}")}
        assert left == sent[f"conversation_{view}"].keys(), stream


def erase(cursor: Any) -> None:
    """Run the documented SQL that erases a person, and compare what it shows with the rows."""
    account = account_with_cases(60)
    thread, person, mention = person_in(account)
    reload(cursor, account)
    sql = filled(documented_sql("privacy/erase-personal-data"), person)
    delete = sql.replace("ROLLBACK", "COMMIT")
    before = texts(cursor)
    counts, mentions = shown(cursor, sql)
    assert texts(cursor) == before
    assert mentions == [mention]
    assert shown(cursor, delete) == (counts, mentions)
    after = texts(cursor)
    messages, changed, *others = counts
    assert messages > len(account.messages(thread))
    assert [changed, *others] == [2, 1, 1]
    lost = [len(before[name]) - len(after[name]) for name in ("messages", "threads", "actors")]
    assert lost == [messages, *others]
    words = (f'V-{person["contact_id"]}"', person["address"], person["name"])
    left = [
        row
        for found in after.values()
        for row in found
        if any(word.lower() in row.lower().replace("\\", "") for word in words)
    ]
    assert len(left) == 1
    assert mention in left[0]
    assert shown(cursor, sql) == ([0, 0, 0, 0], [mention])
    for stream in ("threads", "messages", "actors"):
        cursor.execute(f"alter table hubspot.{stream} add column account varchar")
        cursor.execute(f"update hubspot.{stream} set account = '7'")
    assert shown(cursor, sql.replace("/*", "").replace("*/", "")) == ([0, 0, 0, 0], [])
    reload(cursor, account)
    cursor.execute("drop table hubspot.actors")
    for column in ("senders", "recipients"):
        cursor.execute(f"alter table hubspot.messages drop column {column}")
    for statement in empty_parts(text_of("privacy/erase-personal-data"), "variant"):
        cursor.execute(statement)
    counts, _ = shown(cursor, delete)
    assert counts == [len(account.messages(thread)), 0, 1, 0]
    assert shown(cursor, sql)[0] == [0, 0, 0, 0]


def remove_another_account(cursor: Any) -> None:
    """Run the documented SQL that keeps the threads of given inboxes only, and compare the rows."""
    account = account_with_cases(60)
    for stream, payloads in rows(account):
        cursor.execute(f"drop table hubspot.{stream}")
        load(cursor, stream, payloads)
    text = text_of("operate/token-or-account")
    (sql,) = re.findall(r"^```snowflake\n(USE .*?)^```", text, re.DOTALL | re.MULTILINE)
    sql = sql.replace("USE SCHEMA raw.hubspot", "USE SCHEMA hubspot")
    assert "'481939', '481940'" in sql
    without_inbox, *threads = account.threads.values()
    cursor.execute(f"update hubspot.threads set inbox_id = null where id = '{without_inbox.id}'")
    kept = {str(thread.id) for thread in threads if thread.inbox_id in {HELP_DESK, SALES}}
    assert 0 < len(kept) < len(threads)
    messages = table(cursor, "hubspot.messages")
    expected = {row["id"] for row in messages if row["conversations_thread_id"] in kept}
    for statement in statements(sql):
        cursor.execute(statement)
    assert {row["id"] for row in table(cursor, "hubspot.threads")} == kept
    assert {row["id"] for row in table(cursor, "hubspot.messages")} == expected
    for stream in ("actors", "inboxes", "channels", "channel_accounts"):
        assert table(cursor, f"hubspot.{stream}") == []


def reload(cursor: Any, account: Account) -> None:
    """Replace all tables by those of an account."""
    for stream, payloads in rows(account):
        cursor.execute(f"drop table hubspot.{stream}")
        load(cursor, stream, payloads)


def text_of(page: str) -> str:
    """Return the text of a page in `docs`."""
    return (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")


def documented_sql(page: str) -> str:
    """Return the block of a page that starts with USE, for the schema of these tests."""
    sql: str
    (sql,) = re.findall(r"^```snowflake\n(USE .*?)^```", text_of(page), re.DOTALL | re.MULTILINE)
    return sql.replace("USE SCHEMA raw.hubspot", "USE SCHEMA hubspot")


def statements(sql: str) -> list[str]:
    """Return the statements of SQL without its comments."""
    return re.sub("--.*", "", sql).split(";")[:-1]


def shown(cursor: Any, sql: str) -> tuple[list[int], list[str]]:
    """Run the statements, and return the numbers and the IDs of messages that they show."""
    results = []
    for statement in statements(sql):
        cursor.execute(statement)
        if statement.strip().startswith("SELECT"):
            results.append(cursor.fetchall())
    counts, mentions = results
    return [row[1] for row in counts], [row[0] for row in mentions]


def texts(cursor: Any) -> dict[str, list[str]]:
    """Return all rows with personal data as text, by table."""
    return {
        name: sorted(json.dumps(row, default=str) for row in table(cursor, f"hubspot.{name}"))
        for name in ("threads", "messages", "actors")
    }


def table(cursor: Any, name: str) -> list[dict[str, Any]]:
    """Return a table's rows."""
    cursor.execute(f"select * from {name}")
    columns = [column.name.lower() for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def dbt(*command: str, **variables: Any) -> list[str]:
    """Run dbt; print and return what did not succeed."""
    said = json.dumps({"time_zone": ZONE} | variables)
    done: Any = dbtRunner().invoke([*command, "--quiet", "--vars", said])
    if done.exception:
        raise done.exception
    bad = [one.node.name for one in done.result if one.status not in {"success", "pass"}]
    print(f"{len(done.result)} models and tests, failed: {', '.join(bad) or 'none'}")
    return bad


def write_key(path: Path, *, passphrase: str) -> None:
    """Write a new private key, encrypted, which dbt reads to sign in."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encryption = serialization.BestAvailableEncryption(passphrase.encode())
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(pem, pkcs8, encryption))


def main() -> int:
    """Load, build, test and compare. Return the exit code."""
    account = account_with_cases(60)
    for name in ("ACCOUNT", "USER", "PRIVATE_KEY_PASSPHRASE", "ROLE", "WAREHOUSE", "DATABASE"):
        os.environ[f"SNOWFLAKE_{name}"] = "fake"
    os.environ["DBT_SCHEMA"] = "hubspot_analytics"
    patch_temporary_tables()
    with fakesnow.patch(), tempfile.TemporaryDirectory() as folder:
        write_key(Path(folder, "key.p8"), passphrase="fake")
        os.environ["SNOWFLAKE_PRIVATE_KEY_PATH"] = str(Path(folder, "key.p8"))
        connection = snowflake.connector.connect(database="fake", schema="hubspot")
        cursor = connection.cursor()
        for stream, payloads in rows(account):
            load(cursor, stream, payloads)
        places = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
        places += ["--target-path", folder, "--log-path", folder, "--target", "snowflake"]
        places += ["--threads", "1"]  # fakesnow makes no two schemas at once
        logging.getLogger("sqlglot").setLevel(logging.ERROR)
        bad = dbt("build", *places)
        for day, name in HOLIDAYS.items():
            cursor.execute(f"insert into hubspot_analytics.holidays select '{day}', $${name}$$")
        bad += dbt("run", "--select", "working_clock+", *places, working_hours=HOURS)
        compare(cursor, account)
        print("Every figure and every value of Fivetran's columns is the account's.")
        remove(cursor, account)
        print("The cleanup script leaves no row of deleted threads.")
        erase(cursor)
        print("The documented SQL erases a person.")
        remove_another_account(cursor)
        print("The documented SQL removes the rows of another account.")
    return len(bad)


if __name__ == "__main__":
    sys.exit(main())
