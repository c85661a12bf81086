"""The full listing: when it is due, which pages it reads, how long it takes, and its state."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import RefusedError
from tap_hubspot_threads.models import ReadMessages, Record, Selection, StateChange
from tap_hubspot_threads.sync.id_ranges import ALL_IDS, IdRange, cursor_after
from tap_hubspot_threads.sync.phases.full_listing import EARLY_SHARE, MIN_SECONDS, FullListing
from tap_hubspot_threads.sync.pipeline import ThreadPipeline
from tap_hubspot_threads.sync.state.full_listing_state import ARCHIVED, LIVE
from tap_hubspot_threads.sync.state.sync_state import SyncState
from tap_hubspot_threads.values import shift
from tests.sync.fakes import (
    NOW,
    Inline,
    fake,
    make_context,
    not_found_error,
    page,
    row,
    transient_error,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_hubspot_threads.models import Event, Page

HOURS = 24
RECENT, LONG_AGO = shift(NOW, seconds=-3_600), shift(NOW, seconds=-HOURS * 3_600)
JUST_DUE = shift(LONG_AGO, seconds=EARLY_SHARE * HOURS * 3_600)
LATER = shift(NOW, seconds=300)
DONE = {"full_listing_completed_at": LONG_AGO}
"""The state after a first listing."""
FIRST: dict[str, Any] = {"full_listing_completed_at": None, "replication_key_value": None}
"""The state before a first listing."""


def by_id(after: int, *, archived: bool = False) -> tuple[str, str | None, bool]:
    """Return the request of a page."""
    return ("list_threads", cursor_after(after), archived)


def key_page(*ids: int, is_last: bool = False, seconds: float = 0, at: float = 0) -> Page:
    """Return a page whose cursor is its last ID."""
    cursor = None if is_last else cursor_after(ids[-1])
    found = page(*map(row, ids), cursor=cursor, seconds=seconds)
    return replace(found, received_at=at)


FAILING = (key_page(1), transient_error(), None, page(row(3)), None)
"""A page, and thread 2, which makes the next page fail: no page after 1, but one after 2."""


class World:
    """A scripted API, and a sync that may run a full listing.

    Args:
        answers: What HubSpot answers, in order, before an empty page.
        emits_rows: Whether `threads` is selected.
        by_id: The setting `always_fetch_by_id`.
        include_archived: The setting.
        state: Values in the state of threads.
    """

    def __init__(
        self,
        *answers: object,
        emits_rows: bool = True,
        by_id: bool = False,
        include_archived: bool = False,
        **state: Any,
    ) -> None:
        self.api = fake(*answers, page())
        state = {"replication_key_value": NOW} | DONE | state
        self.state = SyncState({"threads": state}, filters="all", emits_rows=emits_rows)
        self.context = make_context(
            self.state,
            Selection(threads=emits_rows, messages=True),
            include_archived=include_archived,
            always_fetch_by_id=by_id,
            full_listing_interval_hours=HOURS,
            open_threads_max_calls=0,
        )
        self.context.seen.now = NOW
        self.child_runs = 0
        pipeline = ThreadPipeline(self.api, Inline(), self.context, [self._child])
        self.full = FullListing(self.api, Inline(), pipeline, self.context)

    def _child(self, events: Iterable[Event], /) -> Iterator[Event]:
        self.child_runs += 1
        yield from events

    def run_if_due(self, *, for_deletions: bool = False) -> list[str] | None:
        """Run a full listing if it is due; return the IDs that are emitted."""
        if not self.full.is_due(for_deletions=for_deletions):
            return None
        return self.run()

    def run(self) -> list[str]:
        """Run a full listing; return the IDs that are emitted."""
        return [name for _, name in write(self.full.run())]

    def stop_after(self, pages: int) -> None:
        """Write the events of a listing up to the end of a page."""
        changes = 0
        for event in self.full.run():
            write([event])
            changes += isinstance(event, StateChange) and self.state.listing.pages == pages
            if changes:
                return


@pytest.mark.parametrize(
    ("started", "is_due"),
    [
        (None, True),
        (RECENT, False),
        (NOW, False),
        (LONG_AGO, True),
        (JUST_DUE, True),
        (shift(JUST_DUE, seconds=1), False),
        (shift(NOW, seconds=1), True),
    ],
)
def test_due(started: str | None, *, is_due: bool) -> None:
    """A listing is due if none started, if its interval almost ended, or after a future start."""
    world = World(page(row(1)), full_listing_started_at=started)
    assert world.run_if_due() == (["1"] if is_due else None)


def test_first_is_due() -> None:
    """The first listing is due until its end, whatever else the state has."""
    for state in (FIRST, {"full_listing_completed_at": None, "full_listing_started_at": NOW}):
        assert World(**state).full.is_due()


def test_resume() -> None:
    """An unfinished listing resumes with what is unread, even if the last one is recent."""
    ranges = [[LIVE, "1", "3"], [ARCHIVED, "0", None]]
    state: dict[str, Any] = {"listing_ranges": ranges, "listing_started_at": RECENT}
    world = World(key_page(2, 4), full_listing_started_at=RECENT, **state)
    assert world.run_if_due() == ["2"]
    assert world.api.requests == [by_id(1), by_id(0, archived=True)]
    assert world.state.listing.is_over
    assert world.state.listing.full_started_at == RECENT


def test_resume_among_archived_threads() -> None:
    """A listing that stopped among archived threads lists no live thread again."""
    world = World(listing_ranges=[[ARCHIVED, "7", None]], listing_started_at=RECENT)
    world.run()
    assert world.api.requests == [by_id(7, archived=True)]


def test_start() -> None:
    """A due listing starts over only when its state change is applied, before its first row."""
    world = World(page(row(1)))
    first = next(iter(world.full.run()))
    assert world.state.listing.is_over
    assert isinstance(first, StateChange)
    first.apply()
    assert world.state.listing.unread == {LIVE: [ALL_IDS], ARCHIVED: [ALL_IDS]}


def test_start_of_the_first_listing() -> None:
    """The first listing sets the bookmark and what is unread before its first record."""
    world = World(page(row(1), now=LATER), **FIRST)
    events = world.full.run()
    write([next(events)])
    assert isinstance(next(events), Record)
    assert (world.state.bookmark, world.state.listing.started_at) == (LATER, LATER)
    assert world.state.listing.unread[LIVE] == [ALL_IDS]


def test_state_moves_when_a_page_is_emitted() -> None:
    """What is unread shrinks when a page is emitted, not when it arrives."""
    world = World(key_page(1, 2), key_page(3, is_last=True))
    world.stop_after(1)
    assert world.state.listing.unread[LIVE] == [IdRange(2)]


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_killed_after_a_page(pages: int) -> None:
    """After a kill, the next sync reads exactly the pages that were not emitted."""
    answers = [key_page(1, 2), key_page(3, 4), key_page(5, is_last=True), page(row(6))]
    world = World(*answers, include_archived=True)
    world.stop_after(pages)
    packed = world.state.to_bookmarks(is_final=False)["threads"]
    rest = World(*answers[pages:], include_archived=True, **packed | {"filters": "all"})
    assert rest.run() == ["1 2", "3 4", "5", "6"][pages].split() + [
        name for group in ["1 2", "3 4", "5", "6"][pages + 1 :] for name in group.split()
    ]
    assert rest.state.listing.is_over


def test_live_then_archived() -> None:
    """Live threads are listed first, then archived ones, and the listing is over."""
    world = World(key_page(1, 2), key_page(3, is_last=True), page(row(4)), include_archived=True)
    assert world.run() == ["1", "2", "3", "4"]
    assert world.api.requests == [by_id(0), by_id(2), by_id(0, archived=True)]
    assert world.state.listing.is_over


@pytest.mark.parametrize(("state", "sides"), [(FIRST, [False]), (DONE, [False, True])])
def test_without_archived(state: dict[str, Any], sides: list[bool]) -> None:
    """With `include_archived: false`, only the first listing omits archived threads."""
    world = World(page(row(1)), **state)
    world.run()
    assert [archived for *_, archived in world.api.requests] == sides
    assert world.state.listing.is_over


def test_times() -> None:
    """A listing saves its start and its end by HubSpot's clock, and its rows and pages."""
    world = World(page(row(1)), page(row(2), now=LATER), include_archived=True, **FIRST)
    world.run()
    listing = world.state.listing
    assert (world.state.bookmark, listing.full_started_at, listing.full_completed_at) == (
        NOW,
        NOW,
        LATER,
    )
    assert (listing.full_rows, listing.full_pages) == (2, 2)


