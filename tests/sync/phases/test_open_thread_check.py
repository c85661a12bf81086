"""The open-thread check: each step checks what the one before left, within the call limits."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import DailyQuotaError, HubSpotError, RefusedError
from tap_hubspot_threads.models import CHECKPOINT, Page
from tap_hubspot_threads.sync.fetch_thread import MAX_CALLS_PER_THREAD
from tap_hubspot_threads.sync.id_ranges import cursor_after
from tap_hubspot_threads.sync.phases.open_thread_check import LISTING_SECONDS, OpenThreadCheck
from tap_hubspot_threads.sync.pipeline import ThreadPipeline
from tap_hubspot_threads.values import shift
from tests.sync.fakes import (
    NOW,
    Inline,
    fake,
    make_context,
    make_state_with_open,
    not_found_error,
    page,
    row,
    transient_error,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.models import Event

BEFORE = shift(NOW, seconds=-3_600)
STATUS, ALL = ("list_open_threads", None, False), ("list_threads", None, False)


class World:
    """A state that knows open threads, and an open-thread check on a scripted API.

    Args:
        answers: What HubSpot answers, in order.
        known: The number of known open threads, with the IDs 1, 2, …
        seconds: The seconds that each listed page takes to arrive.
        state: Further values in the state.
        include_archived: The setting.
        calls: The setting `open_threads_max_calls`.
        uses_listings: Whether listings are used; false with `always_fetch_by_id`.
    """

    def __init__(
        self,
        *answers: object,
        known: int = 6,
        seconds: float = 0.1,
        state: dict[str, Any] | None = None,
        include_archived: bool = False,
        calls: int = 100,
        uses_listings: bool = True,
    ) -> None:
        timed = (
            replace(found, seconds=seconds) if isinstance(found, Page) else found
            for found in answers
        )
        self.api = fake(*timed)
        self.state = make_state_with_open(*map(row, range(1, known + 1)), **state or {})
        context = make_context(
            self.state,
            include_archived=include_archived,
            open_threads_max_calls=calls,
            always_fetch_by_id=not uses_listings,
        )
        self.seen, self.stats = context.seen, context.stats
        self.pool = Inline()
        pipeline = ThreadPipeline(self.api, self.pool, context)
        self.check = OpenThreadCheck(self.api, self.pool, pipeline, context)

    def events(self) -> Iterator[Event]:
        """Yield the events of all steps, as if no full listing were due."""
        yield from self.check.not_found_once()
        yield from self.check.by_status()
        yield from self.check.by_listing_all()
        yield from self.check.by_id()

    def run(self) -> list[str]:
        """Write the events like the writing loop; return the IDs that are emitted."""
        return [thread_id for _, thread_id in write(self.events())]

    @property
    def requests(self) -> list[Any]:
        """The API calls so far."""
        found: list[Any] = self.api.requests
        return found


def by_id(*ids: int) -> list[Any]:
    """Return the API calls that read these threads by ID."""
    return [("get_thread", str(number), False) for number in ids]


def rows(*ids: int, **columns: Any) -> list[dict[str, Any]]:
    """Return rows of these threads."""
    return [row(number, **columns) for number in ids]


def last_listing(pages: int, seconds: float = 1) -> dict[str, Any]:
    """Return the state after a full listing of so many pages and seconds."""
    return {"full_listing_pages": pages, "full_listing_milliseconds": round(seconds * 1000)}


def test_steps() -> None:
    """Threads are checked by status, then by a full list, then by ID, each step for the unseen."""
    answers = [page(*rows(1, 2, 3)), page(*rows(1, 4, 5)), row(6)]
    world = World(*answers, state=last_listing(1))
    assert world.run() == []
    assert world.requests == [STATUS, ALL, *by_id(6)]
    assert world.seen.unseen_open == set()
    assert world.stats.unchanged == 6


def test_filter_that_works() -> None:
    """If the filter for open threads shows every open thread, nothing else is requested."""
    world = World(page(*rows(1, 2, 3, 4, 5, 6)), state=last_listing(1))
    world.run()
    assert world.requests == [STATUS]


def test_change_that_the_filter_shows() -> None:
    """A changed row that the filter shows may be outdated, so the thread is read by ID."""
    stale, new = row(2, spam=True), row(7)
    world = World(page(*rows(1, 3, 4, 5, 6), stale, new), row(2, assignedTo="A-1"))
    assert world.run() == ["2"]
    assert world.requests == [STATUS, *by_id(2)]
    assert "7" not in world.state.open


def test_archived_threads() -> None:
    """Archived threads are listed after live ones, if they are in scope."""
    world = World(page(*rows(1, 2, 3)), page(*rows(4, 5, 6)), include_archived=True)
    world.run()
    assert world.requests == [STATUS, ("list_open_threads", None, True)]


def test_filter_that_is_ignored() -> None:
    """A page of mostly closed threads ends the step after one call, for archived threads too."""
    closed = rows(7, 8, 9, status="CLOSED")
    first = page(*rows(1, 2), *closed, cursor="x")
    world = World(first, *rows(1, 2, 3, 4, 5, 6), include_archived=True)
    world.run()
    assert world.requests == [STATUS, *by_id(1, 2, 3, 4, 5, 6)]


def test_page_that_is_half_closed() -> None:
    """A page of half closed threads does not end the step, because an index may lag."""
    first = page(*rows(1, 2), *rows(7, 8, status="CLOSED"), cursor="x")
    world = World(first, page(*rows(3, 4, 5, 6)))
    assert world.run() == []
    assert world.requests == [STATUS, ("list_open_threads", "x", False)]


@pytest.mark.parametrize(
    "failure",
    [RefusedError("400"), transient_error(), HubSpotError("404")],
    ids=["refused", "transient", "other"],
)
def test_filter_that_fails(failure: HubSpotError) -> None:
    """A failed filter ends its step after one call, and the next step continues."""
    world = World(failure, *rows(1, 2, 3, 4, 5, 6), include_archived=True)
    world.run()
    assert world.requests == [STATUS, *by_id(1, 2, 3, 4, 5, 6)]
    assert world.seen.unseen_open == set()


@pytest.mark.parametrize(
    "error",
    [HubSpotError("401", is_auth_error=True), DailyQuotaError("spent")],
    ids=["401", "quota"],
)
def test_token_and_quota_errors_end_the_sync(error: HubSpotError) -> None:
    """A rejected token or a spent daily quota ends the sync, not only the step."""
    world = World(error, *rows(1, 2, 3, 4, 5, 6))
    with pytest.raises(HubSpotError) as raised:
        world.run()
    assert raised.value is error


def test_filter_that_finds_nothing() -> None:
    """An empty page does not mark any thread as not found."""
    world = World(page(), page(), *rows(1, 2, 3, 4, 5, 6), include_archived=True)
    assert world.run() == []
    assert len(world.requests) == 2 + 6
    assert world.state.not_found == {}


def test_threads_that_the_filter_omits() -> None:
    """Threads that the filter for open threads omits are read by ID."""
    world = World(page(*rows(1, 3, 5)), *rows(2, 4, 6))
    world.run()
    assert world.requests == [STATUS, *by_id(2, 4, 6)]


@pytest.mark.parametrize(("known", "is_listed"), [(1, False), (2, True)])
def test_no_listing_if_reading_by_id_is_as_cheap(known: int, *, is_listed: bool) -> None:
    """If a listing costs as many calls as reading by ID, threads are read by ID."""
    world = World(page(*rows(1, 2)) if is_listed else row(1), known=known)
    world.run()
    assert world.requests == ([STATUS] if is_listed else by_id(1))


@pytest.mark.parametrize(("pages", "is_listed"), [(5, True), (6, False), (7, False), (None, False)])
def test_full_list_if_it_is_cheaper(pages: int | None, *, is_listed: bool) -> None:
    """All threads are listed if more are unseen than the last full listing had pages."""
    state = {} if pages is None else last_listing(pages)
    listing = [page(*rows(1, 2, 3, 4, 5, 6))] if is_listed else rows(1, 2, 3, 4, 5, 6)
    world = World(RefusedError("400"), *listing, state=state)
    world.run()
    assert world.requests[1:] == ([ALL] if is_listed else by_id(1, 2, 3, 4, 5, 6))


@pytest.mark.parametrize(("calls", "is_listed"), [(12, True), (11, False)])
def test_listings_take_half_of_the_calls(calls: int, *, is_listed: bool) -> None:
    """All threads are listed only if all lists together fit half of the call limit."""
    listing = [page(*rows(*range(1, 21)))] if is_listed else rows(*range(1, 21))
    world = World(RefusedError("400"), *listing, known=20, calls=calls, state=last_listing(5))
    world.run()
    assert (ALL in world.requests) is is_listed


@pytest.mark.parametrize(
    ("last", "increment", "is_listed"),
    [(LISTING_SECONDS - 1, 0, True), (LISTING_SECONDS, 0, False), (30, 22, True), (30, 24, False)],
)
def test_listings_take_a_minute(last: float, increment: float, *, is_listed: bool) -> None:
    """All threads are listed only if all lists of the sync together fit one minute."""
    listing = [page(*rows(1, 2, 3, 4, 5, 6))] if is_listed else rows(1, 2, 3, 4, 5, 6)
    world = World(page(), *listing, state=last_listing(1, last), seconds=1)
    world.seen.listing_seconds = increment
    world.run()
    assert (ALL in world.requests) is is_listed


@pytest.mark.parametrize(
    ("newest_ids", "count", "is_listed"),
    [([[BEFORE, "5"]], 16, True), ([[BEFORE, "5"]], 2, False), ([], 16, False)],
    ids=["many workers", "few workers", "no keys"],
)
def test_pages_at_once(newest_ids: list[Any], count: int, *, is_listed: bool) -> None:
    """Where cursors are keys, the workers share the time of a listing of all threads."""
    listing = [page(*rows(1, 2, 3, 4, 5, 6))] if is_listed else rows(1, 2, 3, 4, 5, 6)
    state = last_listing(1, LISTING_SECONDS * 4) | {"newest_ids": newest_ids}
    world = World(RefusedError("400"), *listing, state=state)
    world.pool.count = count
    world.run()
    assert (ALL in world.requests) is is_listed


def test_full_list_by_ranges() -> None:
    """The list of all threads is read by ranges, up to half of the calls, and the rest by ID."""
    pages = [page(*rows(number), cursor=cursor_after(number)) for number in range(1, 5)]
    world = World(RefusedError("400"), *pages, *rows(5, 6), calls=10, state=last_listing(4))
    world.run()
    listed = [("list_threads", cursor_after(number), False) for number in range(4)]
    assert world.requests == [STATUS, *listed, *by_id(5, 6)]


def test_failing_thread_of_a_full_list() -> None:
    """A thread that makes its page fail is read by ID with the others that were not listed."""
    first = page(*rows(1), cursor=cursor_after(1))
    search = [transient_error(), None, page(*rows(3)), None]
    rest = [page(*rows(3, 4, 5, 6)), *rows(2)]
    world = World(RefusedError("400"), first, *search, *rest, state=last_listing(2))
    world.run()
    assert world.requests[-1:] == by_id(2)
    assert world.seen.unseen_open == set()


def test_full_list_of_archived_threads() -> None:
    """Archived threads are listed after live ones, if the calls are not used up."""
    pages = [page(*rows(1, 2, 3)), page(*rows(4, 5, 6))]
    world = World(RefusedError("400"), *pages, include_archived=True, state=last_listing(2))
    world.run()
    assert world.requests == [STATUS, ALL, ("list_threads", None, True)]


def test_slow_pages() -> None:
    """A list stops if its next page would exceed the minute, and the rest is read by ID."""
    pages = [page(row(number), cursor=str(number)) for number in (1, 2, 3)]
    world = World(*pages, *rows(4, 5, 6), seconds=16)
    world.run()
    assert [requests[0] for requests in world.requests] == ["list_open_threads"] * 3 + [
        "get_thread"
    ] * 3


def test_increment_takes_all_seconds() -> None:
    """If the increment's lists have taken all seconds, the check reads every thread by ID."""
    world = World(*rows(1, 2, 3, 4, 5, 6), state=last_listing(1))
    world.seen.listing_seconds = LISTING_SECONDS
    world.run()
    assert world.requests == by_id(1, 2, 3, 4, 5, 6)


