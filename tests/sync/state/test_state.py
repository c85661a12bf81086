"""The sync state: what its values mean, and what changes them."""

from __future__ import annotations

import json

import pytest

from tap_hubspot_threads.sync.state.listing_state import ARCHIVED, DONE, LIVE
from tap_hubspot_threads.sync.state.state import SyncState
from tap_hubspot_threads.sync.state.validation import check_state
from tests.sync.fakes import NOW, make_state, page, row

LATER = "2026-11-20T12:05:00.000Z"
FINGERPRINT = "lAAAAAA"
TWO = (row(1), row(2))


def next_sync(state: SyncState, *, is_final: bool = True) -> SyncState:
    """Return the state that the next sync reads."""
    bookmarks = json.loads(json.dumps(state.to_bookmarks(is_final=is_final)))
    check_state({"bookmarks": bookmarks})
    return SyncState(bookmarks, filters=state.filters)


def test_round_trip() -> None:
    """The next sync reads exactly what a sync packs."""
    state = make_state(replication_key_value=NOW, full_listing_started_at=NOW)
    state.settle("1", FINGERPRINT)
    state.note_failure("2", 1)
    state.note_not_found("3", NOW)
    state.advance_listing(ARCHIVED, page(*TWO, cursor="x", now=LATER, seconds=1.5), is_first=True)
    assert next_sync(state).to_bookmarks(is_final=True) == state.to_bookmarks(is_final=True)


def test_every_key_in_every_state() -> None:
    """Every state has the same keys, because Meltano merges states."""
    first, later = make_state(), make_state(replication_key_value=NOW, account_id=17)
    later.settle("1", FINGERPRINT)
    later.note_failure("2", 1)
    before, after = first.to_bookmarks(is_final=False), later.to_bookmarks(is_final=True)
    assert before.keys() == after.keys()
    for stream in before:
        assert before[stream].keys() == after[stream].keys()


def test_no_map_keyed_by_id() -> None:
    """A packed state has only scalars and lists, so that a merge keeps no stale entry."""
    state = make_state()
    state.note_failure("1", 1)
    state.settle("2", FINGERPRINT)
    state.messages.add_pending("3", 1)
    packed = state.to_bookmarks(is_final=True)
    assert packed.keys() == {"threads", "messages"}
    values = [value for bookmark in packed.values() for value in bookmark.values()]
    assert not any(isinstance(value, dict) for value in values)


def test_first_sync() -> None:
    """Without a state there is no bookmark, and a first listing is due."""
    state = make_state()
    assert (state.bookmark, state.listing.part, state.filters_changed) == (None, LIVE, False)


def test_bookmark_alone() -> None:
    """A bookmark alone, in any form of a time, starts no first listing."""
    state = make_state(replication_key_value="2026-11-20T13:00:00+01:00")
    assert (state.bookmark, state.listing.part) == (NOW, DONE)
    assert state.listing.full_started_at is None


@pytest.mark.parametrize("listing", [LIVE, ARCHIVED])
def test_first_listing_resumes(listing: str) -> None:
    """An unfinished first listing resumes where it left off."""
    state = make_state(listing=listing, listing_cursor="x", listing_started_at=NOW)
    assert (state.listing.part, state.listing.cursor, state.bookmark) == (listing, "x", None)


@pytest.mark.parametrize("bookmark", [None, NOW])
def test_listing_without_emitted_rows(bookmark: str | None) -> None:
    """A listing without emitted rows starts over in a sync that emits them, else resumes."""
    under_way = {"listing": "archived", "listing_cursor": "x", "listing_started_at": NOW}
    threads = under_way | {"listing_is_whole": False, "replication_key_value": bookmark}
    for emits_rows, cursor in ((False, "x"), (True, None)):
        state = SyncState({"threads": threads}, filters="all", emits_rows=emits_rows)
        assert (state.listing.cursor, state.bookmark) == (cursor, bookmark)


