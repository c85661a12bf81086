"""A real load: the tap's output through target-postgres into a real PostgreSQL."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, text

from emulator.account import AGENTS, Account
from emulator.postgres import embedded_postgres
from tests.conftest import Lab, open_lab

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a PostgreSQL, and give its URL."""
    with embedded_postgres(tmp_path_factory.mktemp("pg") / "data") as url:
        yield url


def load(lab: Lab, database: str, folder: Path, **settings: Any) -> dict[str, dict[str, Any]]:
    """Pipe the tap into the target, from the folder's state; return the table's rows by id."""
    programs = Path(sys.executable).parent
    tap_config, target_config = folder / "tap.json", folder / "target.json"
    state = folder / "state.json"
    tap_config.write_text(json.dumps(lab.config(**settings)))
    target_config.write_text(
        json.dumps({"sqlalchemy_url": database, "default_target_schema": "hubspot"})
    )
    with subprocess.Popen(
        [
            *(programs / "tap-hubspot-threads", "--config", tap_config),
            *(("--state", state) if state.exists() else ()),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as tap:
        done = subprocess.run(
            [programs / "target-postgres", "--config", target_config],
            stdin=tap.stdout,
            capture_output=True,
            encoding="utf-8",
            env=os.environ | {"PYTHONWARNINGS": "ignore"},
            check=False,
        )
    assert tap.returncode == 0
    assert done.returncode == 0, done.stderr
    state.write_text(done.stdout.splitlines()[-1])
    return {row["id"]: row for row in query(database, "SELECT * FROM hubspot.threads")}


def query(database: str, sql: str) -> list[dict[str, Any]]:
    """Run a statement; return the rows that it gives, if it gives any."""
    engine = create_engine(database)
    with engine.begin() as connection:
        result = connection.execute(text(sql))
        rows = [dict(row) for row in result.mappings()] if result.returns_rows else []
    engine.dispose()
    return rows


def expected(lab: Lab) -> dict[str, dict[str, Any]]:
    """Return the rows that the account calls for, worked out from the account itself."""

    def moment(value: datetime | None) -> datetime | None:
        return value.astimezone(timezone.utc).replace(tzinfo=None) if value else None

    rows = {}
    for thread in lab.threads:
        sent = thread.payload(associations=["TICKET"], extra=None)
        rows[str(thread.id)] = {
            "id": str(thread.id),
            "createdAt": moment(thread.created_at),
            "closedAt": moment(thread.closed_at),
            "status": "CLOSED" if thread.closed_at else "OPEN",
            "originalChannelId": sent.get("originalChannelId"),
            "originalChannelAccountId": sent.get("originalChannelAccountId"),
            "latestMessageTimestamp": moment(thread.latest_message_at),
            "latestMessageSentTimestamp": moment(thread.sent_at),
            "latestMessageReceivedTimestamp": moment(thread.received_at),
            "assignedTo": thread.assigned_to,
            "spam": sent.get("spam"),
            "inboxId": str(thread.inbox_id),
            "associatedContactId": str(thread.contact_id),
            "archived": sent.get("archived"),
            "threadAssociations": (
                {"associatedTicketId": str(thread.ticket_id)} if thread.ticket_id else None
            ),
            "otherProperties": (
                {"customerSentiment": sent["customerSentiment"]}
                if "customerSentiment" in sent
                else None
            ),
        }
    return rows


def test_load_twice(database: str, tmp_path: Path) -> None:
    """After each of two loads, with changes in between, every value is that of the account."""
    with open_lab(Account.sample(150)) as lab:
        rows = load(lab, database, tmp_path)
        wanted = expected(lab)
        columns = next(iter(wanted.values())).keys()
        assert {key: {c: row[c] for c in columns} for key, row in rows.items()} == wanted

        reopened = next(thread for thread in lab.threads if thread.closed_at)
        reopened.closed_at = None
        reopened.assigned_to = next(agent for agent in AGENTS if agent != reopened.assigned_to)
        archived = next(thread for thread in lab.threads if not thread.archived)
        archived.archived = True
        (tmp_path / "state.json").unlink()
        rows = load(lab, database, tmp_path, thread_fetch="by_id")
        assert {key: {c: row[c] for c in columns} for key, row in rows.items()} == expected(lab)
        assert len(rows) == 150


def _ago(*, minutes: int) -> datetime:
    return datetime.now(timezone.utc) - timedelta(minutes=minutes)


def test_recipes_for_deleted_threads(database: str, tmp_path: Path) -> None:
    """The SQL of README removes the rows of deleted threads, and finds the candidates."""
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    remove, find = re.findall(r"```sql\n(.*?);\n```", readme, re.DOTALL)
    with open_lab(Account.sample(60)) as lab:
        lab.account.clock = lambda: datetime.now(timezone.utc) - timedelta(hours=25)
        load(lab, database, tmp_path)
        yesterday = """UPDATE hubspot.threads
            SET "_sdc_extracted_at" = "_sdc_extracted_at" - INTERVAL '25 hours'"""
        query(database, yesterday)
        gone_open = next(t for t in lab.threads if not t.closed_at)
        gone_closed = next(t for t in lab.threads if t.closed_at)
        lab.account.delete(gone_open)
        lab.account.delete(gone_closed)
        for minutes in (11, 0):
            lab.account.clock = partial(_ago, minutes=minutes)
            load(lab, database, tmp_path)
    state = json.loads((tmp_path / "state.json").read_text())
    since = state["bookmarks"]["threads"]["full_listing_started_at"]
    query(database, remove)
    kept = [row["id"] for row in query(database, "SELECT id FROM hubspot.threads")]
    assert sorted(kept) == sorted([*lab.ids, str(gone_closed.id)])
    found = query(database, find.replace(":'full_listing_started_at'", f"'{since}'"))
    assert found == [{"id": str(gone_closed.id)}]
