"""Recent threads: what the lookback may skip, and from which ID new threads are listed."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tap_hubspot_threads.sync.state.recent_threads import MAX_RECENT, RecentThreads
from tap_hubspot_threads.values import shift
from tests.sync.fakes import NOW

HOUR, QUARTER = 3_600, 900
EARLY = shift(NOW, seconds=-HOUR)
LATER = shift(NOW, seconds=QUARTER)


def names(recent: RecentThreads) -> list[str]:
    """Return the IDs of the remembered threads, oldest emission first."""
    return [name for name, _ in recent.to_dict()["recent_threads"]]


def test_last_emitted() -> None:
    """A thread may be skipped only if its time is the one of its last emission."""
    recent = RecentThreads({})
    recent.note("1", NOW)
    assert recent.is_last_emitted("1", NOW)
    assert not recent.is_last_emitted("1", LATER)
    assert not recent.is_last_emitted("1", None)
    assert not recent.is_last_emitted("2", NOW)
    recent.note("1", EARLY)
    assert not recent.is_last_emitted("1", NOW)


def test_emitted_with_a_later_time() -> None:
    """A row is outdated if its thread was emitted with a later time."""
    recent = RecentThreads({})
    recent.note("1", NOW)
    assert recent.has_later("1", EARLY)
    assert recent.has_later("1", None)
    assert not recent.has_later("1", NOW)
    assert not recent.has_later("1", LATER)
    assert not recent.has_later("2", EARLY)


def test_thread_without_a_message() -> None:
    """A thread emitted without a time may be skipped while it has none; an unknown one may not."""
    recent = RecentThreads({})
    assert not recent.is_last_emitted("1", None)
    recent.note("1", None)
    assert recent.is_last_emitted("1", None)
    assert not recent.is_last_emitted("1", NOW)


def test_oldest_emission_is_forgotten() -> None:
    """At most `MAX_RECENT` threads are remembered; a thread emitted again is a new emission."""
    recent = RecentThreads({})
    for number in range(MAX_RECENT):
        recent.note(str(number), NOW)
    recent.note("0", LATER)
    recent.note("x", NOW)
    assert len(names(recent)) == MAX_RECENT
    assert (recent.is_last_emitted("0", LATER), recent.is_last_emitted("1", NOW)) == (True, False)


def test_round_trip() -> None:
    """The next sync reads exactly what a sync saves."""
    recent = RecentThreads({})
    recent.note("1", NOW)
    recent.note("2", None)
    recent.note_newest(EARLY, 1, since="")
    recent.note_newest(LATER, 2, since=NOW)
    copy = RecentThreads(recent.to_dict())
    assert copy.to_dict() == recent.to_dict()
    assert copy.newest_id == 1


def test_nothing_known() -> None:
    """Without a state nothing is remembered."""
    recent = RecentThreads({})
    assert (recent.newest_id, names(recent)) == (None, [])


def test_highest_id_was_listed_before_the_lookback() -> None:
    """The highest ID is the last one that was listed before the lookback, two hours old at most."""
    recent, known = RecentThreads({}), {}
    for sync in range(40):
        now = shift(NOW, seconds=QUARTER * sync)
        since = shift(now, seconds=-HOUR)
        known[sync] = now
        recent.note_newest(now, sync, since=since)
        assert recent.newest_id is not None
        listed_at = known[recent.newest_id]
        assert listed_at <= since or recent.newest_id == 0
        assert listed_at >= shift(now, seconds=-2 * HOUR)
    entries = recent.to_dict()["newest_ids"]
    assert len(entries) == 2
    assert all(one[0] < other[0] for one, other in pairwise(entries))


def test_rare_syncs() -> None:
    """If the last sync was before the lookback, the ID that it listed counts."""
    recent = RecentThreads({})
    recent.note_newest(EARLY, 1, since="")
    recent.note_newest(NOW, 2, since=EARLY)
    recent.note_newest(shift(NOW, seconds=2 * HOUR), 3, since=shift(NOW, seconds=HOUR))
    assert recent.newest_id == 2


def test_cursors_that_are_no_keys() -> None:
    """An unknown highest ID forgets the earlier ones."""
    recent = RecentThreads({"newest_ids": [[EARLY, "1"], [NOW, "2"]]})
    recent.note_newest(LATER, None, since=EARLY)
    assert recent.newest_id is None


@pytest.mark.parametrize(
    ("moment", "number", "is_kept"),
    [
        (EARLY, 9, True),
        (NOW, 9, True),
        (None, 9, False),
        (shift(EARLY, seconds=-1), 9, False),
        (None, 11, True),
        (shift(EARLY, seconds=-1), 11, True),
        (None, 10, False),
    ],
)
def test_threads_before_the_lookback(moment: str | None, number: int, *, is_kept: bool) -> None:
    """A thread that neither the list by time nor the one by ID shows again is forgotten."""
    recent = RecentThreads({"newest_ids": [[EARLY, "10"]]})
    recent.note(str(number), moment)
    recent.note_newest(NOW, 12, since=EARLY)
    assert (names(recent) == [str(number)]) is is_kept


def test_clear() -> None:
    """After `clear` nothing is remembered."""
    recent = RecentThreads({"newest_ids": [[EARLY, "1"]], "recent_threads": [["1", NOW]]})
    recent.clear()
    assert recent.to_dict() == RecentThreads({}).to_dict()
