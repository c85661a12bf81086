"""The endpoints of a thread's messages, and the actions that add and change messages."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from emulator.behavior import Outage, WireFormat
from emulator.endpoints.messages import message_payload
from tests.emulator.clients import THREADS

if TYPE_CHECKING:
    from emulator.data.thread import Thread
    from tests.emulator.conftest import World

NEWER = "/conversations/conversations/2026-09/threads"
ASCENDING = {"sort": "createdAt"}
AS_RECORDED = WireFormat(times="milliseconds")


def path(thread: Thread, root: str = THREADS) -> str:
    """Return the path of a thread's messages."""
    return f"{root}/{thread.id}/messages"


def conversation(world: World, count: int) -> Thread:
    """Create a thread with `count` messages, one second apart."""
    (thread,) = world.threads(1)
    for number in range(count - 1):
        world.pass_time(1)
        world.account.message(thread, sent=bool(number % 2), text=f"number {number}")
    return thread


def expected(world: World, thread: Thread) -> list[dict[str, Any]]:
    """Return the payloads of a thread's messages, oldest first."""
    wire = world.behavior.wire
    return [message_payload(message, wire=wire) for message in world.account.messages(thread)]


@pytest.mark.parametrize("root", [THREADS, NEWER])
def test_order(world: World, root: str) -> None:
    """Both versions of the path list the newest message first, and the oldest first on request."""
    thread = conversation(world, 5)
    rows = expected(world, thread)
    assert world.client.rows(path(thread, root)) == rows[::-1]
    assert world.client.rows(path(thread, root), **ASCENDING) == rows


@pytest.mark.parametrize("query", [{}, ASCENDING])
@pytest.mark.parametrize("cursors", ["id", "key", "offset"])
def test_pages(world: World, cursors: Any, query: dict[str, str]) -> None:
    """Message pages have caps, empty pages and repeated rows like thread pages."""
    thread = conversation(world, 5)
    rows = world.client.rows(path(thread), **query)
    world.behavior.cursors, world.behavior.cap = cursors, 2
    sizes = [len(page) for page in world.client.pages(path(thread), **query, limit=500)]
    assert sizes == [2, 0, 2, 1]
    assert world.client.rows(path(thread), **query) == rows
    world.behavior.repeats_rows = True
    assert len(world.client.rows(path(thread), **query)) == 8


def test_refusals(world: World) -> None:
    """Too large a limit, an unknown sort and an invalid cursor are refused."""
    thread = conversation(world, 1)
    assert world.client.get(path(thread), limit=500).status == 200
    for query in ({"limit": 501}, {"sort": "id"}, {"after": "nonsense"}):
        assert world.client.get(path(thread), **query).status == 400
    world.behavior.max_messages = 100
    assert world.client.get(path(thread), limit=101).status == 400
    assert world.client.get(f"{THREADS}/nonsense/messages").status == 400


def test_message_during_paging(world: World) -> None:
    """If the oldest come first, a message that arrives during paging is listed last."""
    thread = conversation(world, 3)
    first = world.client.json(path(thread), **ASCENDING, limit=2)
    after = first["paging"]["next"]["after"].replace("%3D", "=")
    world.account.message(thread, sent=True)
    rest = world.client.rows(path(thread), **ASCENDING, limit=2, after=after)
    assert first["results"] + rest == expected(world, thread)


def test_archived_messages(world: World) -> None:
    """An archived message is listed with `archived=true` only."""
    thread = conversation(world, 3)
    archived = world.account.messages(thread)[1]
    world.account.archive_message(archived)
    assert len(world.client.rows(path(thread))) == 2
    (row,) = world.client.rows(path(thread), archived="true")
    assert (row["id"], row["archived"]) == (archived.id, True)
    assert world.account.messages(thread, archived=True) == [archived]


def test_not_found_thread(world: World) -> None:
    """The messages of a missing thread have the same 404 as the thread, also during an outage."""
    thread, deleted = world.threads(2)
    world.account.delete(deleted)
    world.behavior.not_found = "html"
    assert world.client.get(path(deleted)).body == world.client.get(f"{THREADS}/1").body
    world.behavior.outages.append(
        Outage(world.now, world.now.replace(year=2030), answer="unmarked empty")
    )
    assert (world.client.get(path(thread)).status, world.client.get(path(thread)).body) == (
        404,
        b"",
    )


