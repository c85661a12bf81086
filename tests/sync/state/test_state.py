"""What is kept: what a state means, and what changes it."""

from __future__ import annotations

import json

import pytest

from tap_hubspot_threads.sync.state.listing_state import ARCHIVED, DONE, LIVE
from tap_hubspot_threads.sync.state.state import SyncState
from tap_hubspot_threads.sync.state.validation import check_state
from tests.sync.fakes import NOW, kept, page, row

LATER = "2026-11-20T12:05:00.000Z"
MARK = "lAAAAAA"
TWO = (row(1), row(2))


def again(of: SyncState, *, is_final: bool = True) -> SyncState:
    """Return what the next sync has of it."""
    state = json.loads(json.dumps(of.to_bookmarks(is_final=is_final)))
    check_state({"bookmarks": state})
    return SyncState(state, filters=of.filters)


def test_goes_on_from_what_was_packed() -> None:
    """What one sync packs is what the next one has."""
    of = kept(replication_key_value=NOW, full_listing_started_at=NOW)
    of.settle("1", MARK)
    of.note_failure("2", 1)
    of.note_not_found("3", NOW)
    of.advance_listing(ARCHIVED, page(*TWO, cursor="x", now=LATER, seconds=1.5), is_first=True)
    assert again(of).to_bookmarks(is_final=True) == of.to_bookmarks(is_final=True)


def test_every_key_in_every_state() -> None:
    """Whatever there is to keep, the keys are the same: Meltano merges states."""
    first, later = kept(), kept(replication_key_value=NOW, account_id=17)
    later.settle("1", MARK)
    later.note_failure("2", 1)
    before, after = first.to_bookmarks(is_final=False), later.to_bookmarks(is_final=True)
    assert before.keys() == after.keys()
    for stream in before:
        assert before[stream].keys() == after[stream].keys()


def test_no_map_keyed_by_id() -> None:
    """What is packed is scalars and lists, in which a merge leaves nothing behind."""
    of = kept()
    of.note_failure("1", 1)
    of.settle("2", MARK)
    of.messages.add_pending("3", 1)
    packed = of.to_bookmarks(is_final=True)
    assert packed.keys() == {"threads", "messages"}
    values = [value for kept in packed.values() for value in kept.values()]
    assert not any(isinstance(value, dict) for value in values)


def test_first_sync() -> None:
    """Without a state there is no bookmark, and everything is listed."""
    of = kept()
    assert (of.bookmark, of.listing.part, of.filters_changed) == (None, LIVE, False)


def test_bookmark_by_hand() -> None:
    """A bookmark alone, in any form of a time, starts no first listing."""
    of = kept(replication_key_value="2026-11-20T13:00:00+01:00")
    assert (of.bookmark, of.listing.part) == (NOW, DONE)
    assert of.listing.full_started_at is None


@pytest.mark.parametrize("listing", [LIVE, ARCHIVED])
def test_first_listing_goes_on(listing: str) -> None:
    """A first listing that was begun goes on where it was."""
    of = kept(listing=listing, listing_cursor="x", listing_started_at=NOW)
    assert (of.listing.part, of.listing.cursor, of.bookmark) == (listing, "x", None)


@pytest.mark.parametrize("bookmark", [None, NOW])
def test_listing_whose_rows_did_not_go_out(bookmark: str | None) -> None:
    """A listing that went without rows begins anew where they go out, and else goes on."""
    under_way = {"listing": "archived", "listing_cursor": "x", "listing_started_at": NOW}
    state = under_way | {"listing_is_whole": False, "replication_key_value": bookmark}
    for emits_rows, cursor in ((False, "x"), (True, None)):
        of = SyncState({"threads": state}, filters="all", emits_rows=emits_rows)
        assert (of.listing.cursor, of.bookmark) == (cursor, bookmark)


def test_other_threads_are_wanted() -> None:
    """When other threads are wanted, all is listed anew, and the bookmark is none."""
    of = kept(filters="some", replication_key_value=NOW, listing=ARCHIVED, listing_cursor="x")
    assert of.filters_changed
    assert (of.bookmark, of.listing.part, of.listing.cursor) == (None, LIVE, None)
    assert not again(of).filters_changed


def test_bookmark_never_moves_back() -> None:
    """The bookmark only moves on, but where it was ahead of HubSpot's clock."""
    of = kept(replication_key_value=NOW)
    of.advance("2026-11-20T11:00:00.000Z")
    assert of.bookmark == NOW
    of.advance(LATER)
    assert of.bookmark == LATER
    of.set_back(NOW)
    assert of.bookmark == NOW


def test_settled() -> None:
    """A thread that was read has not failed any more; it is watched if it has a mark."""
    of = kept(failed=[["1", 2], ["2", 1]])
    of.settle("1", MARK)
    of.settle("2", None)
    assert of.failed == {}
    assert of.open.entries() == [f"1:{MARK}"]


def test_failed() -> None:
    """A thread that failed is kept with its number of syncs, and has had its turn."""
    of = kept(open_threads=[f"1:{MARK}", f"2:{MARK}"])
    of.note_failure("1", 3)
    assert again(of).failed == {"1": 3}
    assert of.open.entries() == [f"2:{MARK}", f"1:{MARK}"]


def test_missing() -> None:
    """A thread that was not there has not failed any more, has had its turn, and is kept."""
    of = kept(failed=[["1", 2]], open_threads=[f"1:{MARK}", f"2:{MARK}"])
    of.note_not_found("1", NOW)
    assert of.failed == {}
    assert again(of).not_found == {"1": NOW}
    assert again(of).open.entries() == [f"2:{MARK}", f"1:{MARK}"]


