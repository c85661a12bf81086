"""Pages, cursors and refusals of lists, with each behavior that HubSpot might have."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Literal

import pytest

from tests.emulator.clients import THREADS, decode

if TYPE_CHECKING:
    from tests.emulator.conftest import World

Encoding = Literal["%3D", "%3d", "="]


def cursor(world: World, **query: Any) -> str:
    """Return the cursor of a page, as sent."""
    found: str = world.client.json(THREADS, **query)["paging"]["next"]["after"]
    return found


def made_cursor(thread_id: int) -> str:
    """Return a cursor that a client makes for an ID."""
    return base64.b64encode(str(thread_id).encode()).decode()


def encoded(text: str) -> str:
    """Return a cursor as it is encoded in a page."""
    return text.replace("=", "%3D")


def refusal(world: World, **query: Any) -> str | None:
    """Return the reason why a list request is refused, or None if it succeeds."""
    response = world.client.get(THREADS, **query)
    if response.status == 200:
        return None
    body = json.loads(response.body)
    assert (response.status, body["category"]) == (400, "VALIDATION_ERROR")
    return str(body["message"])


@pytest.mark.parametrize("status", [500, 502, 504])
def test_fails_above(world: World, status: Any) -> None:
    """Each request with a limit above `fails_above` fails; a smaller one succeeds."""
    (thread,) = world.threads(1)
    world.behavior.fails_above, world.behavior.fails_with = 20, status
    for path in (THREADS, f"{THREADS}/{thread.id}/messages"):
        for limit in (500, 500, 21, 100):
            assert world.client.get(path, limit=limit).status == status
        assert world.client.get(path).status == status
        assert world.client.get(path, limit=501).status == 400
        assert len(world.client.json(path, limit=20)["results"]) == 1
    assert world.client.get(THREADS, **world.by_time, limit=21).status == status


def test_cap(world: World) -> None:
    """A page has at most `cap` rows, whatever the limit, and the next page continues."""
    ids = [thread.id for thread in world.threads(8)]
    world.behavior.cap, world.behavior.empty_pages = 3, "never"
    assert [len(page) for page in world.client.pages(limit=500)] == [3, 3, 2]
    assert world.client.ids(limit=500) == world.client.ids() == ids


def test_max_limit(world: World) -> None:
    """A limit above the maximum, 500 by default, is refused."""
    assert refusal(world, limit=500) is None
    assert refusal(world, limit=501) == "limit must be a number from 1 to 500"
    world.behavior.max_limit = 100
    assert refusal(world, limit=101) == "limit must be a number from 1 to 100"
    assert refusal(world, limit=100) is None
    assert refusal(world, limit="many") is not None


@pytest.mark.parametrize("cursors", ["id", "key", "offset"])
@pytest.mark.parametrize(
    ("empty_pages", "sizes"),
    [("never", [2, 2, 1]), ("once", [2, 0, 2, 1]), ("often", [2, 0, 2, 0, 1])],
)
def test_empty_pages(world: World, cursors: Any, empty_pages: Any, sizes: list[int]) -> None:
    """Empty pages with a cursor can occur between others, and no row is lost."""
    threads = world.threads(5)
    world.behavior.cursors, world.behavior.empty_pages = cursors, empty_pages
    assert [len(page) for page in world.client.pages(limit=2)] == sizes
    assert world.client.ids(limit=2) == [thread.id for thread in threads]


@pytest.mark.parametrize("cursors", ["id", "key", "offset"])
def test_repeated_rows(world: World, cursors: Any) -> None:
    """A page can repeat the last row of the previous one, and the listing still ends."""
    first, second, third, fourth = (thread.id for thread in world.threads(4))
    world.behavior.cursors, world.behavior.repeats_rows = cursors, True
    assert world.client.ids(limit=2) == [first, second, second, third, third, fourth]
    assert world.client.ids(limit=1) == [first, second, third, fourth]


def test_cursor_by_key(world: World) -> None:
    """With key cursors, no thread is skipped if one leaves a page that was read."""
    threads = world.threads(4)
    after = decode(cursor(world, limit=2))
    world.account.delete(threads[0])
    assert world.client.ids(limit=2, after=after) == [thread.id for thread in threads[2:]]


def test_cursor_as_recorded(world: World) -> None:
    """By default a cursor of the list by ID is the base64 of the last row's ID, encoded once."""
    assert (made_cursor(11_321_724_611), encoded(made_cursor(11_321_724_611))) == (
        "MTEzMjE3MjQ2MTE=",
        "MTEzMjE3MjQ2MTE%3D",
    )
    threads = world.threads(4)
    for query in ({}, {"threadStatus": "OPEN"}, {"archived": "false"}):
        assert cursor(world, limit=2, **query) == encoded(made_cursor(threads[1].id))


def test_made_cursors(world: World) -> None:
    """A client can make a cursor for any ID, and the listing continues after that ID."""
    ids = [thread.id for thread in world.threads(5)]
    for after in (0, ids[0] - 1, ids[1], ids[1] + 1, ids[4], 10**18):
        listed = world.client.ids(limit=2, after=made_cursor(after))
        assert listed == [thread_id for thread_id in ids if thread_id > after]


def test_made_cursors_refused(world: World) -> None:
    """Made cursors can be refused while given ones are accepted, always if cursors are not IDs."""
    first, second, *_ = world.threads(4)
    given = decode(cursor(world, limit=2))
    assert refusal(world, **world.by_time, after=given) == "UNPARSEABLE_TOKEN"
    assert world.client.get(f"{THREADS}/{first.id}/messages", after=given).status == 400
    world.behavior.made_cursors = "refused"
    assert refusal(world, after=made_cursor(first.id)) == "UNPARSEABLE_TOKEN"
    assert refusal(world, after=given) is None
    world.behavior.made_cursors, world.behavior.cursors = "accepted", "key"
    assert refusal(world, after=made_cursor(first.id)) == "UNPARSEABLE_TOKEN"
    assert refusal(world, after=given) is None
    assert given == made_cursor(second.id)


