"""The format of times, IDs and unset fields in all payloads."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from emulator.behavior import WireFormat


def applies(scope: str, *, to_some: bool) -> bool:
    """Return whether a trait applies to a row.

    Args:
        scope: "all", "none", or any other value for some rows.
        to_some: Whether this row is one of the "some rows". Ignored for "all" and "none".
    """
    return scope == "all" or (scope != "none" and to_some)


def wire_time(moment: datetime | None, variant: int | None) -> str | None:
    """Return a time in HubSpot's format: with milliseconds.

    With a `variant`, times in whole seconds have no milliseconds, and some times have a UTC offset.
    """
    if moment is None:
        return None
    if variant is not None and moment.microsecond == 0:
        return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
    if variant is not None and variant % 13 == 0:
        zone = timezone(timedelta(hours=-5))
        return moment.astimezone(zone).isoformat(timespec="milliseconds")
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def apply_wire_format(
    body: dict[str, Any],
    wire: WireFormat,
    number: int,
    *,
    ids: tuple[str, ...],
    optional: tuple[str, ...],
) -> dict[str, Any]:
    """Return a payload in its wire format. Threads do not use this function.

    Args:
        body: The fields that are set, with IDs as strings.
        wire: The wire format.
        number: A number derived from the payload. If only some payloads have a trait, this number
            decides whether the payload is one of them.
        ids: Fields with IDs of other objects.
        optional: Fields that may be unset.
    """
    if wire.unset == "null":
        body = body | {name: None for name in optional if name not in body}
    for index, name in enumerate(ids):
        is_some = (number + index) % 3 == 0
        if body.get(name) is not None and applies(wire.number_ids, to_some=is_some):
            body[name] = int(body[name])
    if applies(wire.unknown_fields, to_some=number % 7 == 0):
        body["customerSentiment"] = {"score": number % 10, "trend": None}
    return body
