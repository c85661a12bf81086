"""What is kept of messages: how far they are out, and which are owed."""

from __future__ import annotations

import json

import pytest

from tap_hubspot_threads.sync.state.messages_state import MessagesState
from tests.sync.fakes import NOW

BEFORE, LATER = "2026-11-20T11:00:00.000Z", "2026-11-20T12:05:00.000Z"


def kept(
    at: str | None = None, *, bookmark: str | None = NOW, is_selected: bool = True, **state: object
) -> MessagesState:
    """Make what is kept by a sync whose threads are at a bookmark."""
    return MessagesState(
        {"replication_key_value": at, **state}, bookmark=bookmark, is_selected=is_selected
    )


def again(of: MessagesState) -> MessagesState:
    """Return what the next sync has of it."""
    return MessagesState(json.loads(json.dumps(of.to_dict())), bookmark=NOW, is_selected=True)


@pytest.mark.parametrize(
    ("at", "bookmark", "found"),
    [
        (NOW, NOW, NOW),
        (BEFORE, NOW, BEFORE),
        (LATER, NOW, NOW),
        (None, NOW, None),
        (NOW, None, None),
        ("2026-11-20T13:00:00+01:00", LATER, NOW),
    ],
)
def test_never_ahead_of_threads(at: str | None, bookmark: str | None, found: str | None) -> None:
    """It is never ahead of the bookmark of threads, and none where that is none."""
    of = kept(at, bookmark=bookmark)
    assert of.bookmark == found
    assert of.needs_backfill is (found is None or found != bookmark)


def test_none_are_out() -> None:
    """Without a state none are out, and they are behind."""
    of = MessagesState({}, bookmark=NOW, is_selected=True)
    assert (of.bookmark, of.needs_backfill, of.pending, of.backfilled_threads) == (
        None,
        True,
        {},
        0,
    )


def test_follows() -> None:
    """Where messages were where threads were, both move together."""
    of = kept(NOW)
    of.follow(LATER)
    assert of.bookmark == LATER


@pytest.mark.parametrize("at", [None, BEFORE])
def test_does_not_follow_while_behind(at: str | None) -> None:
    """As long as they are behind, what threads do does not move them."""
    of = kept(at)
    of.follow(LATER)
    assert of.bookmark == at


def test_does_not_follow_unread() -> None:
    """In a sync that does not read messages they stay where they are, and are behind then."""
    of = kept(NOW, is_selected=False)
    of.follow(LATER)
    assert MessagesState(of.to_dict(), bookmark=LATER, is_selected=True).needs_backfill


@pytest.mark.parametrize(
    ("at", "moment", "found"), [(NOW, BEFORE, BEFORE), (BEFORE, NOW, BEFORE), (None, NOW, None)]
)
def test_set_back(at: str | None, moment: str, found: str | None) -> None:
    """Set back with the bookmark of threads they only move back, and none stays none."""
    of = kept(at)
    of.set_back(moment)
    assert of.bookmark == found


def test_set_back_and_together_on() -> None:
    """Set back, both still move together."""
    of = kept(NOW)
    of.set_back(BEFORE)
    of.follow(LATER)
    assert of.bookmark == LATER


def test_walk() -> None:
    """Behind each thread a walk moves on, never back, and counts; its end is where threads are."""
    of = kept(None)
    for moment in (BEFORE, NOW, BEFORE):
        of.advance(moment)
    assert (of.bookmark, of.backfilled_threads, of.needs_backfill) == (NOW, 3, True)
    assert (again(of).bookmark, again(of).backfilled_threads) == (NOW, 3)
    of.catch_up(LATER)
    assert (of.bookmark, of.backfilled_threads, of.needs_backfill) == (LATER, 0, False)


def test_count_of_a_walk_that_begins_anew() -> None:
    """Where a walk begins anew, so does its count."""
    assert kept(None, backfilled=7).backfilled_threads == 0
    assert kept(BEFORE, backfilled=7).backfilled_threads == 7


def test_owed() -> None:
    """What is owed stays until it is settled, over syncs."""
    of = kept(NOW)
    of.add_pending("1")
    of.add_pending("2", 2)
    assert again(of).pending == {"1": 0, "2": 2}
    of.settle("2")
    of.settle("9")
    assert again(of).pending == {"1": 0}


def test_owed_again() -> None:
    """That something is owed once more does not forget how often it failed."""
    of = kept(NOW, failed=[["1", 2]])
    of.add_pending("1")
    assert of.pending == {"1": 2}
    of.add_pending("1", 3)
    assert of.pending == {"1": 3}


def test_owed_whatever_is_wanted() -> None:
    """What is owed outlives a bookmark that is none, and syncs that do not read messages."""
    assert kept(NOW, bookmark=None, failed=[["1", 2]]).pending == {"1": 2}
    assert kept(NOW, is_selected=False, failed=[["1", 2]]).to_dict()["failed"] == [["1", 2]]


def test_every_key_in_every_state() -> None:
    """Whatever there is to keep, the keys are the same: Meltano merges states."""
    assert kept(None).to_dict().keys() == kept(NOW, failed=[["1", 2]]).to_dict().keys()