def test_changed_filters() -> None:
    """After a change of filters there is no bookmark, and all threads are listed again."""
    state = make_state(
        filters="some", replication_key_value=NOW, listing=ARCHIVED, listing_cursor="x"
    )
    assert state.filters_changed
    assert (state.bookmark, state.listing.part, state.listing.cursor) == (None, LIVE, None)
    assert not next_sync(state).filters_changed


def test_bookmark_never_moves_back() -> None:
    """Only `set_back` moves the bookmark back."""
    state = make_state(replication_key_value=NOW)
    state.advance("2026-11-20T11:00:00.000Z")
    assert state.bookmark == NOW
    state.advance(LATER)
    assert state.bookmark == LATER
    state.set_back(NOW)
    assert state.bookmark == NOW


def test_settled() -> None:
    """A settled thread is no longer failed, and it is tracked if it has a fingerprint."""
    state = make_state(failed=[["1", 2], ["2", 1]])
    state.settle("1", FINGERPRINT)
    state.settle("2", None)
    assert state.failed == {}
    assert state.open.entries() == [f"1:{FINGERPRINT}"]


def test_failed() -> None:
    """A failed thread keeps its number of failed syncs and moves to the end."""
    state = make_state(open_threads=[f"1:{FINGERPRINT}", f"2:{FINGERPRINT}"])
    state.note_failure("1", 3)
    assert next_sync(state).failed == {"1": 3}
    assert state.open.entries() == [f"2:{FINGERPRINT}", f"1:{FINGERPRINT}"]


def test_not_found() -> None:
    """A thread not found is no longer failed, moves to the end, and keeps its check."""
    state = make_state(failed=[["1", 2]], open_threads=[f"1:{FINGERPRINT}", f"2:{FINGERPRINT}"])
    state.note_not_found("1", NOW)
    assert state.failed == {}
    assert next_sync(state).not_found == {"1": NOW}
    assert next_sync(state).open.entries() == [f"2:{FINGERPRINT}", f"1:{FINGERPRINT}"]


def test_first_check_stays() -> None:
    """A thread not found again keeps the time of its first check."""
    state = make_state(not_found=[["1", NOW]])
    state.note_not_found("1", LATER)
    assert state.not_found == {"1": NOW}


def test_no_check_without_a_date() -> None:
    """Without a `Date` a thread does not count as not found, but moves to the end."""
    state = make_state(open_threads=[f"1:{FINGERPRINT}", f"2:{FINGERPRINT}"])
    state.note_not_found("1", None)
    assert state.not_found == {}
    assert state.open.entries() == [f"2:{FINGERPRINT}", f"1:{FINGERPRINT}"]


def test_restarted_grace_period() -> None:
    """If a listing shows a thread not found before, its grace period restarts."""
    state = make_state(not_found=[["1", NOW], ["2", NOW]])
    state.restart_grace_period("1", LATER)
    assert list(next_sync(state).not_found.items()) == [("2", NOW), ("1", LATER)]


def test_read_thread_is_found() -> None:
    """A thread that was read by ID no longer counts as not found."""
    state = make_state(not_found=[["1", NOW]])
    state.settle("1", FINGERPRINT)
    assert state.not_found == {}


def test_deleted() -> None:
    """A thread emitted as deleted is neither not found nor open any more."""
    state = make_state(
        not_found=[["1", NOW]], open_threads=[f"1:{FINGERPRINT}", f"2:{FINGERPRINT}"]
    )
    state.forget("1")
    assert (state.not_found, state.open.entries()) == ({}, [f"2:{FINGERPRINT}"])


@pytest.mark.parametrize(
    ("returned", "is_confirmed", "saved", "is_warned"),
    [(53, True, 53, False), (53, False, None, False), (None, False, None, True)],
)
def test_account(
    returned: int | None, saved: int | None, *, is_confirmed: bool, is_warned: bool
) -> None:
    """A confirmed account ID is saved, and so is the warning that it is unknown."""
    state = make_state()
    state.note_account(returned, is_confirmed=is_confirmed)
    assert (next_sync(state).account_id, next_sync(state).account_unknown_warned) == (
        saved,
        is_warned,
    )


