"""The state of a listing: its ranges, its counters, and whether all rows were emitted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.sync.id_ranges import ALL_IDS, IdRange, cursor_after
from tap_hubspot_threads.sync.phases.range_reader import ListedPart
from tap_hubspot_threads.sync.state.full_listing_state import ARCHIVED, LIVE, FullListingState
from tests.sync.fakes import NOW, page, row

if TYPE_CHECKING:
    from collections.abc import Iterable

LATER = "2026-11-20T12:05:00.000Z"
BOTH = (LIVE, ARCHIVED)
LIVE_RANGES = [[LIVE, "0", "17"], [LIVE, "99", None]]
UNFINISHED: dict[str, Any] = {"listing_ranges": LIVE_RANGES, "listing_started_at": NOW}


def make_state(*, emits_rows: bool = True, **state: Any) -> FullListingState:
    """Return the state of a listing."""
    return FullListingState(state, emits_rows=emits_rows)


def next_sync(listing: FullListingState, *, emits_rows: bool = True) -> FullListingState:
    """Return the state that the next sync reads."""
    return FullListingState(json.loads(json.dumps(listing.to_dict())), emits_rows=emits_rows)


def part(
    *ids: int,
    covered: IdRange | None = ALL_IDS,
    cursor: str | None = None,
    seconds: float = 0.5,
    now: str = NOW,
) -> ListedPart:
    """Return a page of a list."""
    found = page(*map(row, ids), seconds=seconds, now=now)
    return ListedPart(found, covered=covered, cursor=cursor)


def list_all(listing: FullListingState, sides: Iterable[str] = BOTH, *, now: str = NOW) -> None:
    """List two threads of each side."""
    for side in sides:
        listing.advance(side, part(1, 2, now=now))


def test_no_state() -> None:
    """Without a state, no listing is unfinished, and none was completed."""
    listing = make_state()
    assert (listing.is_over, listing.unread, listing.cursor, listing.started_at) == (
        True,
        {LIVE: [], ARCHIVED: []},
        None,
        None,
    )
    assert listing.is_whole
    assert (listing.full_started_at, listing.full_rows, listing.full_pages) == (None, None, None)


@pytest.mark.parametrize("sides", [BOTH, (LIVE,)])
def test_start(sides: tuple[str, ...]) -> None:
    """A listing starts with all IDs of its sides, and with no count."""
    listing = make_state(
        **UNFINISHED, listing_cursor="x", listing_rows=9, listing_pages=7, listing_newest_id="5"
    )
    listing.start(LATER, sides)
    assert listing.unread == {side: [ALL_IDS] if side in sides else [] for side in BOTH}
    assert (listing.cursor, listing.started_at, listing.newest_id) == (None, LATER, 0)
    assert (listing.rows, listing.pages, listing.seconds) == (0, 0, 0)
    assert not listing.is_over


def test_ranges_over_syncs() -> None:
    """What a part covers is read; the rest is left to the next sync, side by side."""
    listing = make_state()
    listing.start(NOW, BOTH)
    listing.advance(LIVE, part(3, 9, covered=IdRange(0, 9)))
    listing.advance(LIVE, part(31, 60, covered=IdRange(30, 50)))
    listing = next_sync(listing)
    assert listing.unread == {LIVE: [IdRange(9, 30), IdRange(50)], ARCHIVED: [ALL_IDS]}
    listing.advance(LIVE, part(covered=IdRange(50)))
    listing.advance(LIVE, part(covered=IdRange(9, 30)))
    assert not listing.is_over
    listing.advance(ARCHIVED, part())
    assert (listing.is_over, next_sync(listing).is_over) == (True, True)


def test_failing_row() -> None:
    """A row that cannot be listed is covered like a page, but counts as none."""
    listing = make_state()
    listing.start(NOW, [LIVE])
    listing.advance(LIVE, ListedPart(failing_id=5, covered=IdRange(0, 5)))
    assert listing.unread[LIVE] == [IdRange(5)]
    assert (listing.rows, listing.pages, listing.newest_id) == (0, 0, 0)


def test_cursors_that_are_no_keys() -> None:
    """Without keys the cursor is saved, and the side ends with the page without a cursor."""
    listing = make_state()
    listing.start(NOW, BOTH)
    listing.advance(LIVE, part(1, 2, covered=None, cursor="x"))
    listing = next_sync(listing)
    assert (listing.cursor, listing.unread[LIVE]) == ("x", [ALL_IDS])
    listing.advance(LIVE, part(3, covered=None))
    assert (listing.cursor, listing.unread) == (None, {LIVE: [], ARCHIVED: [ALL_IDS]})


def test_highest_id() -> None:
    """The highest ID of the live threads is kept, in any order of the pages, over syncs."""
    listing = make_state()
    listing.start(NOW, BOTH)
    listing.advance(LIVE, part(70, 80, covered=IdRange(50, 80)))
    listing = next_sync(listing)
    listing.advance(LIVE, part(1, 2, covered=IdRange(0, 2)))
    listing.advance(ARCHIVED, part(90))
    assert listing.newest_id == 80


def test_highest_id_without_keys() -> None:
    """Without keys the highest ID is unknown."""
    listing = make_state()
    listing.start(NOW, [LIVE])
    listing.advance(LIVE, part(1, 2, covered=IdRange(0, 2)))
    listing.advance(LIVE, part(3, covered=None))
    assert listing.newest_id == 0


def test_counters_over_syncs() -> None:
    """Rows, pages and seconds add up over syncs, and count as a full listing at its end only."""
    listing = make_state(full_listing_rows=9, full_listing_pages=7)
    listing.start(NOW, BOTH)
    list_all(listing, [LIVE])
    assert (listing.full_rows, listing.full_pages) == (9, 7)
    listing = next_sync(listing)
    listing.advance(ARCHIVED, part(1, covered=IdRange(0, 1)))
    listing.advance(ARCHIVED, part(2, 3, now=LATER))
    listing = next_sync(listing)
    assert (listing.full_rows, listing.full_pages, listing.full_seconds) == (5, 3, 1.5)
    assert (listing.full_started_at, listing.full_completed_at) == (NOW, LATER)
    assert listing.started_at is None


def test_rows_outside_a_range() -> None:
    """Rows beyond what a page covers do not count: another page shows them."""
    listing = make_state()
    listing.start(NOW, [LIVE])
    listing.advance(LIVE, part(1, 2, 3, covered=IdRange(0, 2)))
    assert (listing.rows, listing.newest_id) == (2, 2)


def test_saved_cursor_after_the_last_range() -> None:
    """A listing whose saved cursor is behind all unread ranges is complete, and has a time."""
    ranges = [[LIVE, "100", "200"]]
    listing = make_state(
        listing_ranges=ranges, listing_cursor=cursor_after(250), listing_started_at=NOW
    )
    listing.advance(LIVE, ListedPart(covered=IdRange(0, 250)))
    assert (listing.is_over, listing.full_completed_at) == (True, NOW)


def test_sync_without_threads() -> None:
    """After a sync without `threads`, the next sync with `threads` lists every thread."""
    state = {"full_listing_started_at": NOW, "full_listing_completed_at": LATER}
    listing = make_state(emits_rows=False, **state)
    assert listing.full_started_at is None
    assert next_sync(listing).full_started_at is None
    assert next_sync(listing).full_completed_at == LATER


def test_listing_without_rows_is_not_whole() -> None:
    """A listing whose rows were not all emitted starts over in a sync that emits them."""
    listing = make_state()
    listing.start(NOW, BOTH)
    listing.advance(LIVE, part(1, covered=IdRange(0, 1)))
    listing = next_sync(listing, emits_rows=False)
    assert (listing.is_whole, listing.unread[LIVE]) == (False, [IdRange(1)])
    listing = next_sync(listing)
    assert (listing.is_over, listing.started_at) == (True, None)


def test_listing_that_ends_without_rows() -> None:
    """A listing that ends in a sync without `threads` has an end, but does not count as full."""
    listing = make_state(emits_rows=False)
    listing.start(NOW, BOTH)
    list_all(listing, now=LATER)
    assert (listing.full_started_at, listing.full_completed_at) == (None, LATER)


@pytest.mark.parametrize("emits_rows", [True, False])
def test_restarted_listing_is_whole(*, emits_rows: bool) -> None:
    """A listing that starts over is whole if its sync emits rows."""
    listing = make_state(emits_rows=emits_rows, listing_is_whole=False)
    listing.start(NOW, BOTH)
    assert listing.is_whole is emits_rows


@pytest.mark.parametrize(
    ("state", "place"),
    [
        ({"listing_ranges": [[LIVE, "0", None]]}, "live threads, at the first page"),
        ({"listing_ranges": LIVE_RANGES[1:]}, "live threads, after thread 99"),
        ({"listing_ranges": [[ARCHIVED, "17", None]]}, "archived threads, after thread 17"),
        (
            {"listing_ranges": LIVE_RANGES, "listing_cursor": cursor_after(123)},
            "live threads, after thread 123",
        ),
        (
            {"listing_ranges": LIVE_RANGES, "listing_cursor": "opaque"},
            "live threads, after the cursor 'opaque'",
        ),
    ],
    ids=["start", "range", "archived", "key", "opaque"],
)
def test_place(state: dict[str, Any], place: str) -> None:
    """The error of a stuck listing says where it is stuck."""
    assert f"stuck at {place}." in make_state(**state).place


def test_every_key_in_every_state() -> None:
    """Every state has the same keys, and no value is a fraction or a map."""
    listing = make_state()
    keys = listing.to_dict().keys()
    listing.start(NOW, BOTH)
    listing.advance(LIVE, part(1, covered=IdRange(0, 1), seconds=1 / 3))
    assert listing.to_dict().keys() == keys
    assert not any(isinstance(value, float | dict) for value in listing.to_dict().values())