def test_listing_stops_at_half_of_the_calls() -> None:
    """A list with more pages than half of the calls stops there.

    The last call is not used, because a thread that is not found takes two.
    """
    pages = [page(row(number), cursor=str(number)) for number in (1, 2)]
    world = World(*pages, *rows(3, 4, 5, 6), calls=4)
    world.run()
    assert world.requests == [STATUS, ("list_open_threads", "1", False), *by_id(3)]


def test_least_recently_read_first() -> None:
    """Threads are read by ID in the order in which they were last read."""
    world = World(*rows(2, 3, 1), known=3, uses_listings=False)
    world.state.open.postpone("1")
    world.run()
    assert world.requests == by_id(2, 3, 1)


def test_archived_thread_is_requested_as_archived() -> None:
    """A thread known as archived is requested as archived first."""
    world = World(row(1, archived=True), known=0)
    world.state.open.note("1", "aAAAAAA")
    world.seen.unseen_open.add("1")
    world.run()
    assert world.requests == [("get_thread", "1", True)]


def test_threads_read_in_this_sync() -> None:
    """A thread that this sync has fetched or seen is not read again."""
    world = World(row(3), known=3)
    world.seen.fetched.add("1")
    world.seen.unseen_open.remove("2")
    world.run()
    assert world.requests == by_id(3)


