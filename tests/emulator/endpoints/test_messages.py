"""The messages of a thread: pages of them, and what happens to them."""

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
    """Where a thread's messages are."""
    return f"{root}/{thread.id}/messages"


def talk(world: World, count: int) -> Thread:
    """A thread with so many messages, a second apart."""
    (thread,) = world.threads(1)
    for number in range(count - 1):
        world.pass_time(1)
        world.account.message(thread, sent=bool(number % 2), text=f"number {number}")
    return thread


def expected(world: World, thread: Thread) -> list[dict[str, Any]]:
    """The account's own view, oldest first."""
    wire = world.behavior.wire
    return [message_payload(message, wire=wire) for message in world.account.messages(thread)]


@pytest.mark.parametrize("root", [THREADS, NEWER])
def test_order(world: World, root: str) -> None:
    """By either version of the path the newest come first, and the oldest if that is asked for."""
    thread = talk(world, 5)
    rows = expected(world, thread)
    assert world.client.rows(path(thread, root)) == rows[::-1]
    assert world.client.rows(path(thread, root), **ASCENDING) == rows


@pytest.mark.parametrize("query", [{}, ASCENDING])
@pytest.mark.parametrize("cursors", ["id", "key", "offset"])
def test_pages(world: World, cursors: Any, query: dict[str, str]) -> None:
    """Pages are cut as those of threads are: capped, with empty ones and with repeated rows."""
    thread = talk(world, 5)
    rows = world.client.rows(path(thread), **query)
    world.behavior.cursors, world.behavior.cap = cursors, 2
    sizes = [len(page) for page in world.client.pages(path(thread), **query, limit=500)]
    assert sizes == [2, 0, 2, 1]
    assert world.client.rows(path(thread), **query) == rows
    world.behavior.repeats_rows = True
    assert len(world.client.rows(path(thread), **query)) == 8


def test_refusals(world: World) -> None:
    """A limit beyond what may be, another order and a cursor that is none are refused."""
    thread = talk(world, 1)
    assert world.client.get(path(thread), limit=500).status == 200
    for query in ({"limit": 501}, {"sort": "id"}, {"after": "nonsense"}):
        assert world.client.get(path(thread), **query).status == 400
    world.behavior.max_messages = 100
    assert world.client.get(path(thread), limit=101).status == 400
    assert world.client.get(f"{THREADS}/nonsense/messages").status == 400


def test_a_message_while_one_pages(world: World) -> None:
    """Oldest first, what comes in between is at the end, and no page lacks a message."""
    thread = talk(world, 3)
    first = world.client.json(path(thread), **ASCENDING, limit=2)
    after = first["paging"]["next"]["after"].replace("%3D", "=")
    world.account.message(thread, sent=True)
    rest = world.client.rows(path(thread), **ASCENDING, limit=2, after=after)
    assert first["results"] + rest == expected(world, thread)


def test_archived_messages(world: World) -> None:
    """An archived message is listed on the side of archived ones only."""
    thread = talk(world, 3)
    gone = world.account.messages(thread)[1]
    world.account.archive_message(gone)
    assert len(world.client.rows(path(thread))) == 2
    (row,) = world.client.rows(path(thread), archived="true")
    assert (row["id"], row["archived"]) == (gone.id, True)
    assert world.account.messages(thread, archived=True) == [gone]


def test_missing_thread(world: World) -> None:
    """The messages of a thread that is not there are missing as the thread is, in an outage too."""
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


@pytest.mark.parametrize(("way", "status", "count"), [("shown", 200, 1), ("404", 404, 0)])
def test_archived_thread(world: World, way: Any, status: int, count: int) -> None:
    """An archived thread shows its messages, or does as if it were not there, or shows none."""
    (thread,) = world.threads(1)
    message = world.client.rows(path(thread))[0]["id"]
    thread.archived, world.behavior.messages_of_archived = True, way
    response = world.client.get(path(thread))
    assert response.status == status
    assert response.body.count(b"createdAt") == count
    assert world.client.get(f"{path(thread)}/{message}/original-content").status == status
    world.behavior.messages_of_archived = "empty"
    assert world.client.rows(path(thread)) == []


def test_original_content(world: World) -> None:
    """The whole text is at a path of its own; events and messages that are not there have none."""
    thread = talk(world, 1)
    message = world.account.messages(thread)[0]
    message.more = message.more | {"truncationStatus": "TRUNCATED", "text": "Is"}
    message.original = {"text": "Is there any news?", "richText": "<p>Is there any news?</p>"}
    assert world.client.json(f"{path(thread)}/{message.id}")["text"] == "Is"
    assert world.client.json(f"{path(thread)}/{message.id}/original-content") == message.original
    event = world.account.close(thread)
    for name in (event.id, "abc"):
        assert world.client.get(f"{path(thread)}/{name}/original-content").status == 404


