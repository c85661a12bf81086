"""Normalizes IDs and times from users, spreadsheets and HubSpot."""

from __future__ import annotations

import difflib
import re
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_ID = 2**63 - 1
"""The largest ID. HubSpot documents the ID in a path as an int64."""

_USUAL_ID = re.compile(r"[1-9][0-9]{0,17}")
_WHOLE_NUMBER = re.compile(r"0*([1-9][0-9]{0,18})(?:\.0+)?")
_MAX_SHOWN = 60

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)"
    r"(?:[Tt ](\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,9}))?\s?([Zz]|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?)?",
    re.ASCII,
)
_USUAL_TIME = re.compile(
    r"[12]\d{3}-"
    r"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3}|())Z",
    re.ASCII,
)
"""The time format that HubSpot uses most often. The pattern excludes February 29, which is valid
only in leap years. So every match is a valid time. The only capturing group, the empty `()`,
matches if the time has no milliseconds. In this case, `clean_time` adds `.000`."""

_EPOCH = re.compile(r"(\d{12,13})(?:\.\d+)?", re.ASCII)
_EPOCH_START = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MIN_EPOCH, _MAX_EPOCH = 10**11, 10**13 - 1
"""Numbers in this range (12 or 13 digits) count as epoch milliseconds, for the years 1973 to 2286.
Other numbers are invalid. A smaller number could be seconds or a duration. A larger number could be
a date such as 20260131120000."""


class InvalidTimeError(ValueError):
    """A value that is not a time."""


class InvalidIdError(ValueError):
    """A value that is not an ID, or a file that is not a valid list of IDs."""


def parse_id(value: object) -> str:
    """Return an ID in its canonical form: the digits of a positive int64, as a string.

    This function accepts the forms that occur in JSON files, webhooks and spreadsheets:
    `9336126552`, `"9336126552"`, `" 9336126552 "`, `"9336126552.0"`, `"09336126552"`.

    Raises:
        InvalidIdError: for any other value. Every float is invalid, because a large ID can lose
            digits as a float.
    """
    if type(value) is str and _USUAL_ID.fullmatch(value):  # fast path for most IDs
        return value
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        match = _WHOLE_NUMBER.fullmatch(str(value).strip())
        if match and int(match[1]) <= MAX_ID:
            return match[1]
    message = f"{_shorten(value)} is not an ID (a whole number from 1 to {MAX_ID})"
    raise InvalidIdError(message)


def parse_ids(values: Sequence[object]) -> list[str]:
    """Return the distinct IDs, in the order in which they first occur.

    `[""]` counts as an empty list, because a program that splits an empty string gets `[""]`.

    Raises:
        InvalidIdError: for the first invalid value. The message contains the value's position.
    """
    ids: dict[str, None] = {}
    for position, value in enumerate([] if list(values) == [""] else values, start=1):
        try:
            ids[parse_id(value)] = None
        except InvalidIdError as error:
            message = f"item {position}: {error}"
            raise InvalidIdError(message) from None
    return list(ids)


def clean_time(value: object) -> str | None:
    """Return a time in the format `2026-01-31T09:00:00.000Z` (UTC); None for an empty string.

    Docstrings call such a result a *cleaned time*. Cleaned times can be compared as strings.

    HubSpot sends times with milliseconds and times in whole seconds (observed). A time with an
    offset instead of `Z` is converted to UTC. Digits after the milliseconds are cut off. A time
    without a zone counts as UTC, and a date as midnight UTC. A number or string of 12 or 13 digits
    counts as epoch milliseconds (observed in other HubSpot APIs).

    Raises:
        InvalidTimeError: if the value is not a time.
    """
    if not isinstance(value, str):
        return _time_of_epoch(value)
    # A fast path: timestamps take most of the time of cleaning a row.
    usual = _USUAL_TIME.fullmatch(value)
    if usual:
        return f"{value[:-1]}.000Z" if usual.lastindex else value
    text = value.strip()
    if not text:
        return None
    match = _TIME.fullmatch(text)
    if match is None:
        epoch = _EPOCH.fullmatch(text)
        return _time_of_epoch(int(epoch[1]) if epoch else None)
    day, minute, second, fraction, zone = match.groups()
    moment = f"{day}T{minute or '00:00'}{second or ':00'}"
    try:
        parsed = datetime.fromisoformat(moment)  # also checks that the day exists
        if zone and zone not in "Zz":
            moment = (parsed - _offset(zone)).isoformat()
    except (ValueError, OverflowError):
        raise InvalidTimeError from None
    milliseconds = f"{fraction or ''}000"[:3]
    return f"{moment}.{milliseconds}Z"


def _time_of_epoch(value: object) -> str:
    """Return the cleaned time for epoch milliseconds. A fraction of a millisecond is cut off."""
    if isinstance(value, (int, float)) and _MIN_EPOCH <= value <= _MAX_EPOCH:
        return as_time(_EPOCH_START + timedelta(milliseconds=int(value)))
    raise InvalidTimeError


@cache
def _offset(zone: str) -> timedelta:
    """Return the offset from UTC of a zone such as `-05:00`."""
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return -offset if zone[0] == "-" else offset


def parse_time(value: str) -> datetime:
    """Return a cleaned time as a `datetime` in UTC."""
    moment = datetime.fromisoformat(value.removesuffix("Z"))
    return moment.replace(tzinfo=timezone.utc)


def shift(moment: str, *, seconds: float) -> str:
    """Return the cleaned time that is this many seconds after another cleaned time."""
    return as_time(parse_time(moment) + timedelta(seconds=seconds))


def as_time(moment: datetime) -> str:
    """Convert a `datetime` with a zone to a cleaned time."""
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"


def nearest(name: object, known: Iterable[str]) -> str:
    """Return a hint for an error about an unknown name: a similar name, or all known names."""
    names = {entry.lower(): entry for entry in known}
    near = difflib.get_close_matches(str(name).lower(), names, n=1)
    return f"; did you mean {names[near[0]]}?" if near else f"; known: {', '.join(names.values())}"


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 3]}..."
