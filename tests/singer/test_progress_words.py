"""Parts of the summary, in words."""

from __future__ import annotations

import pytest

from tap_hubspot_threads.singer.progress import (
    backfill,
    describe_misfits,
    duration,
    unless_none,
    unread_children,
)
from tap_hubspot_threads.sync.context import Failures, SyncStats
from tests.sync.fakes import passing


def test_nothing_wanting() -> None:
    """Where nothing is wanting, nothing is said."""
    nothing = SyncStats()
    assert (
        unread_children(nothing, Failures()) == backfill(nothing) == unless_none(0, "things") == []
    )


def test_what_is_wanting() -> None:
    """What surrounds threads and could not be read is counted, each kind apart."""
    stats, failures = SyncStats(hidden=["c"], cut_off=["d", "e", "f"]), Failures()
    for name in "ab":
        failures.messages.note(name, passing())
    failures.actors.note("A-1", passing())
    assert unread_children(stats, failures) == [
        "2 without their messages",
        "1 whose messages HubSpot does not show",
        "3 messages cut off",
        "1 actors failed",
    ]


@pytest.mark.parametrize(
    ("about", "words"),
    [
        (100_000, "messages: 61,204 of about 100,000 threads; goes on with the next sync"),
        (None, "messages: 61,204 threads; goes on with the next sync"),
    ],
)
def test_backfill_that_goes_on(about: int | None, words: str) -> None:
    """A backfill that has not come to its end says how far it is, of how many if that is known."""
    assert backfill(SyncStats(backfill=(61_204, about))) == [words]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (61, "1 min 1 s"), (7_325, "2 h 2 min")],
)
def test_duration(seconds: float, words: str) -> None:
    """Seconds read like a person would say them."""
    assert duration(seconds) == words


def test_misfits() -> None:
    """Values that did not fit are counted by stream and column, in the order of their names."""
    counts = {"threads.createdAt": 1, "messages.attachments": 2}
    words = "3 value(s) did not fit their column and are in otherProperties: "
    assert describe_misfits(counts) == words + "messages.attachments 2, threads.createdAt 1"
