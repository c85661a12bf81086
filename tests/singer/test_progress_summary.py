"""The parts of the summary."""

from __future__ import annotations

import pytest

from tap_hubspot_threads.errors import IncompleteError, RefusedError
from tap_hubspot_threads.signals import Stopped
from tap_hubspot_threads.singer.progress import (
    describe_backfill,
    describe_duration,
    describe_misfits,
    describe_problems,
    outcome_of,
)
from tap_hubspot_threads.sync.context import Failures, SyncStats
from tests.sync.fakes import transient_error


def test_no_problems() -> None:
    """A sync without problems reports none."""
    nothing = SyncStats()
    assert describe_problems(nothing, Failures()) == describe_backfill(nothing) == []


def test_problems() -> None:
    """Each type of problem is counted separately."""
    stats, failures = SyncStats(unavailable=["c"], truncated=["d", "e", "f"]), Failures()
    stats.not_found, stats.withheld_deletions = 1_200, 1
    failures.threads.note("1", transient_error())
    for name in "ab":
        failures.messages.note(name, transient_error())
    failures.actors.note("A-1", transient_error())
    assert describe_problems(stats, failures) == [
        "1,200 threads not found",
        "1 deletion pending",
        "1 thread failed",
        "2 threads with failed messages",
        "1 thread whose messages HubSpot does not return",
        "3 messages truncated",
        "1 actor failed",
    ]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "complete"),
        (IncompleteError({"1": transient_error()}), "incomplete"),
        (transient_error(), "stopped"),
        (Stopped(15), "stopped"),
        (RefusedError("400"), "failed"),
        (OSError("No space left"), "failed"),
    ],
)
def test_outcome(error: BaseException | None, outcome: str) -> None:
    """The outcome in the summary distinguishes complete, incomplete, stopped and failed syncs."""
    assert outcome_of(error) == outcome


@pytest.mark.parametrize(
    ("total", "text"),
    [
        (100_000, "61,204 of about 100,000 threads"),
        (None, "61,204 threads"),
    ],
)
def test_unfinished_backfill(total: int | None, text: str) -> None:
    """An unfinished backfill reports its progress, and the total if it is known."""
    assert describe_backfill(SyncStats(backfill=(61_204, total))) == [
        f"Message backfill: {text}; the next sync resumes it"
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (61, "1 min 1 s"), (7_325, "2 h 2 min")],
)
def test_duration(seconds: float, text: str) -> None:
    """A duration is given in its two largest units."""
    assert describe_duration(seconds) == text


def test_misfits() -> None:
    """Values that did not fit are counted by stream and column, sorted by name."""
    counts = {"threads.createdAt": 1, "messages.attachments": 2}
    prefix = "3 value(s) did not fit their column and are in otherProperties: "
    assert describe_misfits(counts) == prefix + "messages.attachments 2, threads.createdAt 1"
