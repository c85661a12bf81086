"""How things look on the wire, whatever they are: times, ids, and what is not set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Literal


@dataclass(frozen=True)
class Rows:
    """How threads and what surrounds them look on the wire; marks as in `Ways`."""

    unknown_fields: Literal["some", "none", "all"] = "some"
    """Which have a key that no documentation knows; some: every seventh. (D: may come)"""
    sparse: Literal["old", "none", "all"] = "old"
    """Which threads lack what came into the API later; old: from before SPARSE_BEFORE. (O)"""
    unset: Literal["left out", "null"] = "left out"
    """How it shows that something is not set. (O/?)"""
    number_ids: Literal["some", "none", "all"] = "some"
    """Where the ids of what is around something are numbers, not strings. (D: none)"""
    times: Literal["mixed", "milliseconds"] = "mixed"
    """Whether times are whole seconds at times, and some have an offset. (O/I)"""
    unknown_values: Literal["some", "none"] = "some"
    """Whether messages have a type, a status or an attachment that no documentation knows, some of
    them; none: messages of such a type are not there. (O: a status)"""


USUAL = Rows()


def is_so(which: str, *, of_some: bool) -> bool:
    """Tell whether something is so of a row, if it is of all, none, or some like this one."""
    return which == "all" or (which != "none" and of_some)


def wire_time(moment: datetime | None, quirk: int | None) -> str | None:
    """Write a time as HubSpot does: milliseconds, with a quirk whole seconds or an offset too."""
    if moment is None:
        return None
    if quirk is not None and moment.microsecond == 0:
        return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
    if quirk is not None and quirk % 13 == 0:
        zone = timezone(timedelta(hours=-5))
        return moment.astimezone(zone).isoformat(timespec="milliseconds")
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def finish(
    body: dict[str, Any],
    rows: Rows,
    number: int,
    *,
    ids: tuple[str, ...],
    optional: tuple[str, ...],
) -> dict[str, Any]:
    """Give a row that is not a thread the looks that these rows have.

    Args:
        body: What is set, ids as strings.
        rows: The looks.
        number: The row's; by it some rows are chosen.
        ids: The fields that hold ids of other things.
        optional: The fields that may be missing.
    """
    if rows.unset == "null":
        body = body | {name: None for name in optional if name not in body}
    for place, name in enumerate(ids):
        is_some = (number + place) % 3 == 0
        if body.get(name) is not None and is_so(rows.number_ids, of_some=is_some):
            body[name] = int(body[name])
    if is_so(rows.unknown_fields, of_some=number % 7 == 0):
        body["customerSentiment"] = {"score": number % 10, "trend": None}
    return body
