"""Parts of the summary, in words."""

from __future__ import annotations

import pytest

from tap_hubspot_threads.singer.progress import around, backfill, duration, misfits, unless_none
from tap_hubspot_threads.sync.stats import Read
from tests.sync.fakes import passing


def test_nothing_wanting() -> None:
    """Where nothing is wanting, nothing is said."""
    assert around(Read()) == backfill(Read()) == unless_none(0, "things") == []


def test_what_is_wanting() -> None:
    """What surrounds threads and could not be read is counted, each kind apart."""
    read = Read()
    for name in "ab":
        read.messages.note(name, passing())
    read.hidden += ["c"]
    read.cut_off += ["d", "e", "f"]
    read.actors.note("A-1", passing())
    assert around(read) == [
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
    read = Read()
    read.backfill = 61_204, about
    assert backfill(read) == [words]


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
    assert misfits(counts) == words + "messages.attachments 2, threads.createdAt 1"
