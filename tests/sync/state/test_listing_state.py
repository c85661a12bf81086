"""The state of a listing: its position, its counters, and whether all rows were emitted."""

from __future__ import annotations

import json
from typing import Any

from tap_hubspot_threads.sync.state.listing_state import ARCHIVED, DONE, LIVE, ListingState
from tests.sync.fakes import NOW, page, row

LATER = "2026-11-20T12:05:00.000Z"


def make_state(*, emits_rows: bool = True, **state: Any) -> ListingState:
    """Return the state of a listing."""
    return ListingState(state, emits_rows=emits_rows)


def next_sync(listing: ListingState, *, emits_rows: bool = True) -> ListingState:
    """Return the state that the next sync reads."""
    return ListingState(json.loads(json.dumps(listing.to_dict())), emits_rows=emits_rows)


def advance(
    listing: ListingState, part: str, *, now: str = NOW, is_first: bool = False, rows: int = 2
) -> None:
    """Note a page."""
    cursor = None if part == DONE else "x"
    found = page(*map(row, range(rows)), cursor=cursor, now=now, seconds=0.5)
    listing.advance(part, found, is_first=is_first)


def test_no_state() -> None:
    """Without a state, no listing is under way, and none was completed."""
    listing = make_state()
    assert (listing.part, listing.cursor, listing.started_at, listing.is_whole) == (
        DONE,
        None,
        None,
        True,
    )
    assert (listing.full_started_at, listing.full_rows, listing.full_pages) == (None, None, None)


def test_counters_over_syncs() -> None:
    """Rows, pages and seconds add up over syncs, and count as a full listing at its end only."""
    listing = make_state(full_listing_rows=9, full_listing_pages=7)
    listing.start()
    advance(listing, LIVE, is_first=True)
    assert (listing.full_rows, listing.full_pages) == (9, 7)
    listing = next_sync(listing)
    advance(listing, ARCHIVED)
    advance(listing, DONE, now=LATER, rows=1)
    listing = next_sync(listing)
    assert (listing.full_rows, listing.full_pages, listing.full_seconds) == (5, 3, 1.5)
    assert (listing.full_started_at, listing.full_completed_at) == (NOW, LATER)


def test_counters_restart() -> None:
    """The next listing counts from its own first page."""
    listing = make_state(listing_rows=9, listing_pages=7, listing_milliseconds=5_000)
    advance(listing, DONE, is_first=True)
    assert (listing.full_rows, listing.full_pages, listing.full_seconds) == (2, 1, 0.5)


def test_start() -> None:
    """A listing that starts over forgets its position."""
    listing = make_state(
        listing=ARCHIVED, listing_cursor="x", listing_started_at=NOW, listing_is_whole=False
    )
    listing.start()
    assert (listing.part, listing.cursor, listing.started_at, listing.is_whole) == (
        LIVE,
        None,
        None,
        True,
    )


def test_sync_without_threads() -> None:
    """After a sync without `threads`, the next sync with `threads` lists every thread."""
    state = {"full_listing_started_at": NOW, "full_listing_completed_at": LATER}
    listing = make_state(emits_rows=False, **state)
    assert listing.full_started_at is None
    assert next_sync(listing).full_started_at is None
    assert next_sync(listing).full_completed_at == LATER


def test_listing_without_rows_is_not_whole() -> None:
    """A listing whose rows were not all emitted does not count as a full listing."""
    listing = make_state()
    listing.start()
    advance(listing, LIVE, is_first=True)
    listing = next_sync(listing, emits_rows=False)
    assert not listing.is_whole
    advance(listing, LIVE)
    listing = next_sync(listing)
    advance(listing, DONE, now=LATER)
    assert (listing.full_started_at, listing.full_completed_at) == (None, LATER)


def test_restarted_listing_is_whole() -> None:
    """A listing that starts over is whole if its sync emits rows."""
    for emits_rows in (True, False):
        listing = make_state(emits_rows=emits_rows, listing_is_whole=False)
        listing.start()
        assert listing.is_whole is emits_rows


def test_every_key_in_every_state() -> None:
    """Every state has the same keys, and no value is a fraction."""
    listing = make_state()
    keys = listing.to_dict().keys()
    listing.start()
    advance(listing, LIVE, is_first=True)
    assert listing.to_dict().keys() == keys
    assert not any(isinstance(value, float) for value in listing.to_dict().values())