@pytest.mark.parametrize("cursors", ["id", "key", "offset"])
@pytest.mark.parametrize(("by_time", "expected"), [("key", [2, 3]), ("offset", [3])])
def test_cursor_by_time(world: World, cursors: Any, by_time: Any, expected: list[int]) -> None:
    """The list by latest message has opaque cursors of another form: a key or an offset."""
    threads = world.threads(4)
    world.behavior.cursors, world.behavior.cursors_by_time = cursors, by_time
    after = decode(cursor(world, **world.by_time, limit=2))
    assert not base64.b64decode(after).isdigit()
    world.account.delete(threads[0])
    listed = world.client.ids(**world.by_time, limit=2, after=after)
    assert listed == [threads[place].id for place in expected]


def test_offsets_everywhere(world: World) -> None:
    """`offset_cursors` switches every list to offsets and back."""
    world.account.offset_cursors = True
    assert (world.behavior.cursors, world.behavior.cursors_by_time) == ("offset", "offset")
    world.account.offset_cursors = False
    assert (world.behavior.cursors, world.behavior.cursors_by_time) == ("id", "key")


def test_cursor_by_offset(world: World) -> None:
    """With offset cursors, a thread is skipped if one leaves a page that was read."""
    threads = world.threads(4)
    world.behavior.cursors = "offset"
    after = decode(cursor(world, limit=2))
    world.account.delete(threads[0])
    assert world.client.ids(limit=2, after=after) == [threads[3].id]


@pytest.mark.parametrize("encoding", ["%3D", "%3d", "="])
def test_cursor_encoding(world: World, encoding: Encoding) -> None:
    """A cursor is sent encoded or plain. It works if decoded once, but not if encoded twice."""
    world.threads(3)
    world.behavior.cursor_encoding = encoding
    sent = cursor(world, limit=2)
    assert sent.endswith(encoding)
    assert refusal(world, after=decode(sent)) is None
    assert refusal(world, after=decode(sent).replace("=", "%3D")) == "UNPARSEABLE_TOKEN"


@pytest.mark.parametrize("cursors", ["id", "key"])
def test_cursor_that_expires(world: World, cursors: Any) -> None:
    """A cursor is refused as unparseable after `cursor_minutes`."""
    world.threads(3)
    world.behavior.cursors = cursors
    unlimited = decode(cursor(world, limit=2))
    world.behavior.cursor_minutes = 5
    limited = decode(cursor(world, limit=2))
    world.pass_time(299)
    assert refusal(world, after=limited) is None
    world.pass_time(1)
    assert refusal(world, after=limited) == "UNPARSEABLE_TOKEN"
    assert refusal(world, after=unlimited) == "UNPARSEABLE_TOKEN"
    world.behavior.cursor_minutes = None
    assert refusal(world, after=limited) is None


def test_documented_form(world: World) -> None:
    """A page has `results`, and `paging` if more rows may follow."""
    world.threads(3)
    body = world.client.json(THREADS, limit=2)
    assert body.keys() == {"results", "paging"}
    assert body["paging"]["next"].keys() == {"after", "link"}
    assert world.client.json(THREADS).keys() == {"results"}


def test_observed_refusals(world: World) -> None:
    """Requests that HubSpot was observed to refuse are refused; unknown parameters are ignored."""
    assert refusal(world, sort="name") is not None
    assert refusal(world, sort="latestMessageTimestamp") is not None
    assert refusal(world, inboxId=[1, 2]) is not None
    assert refusal(world, associatedContactId=7) is not None
    assert refusal(world, latestMessageTimestampAfter="2026-01-01T00:00:00Z", color="red") is None


@pytest.mark.parametrize("is_by_time", [False, True])
def test_rows_filled_late(world: World, *, is_by_time: bool) -> None:
    """Rows can be filled in after their order is fixed, so a row can be newer than its position."""
    query = {**(world.by_time if is_by_time else {}), "limit": 3}
    first, moved, deleted, last = world.threads(4)
    world.behavior.rows_filled = "late"
    requests: list[str] = []

    def change_threads(target: str) -> None:
        requests.append(target)
        world.pass_time(60)
        world.account.message(moved, sent=True)
        world.account.delete(deleted)

    world.service.while_filling = change_threads
    body = world.client.json(THREADS, **query)
    world.service.while_filling = None
    assert [int(row["id"]) for row in body["results"]] == [first.id, moved.id]
    assert body["results"][1]["latestMessageSentTimestamp"].startswith("2026-11-20T12:01:04")
    assert requests == world.service.requests
    after = decode(body["paging"]["next"]["after"])
    rest = [last.id, moved.id] if is_by_time else [last.id]
    assert world.client.ids(**query, after=after) == rest


def test_rows_filled_at_once(world: World) -> None:
    """By default order and rows are from one moment, with no change in between."""
    (thread,) = world.threads(1)
    world.service.while_filling = lambda _: world.account.delete(thread)
    assert world.client.ids() == world.client.ids(**world.by_time) == [thread.id]


def test_late_rows_do_not_lag(world: World) -> None:
    """If rows are filled late, they show the current threads even if the list lags."""
    world.pass_time(100)
    (thread,) = world.threads(1)
    world.pass_time(100)
    world.account.close(thread)
    world.behavior.lag_by_id, world.behavior.rows_filled = 60, "late"
    assert [row["status"] for row in world.client.rows()] == ["CLOSED"]