@pytest.mark.parametrize(("mode", "status", "count"), [("shown", 200, 1), ("404", 404, 0)])
def test_archived_thread(world: World, mode: Any, status: int, count: int) -> None:
    """The messages of an archived thread are returned, not found or empty."""
    (thread,) = world.threads(1)
    message = world.client.rows(path(thread))[0]["id"]
    thread.archived, world.behavior.messages_of_archived = True, mode
    response = world.client.get(path(thread))
    assert response.status == status
    assert response.body.count(b"createdAt") == count
    assert world.client.get(f"{path(thread)}/{message}/original-content").status == status
    world.behavior.messages_of_archived = "empty"
    assert world.client.rows(path(thread)) == []


def test_original_content(world: World) -> None:
    """A message's original content has its own path; events and unknown messages have none."""
    thread = conversation(world, 1)
    message = world.account.messages(thread)[0]
    message.more = message.more | {"truncationStatus": "TRUNCATED", "text": "Is"}
    message.original = {"text": "Is there any news?", "richText": "<p>Is there any news?</p>"}
    assert world.client.json(f"{path(thread)}/{message.id}")["text"] == "Is"
    assert world.client.json(f"{path(thread)}/{message.id}/original-content") == message.original
    event = world.account.close(thread)
    for name in (event.id, "abc"):
        assert world.client.get(f"{path(thread)}/{name}/original-content").status == 404


def test_events(world: World) -> None:
    """Closing, reopening, assigning, moving and commenting add messages and change the thread."""
    thread = conversation(world, 1)
    inbox = thread.inbox_id
    world.account.close(thread)
    world.account.reopen(thread)
    world.account.assign(thread, "A-1")
    world.account.assign(thread, None)
    world.account.move(thread, 512377)
    world.account.comment(thread, "a note")
    names = ("newStatus", "assignedTo", "assignedFrom", "fromInboxId", "toInboxId", "richText")
    events = [(m.type, *(m.more[n] for n in names if n in m.more)) for m in messages(world, thread)]
    assert events == [
        ("MESSAGE",),
        ("THREAD_STATUS_CHANGE", "CLOSED"),
        ("THREAD_STATUS_CHANGE", "OPEN"),
        ("ASSIGNMENT", "A-1"),
        ("ASSIGNMENT", "A-1"),
        ("THREAD_INBOX_CHANGE", str(inbox), "512377"),
        ("COMMENT", "<p>a note</p>"),
    ]
    assert (thread.status, thread.assigned_to, thread.inbox_id) == ("OPEN", None, 512377)


def messages(world: World, thread: Thread) -> list[Any]:
    """Return the account's messages of a thread."""
    return list(world.account.messages(thread))


@pytest.mark.parametrize(
    ("mode", "by_comment", "by_event"),
    [("messages", False, False), ("and comments", True, False), ("and events", True, True)],
)
def test_latest_message(world: World, mode: Any, *, by_comment: bool, by_event: bool) -> None:
    """`latest_message` decides whether comments and events move the latest message's time."""
    world.behavior.latest_message = mode
    thread = conversation(world, 1)
    for act, moves in ((world.account.comment, by_comment), (world.account.close, by_event)):
        world.pass_time(1)
        before = thread.latest_message_at
        act(thread)
        assert (thread.latest_message_at != before) == moves
        row = world.client.json(f"{THREADS}/{thread.id}")
        assert (row["latestMessageTimestamp"] > row["latestMessageReceivedTimestamp"]) == by_comment


def test_comment_moves_sent_time(world: World) -> None:
    """By default a comment changes the latest and latest sent times, to the millisecond."""
    thread = conversation(world, 2)
    world.pass_time(1.351)
    comment = message_payload(world.account.comment(thread), wire=AS_RECORDED)
    world.behavior.wire = AS_RECORDED
    row = world.client.json(f"{THREADS}/{thread.id}")
    latest = (row["latestMessageTimestamp"], row["latestMessageSentTimestamp"])
    assert latest == (comment["createdAt"],) * 2
    assert comment["createdAt"].endswith(":03.351Z")
    assert row["latestMessageReceivedTimestamp"] < comment["createdAt"]


def test_email(world: World) -> None:
    """An email has the sender's time, also in its thread's columns, although it arrives later."""
    world.behavior.wire = AS_RECORDED
    world.pass_time(34.932)
    sent_at = world.now - timedelta(minutes=40)
    highest = world.threads(1)[0].id
    thread = world.account.create(created_at=sent_at.replace(microsecond=0))
    mail = world.account.mail(thread, sent_at=sent_at, subject="Late")
    dated, arrived = "2026-11-20T11:20:34.000Z", "2026-11-20T12:00:35.932Z"
    (sent,) = world.client.rows(path(thread))
    assert (sent["createdAt"], sent["updatedAt"], sent["subject"]) == (dated, arrived, "Late")
    row = world.client.json(f"{THREADS}/{thread.id}")
    names = ("createdAt", "latestMessageTimestamp", "latestMessageReceivedTimestamp")
    assert {row[name] for name in names} == {dated}
    assert thread.id > highest
    assert world.client.ids(**world.by_time) == [thread.id, highest]
    assert mail.created_at.microsecond == 0


