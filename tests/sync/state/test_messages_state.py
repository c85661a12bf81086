"""The state of messages: their bookmark, and which are pending."""

from __future__ import annotations

import json

import pytest

from tap_hubspot_threads.sync.state.messages_state import MessagesState
from tests.sync.fakes import NOW

BEFORE, LATER = "2026-11-20T11:00:00.000Z", "2026-11-20T12:05:00.000Z"


def make_state(
    at: str | None = None, *, bookmark: str | None = NOW, is_selected: bool = True, **state: object
) -> MessagesState:
    """Return the state in a sync whose threads are at a bookmark."""
    return MessagesState(
        {"replication_key_value": at, **state}, bookmark=bookmark, is_selected=is_selected
    )


def next_sync(messages: MessagesState) -> MessagesState:
    """Return the state that the next sync reads."""
    return MessagesState(json.loads(json.dumps(messages.to_dict())), bookmark=NOW, is_selected=True)


@pytest.mark.parametrize(
    ("at", "bookmark", "expected"),
    [
        (NOW, NOW, NOW),
        (BEFORE, NOW, BEFORE),
        (LATER, NOW, NOW),
        (None, NOW, None),
        (NOW, None, None),
        ("2026-11-20T13:00:00+01:00", LATER, NOW),
    ],
)
def test_never_ahead_of_threads(at: str | None, bookmark: str | None, expected: str | None) -> None:
    """The bookmark is never ahead of that of threads, and None without that."""
    messages = make_state(at, bookmark=bookmark)
    assert messages.bookmark == expected
    assert messages.needs_backfill is (expected is None or expected != bookmark)


def test_no_state() -> None:
    """Without a state there is no bookmark, and a backfill is due."""
    messages = MessagesState({}, bookmark=NOW, is_selected=True)
    assert (
        messages.bookmark,
        messages.needs_backfill,
        messages.pending,
        messages.backfilled_threads,
    ) == (
        None,
        True,
        {},
        0,
    )


def test_follows() -> None:
    """Without a backfill, the bookmark follows that of threads."""
    messages = make_state(NOW)
    messages.follow(LATER)
    assert messages.bookmark == LATER


@pytest.mark.parametrize("at", [None, BEFORE])
def test_does_not_follow_during_a_backfill(at: str | None) -> None:
    """While a backfill is due, the bookmark does not follow that of threads."""
    messages = make_state(at)
    messages.follow(LATER)
    assert messages.bookmark == at


def test_does_not_follow_without_messages() -> None:
    """A sync that reads no messages leaves the bookmark as it is, so that a backfill is due."""
    messages = make_state(NOW, is_selected=False)
    messages.follow(LATER)
    assert MessagesState(messages.to_dict(), bookmark=LATER, is_selected=True).needs_backfill


@pytest.mark.parametrize(
    ("at", "moment", "expected"), [(NOW, BEFORE, BEFORE), (BEFORE, NOW, BEFORE), (None, NOW, None)]
)
def test_set_back(at: str | None, moment: str, expected: str | None) -> None:
    """`set_back` never moves the bookmark forward, and None stays None."""
    messages = make_state(at)
    messages.set_back(moment)
    assert messages.bookmark == expected


def test_follows_after_set_back() -> None:
    """After `set_back`, the bookmark still follows that of threads."""
    messages = make_state(NOW)
    messages.set_back(BEFORE)
    messages.follow(LATER)
    assert messages.bookmark == LATER


def test_backfill() -> None:
    """A backfill counts threads, never moves the bookmark back, and ends at that of threads."""
    messages = make_state(None)
    for moment in (BEFORE, NOW, BEFORE):
        messages.advance(moment)
    assert (messages.bookmark, messages.backfilled_threads, messages.needs_backfill) == (
        NOW,
        3,
        True,
    )
    assert (next_sync(messages).bookmark, next_sync(messages).backfilled_threads) == (NOW, 3)
    messages.catch_up(LATER)
    assert (messages.bookmark, messages.backfilled_threads, messages.needs_backfill) == (
        LATER,
        0,
        False,
    )


def test_count_of_a_restarted_backfill() -> None:
    """A backfill that starts over restarts its count."""
    assert make_state(None, backfilled=7).backfilled_threads == 0
    assert make_state(BEFORE, backfilled=7).backfilled_threads == 7


def test_pending() -> None:
    """Pending messages stay pending over syncs, until they settle."""
    messages = make_state(NOW)
    messages.add_pending("1")
    messages.add_pending("2", 2)
    assert next_sync(messages).pending == {"1": 0, "2": 2}
    messages.settle("2")
    messages.settle("9")
    assert next_sync(messages).pending == {"1": 0}


def test_pending_again() -> None:
    """Messages that become pending again keep their number of failed syncs."""
    messages = make_state(NOW, failed=[["1", 2]])
    messages.add_pending("1")
    assert messages.pending == {"1": 2}
    messages.add_pending("1", 3)
    assert messages.pending == {"1": 3}


def test_pending_outlives_the_bookmark() -> None:
    """Pending messages outlive a missing bookmark and syncs that read no messages."""
    assert make_state(NOW, bookmark=None, failed=[["1", 2]]).pending == {"1": 2}
    assert make_state(NOW, is_selected=False, failed=[["1", 2]]).to_dict()["failed"] == [["1", 2]]


def test_every_key_in_every_state() -> None:
    """Every state has the same keys, because Meltano merges states."""
    assert make_state(None).to_dict().keys() == make_state(NOW, failed=[["1", 2]]).to_dict().keys()
