"""The SQL in the documentation that erases a person works on really loaded tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from emulator.data.account import Account
from emulator.data.edge_cases import MAILER
from emulator.endpoints.actors import actor_payload
from tests.conftest import open_lab
from tests.tools.docs import blocks, page

if TYPE_CHECKING:
    from pathlib import Path

    from emulator.data.thread import Thread
    from tests.targets.postgres import Database

pytestmark = pytest.mark.loads

STREAMS = ("threads", "messages", "actors")
NOBODY = {"account": "", "contact_id": "", "address": "", "name": ""}
LOOK = blocks(page("how-to/delete-a-person"), "sql")[0]
DELETE = LOOK.replace("ROLLBACK", "COMMIT")


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


def somebody(account: Account) -> tuple[Thread, dict[str, str]]:
    """Return a thread whose contact has a name, and the SQL variables that identify the contact."""
    for thread in account.threads.values():
        actor = actor_payload(account, f"V-{thread.contact_id}")
        if actor and actor.get("name") and account.messages(thread):
            told = {"contact_id": str(thread.contact_id), "address": actor["email"]}
            return thread, NOBODY | told | {"name": actor["name"]}
    raise AssertionError


def let_others_write(account: Account, thread: Thread, told: dict[str, str]) -> str:
    """Let someone else's thread hold messages from and to the person.

    Returns:
        The ID of a message whose text mentions the person.
    """
    address = {"type": "HS_EMAIL_ADDRESS", "value": told["address"].title()}
    person = {"actorId": f"V-{told['contact_id']}", "name": told["name"]}
    with_address = {"deliveryIdentifier": address, "recipientField": "CC"}
    account.message(thread, sent=False, text="Theirs.", senders=[person])
    other = {"actorId": f"V-{thread.contact_id}", "recipientField": "TO"}
    for copy in (person | with_address, with_address):
        account.message(thread, sent=True, text="Ours.", recipients=[other, copy])
    return account.message(thread, sent=True, text=f"Ask {told['name'].upper()}.").id


def test_a_person(database: Database, tmp_path: Path) -> None:
    """The SQL deletes all identifying rows, in others' threads too, and lists mentions in text."""
    account = Account.sample(60)
    thread, told = somebody(account)
    other = next(one for one in account.threads.values() if one is not thread and one.assigned_to)
    mention = let_others_write(account, other, told)
    load(database, tmp_path, account)
    words = [f'V-{thread.contact_id}"', told["address"], told["name"], f'"{thread.id}"']
    before = rows(database)
    database.psql(LOOK, **told)
    assert rows(database) == before
    said = database.psql(DELETE, **told)
    (left,) = rows_with(database, *words)
    assert mention in left
    assert mention in said
    after = rows(database)
    written = len(account.messages(thread)) + 1
    assert len(after["messages"]) == len(before["messages"]) - written
    assert len(after["threads"]) == 59
    assert sum("Ours." in row and f"V-{other.contact_id}" in row for row in after["messages"]) == 2
    assert "DELETE 0" in database.psql(DELETE, **told)
    assert rows(database) == after


def test_a_person_whose_threads_are_gone(database: Database, tmp_path: Path) -> None:
    """Messages are deleted even if the row of their thread was removed before."""
    account = Account.sample(60)
    thread, told = somebody(account)
    load(database, tmp_path, account)
    database.query(f"DELETE FROM hubspot.threads WHERE id = '{thread.id}'")
    assert rows_with(database, f'"{thread.id}"')
    database.psql(DELETE, **told)
    assert rows_with(database, f'"{thread.id}"', told["address"]) == []


def test_somebody_who_is_an_address(database: Database, tmp_path: Path) -> None:
    """A person without a contact is found by address. Empty variables delete nothing."""
    load(database, tmp_path, Account.sample(300))
    before = rows(database)
    database.psql(DELETE, **NOBODY)
    assert rows(database) == before
    address = MAILER.removeprefix("E-")
    assert rows_with(database, address)
    database.psql(DELETE, **NOBODY | {"address": address})
    assert rows_with(database, address) == []
    assert len(rows(database)["threads"]) == len(before["threads"])


def test_a_person_of_one_account(database: Database, tmp_path: Path) -> None:
    """If two accounts share a schema, the other account keeps its rows with the same IDs."""
    config = yaml.safe_load(blocks(page("how-to/several-accounts"), "yaml")[0])["config"]
    for number in (62515, 62516):
        account = Account.sample(60)
        account.portal_id = number
        config["stream_map_config"]["account"] = number
        load(database, tmp_path / str(number), account, **config)
    thread, told = somebody(account)
    before = rows(database)
    for wrong in ("", "7"):
        database.psql(DELETE, **told | {"account": wrong})
        assert rows(database) == before
    database.psql(DELETE, **told | {"account": "62516"})
    left = rows_with(database, told["address"], f'"{thread.id}"')
    assert left
    assert all('"account": "62515"' in row for row in left)
    after = rows(database)
    for name, table in before.items():
        of_the_other = [row for row in table if '"account": "62515"' in row]
        assert [row for row in after[name] if '"account": "62515"' in row] == of_the_other
    assert len(after["threads"]) == 119
