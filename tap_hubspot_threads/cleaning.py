"""From a thread as HubSpot returned it to a row that any Singer target can load.

The JSON Schema of the stream says which columns there are and of what type; this module only knows
how a value is made to fit a type.
"""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OTHER_PROPERTIES = "otherProperties"
MAX_DEPTH = 50
"""What is nested deeper is left out: not every reader of JSON can follow."""

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)
_USUAL_TIME = re.compile(
    r"[12]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])"
    r"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z",
    re.ASCII,
)
"""As HubSpot mostly writes them, and beyond doubt: on a day that every month has."""


class _Unfit(ValueError):  # noqa: N818 - a signal within this module, not an error
    """A value that cannot be made to fit the type of its column."""


class RowCleaner:
    """Turns threads into rows of one schema.

    Guarantees for every row:
        * It has all columns of the schema; what HubSpot did not return is null.
        * Strings are strings, numbers among them written out (observed: integer ids).
        * Times are UTC with `Z`, in milliseconds; an empty string is null.
        * A key that is no column, and a value that does not fit its column (whose column is then
          null), is kept in `otherProperties`, which is null when there is nothing to keep.
        * No U+0000, no lone surrogate, no NaN and no infinity, at any depth: PostgreSQL and other
          databases refuse them.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        columns: Mapping[str, Any] = schema["properties"]
        self._converters = {
            name: _converter(column) for name, column in columns.items() if name != OTHER_PROPERTIES
        }

    def clean(self, thread: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row of a thread (a JSON object as HubSpot returned it)."""
        row: dict[str, Any] = {}
        other: dict[str, Any] = {}
        for name, convert in self._converters.items():
            value = thread.get(name)
            if value is None:
                row[name] = None
            elif (
                convert is _to_string
                and type(value) is str
                and value.isascii()
                and "\0" not in value
            ):
                row[name] = value
            else:
                try:
                    row[name] = convert(value)
                except _Unfit:
                    row[name] = None
                    other[name] = _clean_json(value)
        if not thread.keys() <= self._converters.keys():
            for name in thread.keys() - self._converters.keys():
                other[_clean_text(name)] = _clean_json(thread[name])
        row[OTHER_PROPERTIES] = dict(sorted(other.items())) if other else None
        return row


def clean_time(value: object) -> str | None:
    """Return an ISO 8601 time in UTC with `Z` and exactly milliseconds; null for an empty string.

    Observed from HubSpot: milliseconds, whole seconds; possible: an offset instead of `Z`. Finer
    digits are cut off, a time without a zone is taken as UTC, and a day as its midnight. The
    results sort as strings.

    Raises:
        ValueError: if the value is no time.
    """
    if not isinstance(value, str):
        raise _Unfit
    if _USUAL_TIME.fullmatch(value):  # nearly all are, and times are most of the work for a row
        return value
    text = value.strip()
    if not text:
        return None
    match = _TIME.fullmatch(text)
    if match is None:
        raise _Unfit
    day, minute, second, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{minute or '00:00'}{second or ':00'}")
        if zone and zone not in "Zz":
            hours, minutes = int(zone[1:3]), int(zone[-2:])
            if hours > 23 or minutes > 59:  # noqa: PLR2004 - a day's
                raise _Unfit
            offset = timedelta(hours=hours, minutes=minutes)
            moment += offset if zone[0] == "-" else -offset
    except (ValueError, OverflowError):
        raise _Unfit from None
    return f"{moment.isoformat()}.{(fraction or '')[:3]:0<3}Z"


def parse_time(value: str) -> datetime:
    """Return the moment of a time that `clean_time` made, in UTC."""
    moment = datetime.fromisoformat(value.removesuffix("Z"))
    return moment.replace(tzinfo=timezone.utc)


def _converter(column: Mapping[str, Any]) -> Callable[[Any], Any]:
    types = set(column["type"]) if isinstance(column["type"], list) else {column["type"]}
    if column.get("format") == "date-time":
        return clean_time
    if "boolean" in types:
        return _to_boolean
    if "object" in types:
        return _object_converter(column.get("properties", {}))
    return _to_string


def _object_converter(columns: Mapping[str, Any]) -> Callable[[Any], dict[str, Any]]:
    converters = {name: _converter(column) for name, column in columns.items()}

    def convert(value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _Unfit
        inner = {_clean_text(name): _clean_json(item) for name, item in value.items()}
        for name, convert_item in converters.items():
            item = inner.get(name)
            inner[name] = None if item is None else convert_item(item)
        return inner

    return convert


def _to_string(value: object) -> str:
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _Unfit


def _to_boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise _Unfit


def _clean_text(text: str) -> str:
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _clean_json(value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (dict, list)) and depth >= MAX_DEPTH:
        return None
    if isinstance(value, dict):
        return {_clean_text(name): _clean_json(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_clean_json(item, depth + 1) for item in value]
    return value