def test_first_look_stays() -> None:
    """A thread that is missed again keeps the time of its first look."""
    of = kept(not_found=[["1", NOW]])
    of.note_not_found("1", LATER)
    assert of.not_found == {"1": NOW}


def test_no_look_without_a_time() -> None:
    """Where HubSpot does not say when, a thread is not missed; but it has had its turn."""
    of = kept(open_threads=[f"1:{MARK}", f"2:{MARK}"])
    of.note_not_found("1", None)
    assert of.not_found == {}
    assert of.open.entries() == [f"2:{MARK}", f"1:{MARK}"]


def test_first_look_anew() -> None:
    """A missed thread that a listing shows is missed from then on, later than all others."""
    of = kept(not_found=[["1", NOW], ["2", NOW]])
    of.restart_grace_period("1", LATER)
    assert list(again(of).not_found.items()) == [("2", NOW), ("1", LATER)]


def test_read_ends_a_miss() -> None:
    """A missed thread that is read is missed no more."""
    of = kept(not_found=[["1", NOW]])
    of.settle("1", MARK)
    assert of.not_found == {}


def test_told() -> None:
    """A thread that was told deleted is neither missed nor open any more."""
    of = kept(not_found=[["1", NOW]], open_threads=[f"1:{MARK}", f"2:{MARK}"])
    of.forget("1")
    assert (of.not_found, of.open.entries()) == ({}, [f"2:{MARK}"])


@pytest.mark.parametrize(
    ("number", "is_confirmed", "account", "is_warned_of"),
    [(53, True, 53, False), (53, False, None, False), (None, False, None, True)],
)
def test_account(
    number: int | None, account: int | None, *, is_confirmed: bool, is_warned_of: bool
) -> None:
    """The account's number is kept when it is known to be the state's; that there is none, too."""
    of = kept()
    of.note_account(number, is_confirmed=is_confirmed)
    assert (again(of).account_id, again(of).account_unknown_warned) == (account, is_warned_of)


def test_account_stays() -> None:
    """The number that is kept outlives a sync that is told none."""
    of = kept(account_id=53)
    of.note_account(None, is_confirmed=False)
    assert of.account_id == 53


def test_doubt_outlives_a_kill() -> None:
    """A state that is not the last one of its sync, once in doubt, makes no row known."""
    of = kept(open_threads=[f"1:{MARK}"])
    of.mark_inexact()
    assert not again(of, is_final=False).open.is_last_emitted("1", MARK)
    assert again(of, is_final=True).open.is_last_emitted("1", MARK)


def test_no_doubt_without_rows() -> None:
    """As long as no known thread's row has gone out, each state is exact."""
    of = kept(open_threads=[f"1:{MARK}"])
    assert again(of, is_final=False).open.is_last_emitted("1", MARK)


def test_listing_in_full() -> None:
    """A listing keeps its start at its first page, and both ends at its last."""
    of = kept(replication_key_value=NOW)
    of.listing.start()
    of.advance_listing(LIVE, page(*TWO, cursor="x", now=NOW, seconds=1), is_first=True)
    assert (of.listing.started_at, of.listing.full_started_at) == (NOW, None)
    of.advance_listing(DONE, page(*TWO, now=LATER, seconds=1), is_first=False)
    assert (of.listing.full_started_at, of.listing.full_completed_at) == (NOW, LATER)
    assert (of.listing.started_at, of.listing.cursor) == (None, None)


def test_pages_and_seconds_over_syncs() -> None:
    """Pages and seconds of a listing add up over syncs, and are a whole listing's at its end."""
    of = kept(replication_key_value=NOW)
    of.advance_listing(LIVE, page(*TWO, cursor="x", now=NOW, seconds=1.5), is_first=True)
    assert (of.listing.full_pages, of.listing.full_seconds) == (None, 0)
    of = again(of)
    of.advance_listing(DONE, page(*TWO, now=LATER, seconds=0.25), is_first=False)
    assert (again(of).listing.full_pages, again(of).listing.full_seconds) == (2, 1.75)
    of.advance_listing(DONE, page(*TWO, now=LATER, seconds=4), is_first=True)
    assert (of.listing.full_pages, of.listing.full_seconds) == (1, 4)


def test_no_fractions() -> None:
    """What is packed has no fraction: a target reads one as a decimal, and cannot write it."""
    of = kept(replication_key_value=NOW)
    of.advance_listing(LIVE, page(*TWO, cursor="x", now=NOW, seconds=1 / 3), is_first=True)
    of.advance_listing(DONE, page(*TWO, now=LATER, seconds=1 / 3), is_first=False)
    packed = of.to_bookmarks(is_final=True)["threads"]
    assert not any(isinstance(value, float) for value in packed.values())
    assert packed["full_listing_milliseconds"] == 667


EARLY = "2026-11-20T11:00:00.000Z"
LATER = "2026-11-20T12:05:00.000Z"


@pytest.mark.parametrize("told", [EARLY, LATER])
def test_never_earlier(told: str) -> None:
    """A clock that is behind the first look, as without a `Date`, does not move it back."""
    of = kept(not_found=[["1", NOW]])
    of.restart_grace_period("1", told)
    assert of.not_found == {"1": max(NOW, told)}


def test_not_before_the_listing() -> None:
    """A listing that showed the thread is no listing begun after its first look."""
    of = kept(not_found=[["1", EARLY]], listing="archived", listing_started_at=NOW)
    of.restart_grace_period("1", EARLY)
    assert of.not_found == {"1": NOW}


def test_read_meanwhile() -> None:
    """A thread that was read since it was listed is missed no more."""
    of = kept()
    of.restart_grace_period("1", NOW)
    assert of.not_found == {}
