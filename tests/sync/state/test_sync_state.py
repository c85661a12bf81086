"""The sync state: what its values mean, and what changes them."""

from __future__ import annotations

import json

import pytest

from tap_hubspot_threads.sync.id_ranges import ALL_IDS, IdRange
from tap_hubspot_threads.sync.phases.range_reader import ListedPart
from tap_hubspot_threads.sync.state.full_listing_state import ARCHIVED, LIVE
from tap_hubspot_threads.sync.state.sync_state import SyncState
from tap_hubspot_threads.sync.state.validation import check_state
from tests.sync.fakes import NOW, make_state, page, row

LATER = "2026-11-20T12:05:00.000Z"
FINGERPRINT = "lAAAAAA"
BOTH = (LIVE, ARCHIVED)


def part(*ids: int, covered: IdRange | None = ALL_IDS, seconds: float = 1) -> ListedPart:
    """Return a page of a list that was read after the start of the listing."""
    return ListedPart(page(*map(row, ids), seconds=seconds, now=LATER), covered=covered)


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
    state.start_listing(NOW, BOTH)
    state.advance_listing(LIVE, part(1, 2, covered=IdRange(0, 2), seconds=1.5))
    state.recent.note("4", NOW)
    state.end_increment(LATER, 5, since=NOW)
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
    assert (state.bookmark, state.started_at, state.filters_changed) == (None, None, False)
    assert (state.is_first_listing, state.listing.is_over) == (True, True)


def test_bookmark_alone() -> None:
    """A bookmark alone, in any form of a time, starts no first sync, and a listing is due."""
    state = make_state(replication_key_value="2026-11-20T13:00:00+01:00")
    assert (state.bookmark, state.is_first_listing) == (NOW, True)
    assert state.listing.full_started_at is None


def test_start_of_the_first_listing() -> None:
    """The first listing sets the bookmark at its start, together with what is unread."""
    state = make_state()
    state.start_listing(NOW, BOTH)
    state = next_sync(state)
    assert (state.bookmark, state.is_first_listing) == (NOW, True)
    assert state.listing.unread == {LIVE: [ALL_IDS], ARCHIVED: [ALL_IDS]}


def test_start_of_a_later_listing() -> None:
    """A later listing does not move the bookmark."""
    state = make_state(replication_key_value=NOW)
    state.start_listing(LATER, BOTH)
    assert (state.bookmark, state.listing.started_at) == (NOW, LATER)


@pytest.mark.parametrize(("sides", "first"), [(BOTH, NOW), ((LIVE,), LATER)])
def test_not_found_before_a_listing(sides: tuple[str, ...], first: str) -> None:
    """A listing without archived threads proves no deletion and moves the first check."""
    state = make_state(not_found=[["9", NOW]])
    state.start_listing(LATER, sides)
    assert state.not_found == {"9": first}


def test_first_listing_resumes() -> None:
    """An unfinished first listing resumes with what it has not read."""
    state = make_state()
    state.start_listing(NOW, BOTH)
    state.advance_listing(LIVE, part(1, 2, covered=IdRange(0, 2)))
    state = next_sync(state)
    assert state.listing.unread == {LIVE: [IdRange(2)], ARCHIVED: [ALL_IDS]}
    state.advance_listing(LIVE, part(3))
    state.advance_listing(ARCHIVED, part())
    assert not next_sync(state).is_first_listing


def test_highest_id_of_the_first_listing() -> None:
    """At its end the first listing notes the highest ID, as of its start."""
    state = make_state()
    state.start_listing(NOW, BOTH)
    state.advance_listing(LIVE, part(1, 17))
    assert state.recent.newest_id is None
    state.advance_listing(ARCHIVED, part(20))
    assert next_sync(state).recent.to_dict()["newest_ids"] == [[NOW, "17"]]


def test_highest_id_of_a_later_listing() -> None:
    """A later listing does not change the highest ID that an increment noted."""
    state = make_state(replication_key_value=NOW, newest_ids=[[NOW, "5"]])
    state.start_listing(NOW, [LIVE])
    state.advance_listing(LIVE, part(1, 17))
    assert state.recent.newest_id == 5


def test_highest_id_without_keys() -> None:
    """If cursors are no keys, the listing notes no highest ID."""
    state = make_state()
    state.start_listing(NOW, [LIVE])
    state.advance_listing(LIVE, part(1, 17, covered=None))
    assert (state.is_first_listing, state.recent.newest_id) == (False, None)


def test_end_of_an_increment() -> None:
    """The end of an increment notes when its sync started, and the highest ID."""
    state = make_state(replication_key_value=NOW)
    state.end_increment(LATER, 17, since=NOW)
    state = next_sync(state)
    assert (state.started_at, state.recent.newest_id, state.bookmark) == (LATER, 17, NOW)


@pytest.mark.parametrize("bookmark", [None, NOW])
def test_listing_without_emitted_rows(bookmark: str | None) -> None:
    """A listing without emitted rows starts over in a sync that emits them, else resumes."""
    under_way = {"listing_ranges": [[ARCHIVED, "5", None]], "listing_started_at": NOW}
    threads = under_way | {"listing_is_whole": False, "replication_key_value": bookmark}
    for emits_rows, unread in ((False, [IdRange(5)]), (True, [])):
        state = SyncState({"threads": threads}, filters="all", emits_rows=emits_rows)
        assert (state.listing.unread[ARCHIVED], state.bookmark) == (unread, bookmark)