@pytest.mark.parametrize("calls", range(MAX_CALLS_PER_THREAD, 14))
@pytest.mark.parametrize("are_deleted", [False, True])
def test_call_limit(calls: int, *, are_deleted: bool) -> None:
    """The call limit holds, even if every thread is not found and takes two calls."""
    answers = [not_found_error()] * 40 if are_deleted else rows(*range(1, 21))
    world = World(*answers, known=20, calls=calls, uses_listings=False)
    world.run()
    assert calls - 1 <= len(world.requests) <= calls


@pytest.mark.parametrize("uses_listings", [False, True])
def test_no_calls(*, uses_listings: bool) -> None:
    """With a call limit of 0, nothing is read and nothing is emitted."""
    world = World(calls=0, uses_listings=uses_listings, state={"not_found": [["1", BEFORE]]})
    assert world.run() == []
    assert world.requests == []


def test_by_id_alone() -> None:
    """With `always_fetch_by_id`, no list is requested."""
    world = World(*rows(1, 2, 3, 4, 5, 6), uses_listings=False, state=last_listing(1))
    world.run()
    assert world.requests == by_id(1, 2, 3, 4, 5, 6)


def test_threads_not_found_are_first() -> None:
    """A thread not found before is read by ID first, even if lists show it."""
    world = World(row(5), page(*rows(1, 2, 3, 4, 6)), state={"not_found": [["5", BEFORE]]})
    world.run()
    assert world.requests == [*by_id(5), STATUS]
    assert world.state.not_found == {}


