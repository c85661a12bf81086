"""The sample account's conversations: generated on demand, consistent with their threads."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from emulator.behavior import WireFormat
from emulator.data.account import Account
from emulator.data.message import OPTIONAL, Message
from emulator.data.phrases import HOSTILE
from emulator.data.thread import Thread
from emulator.endpoints.messages import message_payload

SIZES = (60, 80, 150)
START = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)


def all_messages(account: Account) -> list[Message]:
    """Return all messages, live and archived."""
    return [
        message
        for thread in account.threads.values()
        for archived in (False, True)
        for message in account.messages(thread, archived=archived)
    ]


def latest(messages: list[Message], **fields: str) -> Message | None:
    """Return the last message with these fields."""
    matching = [one for one in messages if fields.items() <= one.more.items()]
    return matching[-1] if matching else None


@pytest.mark.parametrize("seed", range(20))
def test_matches_the_thread(seed: int) -> None:
    """The latest messages and events match the thread's columns."""
    account = Account.sample(60, seed=seed)
    for thread in account.threads.values():
        messages = account.messages(thread)
        for direction, moment in (("INCOMING", thread.received_at), ("OUTGOING", thread.sent_at)):
            found = latest(messages, direction=direction)
            assert (found and found.created_at) == moment
        assert all(message.created_at >= thread.created_at for message in messages)
        events = [one for one in messages if one.type == "THREAD_STATUS_CHANGE"]
        status = events[-1].more["newStatus"] if events else "OPEN"
        assert status == thread.status
        assert not thread.closed_at or events[-1].created_at == thread.closed_at
        assigned = [one for one in messages if one.type == "ASSIGNMENT"]
        assert (assigned[-1].more.get("assignedTo") if assigned else None) == thread.assigned_to


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"assigned_to": "A-1"},
        {"closed_at": START - timedelta(days=1)},
        {"received_at": START - timedelta(days=1)},
        {"sent_at": START},
        {"sent_at": START, "received_at": START, "closed_at": START},
    ],
)
def test_any_combination_of_columns(columns: dict[str, Any]) -> None:
    """Each combination of columns, in any order of time, has a consistent conversation."""
    for thread_id in range(12):
        thread = replace(Thread(thread_id, 512377, 1401, START), **columns)
        messages = Account([thread]).messages(thread)
        assert bool(messages) == bool(columns)
        found = latest(messages, direction="INCOMING")
        assert (found and found.created_at) == thread.received_at


def test_deterministic() -> None:
    """A thread always has the same messages."""
    texts = [repr(all_messages(Account.sample(60))) for _ in range(2)]
    assert texts[0] == texts[1]


def test_ids_are_unique() -> None:
    """Each message of an account has its own hexadecimal ID."""
    ids = [message.id for message in all_messages(Account.sample(150))]
    assert len(set(ids)) == len(ids) > 500
    assert all(len(bytes.fromhex(message_id)) == 16 for message_id in ids)


@pytest.mark.parametrize("size", SIZES)
def test_every_type(size: int) -> None:
    """A sample has every message type with each optional field, attachment, status and actor."""
    rows = [message_payload(message) for message in all_messages(Account.sample(size))]
    for message_type, optional in OPTIONAL.items():
        of_type = [row for row in rows if row["type"] == message_type]
        for name in optional:
            assert {name in row for row in of_type} >= {True}
    assert {row["type"] for row in rows} - OPTIONAL.keys() == {"THREAD_SLA_CHANGE"}
    attached = [one for row in rows for one in row.get("attachments", ())]
    assert len({one["type"] for one in attached}) == 9
    assert {row.get("truncationStatus") for row in rows} == {
        None,
        "NOT_TRUNCATED",
        "TRUNCATED",
        "TRUNCATED_TO_MOST_RECENT_REPLY",
    }
    statuses = {row["status"]["statusType"] for row in rows if "status" in row}
    assert statuses == {"SENT", "READ", "RECEIVED", "FAILED", "DELIVERED"}
    clients = {row["client"]["clientType"] for row in rows}
    assert clients == {"HUBSPOT", "INTEGRATION", "SYSTEM", "UNKNOWN"}
    assert {row["createdBy"][0] for row in rows} == set("AVEISBL")


@pytest.mark.parametrize("field", ["senders", "recipients"])
def test_senders_and_recipients(field: str) -> None:
    """Senders and recipients have an actor, an address or both, and some have a name."""
    rows = [message_payload(message) for message in all_messages(Account.sample(60))]
    people = [person for row in rows for person in row[field]]
    combinations = {("actorId" in one, "deliveryIdentifier" in one) for one in people}
    assert combinations >= {(True, True), (False, True)}
    assert {name for one in people for name in one} == {
        "actorId",
        "deliveryIdentifier",
        "name",
        f"{field[:-1]}Field",
    }


def test_hostile_texts() -> None:
    """A sample of more than 50 threads has texts that break careless code, and one large text."""
    texts = [message.more.get("text", "") for message in all_messages(Account.sample(60))]
    assert set(HOSTILE) <= set(texts)
    all_texts = "".join(HOSTILE)
    assert "\x00" in all_texts
    assert any("\ud800" <= letter <= "\udfff" for letter in all_texts)
    assert sum(len(text) > 1_000_000 for text in texts) == 1
    small = all_messages(Account.sample(50))
    assert max(len(message.more.get("text", "")) for message in small) < 1_000


def test_unknown_types() -> None:
    """`unknown_values` decides whether messages have unknown types and statuses."""
    account = Account.sample(60)
    before = {message.type for message in all_messages(account)}
    account.behavior.wire = WireFormat(unknown_values="none")
    rows = [
        message_payload(message, wire=account.behavior.wire) for message in all_messages(account)
    ]
    assert {row["type"] for row in rows} == before - {"THREAD_SLA_CHANGE"} == set(OPTIONAL)
    statuses = {row["status"]["statusType"] for row in rows if "status" in row}
    assert "DELIVERED" not in statuses


def test_new_messages() -> None:
    """New messages are added to the generated ones and survive pickling."""
    account = Account.sample(60)
    thread = next(one for one in account.threads.values() if one.received_at)
    before = len(Account.sample(60).messages(thread))
    added = account.message(thread, sent=False)
    assert account.messages(thread)[-1] == added
    stored = pickle.dumps((list(account.threads.values()), account.conversations))
    threads, conversations = pickle.loads(stored)
    again = Account(threads, conversations=conversations)
    assert again.messages(again.threads[thread.id]) == account.messages(thread)
    assert len(again.messages(again.threads[thread.id])) == before + 1
