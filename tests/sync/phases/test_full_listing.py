"""The listing of the whole account: when it is due, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.models import ReadMessages, Selection, StateChange
from tap_hubspot_threads.sync.phases.full_listing import FullListing
from tap_hubspot_threads.sync.pipeline import ThreadPipeline
from tap_hubspot_threads.sync.state.listing_state import DONE, LIVE
from tap_hubspot_threads.sync.state.state import SyncState
from tap_hubspot_threads.values import shift
from tests.sync.fakes import NOW, Inline, context, fake, page, row, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_hubspot_threads.models import Event

HOURS = 24
RECENT, LONG_AGO = shift(NOW, seconds=-3_600), shift(NOW, seconds=-HOURS * 3_600)


class World:
    """An account that answers so, and a sync that may list it.

    Args:
        answers: What HubSpot answers, one after the other; then no archived threads.
        emits_rows: Whether threads are selected.
        by_id: Whether listed threads are read by id.
        calls: Of `full_listing_calls`.
        state: What the state has of threads.
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
        self.context = context(
            self.state,
            Selection(threads=emits_rows, messages=True),
            include_archived=False,
            always_fetch_by_id=by_id,
            full_listing_interval_hours=HOURS,
            full_listing_max_pages=calls,
            open_threads_max_calls=0,
        )
        self.context.seen.now = NOW
        self.staged = 0
        pipeline = ThreadPipeline(self.api, Inline(), self.context, [self._child])
        self.full = FullListing(self.api, Inline(), pipeline, self.context)

    def _child(self, events: Iterable[Event], /) -> Iterator[Event]:
        self.staged += 1
        yield from events

    def when_due(self, *, for_deletions: bool = False) -> list[str] | None:
        """List, if it is due; return the IDs that are emitted."""
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
    """It is due where none was begun, some hours after, and where that is ahead of the clock."""
    world = World(page(row(1)), full_listing_started_at=started)
    assert world.when_due() == (["1"] if is_due else None)


def test_under_way() -> None:
    """One that is under way goes on where it was, whenever the last one was begun."""
    state: dict[str, Any] = {"listing": LIVE, "listing_cursor": "x", "listing_started_at": RECENT}
    world = World(page(row(2)), full_listing_started_at=RECENT, **state)
    assert world.when_due() == ["2"]
    assert world.api.asked == [("list_threads", "x", False), ("list_threads", None, True)]
    assert world.state.listing.part == DONE


def test_begins_at_the_start() -> None:
    """One that is due begins at the start, when what was before is out."""
    world = World(page(row(1)))
    first = next(iter(world.full.run()))
    assert world.state.listing.part == DONE
    assert isinstance(first, StateChange)
    first.apply()
    assert world.state.listing.part == LIVE


def test_once_a_sync() -> None:
    """Listed once, it is not due again in this sync."""
    world = World(page(row(1)))
    assert world.when_due() == ["1"]
    world.state.listing.full_started_at = None
    assert world.when_due() is None


def test_so_many_calls() -> None:
    """A sync lists so many pages at the most; the first listing is not limited."""
    pages = [page(row(1), cursor="x"), page(row(2), cursor="y"), page(row(3))]
    assert World(*pages, calls=2).when_due() == ["1", "2"]
    first = World(*pages, calls=2, replication_key_value=None)
    assert [name for _, name in write(first.full.run_first())] == ["1", "2", "3"]


@pytest.mark.parametrize(("first", "is_due"), [(RECENT, True), (LONG_AGO, False)])
def test_purge(first: str, *, is_due: bool) -> None:
    """Of a purge it is due if it could show one that was missed since the last one was begun."""
    started = shift(RECENT, seconds=-60)
    world = World(page(), full_listing_started_at=started, not_found=[["1", first]])
    assert world.when_due() is None
    assert (world.when_due(for_deletions=True) is not None) is is_due


def test_not_without_rows() -> None:
    """A sync without threads lists nothing for them, due or under way."""
    assert World(emits_rows=False).when_due() is None
    assert World(emits_rows=False, listing=LIVE, listing_cursor="x").when_due() is None


def test_first_without_rows() -> None:
    """The first listing is one all the same, as it is, and is none of all to the next sync."""
    world = World(
        page(row(1), row(2, at=None)), emits_rows=False, by_id=True, replication_key_value=None
    )
    events = []
    for event in world.full.run_first():
        events.append(event)
        write([event])
    assert [event.thread.id for event in events if isinstance(event, ReadMessages)] == ["2"]
    assert world.api.asked == [("list_threads", None, False)]
    assert (world.state.bookmark, world.state.listing.full_started_at) == (NOW, None)


def test_by_id() -> None:
    """Where threads are fetched by id, each listed one is."""
    world = World(page(row(1), row(2)), row(1), row(2), by_id=True)
    assert world.when_due() == ["1", "2"]
    methods = ["list_threads", "get_thread", "get_thread", "list_threads"]
    assert sorted(asked[0] for asked in world.api.asked) == sorted(methods)


@pytest.mark.parametrize("by_id", [False, True])
def test_what_hangs_on_it(*, by_id: bool) -> None:
    """What hangs on the threads is put behind them, however they are read."""
    by_ids = [row(1)] if by_id else []
    world = World(page(row(1)), *by_ids, by_id=by_id)
    world.when_due()
    assert world.staged == 1