def test_late_email(world: World) -> None:
    """A late email moves its thread's latest time to its own date, but never back."""
    (quiet,) = world.threads(1)
    world.pass_time(3_600)
    busy = conversation(world, 2)
    for thread, moves in ((quiet, True), (busy, False)):
        before, count = thread.latest_message_at, len(world.account.messages(thread))
        mail = world.account.mail(thread, sent_at=world.now - timedelta(minutes=10))
        assert thread.latest_message_at == (mail.created_at if moves else before)
        assert len(world.account.messages(thread)) == count + 1
    assert world.account.messages(busy)[0] == mail


def test_edit(world: World) -> None:
    """An edited message has a new text and a later `updatedAt`; its thread does not change."""
    thread = conversation(world, 2)
    before = world.client.json(f"{THREADS}/{thread.id}")
    world.pass_time(60)
    world.account.edit(world.account.messages(thread)[0], "Hello again")
    row = world.client.rows(path(thread), **ASCENDING)[0]
    assert row["text"] == "Hello again"
    assert row["updatedAt"] > row["createdAt"]
    assert world.client.json(f"{THREADS}/{thread.id}") == before


def test_columns_set_directly(world: World) -> None:
    """Setting a thread's columns directly adds no event and changes no message."""
    thread = conversation(world, 2)
    before = expected(world, thread)
    thread.closed_at, thread.assigned_to, thread.inbox_id = world.now, "A-1", 512377
    assert expected(world, thread) == before


def test_deleted_and_added_again(world: World) -> None:
    """A deleted thread's messages are deleted, even if a thread with the same ID is added later."""
    (seen,) = world.threads(1)
    unseen = world.account.create()
    unseen.received_at = world.now
    for thread in (seen, unseen):
        world.account.delete(thread)
        world.account.threads[thread.id] = thread
        assert expected(world, thread) == []
        added = world.account.message(thread, sent=True)
        assert world.account.messages(thread) == [added]


def test_many_messages(world: World) -> None:
    """Filling a thread with messages does not change the thread."""
    thread = conversation(world, 10)
    before = world.client.json(f"{THREADS}/{thread.id}")
    world.account.conversations.fill(thread, 700)
    rows = world.client.rows(path(thread), **ASCENDING, limit=500)
    assert len({row["id"] for row in rows}) == 710
    assert world.client.json(f"{THREADS}/{thread.id}") == before
    assert [row["createdAt"] for row in expected(world, thread)][-1] == rows[-1]["createdAt"]


def test_hostile_text(world: World) -> None:
    """Any text is sent as JSON escapes and survives unchanged."""
    thread = conversation(world, 1)
    text = "\x00 \ud800 👩🏽‍💻 \u202eשם"
    world.account.message(thread, sent=False, text=text, subject="\ud83d")
    body = world.client.get(path(thread)).body
    assert rb"\u0000" in body
    assert rb"\ud800" in body
    row = json.loads(body)["results"][0]
    assert (row["text"], row["subject"]) == (text, "\ud83d")


def test_wire_format(world: World) -> None:
    """The wire format of messages has unknown fields, number IDs, nulls and unknown values."""
    thread = conversation(world, 3)
    world.account.message(thread, sent=True, status={"statusType": "SENT"})
    world.account.message(thread, sent=True, status={"statusType": "SENT"})
    world.behavior.wire = WireFormat(unknown_fields="all", number_ids="all", unset="null")
    for row in expected(world, thread):
        assert (row["conversationsThreadId"], row["channelId"]) == (thread.id, 1002)
        assert "customerSentiment" in row
        assert row["inReplyToId"] is None
    rows = expected(world, thread)[-2:]
    assert {row["status"]["statusType"] for row in rows} == {"SENT", "DELIVERED"}
    world.behavior.wire = WireFormat("none", "none", "left out", "none", "milliseconds", "none")
    assert expected(world, thread)[0] == {
        "type": "MESSAGE",
        "id": world.account.messages(thread)[0].id,
        "conversationsThreadId": str(thread.id),
        "createdAt": "2026-11-20T12:00:01.000Z",
        "createdBy": "V-1401",
        "client": {"clientType": "HUBSPOT"},
        "senders": [{"actorId": "V-1401"}],
        "recipients": [],
        "archived": False,
        "attachments": [],
        "truncationStatus": "NOT_TRUNCATED",
        "text": "Is there any news?",
        "direction": "INCOMING",
        "channelId": "1002",
        "channelAccountId": "148662",
    }
