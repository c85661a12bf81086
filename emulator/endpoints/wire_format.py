"""What all payloads share: the format of times and IDs, and how unset fields are sent."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from emulator.behavior import WireFormat


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
    wire: WireFormat,
    number: int,
    *,
    ids: tuple[str, ...],
    optional: tuple[str, ...],
) -> dict[str, Any]:
    """Return the payload of anything but a thread in its wire format.

    Args:
        body: The fields that are set, with IDs as strings.
        wire: The wire format.
        number: A number of the payload's own. It decides whether the payload is one of "some".
        ids: The fields that hold IDs of other objects.
        optional: The fields that may be missing.
    """
    if wire.unset == "null":
        body = body | {name: None for name in optional if name not in body}
    for place, name in enumerate(ids):
        is_some = (number + place) % 3 == 0
        if body.get(name) is not None and is_so(wire.number_ids, of_some=is_some):
            body[name] = int(body[name])
    if is_so(wire.unknown_fields, of_some=number % 7 == 0):
        body["customerSentiment"] = {"score": number % 10, "trend": None}
    return body