def test_cursors_that_are_no_keys() -> None:
    """Without keys the pages come in order, and the next sync continues at the cursor."""
    world = World(page(row(1), cursor="x"), page(row(2), cursor="y"), page(row(3)))
    world.stop_after(2)
    listing = world.state.listing
    assert (listing.cursor, listing.unread[LIVE]) == ("y", [ALL_IDS])
    packed = world.state.to_bookmarks(is_final=False)["threads"]
    rest = World(page(row(3)), **packed | {"filters": "all"})
    assert rest.run() == ["3"]
    assert rest.api.requests == [("list_threads", "y", False), by_id(0, archived=True)]
    assert rest.state.listing.is_over


@pytest.mark.parametrize("side", [LIVE, ARCHIVED])
def test_refused_cursor(side: str, caplog: pytest.LogCaptureFixture) -> None:
    """If HubSpot refuses a saved cursor, its side starts over, with a warning."""
    state: dict[str, Any] = {"listing_ranges": [[side, "0", None]], "listing_cursor": "old"}
    world = World(RefusedError("400"), page(row(1)), listing_started_at=RECENT, **state)
    assert world.run() == ["1"]
    assert [cursor for _, cursor, _ in world.api.requests] == ["old", None]
    assert world.state.listing.is_over
    assert "read from its start" in caplog.text


