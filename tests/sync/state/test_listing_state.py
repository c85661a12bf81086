"""What is kept of a listing: where it stands, and whether all of its rows went out."""

from __future__ import annotations

import json
from typing import Any

from tap_hubspot_threads.sync.state.listing_state import ARCHIVED, DONE, LIVE, ListingState
from tests.sync.fakes import NOW, page, row

LATER = "2026-11-20T12:05:00.000Z"


def kept(*, emits_rows: bool = True, **state: Any) -> ListingState:
    """Make what is kept of a listing."""
    return ListingState(state, emits_rows=emits_rows)


def again(of: ListingState, *, emits_rows: bool = True) -> ListingState:
    """Return what the next sync has of it."""
    return ListingState(json.loads(json.dumps(of.to_dict())), emits_rows=emits_rows)


def advance(
    of: ListingState, part: str, *, now: str = NOW, is_first: bool = False, rows: int = 2
) -> None:
    """Note a page."""
    cursor = None if part == DONE else "x"
    found = page(*map(row, range(rows)), cursor=cursor, now=now, seconds=0.5)
    of.advance(part, found, is_first=is_first)


def test_none_under_way() -> None:
    """Without a state none is under way, and none was completed."""
    of = kept()
    assert (of.part, of.cursor, of.started_at, of.is_whole) == (DONE, None, None, True)
    assert (of.full_started_at, of.full_rows, of.full_pages) == (None, None, None)


def test_rows_pages_and_seconds_over_syncs() -> None:
    """Rows, pages and seconds add up over syncs, and are a whole listing's at its end only."""
    of = kept(full_listing_rows=9, full_listing_pages=7)
    of.start()
    advance(of, LIVE, is_first=True)
    assert (of.full_rows, of.full_pages) == (9, 7)
    of = again(of)
    advance(of, ARCHIVED)
    advance(of, DONE, now=LATER, rows=1)
    of = again(of)
    assert (of.full_rows, of.full_pages, of.full_seconds) == (5, 3, 1.5)
    assert (of.full_started_at, of.full_completed_at) == (NOW, LATER)


def test_another_begins_from_nothing() -> None:
    """The next listing counts from its own first page."""
    of = kept(listing_rows=9, listing_pages=7, listing_milliseconds=5_000)
    advance(of, DONE, is_first=True)
    assert (of.full_rows, of.full_pages, of.full_seconds) == (2, 1, 0.5)


def test_start() -> None:
    """Begun anew, a listing is at its start, whatever it was before."""
    of = kept(listing=ARCHIVED, listing_cursor="x", listing_started_at=NOW, listing_is_whole=False)
    of.start()
    assert (of.part, of.cursor, of.started_at, of.is_whole) == (LIVE, None, None, True)


def test_sync_without_threads() -> None:
    """A sync whose rows do not go out leaves that none was listed: the next with rows lists all."""
    state = {"full_listing_started_at": NOW, "full_listing_completed_at": LATER}
    of = kept(emits_rows=False, **state)
    assert of.full_started_at is None
    assert again(of).full_started_at is None
    assert again(of).full_completed_at == LATER


def test_listing_without_rows_is_not_whole() -> None:
    """A listing that went without rows for a while is, at its end, none of all."""
    of = kept()
    of.start()
    advance(of, LIVE, is_first=True)
    of = again(of, emits_rows=False)
    assert not of.is_whole
    advance(of, LIVE)
    of = again(of)
    advance(of, DONE, now=LATER)
    assert (of.full_started_at, of.full_completed_at) == (None, LATER)


def test_whole_again_when_begun_anew() -> None:
    """A listing that is begun by a sync with rows is whole; by one without, it is not."""
    for emits_rows in (True, False):
        of = kept(emits_rows=emits_rows, listing_is_whole=False)
        of.start()
        assert of.is_whole is emits_rows


def test_every_key_in_every_state() -> None:
    """Whatever there is to keep, the keys are the same, and no value is a fraction."""
    of = kept()
    keys = of.to_dict().keys()
    of.start()
    advance(of, LIVE, is_first=True)
    assert of.to_dict().keys() == keys
    assert not any(isinstance(value, float) for value in of.to_dict().values())
