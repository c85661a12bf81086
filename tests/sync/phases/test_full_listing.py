"""The listing of the whole account: when it is due, and what becomes of it."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.settings.settings import Options, ThreadFilter
from tap_hubspot_threads.sync.phases.full_listing import FullListing, Listing
from tap_hubspot_threads.sync.pipeline import Finding, Outcomes, Reader
from tap_hubspot_threads.sync.state.listing_state import DONE, LIVE
from tap_hubspot_threads.sync.state.state import SyncState
from tap_hubspot_threads.sync.stats import Read
from tap_hubspot_threads.values import shift
from tests.sync.fakes import LOG, NOW, Inline, fake, page, row, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_hubspot_threads.models import Out

HOURS = 24
RECENT, LONG_AGO = shift(NOW, seconds=-3_600), shift(NOW, seconds=-HOURS * 3_600)


class World:
    """An account that answers so, and a sync that may list it.

    Args:
        answers: What HubSpot answers, one after the other; then no archived threads.
        rows_go_out: Whether threads are selected.
        by_id: Whether listed threads are read by id.
        calls: Of `full_listing_calls`.
        state: What the state has of threads.
    """

    def __init__(
        self,
        *answers: object,
        rows_go_out: bool = True,
        by_id: bool = False,
        calls: int = 9,
        **state: Any,
    ) -> None:
        self.hubspot, self.read = fake(*answers, page()), Read()
        self.read.now = NOW
        state.setdefault("replication_key_value", NOW)
        self.kept = SyncState({"threads": state}, wanted="all", rows_go_out=rows_go_out)
        clock: Iterator[float] = count()
        listing = Listing(
            self.hubspot,
            Inline(),
            self.kept,
            first_sides=(False,),
            once=by_id,
            clock=lambda: next(clock),
            log=LOG,
        )
        outcomes = Outcomes(
            self.kept,
            self.read,
            is_tracked=lambda _: False,
            tracks_open_threads=True,
            with_messages=True,
        )
        self.staged = 0
        self.full = FullListing(
            listing,
            Reader(self.hubspot, Inline(), self.read),
            outcomes,
            Finding(
                self.kept,
                self.read,
                outcomes,
                wanted=ThreadFilter(),
                is_indexed=False,
                is_read=True,
            ),
            kept=self.kept,
            read=self.read,
            options=Options(by_id=by_id, full_listing_hours=HOURS, full_listing_calls=calls),
            behind=self._behind,
        )

    def _behind(self, outs: Iterable[Out], /) -> Iterator[Out]:
        self.staged += 1
        yield from outs

    def when_due(self, *, is_mass_deletion: bool = False) -> list[str] | None:
        """List, if it is due; return the ids that go out."""
        outs = self.full.when_due(is_mass_deletion=is_mass_deletion)
        return None if outs is None else [name for _, name in write(outs)]


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
    assert world.hubspot.asked == [("page_by_id", "x", False), ("page_by_id", None, True)]
    assert world.kept.listing.part == DONE


def test_begins_at_the_start() -> None:
    """One that is due begins at the start, when what was before is out."""
    world = World(page(row(1)))
    outs = world.full.when_due()
    assert outs is not None
    first = next(outs)
    assert world.kept.listing.part == DONE
    assert first.then
    first.then()
    assert world.kept.listing.part == LIVE


def test_once_a_sync() -> None:
    """Listed once, it is not due again in this sync."""
    world = World(page(row(1)))
    assert world.when_due() == ["1"]
    world.kept.listing.full_started_at = None
    assert world.when_due() is None


def test_so_many_calls() -> None:
    """A sync lists so many pages at the most; the first listing is not limited."""
    pages = [page(row(1), cursor="x"), page(row(2), cursor="y"), page(row(3))]
    assert World(*pages, calls=2).when_due() == ["1", "2"]
    first = World(*pages, calls=2, replication_key_value=None)
    assert [name for _, name in write(first.full.first())] == ["1", "2", "3"]


@pytest.mark.parametrize(("first", "is_due"), [(RECENT, True), (LONG_AGO, False)])
def test_purge(first: str, *, is_due: bool) -> None:
    """Of a purge it is due if it could show one that was missed since the last one was begun."""
    started = shift(RECENT, seconds=-60)
    world = World(page(), full_listing_started_at=started, missed=[["1", first]])
    assert world.when_due() is None
    assert (world.when_due(is_mass_deletion=True) is not None) is is_due


def test_not_without_rows() -> None:
    """A sync without threads lists nothing for them, due or under way."""
    assert World(rows_go_out=False).when_due() is None
    assert World(rows_go_out=False, listing=LIVE, listing_cursor="x").when_due() is None


def test_first_without_rows() -> None:
    """The first listing is one all the same, as it is, and is none of all to the next sync."""
    world = World(
        page(row(1), row(2, at=None)), rows_go_out=False, by_id=True, replication_key_value=None
    )
    outs = []
    for out in world.full.first():
        outs.append(out)
        if out.then:
            out.then()
    assert [out.messages_of and out.messages_of.id for out in outs] == [None, "2", None]
    assert world.hubspot.asked == [("page_by_id", None, False)]
    assert (world.kept.bookmark, world.kept.listing.full_started_at) == (NOW, None)


def test_by_id() -> None:
    """Where threads are fetched by id, each listed one is."""
    world = World(page(row(1), row(2)), row(1), row(2), by_id=True)
    assert world.when_due() == ["1", "2"]
    methods = ["page_by_id", "thread", "thread", "page_by_id"]
    assert sorted(asked[0] for asked in world.hubspot.asked) == sorted(methods)


@pytest.mark.parametrize("by_id", [False, True])
def test_what_hangs_on_it(*, by_id: bool) -> None:
    """What hangs on the threads is put behind them, however they are read."""
    by_ids = [row(1)] if by_id else []
    world = World(page(row(1)), *by_ids, by_id=by_id)
    world.when_due()
    assert world.staged == 1
