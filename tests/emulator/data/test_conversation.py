"""The sample's conversations: made up when asked for, true to their threads, and of every kind."""

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
    """All messages, of both sides."""
    return [
        message
        for thread in account.threads.values()
        for archived in (False, True)
        for message in account.messages(thread, archived=archived)
    ]


def latest(messages: list[Message], **fields: str) -> Message | None:
    """The last message that has such fields."""
    fitting = [one for one in messages if fields.items() <= one.more.items()]
    return fitting[-1] if fitting else None


@pytest.mark.parametrize("seed", range(20))
def test_true_to_the_thread(seed: int) -> None:
    """The latest messages and events are those that the thread's columns tell of."""
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
def test_any_columns(columns: dict[str, Any]) -> None:
    """There is a conversation for whatever columns somebody sets, in any order of time."""
    for thread_id in range(12):
        thread = replace(Thread(thread_id, 512377, 1401, START), **columns)
        messages = Account([thread]).messages(thread)
        assert bool(messages) == bool(columns)
        found = latest(messages, direction="INCOMING")
        assert (found and found.created_at) == thread.received_at


def test_always_the_same() -> None:
    """The same thread has the same messages in another process of the same version."""
    texts = [repr(all_messages(Account.sample(60))) for _ in range(2)]
    assert texts[0] == texts[1]


def test_ids_are_unique() -> None:
    """No two messages of an account have the same id, and each is hexadecimal."""
    ids = [message.id for message in all_messages(Account.sample(150))]
    assert len(set(ids)) == len(ids) > 500
    assert all(len(bytes.fromhex(message_id)) == 16 for message_id in ids)


@pytest.mark.parametrize("size", SIZES)
def test_every_kind(size: int) -> None:
    """A sample has every type with each of its optional fields, attachment, status and actor."""
    rows = [message_payload(message) for message in all_messages(Account.sample(size))]
    for kind, optional in OPTIONAL.items():
        of_kind = [row for row in rows if row["type"] == kind]
        for name in optional:
            assert {name in row for row in of_kind} >= {True}
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
    """Some have an actor, some an address, some both, and some a name."""
    rows = [message_payload(message) for message in all_messages(Account.sample(60))]
    people = [person for row in rows for person in row[field]]
    met = {("actorId" in one, "deliveryIdentifier" in one) for one in people}
    assert met >= {(True, True), (False, True)}
    assert {name for one in people for name in one} == {
        "actorId",
        "deliveryIdentifier",
        "name",
        f"{field[:-1]}Field",
    }


def test_hostile_texts() -> None:
    """Among more than fifty threads are texts that break what is careless, and one is large."""
    texts = [message.more.get("text", "") for message in all_messages(Account.sample(60))]
    assert set(HOSTILE) <= set(texts)
    every = "".join(HOSTILE)
    assert "\x00" in every
    assert any("\ud800" <= letter <= "\udfff" for letter in every)
    assert sum(len(text) > 1_000_000 for text in texts) == 1
    small = all_messages(Account.sample(50))
    assert max(len(message.more.get("text", "")) for message in small) < 1_000


def test_types_that_nobody_knows() -> None:
    """Messages of an unknown type are there, or are not."""
    account = Account.sample(60)
    before = {message.type for message in all_messages(account)}
    account.behavior.wire = WireFormat(unknown_values="none")
    rows = [
        message_payload(message, wire=account.behavior.wire) for message in all_messages(account)
    ]
    assert {row["type"] for row in rows} == before - {"THREAD_SLA_CHANGE"} == set(OPTIONAL)
    statuses = {row["status"]["statusType"] for row in rows if "status" in row}
    assert "DELIVERED" not in statuses


def test_goes_on() -> None:
    """What happens is added to what was made up, and survives being stored."""
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
