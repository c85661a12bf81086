"""A real load: the tap's output through target-postgres into a real PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, text

from emulator.account import AGENTS, Account
from emulator.postgres import embedded_postgres
from tests.conftest import Lab, open_lab

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a PostgreSQL for this module, and give its URL."""
    with embedded_postgres(tmp_path_factory.mktemp("pg") / "data") as url:
        yield url


def load(lab: Lab, database: str, folder: Path, **settings: Any) -> dict[str, dict[str, Any]]:
    """Pipe the tap into the target; return the table's rows by id."""
    programs = Path(sys.executable).parent
    tap_config, target_config = folder / "tap.json", folder / "target.json"
    tap_config.write_text(json.dumps(lab.config(**settings)))
    target_config.write_text(
        json.dumps({"sqlalchemy_url": database, "default_target_schema": "hubspot"})
    )
    with subprocess.Popen(
        [programs / "tap-hubspot-threads", "--config", tap_config],
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
    engine = create_engine(database)
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT * FROM hubspot.threads")).mappings().all()
    engine.dispose()
    return {row["id"]: dict(row) for row in rows}


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
        rows = load(lab, database, tmp_path, thread_fetch="by_id")
        assert {key: {c: row[c] for c in columns} for key, row in rows.items()} == expected(lab)
        assert len(rows) == 150