def test_events(world: World) -> None:
    """Closing, reopening, assigning and moving are told in messages, and do what they say."""
    thread = talk(world, 1)
    inbox = thread.inbox_id
    world.account.close(thread)
    world.account.reopen(thread)
    world.account.assign(thread, "A-1")
    world.account.assign(thread, None)
    world.account.move(thread, 512377)
    world.account.comment(thread, "told")
    names = ("newStatus", "assignedTo", "assignedFrom", "fromInboxId", "toInboxId", "richText")
    told = [(m.type, *(m.more[n] for n in names if n in m.more)) for m in messages(world, thread)]
    assert told == [
        ("MESSAGE",),
        ("THREAD_STATUS_CHANGE", "CLOSED"),
        ("THREAD_STATUS_CHANGE", "OPEN"),
        ("ASSIGNMENT", "A-1"),
        ("ASSIGNMENT", "A-1"),
        ("THREAD_INBOX_CHANGE", str(inbox), "512377"),
        ("COMMENT", "<p>told</p>"),
    ]
    assert (thread.status, thread.assigned_to, thread.inbox_id) == ("OPEN", None, 512377)


def messages(world: World, thread: Thread) -> list[Any]:
    """The account's messages of a thread."""
    return list(world.account.messages(thread))


@pytest.mark.parametrize(
    ("way", "by_comment", "by_event"),
    [("messages", False, False), ("and comments", True, False), ("and events", True, True)],
)
def test_latest_message(world: World, way: Any, *, by_comment: bool, by_event: bool) -> None:
    """Comments and events move the time of the latest message, or do not."""
    world.behavior.latest_message = way
    thread = talk(world, 1)
    for act, moves in ((world.account.comment, by_comment), (world.account.close, by_event)):
        world.pass_time(1)
        before = thread.latest_message_at
        act(thread)
        assert (thread.latest_message_at != before) == moves
        row = world.client.json(f"{THREADS}/{thread.id}")
        assert (row["latestMessageTimestamp"] > row["latestMessageReceivedTimestamp"]) == by_comment


def test_comment_moves_sent_time(world: World) -> None:
    """By default a comment moves the latest and the latest sent time, to the millisecond."""
    thread = talk(world, 2)
    world.pass_time(1.351)
    comment = message_payload(world.account.comment(thread), wire=AS_RECORDED)
    world.behavior.wire = AS_RECORDED
    row = world.client.json(f"{THREADS}/{thread.id}")
    latest = (row["latestMessageTimestamp"], row["latestMessageSentTimestamp"])
    assert latest == (comment["createdAt"],) * 2
    assert comment["createdAt"].endswith(":03.351Z")
    assert row["latestMessageReceivedTimestamp"] < comment["createdAt"]


def test_mail(world: World) -> None:
    """A mail is dated by its sender: the thread's times are the mail's, the arrival is later."""
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


def test_late_mail(world: World) -> None:
    """A mail that arrives late moves its thread to its own date, and never back."""
    (quiet,) = world.threads(1)
    world.pass_time(3_600)
    busy = talk(world, 2)
    for thread, moves in ((quiet, True), (busy, False)):
        before, count = thread.latest_message_at, len(world.account.messages(thread))
        mail = world.account.mail(thread, sent_at=world.now - timedelta(minutes=10))
        assert thread.latest_message_at == (mail.created_at if moves else before)
        assert len(world.account.messages(thread)) == count + 1
    assert world.account.messages(busy)[0] == mail


def test_edit(world: World) -> None:
    """An edited message has another text and says when; its thread does not show it."""
    thread = talk(world, 2)
    before = world.client.json(f"{THREADS}/{thread.id}")
    world.pass_time(60)
    world.account.edit(world.account.messages(thread)[0], "Hello again")
    row = world.client.rows(path(thread), **ASCENDING)[0]
    assert row["text"] == "Hello again"
    assert row["updatedAt"] > row["createdAt"]
    assert world.client.json(f"{THREADS}/{thread.id}") == before


def test_columns_changed_by_hand(world: World) -> None:
    """Whoever sets a thread's columns makes no event; what was said stays as it was."""
    thread = talk(world, 2)
    before = expected(world, thread)
    thread.closed_at, thread.assigned_to, thread.inbox_id = world.now, "A-1", 512377
    assert expected(world, thread) == before


def test_deleted_and_put_back(world: World) -> None:
    """The messages of a deleted thread are gone, also if a thread of its id comes later."""
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
    """A thread can be filled with messages; nothing moves by that."""
    thread = talk(world, 10)
    before = world.client.json(f"{THREADS}/{thread.id}")
    world.account.conversations.fill(thread, 700)
    rows = world.client.rows(path(thread), **ASCENDING, limit=500)
    assert len({row["id"] for row in rows}) == 710
    assert world.client.json(f"{THREADS}/{thread.id}") == before
    assert [row["createdAt"] for row in expected(world, thread)][-1] == rows[-1]["createdAt"]


def test_hostile_text(world: World) -> None:
    """Any text goes over the wire as JSON's escapes, and comes out as it was."""
    thread = talk(world, 1)
    text = "\x00 \ud800 👩🏽‍💻 \u202eשם"
    world.account.message(thread, sent=False, text=text, subject="\ud83d")
    body = world.client.get(path(thread)).body
    assert rb"\u0000" in body
    assert rb"\ud800" in body
    row = json.loads(body)["results"][0]
    assert (row["text"], row["subject"]) == (text, "\ud83d")


def test_looks(world: World) -> None:
    """Messages have unknown fields, numbers for ids, nulls and unknown values as rows say."""
    thread = talk(world, 3)
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
