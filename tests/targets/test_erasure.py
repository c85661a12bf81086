"""The SQL in the documentation that erases a person works on really loaded tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from emulator.data.account import Account
from emulator.data.edge_cases import MAILER
from tests.conftest import open_lab
from tests.targets.person import empty_parts, mention_elsewhere, thread_of_a_contact
from tests.tools.docs import blocks, page

if TYPE_CHECKING:
    from pathlib import Path

    from tests.targets.postgres import Database

pytestmark = pytest.mark.loads

STREAMS = ("threads", "messages", "actors")
NO_PERSON = {"account": "", "contact_id": "", "address": "", "name": ""}
PAGE = page("privacy/erase-personal-data")
DRY_RUN = blocks(PAGE, "sql")[0]
DELETE = DRY_RUN.replace("ROLLBACK", "COMMIT")


def load(database: Database, folder: Path, account: Account, **settings: Any) -> None:
    """Load an account."""
    folder.mkdir(exist_ok=True)
    with open_lab(account) as lab:
        database.pipe(lab, folder, streams=STREAMS).run(**settings)


def rows(database: Database) -> dict[str, list[str]]:
    """Return all rows as text, by table."""
    tables = {name: f"SELECT to_jsonb(t)::text AS row FROM hubspot.{name} t" for name in STREAMS}
    return {name: sorted(row["row"] for row in database.query(sql)) for name, sql in tables.items()}


def rows_with(database: Database, *words: str) -> list[str]:
    """Return the rows that contain any of these words."""
    every = [row for table in rows(database).values() for row in table]
    return [row for row in every if any(word.lower() in row.lower() for word in words)]


def test_person_is_erased(database: Database, tmp_path: Path) -> None:
    """The SQL deletes all identifying rows, in others' threads too, and lists mentions in text."""
    account = Account.sample(60)
    thread, person = thread_of_a_contact(account)
    variables = NO_PERSON | person
    other = next(one for one in account.threads.values() if one is not thread and one.assigned_to)
    mention = mention_elsewhere(account, other, variables)
    load(database, tmp_path, account)
    words = [f'V-{thread.contact_id}"', variables["address"], variables["name"], f'"{thread.id}"']
    before = rows(database)
    database.psql(DRY_RUN, **variables)
    assert rows(database) == before
    output = database.psql(DELETE, **variables)
    (left,) = rows_with(database, *words)
    assert mention in left
    assert mention in output
    after = rows(database)
    written = len(account.messages(thread)) + 1
    assert len(after["messages"]) == len(before["messages"]) - written
    assert len(after["threads"]) == 59
    assert sum("Ours." in row and f"V-{other.contact_id}" in row for row in after["messages"]) == 2
    assert "DELETE 0" in database.psql(DELETE, **variables)
    assert rows(database) == after


def test_thread_row_is_missing(database: Database, tmp_path: Path) -> None:
    """Messages are deleted even if the row of their thread was removed before."""
    account = Account.sample(60)
    thread, person = thread_of_a_contact(account)
    variables = NO_PERSON | person
    load(database, tmp_path, account)
    database.query(f"DELETE FROM hubspot.threads WHERE id = '{thread.id}'")
    assert rows_with(database, f'"{thread.id}"')
    database.psql(DELETE, **variables)
    assert rows_with(database, f'"{thread.id}"', variables["address"]) == []


def test_person_without_a_contact(database: Database, tmp_path: Path) -> None:
    """A person without a contact is found by address. Empty variables delete nothing."""
    load(database, tmp_path, Account.sample(300))
    before = rows(database)
    database.psql(DELETE, **NO_PERSON)
    assert rows(database) == before
    address = MAILER.removeprefix("E-")
    assert rows_with(database, address)
    database.psql(DELETE, **NO_PERSON | {"address": address})
    assert rows_with(database, address) == []
    assert len(rows(database)["threads"]) == len(before["threads"])


def test_one_of_two_accounts(database: Database, tmp_path: Path) -> None:
    """If two accounts share a schema, the other account keeps its rows with the same IDs."""
    config = yaml.safe_load(blocks(page("configure/several-accounts"), "yaml")[1])["config"]
    for number in (62515, 62516):
        account = Account.sample(60)
        account.portal_id = number
        config["stream_map_config"]["account"] = number
        load(database, tmp_path / str(number), account, **config)
    thread, person = thread_of_a_contact(account)
    variables = NO_PERSON | person
    before = rows(database)
    for wrong in ("", "7"):
        database.psql(DELETE, **variables | {"account": wrong})
        assert rows(database) == before
    database.psql(DELETE, **variables | {"account": "62516"})
    left = rows_with(database, variables["address"], f'"{thread.id}"')
    assert left
    assert all('"account": "62515"' in row for row in left)
    after = rows(database)
    for name, table in before.items():
        others_rows = [row for row in table if '"account": "62515"' in row]
        assert [row for row in after[name] if '"account": "62515"' in row] == others_rows
    assert len(after["threads"]) == 119


def test_missing_columns_and_actors(database: Database, tmp_path: Path) -> None:
    """With an empty table and empty columns instead of missing ones, the SQL works unchanged."""
    account = Account.sample(60)
    thread, person = thread_of_a_contact(account)
    variables = NO_PERSON | person
    load(database, tmp_path, account)
    database.query("DROP TABLE hubspot.actors")
    database.query("ALTER TABLE hubspot.messages DROP COLUMN senders, DROP COLUMN recipients")
    with pytest.raises(AssertionError, match=r"hubspot\.messages|hubspot\.actors|senders"):
        database.psql(DRY_RUN, **variables)
    for statement in empty_parts(PAGE):
        database.query(statement)
    database.psql(DELETE, **variables)
    assert rows_with(database, f'V-{thread.contact_id}"', f'"{thread.id}"') == []
    load(database, tmp_path, account, stream_maps={"messages": {"senders": "__NULL__"}})
    assert database.query("SELECT id FROM hubspot.messages WHERE senders IS NOT NULL") == []


def test_threads_only(database: Database, tmp_path: Path) -> None:
    """The SQL for a schema without messages shows the person's threads, and then deletes them."""
    account = Account.sample(60)
    thread, _ = thread_of_a_contact(account)
    load(database, tmp_path, account)
    (short,) = [sql for sql in blocks(PAGE, "sql") if sql.startswith("BEGIN;\nSELECT")]
    dry_run = short.replace("57262", str(thread.contact_id))
    before = rows(database)
    output = database.psql(dry_run)
    assert str(thread.id) in output
    assert rows(database) == before
    assert database.psql(dry_run.replace("ROLLBACK", "COMMIT")) == output.replace(
        "ROLLBACK", "COMMIT"
    )
    after = rows(database)
    assert f"DELETE {60 - len(after['threads'])}" in output
    assert "DELETE 0" in database.psql(dry_run)