def test_changed_filters() -> None:
    """A change of filters starts the listing over, and keeps everything else."""
    state = make_state(
        filters="some",
        replication_key_value=NOW,
        listing_ranges=[[ARCHIVED, "5", None]],
        listing_cursor="x",
        full_listing_started_at=NOW,
        full_listing_completed_at=NOW,
        open_threads=[f"1:{FINGERPRINT}"],
        not_found=[["2", NOW]],
        failed=[["3", 1]],
        recent_threads=[["4", NOW]],
        newest_ids=[[NOW, "5"]],
    )
    assert (state.filters_changed, state.is_first_listing) == (True, True)
    assert (state.listing.is_over, state.listing.cursor) == (True, None)
    assert state.bookmark == NOW
    assert state.open.packed() == [f"1:{FINGERPRINT}"]
    assert (state.not_found, state.failed) == ({"2": NOW}, {"3": 1})
    assert (state.recent.newest_id, state.recent.is_last_emitted("4", NOW)) == (5, True)
    assert not next_sync(state).filters_changed


def test_changed_filters_and_messages() -> None:
    """After a change of filters, the messages of all threads are read again."""
    bookmarks = {
        "threads": {"filters": "some", "replication_key_value": NOW},
        "messages": {"replication_key_value": NOW},
    }
    state = SyncState(bookmarks, filters="all", with_messages=True)
    assert (state.messages.bookmark, state.messages.needs_backfill) == (None, True)


def test_bookmark_never_moves_back() -> None:
    """Only `set_back` moves the bookmark back."""
    state = make_state(replication_key_value=NOW)
    state.advance_bookmark("2026-11-20T11:00:00.000Z")
    assert state.bookmark == NOW
    state.advance_bookmark(LATER)
    assert state.bookmark == LATER
    state.set_back_bookmark(NOW)
    assert state.bookmark == NOW


def test_settled() -> None:
    """A settled thread is no longer failed, and it is tracked if it has a fingerprint."""
    state = make_state(failed=[["1", 2], ["2", 1]])
    state.settle("1", FINGERPRINT)
    state.settle("2", None)
    assert state.failed == {}
    assert state.open.packed() == [f"1:{FINGERPRINT}"]


def test_failed_thread_in_a_sync_without_threads() -> None:
    """A failed thread whose record is not emitted stays failed."""
    threads = {"failed": [["1", 2]], "replication_key_value": NOW}
    state = SyncState({"threads": threads}, filters="all", emits_rows=False)
    state.settle("1", None)
    assert state.failed == {"1": 2}


def test_failed() -> None:
    """A failed thread keeps its number of failed syncs and moves to the end."""
    state = make_state(open_threads=[f"1:{FINGERPRINT}", f"2:{FINGERPRINT}"])
    state.note_failure("1", 3)
    assert next_sync(state).failed == {"1": 3}
    assert state.open.packed() == [f"2:{FINGERPRINT} 1:{FINGERPRINT}"]


def test_not_found() -> None:
    """A thread not found is no longer failed, moves to the end, and keeps its check."""
    state = make_state(failed=[["1", 2]], open_threads=[f"1:{FINGERPRINT}", f"2:{FINGERPRINT}"])
    state.note_not_found("1", NOW)
    assert state.failed == {}
    assert next_sync(state).not_found == {"1": NOW}
    assert next_sync(state).open.packed() == [f"2:{FINGERPRINT} 1:{FINGERPRINT}"]


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
    assert state.open.packed() == [f"2:{FINGERPRINT} 1:{FINGERPRINT}"]


def test_moved_first_check() -> None:
    """If a listing shows a thread not found before, its first check is moved."""
    state = make_state(not_found=[["1", NOW], ["2", NOW]])
    state.move_first_check("1", LATER)
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
    assert (state.not_found, state.open.packed()) == ({}, [f"2:{FINGERPRINT}"])


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


def test_no_fractions() -> None:
    """A packed state has no fractions: targets read them as decimals that they cannot write."""
    state = make_state(replication_key_value=NOW)
    state.start_listing(NOW, BOTH)
    for side in BOTH:
        state.advance_listing(side, part(1, 2, seconds=1 / 3))
    packed = state.to_bookmarks(is_final=True)["threads"]
    assert not any(isinstance(value, float) for value in packed.values())
    assert packed["full_listing_milliseconds"] == 667


def test_forget_all() -> None:
    """Of an account that may be another one, no thread is kept."""
    state = make_state(
        open_threads=[f"1:{FINGERPRINT}"],
        not_found=[["2", NOW]],
        failed=[["3", 1]],
        recent_threads=[["4", NOW]],
        newest_ids=[[NOW, "5"]],
    )
    state.messages.add_pending("6", 1)
    state.forget_all()
    packed = state.to_bookmarks(is_final=True)
    names = ("open_threads", "not_found", "failed", "recent_threads", "newest_ids")
    assert [packed["threads"][name] for name in names] == [[]] * 5
    assert packed["messages"]["failed"] == []


EARLY = "2026-11-20T11:00:00.000Z"


@pytest.mark.parametrize("now", [EARLY, LATER])
def test_first_check_never_moves_back(now: str) -> None:
    """A clock behind the first check does not move that check back."""
    state = make_state(not_found=[["1", NOW]])
    state.move_first_check("1", now)
    assert state.not_found == {"1": max(NOW, now)}


def test_first_check_is_not_before_the_listing() -> None:
    """A moved first check is never before the listing that showed the thread."""
    state = make_state(not_found=[["1", EARLY]], listing_started_at=NOW)
    state.move_first_check("1", EARLY)
    assert state.not_found == {"1": NOW}


def test_restart_after_a_read() -> None:
    """A thread read since it was listed does not become not found."""
    state = make_state()
    state.move_first_check("1", NOW)
    assert state.not_found == {}