def test_account_stays() -> None:
    """A saved account ID outlives a sync that gets none."""
    state = make_state(account_id=53)
    state.note_account(None, is_confirmed=False)
    assert state.account_id == 53


def test_inexact_after_a_kill() -> None:
    """After `mark_inexact`, only the final state of the sync makes a row known."""
    state = make_state(open_threads=[f"1:{FINGERPRINT}"])
    state.mark_inexact()
    assert not next_sync(state, is_final=False).open.is_last_emitted("1", FINGERPRINT)
    assert next_sync(state, is_final=True).open.is_last_emitted("1", FINGERPRINT)


def test_exact_before_the_first_record() -> None:
    """Until the first record of a known thread, every state is exact."""
    state = make_state(open_threads=[f"1:{FINGERPRINT}"])
    assert next_sync(state, is_final=False).open.is_last_emitted("1", FINGERPRINT)


def test_times_of_a_listing() -> None:
    """A listing saves its start at its first page, and both times at its last."""
    state = make_state(replication_key_value=NOW)
    state.listing.start()
    state.advance_listing(LIVE, page(*TWO, cursor="x", now=NOW, seconds=1), is_first=True)
    assert (state.listing.started_at, state.listing.full_started_at) == (NOW, None)
    state.advance_listing(DONE, page(*TWO, now=LATER, seconds=1), is_first=False)
    assert (state.listing.full_started_at, state.listing.full_completed_at) == (NOW, LATER)
    assert (state.listing.started_at, state.listing.cursor) == (None, None)


def test_pages_and_seconds_over_syncs() -> None:
    """Pages and seconds add up over syncs, and count as a full listing at its end only."""
    state = make_state(replication_key_value=NOW)
    state.advance_listing(LIVE, page(*TWO, cursor="x", now=NOW, seconds=1.5), is_first=True)
    assert (state.listing.full_pages, state.listing.full_seconds) == (None, 0)
    state = next_sync(state)
    state.advance_listing(DONE, page(*TWO, now=LATER, seconds=0.25), is_first=False)
    assert (next_sync(state).listing.full_pages, next_sync(state).listing.full_seconds) == (2, 1.75)
    state.advance_listing(DONE, page(*TWO, now=LATER, seconds=4), is_first=True)
    assert (state.listing.full_pages, state.listing.full_seconds) == (1, 4)


def test_no_fractions() -> None:
    """A packed state has no fractions: targets read them as decimals that they cannot write."""
    state = make_state(replication_key_value=NOW)
    state.advance_listing(LIVE, page(*TWO, cursor="x", now=NOW, seconds=1 / 3), is_first=True)
    state.advance_listing(DONE, page(*TWO, now=LATER, seconds=1 / 3), is_first=False)
    packed = state.to_bookmarks(is_final=True)["threads"]
    assert not any(isinstance(value, float) for value in packed.values())
    assert packed["full_listing_milliseconds"] == 667


EARLY = "2026-11-20T11:00:00.000Z"
LATER = "2026-11-20T12:05:00.000Z"


@pytest.mark.parametrize("now", [EARLY, LATER])
def test_first_check_never_moves_back(now: str) -> None:
    """A clock behind the first check does not move that check back."""
    state = make_state(not_found=[["1", NOW]])
    state.restart_grace_period("1", now)
    assert state.not_found == {"1": max(NOW, now)}


def test_first_check_is_not_before_the_listing() -> None:
    """A restarted grace period never starts before the listing that showed the thread."""
    state = make_state(not_found=[["1", EARLY]], listing="archived", listing_started_at=NOW)
    state.restart_grace_period("1", EARLY)
    assert state.not_found == {"1": NOW}


def test_restart_after_a_read() -> None:
    """A thread read since it was listed does not become not found."""
    state = make_state()
    state.restart_grace_period("1", NOW)
    assert state.not_found == {}
