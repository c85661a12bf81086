"""Ids and times as people, spreadsheets and HubSpot write them, in one form each."""

from __future__ import annotations

import difflib
import re
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_ID = 2**63 - 1
"""Ids are int64. Documented by HubSpot for the path parameter."""

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
"""As HubSpot mostly writes them, and beyond doubt: on a day that the month has in every year. The
group is there where the milliseconds are not."""

_EPOCH = re.compile(r"(\d{12,13})(?:\.\d+)?", re.ASCII)
_EPOCH_START = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LEAST_EPOCH, _MOST_EPOCH = 10**11, 10**13 - 1
"""Epoch milliseconds of 12 and 13 digits: the years 1973 to 2286. Fewer digits may be seconds or a
duration, more may be the digits of a date."""


class InvalidTimeError(ValueError):
    """A value that is no time."""


class InvalidIdError(ValueError):
    """A value that is no id. The message says the value and what an id is."""


def parse_id(value: object) -> str:
    """Return an id in its one canonical form: the digits of an int64 above zero, as a string.

    Accepts what a JSON file, a webhook or a spreadsheet gives: `9336126552`, `"9336126552"`,
    `" 9336126552 "`, `"9336126552.0"`.

    Raises:
        InvalidIdError: for anything else. A JSON number with a fraction or an exponent is refused
            even where it is whole: it has been through a float, which changes large ids.
    """
    if type(value) is str and _USUAL_ID.fullmatch(value):  # as HubSpot writes nearly all
        return value
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        match = _WHOLE_NUMBER.fullmatch(str(value).strip())
        if match and int(match[1]) <= MAX_ID:
            return match[1]
    message = f"{_shorten(value)} is not an id (a whole number from 1 to {MAX_ID})"
    raise InvalidIdError(message)


def parse_ids(values: Sequence[object]) -> list[str]:
    """Return the distinct ids among the values, each at its first place.

    One empty string alone is no id at all: the SDK makes it of an empty list in the environment.

    Raises:
        InvalidIdError: at the first value that is no id; the message says its place.
    """
    ids: dict[str, None] = {}
    for place, value in enumerate([] if list(values) == [""] else values, start=1):
        try:
            ids[parse_id(value)] = None
        except InvalidIdError as error:
            message = f"item {place}: {error}"
            raise InvalidIdError(message) from None
    return list(ids)


def clean_time(value: object) -> str | None:
    """Return an ISO 8601 time in UTC with `Z` and exactly milliseconds; null for an empty string.

    Observed from HubSpot: milliseconds, whole seconds; possible: an offset instead of `Z`. Finer
    digits are cut off, a time without a zone is taken as UTC, and a day as its midnight. A number
    of 12 or 13 digits, also as a string, is epoch milliseconds (observed in other APIs of HubSpot).
    The results sort as strings.

    Raises:
        InvalidTimeError: if the value is no time.
    """
    if not isinstance(value, str):
        return _time_of_epoch(value)
    usual = _USUAL_TIME.fullmatch(value)  # nearly all are, and times are most of the work for a row
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
        parsed = datetime.fromisoformat(moment)  # also to see that there is such a day
        if zone and zone not in "Zz":
            moment = (parsed - _offset(zone)).isoformat()
    except (ValueError, OverflowError):
        raise InvalidTimeError from None
    milliseconds = f"{fraction or ''}000"[:3]
    return f"{moment}.{milliseconds}Z"


def _time_of_epoch(value: object) -> str:
    """Return the time of epoch milliseconds; a fraction of one is cut off."""
    if isinstance(value, (int, float)) and _LEAST_EPOCH <= value <= _MOST_EPOCH:
        return as_time(_EPOCH_START + timedelta(milliseconds=int(value)))
    raise InvalidTimeError


@cache
def _offset(zone: str) -> timedelta:
    """Return how far a zone such as `-05:00` is ahead of UTC; there are few."""
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return -offset if zone[0] == "-" else offset


def parse_time(value: str) -> datetime:
    """Return the moment of a time that `clean_time` made, in UTC."""
    moment = datetime.fromisoformat(value.removesuffix("Z"))
    return moment.replace(tzinfo=timezone.utc)


def shift(moment: str, *, seconds: float) -> str:
    """Return a cleaned time so many seconds later."""
    return as_time(parse_time(moment) + timedelta(seconds=seconds))


def as_time(moment: datetime) -> str:
    """Return a moment that knows its zone as a cleaned time."""
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"


def nearest(name: object, known: Iterable[str]) -> str:
    """Return the rest of a sentence on a name that does not exist: the nearest one that does."""
    lower = {one.lower(): one for one in known}
    near = difflib.get_close_matches(str(name).lower(), lower, n=1)
    return (
        f"; did you mean {lower[near[0]]}?" if near else f"; there are {', '.join(lower.values())}"
    )


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 3]}..."
