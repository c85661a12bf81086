"""Which threads a listing returns, and how old its rows are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from emulator.data.thread import CHAT
from tests.emulator.clients import THREADS

if TYPE_CHECKING:
    from tests.emulator.conftest import World

LISTINGS: list[tuple[str, dict[str, str]]] = [
    ("lag_by_id", {}),
    ("lag_by_time", {"sort": "latestMessageTimestamp"}),
    ("lag_by_status", {"threadStatus": "OPEN"}),
]


@pytest.mark.parametrize(("lag", "query"), LISTINGS)
def test_lag(world: World, lag: str, query: dict[str, str]) -> None:
    """A lagging listing returns the threads and rows of an earlier moment."""
    query = {**world.by_time, **query} if "sort" in query else query
    changed, archived, deleted = world.threads(3)
    setattr(world.behavior, lag, 60)
    world.pass_time(100)
    world.account.message(changed, sent=True)
    world.account.close(changed)
    archived.archived = True
    world.account.delete(deleted)
    new = world.threads(1)[0]
    world.pass_time(58)
    rows = {int(row["id"]): row for row in world.client.rows(**query)}
    assert set(rows) == {changed.id, archived.id, deleted.id}
    assert rows[changed.id]["status"] == "OPEN"
    assert "latestMessageSentTimestamp" not in rows[changed.id]
    assert world.client.ids(**query, archived="true") == []
    assert world.client.json(f"{THREADS}/{changed.id}")["status"] == "CLOSED"
    world.pass_time(2)
    assert set(world.client.ids(**query)) == {changed.id, new.id}
    assert world.client.ids(**query, archived="true") == [archived.id]


def test_separate_lags(world: World) -> None:
    """Each type of listing has its own lag."""
    world.pass_time(100)
    (new,) = world.threads(1)
    world.behavior.lag_by_id = 60
    assert world.client.ids() == []
    assert world.client.ids(**world.by_time) == [new.id]
    world.behavior.lag_by_id, world.behavior.lag_by_time = 0, 60
    assert world.client.ids() == world.client.ids(threadStatus="OPEN") == [new.id]
    assert world.client.ids(**world.by_time) == []


def test_cached_listing(world: World) -> None:
    """A cached listing is dropped after any change of a thread."""
    thread, other = world.threads(2)
    assert world.client.ids() == [thread.id, other.id]
    thread.archived = True
    assert world.client.ids() == [other.id]
    del world.account.threads[other.id]
    assert world.client.ids() == []
    for limit in range(1, 20):  # more listings than the cache holds
        assert world.client.ids(inboxId=limit) == []
    other.inbox_id = CHAT
    world.account.threads[other.id] = other
    assert world.client.ids(inboxId=CHAT) == [other.id]


@pytest.mark.parametrize(
    ("status_filter", "statuses"),
    [("ignored", ["OPEN", "CLOSED"]), ("works", ["OPEN"]), ("empty", [])],
)
def test_status_filter(world: World, status_filter: Any, statuses: list[str]) -> None:
    """The filter for open threads is ignored, works, or matches nothing."""
    _, closed = world.threads(2)
    world.account.close(closed)
    world.behavior.status_filter = status_filter
    assert [row["status"] for row in world.client.rows(threadStatus="OPEN")] == statuses
    assert len(world.client.rows()) == 2


def test_status_filter_refused(world: World) -> None:
    """The filter for open threads can be refused without a contact, and vice versa."""
    world.behavior.status_filter = "refused"
    assert world.client.get(THREADS, threadStatus="OPEN").status == 400
    assert world.client.get(THREADS, threadStatus="OPEN", associatedContactId=7).status == 200


def test_status_index(world: World) -> None:
    """A stale status index lacks some threads and shows some closed ones as open."""
    threads = world.threads(200)
    world.behavior.status_filter = "index"
    assert 140 < len(world.client.ids(threadStatus="OPEN")) < 180
    for thread in threads:
        world.account.close(thread)
    stale = world.client.rows(threadStatus="OPEN")
    assert 20 < len(stale) < 60
    assert {row["status"] for row in stale} == {"OPEN"}
    assert not any("closedAt" in row for row in stale)
    assert 100 < len(world.client.ids(threadStatus="CLOSED")) < 140
    assert {row["status"] for row in world.client.rows()} == {"CLOSED"}


def test_status_spelling(world: World) -> None:
    """A status in lower case works or is refused."""
    (thread,) = world.threads(1)
    world.behavior.status_filter = "works"
    assert world.client.ids(threadStatus="open") == [thread.id]
    world.behavior.status_spelling = "capitals"
    assert world.client.get(THREADS, threadStatus="open").status == 400
    assert world.client.ids(threadStatus="OPEN") == [thread.id]


def test_archived_by_time(world: World) -> None:
    """Archived threads sorted by time are listed, refused, or listed without the time filter."""
    query = world.by_time | {"latestMessageTimestampAfter": "2026-11-20T12:00:03.000Z"}
    threads = world.threads(4)
    for thread in threads:
        thread.archived = True
    archived = query | {"archived": "true"}
    assert world.client.ids(**archived) == [thread.id for thread in threads[2:]]
    world.behavior.archived_by_time = "ignores the filter"
    assert world.client.ids(**archived) == [thread.id for thread in threads]
    world.behavior.archived_by_time = "refused"
    response = world.client.get(THREADS, **archived)
    assert (response.status, json.loads(response.body)["category"]) == (400, "VALIDATION_ERROR")
    assert world.client.ids(**query) == []
    assert len(world.client.ids(archived="true")) == 4


def test_live_by_time(world: World) -> None:
    """`archived_by_time` does not affect live threads."""
    query = world.by_time | {"latestMessageTimestampAfter": "2026-11-20T12:00:03.000Z"}
    threads = world.threads(4)
    for mode in ("refused", "ignores the filter"):
        world.behavior.archived_by_time = mode
        assert world.client.ids(**query) == [thread.id for thread in threads[2:]]