def test_threads_not_found_take_a_quarter() -> None:
    """Threads not found before take 25% of the calls, oldest first; the others wait."""
    not_found = [[str(number), BEFORE] for number in (6, 5, 4, 3)]
    answers = [not_found_error()] * 4 + rows(1, 2)
    world = World(*answers, calls=16, uses_listings=False, state={"not_found": not_found})
    world.run()
    tried = [thread_id for _, thread_id, _ in world.requests]
    assert tried == ["6", "6", "5", "5", "1", "2"]
    assert world.state.not_found == {"6": BEFORE, "5": BEFORE, "4": BEFORE, "3": BEFORE}


def test_listed_thread_stays_not_found() -> None:
    """A listed thread that was not found is not emitted and stays not found."""
    world = World(
        *[not_found_error()] * 2,
        page(row(5, status="WAITING"), *rows(1, 2, 3, 4, 6)),
        state={"not_found": [["5", BEFORE]]},
    )
    assert world.run() == []
    assert world.state.not_found == {"5": BEFORE}


def test_row_of_a_thread_that_was_read_by_id() -> None:
    """A listed row never overwrites a thread that this sync read by ID."""
    world = World(page(row(1, status="WAITING"), *rows(2, 3, 4, 5, 6)))
    world.seen.fetched.add("1")
    assert world.run() == []


def test_records_of_a_full_list() -> None:
    """A full list emits changed rows of known threads, and new open threads."""
    found = [row(1, status="CLOSED"), *rows(2, 3, 4, 5, 6, 7), row(8, status="CLOSED")]
    world = World(RefusedError("400"), page(*found), state=last_listing(1))
    assert world.run() == ["1", "7"]
    assert world.state.open.ids()[-1] == ("7", False)
    assert "1" not in world.state.open


def test_checkpoint_after_each_page() -> None:
    """A checkpoint follows each page of a list."""
    *_, last = World(page(*rows(1, 2, 3, 4, 5, 6))).check.by_status()
    assert last is CHECKPOINT


def test_log_line(caplog: pytest.LogCaptureFixture) -> None:
    """One log line says how many threads were known, and how they were seen."""
    caplog.set_level(logging.INFO)
    World(page(*rows(1, 2, 3, 4)), *rows(5, 6)).run()
    (line,) = [record.message for record in caplog.records if "Open threads" in record.message]
    assert line.startswith("Open threads: 6 known; 4 listed in 1 ")
    assert line.endswith("2 read by ID")
