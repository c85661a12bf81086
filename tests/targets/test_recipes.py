"""The SQL of the documentation, in tables that a real load made."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING

import pytest

from emulator.account import Account
from tests.conftest import open_lab
from tests.docs import blocks, page

if TYPE_CHECKING:
    from pathlib import Path

    from tests.targets.postgres import Database

pytestmark = pytest.mark.loads


def _ago(*, minutes: int) -> datetime:
    return datetime.now(timezone.utc) - timedelta(minutes=minutes)


def test_recipes_for_deleted_threads(database: Database, tmp_path: Path) -> None:
    """The SQL of the documentation removes what is of deleted threads, and finds candidates."""
    remove, remove_messages, find = blocks(page("how-to/deleted"), "sql")
    with open_lab(Account.sample(60)) as lab:
        streams = ["threads", "deleted_threads", "messages"]
        pipe = database.pipe(lab, tmp_path, streams=streams)
        lab.account.clock = partial(_ago, minutes=25 * 60)
        pipe.run()
        database.query(
            """UPDATE hubspot.threads
            SET "_sdc_extracted_at" = "_sdc_extracted_at" - INTERVAL '25 hours'"""
        )
        gone_open = next(t for t in lab.threads if not t.closed_at)
        gone_closed = next(t for t in lab.threads if t.closed_at)
        lab.account.delete(gone_open)
        lab.account.delete(gone_closed)
        for minutes in (11, 0):
            lab.account.clock = partial(_ago, minutes=minutes)
            pipe.run()
    state = json.loads(pipe.state.read_text())
    since = state["bookmarks"]["threads"]["full_listing_started_at"]
    of_gone = """SELECT id FROM hubspot.messages WHERE "conversationsThreadId" = """
    assert database.query(f"{of_gone}'{gone_open.id}'")
    database.query(remove)
    database.query(remove_messages)
    assert not database.query(f"{of_gone}'{gone_open.id}'")
    assert database.query(f"{of_gone}'{gone_closed.id}'")
    kept = [row["id"] for row in database.query("SELECT id FROM hubspot.threads")]
    assert sorted(kept) == sorted([*lab.ids, str(gone_closed.id)])
    found = database.query(find.replace(":'full_listing_started_at'", f"'{since}'"))
    assert found == [{"id": str(gone_closed.id)}]


def filled(sql: str, **values: str) -> str:
    """Put values where psql's variables are, in a way that is good enough for ids."""
    for name, value in values.items():
        sql = sql.replace(f":'{name}'", f"'{value}'")
    return sql


def test_recipes_for_messages(database: Database, tmp_path: Path) -> None:
    """The SQL of the documentation finds what it says in real tables, and deletes a person."""
    query = database.query
    lists = blocks(page("how-to/query-lists"), "sql")
    (first_reply,) = blocks(page("how-to/messages"), "sql")
    *delete, find = blocks(page("how-to/delete-a-person"), "sql")
    with open_lab(Account.sample(60)) as lab:
        database.pipe(lab, tmp_path, streams=["threads", "messages", "actors"]).run()
    recipients, files, tickets, failures = (query(sql) for sql in lists)
    assert any(row["field"] == "TO" and row["address"] for row in recipients)
    assert {row["type"] for row in files} == {"FILE"}
    assert len(tickets) == 60
    assert any(row["ticket"] for row in tickets)
    assert any(row["why"] for row in failures)
    replies = [row["first_reply_after"] for row in query(first_reply)]
    assert len(replies) > 50
    assert any(reply and reply > timedelta(0) for reply in replies)

    person = """SELECT t."associatedContactId" AS contact_id, count(m.id) AS messages
        FROM hubspot.threads t JOIN hubspot.messages m ON m."conversationsThreadId" = t.id
        GROUP BY 1 ORDER BY 2 DESC LIMIT 1"""
    values = {"contact_id": query(person)[0]["contact_id"], "email": "none@example.com"}
    before = query("SELECT count(*) FROM hubspot.messages")[0]["count"]
    for sql in delete:
        query(filled(sql, **values))
    after = query("SELECT count(*) FROM hubspot.messages")[0]["count"]
    assert 0 < after < before
    assert query(filled(find, **values)) == []
    assert len(query("SELECT id FROM hubspot.threads")) == 59
