"""Parts of the summary, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_hubspot_threads.sync.read import Read


def around(read: Read) -> list[str]:
    """Return what is wanting of what surrounds threads."""
    return [
        *unless_none(len(read.messages.failed), "without their messages"),
        *unless_none(len(read.hidden), "whose messages HubSpot does not show"),
        *unless_none(len(read.cut_off), "messages cut off"),
        *unless_none(len(read.actors.failed), "actors failed"),
    ]


def backfill(read: Read) -> list[str]:
    """Return how far the backfill of messages is, where it has not come to its end."""
    if read.backfill is None:
        return []
    done, about = read.backfill
    of_about = "" if about is None else f" of about {about:,}"
    return [f"messages: {done:,}{of_about} threads; goes on with the next sync"]


def misfits(counts: Mapping[str, int]) -> str:
    """Return how many values did not fit their column.

    Args:
        counts: The number of values, by stream and column.
    """
    columns = ", ".join(f"{column} {count}" for column, count in sorted(counts.items()))
    message = "value(s) did not fit their column and are in otherProperties"
    return f"{sum(counts.values())} {message}: {columns}"


def unless_none(count: int, what: str) -> list[str]:
    """Return how many there are of what, if there are any."""
    return [f"{count} {what}"] if count else []


def duration(seconds: float) -> str:
    """Return seconds as a person says it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
