"""Ids as people and spreadsheets write them, checked before the first request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_ID = 2**63 - 1
"""Ids are int64. Documented by HubSpot for the path parameter."""

_WHOLE_NUMBER = re.compile(r"0*([1-9][0-9]{0,18})(?:\.0+)?")
_MAX_SHOWN = 60


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


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 3]}..."