def test_refused_first_page() -> None:
    """A refusal of the first page is an error."""
    with pytest.raises(RefusedError):
        World(RefusedError("400")).run()


def test_failing_thread() -> None:
    """A thread that makes its page fail is read by ID at its place; the listing continues."""
    world = World(*FAILING, row(2), page(row(3)), **FIRST)
    assert world.run() == ["1", "2", "3"]
    assert world.state.listing.is_over
    assert world.context.failures.threads.errors == {}


def test_failing_thread_that_cannot_be_read() -> None:
    """If the thread cannot be read by ID either, it is a failed thread; the rest is listed."""
    world = World(*FAILING, transient_error(), page(row(3)), **FIRST)
    assert world.run() == ["1", "3"]
    assert world.state.failed == {"2": 1}
    assert world.context.failures.threads.errors.keys() == {"2"}


def test_failing_thread_that_does_not_exist() -> None:
    """If HubSpot has no such thread, nothing is recorded: the search can end at any ID."""
    missing = [not_found_error(), not_found_error()]
    world = World(*FAILING, *missing, page(row(3)), **FIRST)
    assert world.run() == ["1", "3"]
    assert (world.state.failed, world.state.not_found) == ({}, {})


@pytest.mark.parametrize(
    ("last", "seconds"),
    [
        (None, MIN_SECONDS),
        (shift(NOW, seconds=-60), MIN_SECONDS),
        (shift(NOW, seconds=-600), MIN_SECONDS),
        (shift(NOW, seconds=-900), 180),
        (shift(NOW, seconds=-86_400), 17_280),
        (LATER, MIN_SECONDS),
    ],
)
def test_time_limit(last: str | None, seconds: float) -> None:
    """A sync lists for a fifth of the time since the last sync started, or two minutes."""
    pages = [key_page(number, seconds=1, at=seconds * number / 2) for number in range(1, 9)]
    world = World(*pages, sync_started_at=last)
    listed = world.run()
    assert listed == ["1", "2", "3"]
    assert world.state.listing.unread == {LIVE: [IdRange(3)], ARCHIVED: [ALL_IDS]}


def test_time_limit_of_this_sync() -> None:
    """The limit counts from the last sync's start, although the increment has noted this one's."""
    pages = [key_page(number, seconds=1, at=900.0 * number) for number in range(1, 9)]
    world = World(*pages, page(), sync_started_at=shift(NOW, seconds=-86_400))
    world.state.end_increment(NOW, None, since=NOW)
    assert len(world.run()) == 8


def test_no_limit_for_the_first_listing() -> None:
    """The first listing runs to its end, however long it takes."""
    pages = [key_page(number, seconds=9, at=10.0**4 * number) for number in range(1, 9)]
    world = World(*pages, sync_started_at=RECENT, **FIRST)
    assert len(world.run()) == 8
    assert world.state.listing.is_over


def test_once_per_sync() -> None:
    """A full listing is due at most once per sync."""
    world = World(page(row(1)))
    assert world.run_if_due() == ["1"]
    world.state.listing.full_started_at = None
    assert world.run_if_due() is None


@pytest.mark.parametrize(("first", "is_due"), [(RECENT, True), (LONG_AGO, False)])
def test_mass_deletion(first: str, *, is_due: bool) -> None:
    """For a mass deletion, a listing is due if a thread's first check follows the last start."""
    started = shift(RECENT, seconds=-60)
    world = World(page(), full_listing_started_at=started, not_found=[["1", first]])
    assert world.run_if_due() is None
    assert (world.run_if_due(for_deletions=True) is not None) is is_due


def test_not_without_threads() -> None:
    """A sync without `threads` runs no full listing, not even an unfinished one."""
    assert World(emits_rows=False).run_if_due() is None
    assert World(emits_rows=False, listing_ranges=[[LIVE, "0", None]]).run_if_due() is None


def test_first_listing_without_threads() -> None:
    """Without `threads` the first listing runs, but does not count as a full listing later."""
    world = World(page(row(1), row(2, at=None)), emits_rows=False, by_id=True, **FIRST)
    events = []
    for event in world.full.run():
        events.append(event)
        write([event])
    assert [event.thread.id for event in events if isinstance(event, ReadMessages)] == ["2"]
    assert world.api.requests == [("list_threads", None, False)]
    assert (world.state.bookmark, world.state.listing.full_started_at) == (NOW, None)


def test_by_id() -> None:
    """With `always_fetch_by_id`, each listed thread is read by ID."""
    world = World(page(row(1), row(2)), row(1), row(2), by_id=True)
    assert world.run_if_due() == ["1", "2"]
    methods = ["list_threads", "get_thread", "get_thread", "list_threads"]
    assert sorted(call[0] for call in world.api.requests) == sorted(methods)


@pytest.mark.parametrize("by_id", [False, True])
def test_child_streams(*, by_id: bool) -> None:
    """Child streams get the events of the listing, however threads are read."""
    by_ids = [row(1)] if by_id else []
    world = World(page(row(1)), *by_ids, by_id=by_id)
    world.run_if_due()
    assert world.child_runs == 1
