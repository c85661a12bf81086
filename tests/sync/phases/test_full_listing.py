"""The full listing: when it is due, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.models import ReadMessages, Selection, StateChange
from tap_hubspot_threads.sync.phases.full_listing import FullListing
from tap_hubspot_threads.sync.pipeline import ThreadPipeline
from tap_hubspot_threads.sync.state.listing_state import DONE, LIVE
from tap_hubspot_threads.sync.state.state import SyncState
from tap_hubspot_threads.values import shift
from tests.sync.fakes import NOW, Inline, fake, make_context, page, row, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_hubspot_threads.models import Event

HOURS = 24
RECENT, LONG_AGO = shift(NOW, seconds=-3_600), shift(NOW, seconds=-HOURS * 3_600)


class World:
    """A scripted API, and a sync that may run a full listing.

    Args:
        answers: What HubSpot answers, in order, before an empty page.
        emits_rows: Whether `threads` is selected.
        by_id: The setting `always_fetch_by_id`.
        calls: The setting `full_listing_calls`.
        state: Values in the state of threads.
    """

    def __init__(
        self,
        *answers: object,
        emits_rows: bool = True,
        by_id: bool = False,
        calls: int = 9,
        **state: Any,
    ) -> None:
        self.api = fake(*answers, page())
        state.setdefault("replication_key_value", NOW)
        self.state = SyncState({"threads": state}, filters="all", emits_rows=emits_rows)
        self.context = make_context(
            self.state,
            Selection(threads=emits_rows, messages=True),
            include_archived=False,
            always_fetch_by_id=by_id,
            full_listing_interval_hours=HOURS,
            full_listing_max_pages=calls,
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
        return [name for _, name in write(self.full.run())]


@pytest.mark.parametrize(
    ("started", "is_due"),
    [
        (None, True),
        (RECENT, False),
        (NOW, False),
        (LONG_AGO, True),
        (shift(LONG_AGO, seconds=1), False),
        (shift(NOW, seconds=1), True),
    ],
)
def test_due(started: str | None, *, is_due: bool) -> None:
    """A listing is due if none started, after its interval, or if its start is in the future."""
    world = World(page(row(1)), full_listing_started_at=started)
    assert world.run_if_due() == (["1"] if is_due else None)


def test_resume() -> None:
    """An unfinished listing resumes where it left off, even if the last one is recent."""
    state: dict[str, Any] = {"listing": LIVE, "listing_cursor": "x", "listing_started_at": RECENT}
    world = World(page(row(2)), full_listing_started_at=RECENT, **state)
    assert world.run_if_due() == ["2"]
    assert world.api.requests == [("list_threads", "x", False), ("list_threads", None, True)]
    assert world.state.listing.part == DONE


def test_start() -> None:
    """A due listing starts over only when its state change is applied."""
    world = World(page(row(1)))
    first = next(iter(world.full.run()))
    assert world.state.listing.part == DONE
    assert isinstance(first, StateChange)
    first.apply()
    assert world.state.listing.part == LIVE


def test_once_per_sync() -> None:
    """A full listing is due at most once per sync."""
    world = World(page(row(1)))
    assert world.run_if_due() == ["1"]
    world.state.listing.full_started_at = None
    assert world.run_if_due() is None


def test_page_limit() -> None:
    """A sync lists a limited number of pages, except in the first listing."""
    pages = [page(row(1), cursor="x"), page(row(2), cursor="y"), page(row(3))]
    assert World(*pages, calls=2).run_if_due() == ["1", "2"]
    first = World(*pages, calls=2, replication_key_value=None)
    assert [name for _, name in write(first.full.run_first())] == ["1", "2", "3"]


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
    assert World(emits_rows=False, listing=LIVE, listing_cursor="x").run_if_due() is None


def test_first_listing_without_threads() -> None:
    """Without `threads` the first listing runs, but does not count as a full listing later."""
    world = World(
        page(row(1), row(2, at=None)), emits_rows=False, by_id=True, replication_key_value=None
    )
    events = []
    for event in world.full.run_first():
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
