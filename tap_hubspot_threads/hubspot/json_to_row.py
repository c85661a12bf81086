"""Turns JSON objects from HubSpot into rows that any Singer target can load.

The JSON Schema of a stream defines the columns. This module converts each value to the column's
type.
"""

from __future__ import annotations

import math
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.values import InvalidIdError, clean_time, parse_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_hubspot_threads.hubspot.pagination import RowBuilder
    from tap_hubspot_threads.models import Row


OTHER_PROPERTIES = "otherProperties"
MAX_INTEGER = 2**63 - 1
"""The largest absolute value in an integer column. A larger value moves to `otherProperties`."""
MAX_DEPTH = 50
"""Objects and arrays below about this many levels of nesting become null, because some JSON parsers
cannot read them."""


class _TypeMismatch(ValueError):  # noqa: N818 - handled in this module, not an error
    """A value that cannot be converted to the type of its column."""


class _PartialMatch(ValueError):  # noqa: N818 - handled in this module, not an error
    """An object with at least one field that does not fit the column.

    Args:
        fitting: The value of the column: the fields that fit, and null for the other listed fields.
        rest: The fields that do not fit, with HubSpot's original values. A field does not fit if
            the column's schema does not list the field, or lists another type for it.
    """

    def __init__(self, fitting: dict[str, Any], rest: dict[str, Any]) -> None:
        super().__init__()
        self.fitting, self.rest = fitting, rest


class RowCleaner:
    """Turns JSON objects into rows of one stream.

    Args:
        schema: The JSON Schema of the stream.

    Guarantees for every row:
        * The row has all columns of the schema. A column that HubSpot did not return is null.
        * A whole number in a string column becomes text. (Observed: HubSpot returns some IDs as
          integers.) A string of digits in an integer column becomes an integer.
        * Arrays keep all elements.
        * Times are in UTC with `Z` and milliseconds. An empty string in a time column becomes null.
        * If the schema lists the fields of an object column, the object in the row has exactly
          these fields.
        * A value that does not fit its column or field moves to `otherProperties`, and the column
          or field becomes null. A key that the schema does not list moves to `otherProperties` too.
        * Moved values keep their nesting: `a.b` becomes `otherProperties.a.b`. If no value moves,
          `otherProperties` is null.
        * No U+0000, lone surrogate, NaN or infinity remains at any depth, because PostgreSQL and
          other databases refuse these values.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        columns: Mapping[str, Any] = schema["properties"]
        self._converters = {
            name: _converter(column) for name, column in columns.items() if name != OTHER_PROPERTIES
        }
        self._blank: dict[str, Any] = dict.fromkeys(self._converters)

    def clean(self, item: Mapping[str, Any], *, needs_no_cleaning: bool = False) -> dict[str, Any]:
        """Return the row of a JSON object.

        Args:
            item: The JSON object, as HubSpot returned it.
            needs_no_cleaning: The result of the function `needs_no_cleaning` for the response that
                contains the object.
        """
        row = self._blank.copy()
        other: dict[str, Any] = {}
        converter_of = self._converters.get
        for name, value in item.items():
            convert = converter_of(name)
            if convert is None:
                other[_clean_text(name)] = _clean_json(value)
            # Most values are strings in string columns. They can skip the converter here.
            elif needs_no_cleaning and convert is to_string and type(value) is str:
                row[name] = value
            elif value is not None:
                try:
                    row[name] = convert(value)
                except _PartialMatch as part:
                    row[name] = part.fitting
                    other[name] = _clean_json(part.rest)
                except ValueError:
                    other[name] = _clean_json(value)
        row[OTHER_PROPERTIES] = dict(sorted(other.items())) if other else None
        return row


def needs_no_cleaning(text: bytes) -> bool:
    """Whether a JSON text is ASCII, without zero bytes and without Unicode escapes.

    No string in such a text needs cleaning. One check per response is cheaper than one check per
    string. Zero bytes are a sign of UTF-16 or UTF-32, which `json.loads` also accepts. In these
    encodings, a text of ASCII bytes can contain other characters.
    """
    return text.isascii() and b"\0" not in text and b"\\u" not in text


def _converter(column: Mapping[str, Any]) -> Callable[[Any], Any]:
    types = set(column["type"]) if isinstance(column["type"], list) else {column["type"]}
    if column.get("format") == "date-time":
        return clean_time
    if "boolean" in types:
        return _to_boolean
    if "object" in types:
        return _object_converter(column.get("properties", {}))
    if "array" in types:
        return _to_array
    if "integer" in types:
        return _to_integer
    return to_string


def _object_converter(columns: Mapping[str, Any]) -> Callable[[Any], dict[str, Any]]:
    """Return the converter for a column that contains objects.

    The converter raises `_PartialMatch` if a field of the object is not listed or has the wrong
    type.

    Args:
        columns: The JSON Schemas of the listed fields, by name. Empty: the converter accepts any
            object.
    """
    if not columns:
        return _to_object
    converters = {name: _converter(column) for name, column in columns.items()}
    blank: dict[str, Any] = dict.fromkeys(converters)

    def convert(value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _TypeMismatch
        fitting, rest = blank.copy(), {}
        for name, item in value.items():
            convert_item = converters.get(name)
            if convert_item is None:
                rest[name] = item
            elif item is not None:
                try:
                    fitting[name] = convert_item(item)
                except _PartialMatch as part:
                    fitting[name], rest[name] = part.fitting, part.rest
                except ValueError:
                    rest[name] = item
        if rest:
            raise _PartialMatch(fitting, rest)
        return fitting

    return convert


def _to_object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _TypeMismatch
    return {_clean_text(name): _clean_json(item) for name, item in value.items()}


def to_string(value: object) -> str:
    """Return the value of a string column.

    Raises:
        ValueError: if the value is neither a string nor a whole number. A float of 2**53 or more
            does not count as a whole number, because it may have lost digits.
    """
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _TypeMismatch


def _to_integer(value: object) -> int:
    number = int(to_string(value))
    if abs(number) > MAX_INTEGER:
        raise _TypeMismatch
    return number


def _to_array(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise _TypeMismatch
    return [_clean_json(item) for item in value]


def _to_boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise _TypeMismatch


def _clean_text(text: str) -> str:
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _clean_json(value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON value
    kind = type(value)
    if kind is str:
        return value if value.isascii() and "\0" not in value else _clean_text(value)
    if kind is dict or kind is list:
        if depth >= MAX_DEPTH:
            return None
        if kind is list:
            return [_clean_json(item, depth + 1) for item in value]
        return {_clean_text(name): _clean_json(item, depth + 1) for name, item in value.items()}
    if kind is float and not math.isfinite(value):
        return None
    return value


MAX_ID_LENGTH = 512
"""Maximum characters of an ID, as in the schemas. An item with a longer ID is skipped, because
targets refuse its record."""


class RowBuilders:
    """Creates row builders. Thread-safe.

    Args:
        schema: Returns the JSON Schema of the stream with a given name. The result is kept.
    """

    def __init__(self, schema: Callable[[str], Mapping[str, Any]]) -> None:
        self.cleaner = cache(lambda stream: RowCleaner(schema(stream)))
        """Returns the `RowCleaner` of the stream with a given name."""

    def for_threads(self) -> RowBuilder:
        """Return the row builder for threads, whose IDs are numbers."""
        return _RowBuilder(self.cleaner("threads"), thread_id_of)

    def for_stream(self, stream: str, **defaults: str) -> RowBuilder:
        """Return the row builder for a stream whose IDs are arbitrary text.

        Args:
            stream: The stream's name.
            defaults: By column, the value to use if HubSpot's value is missing or empty.
        """
        preprocess = _move_failure_details if stream == "messages" else None
        return _RowBuilder(self.cleaner(stream), id_of, defaults, preprocess=preprocess)


class _RowBuilder:
    """Implements the protocol `pagination.RowBuilder` for one stream."""

    def __init__(
        self,
        cleaner: RowCleaner,
        id_of: Callable[[Mapping[str, Any]], str | None],
        defaults: Mapping[str, str] = MappingProxyType({}),
        *,
        preprocess: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
    ) -> None:
        self._clean, self.id_of = cleaner.clean, id_of
        self._defaults, self._preprocess = defaults, preprocess

    def __call__(self, item: Mapping[str, Any], /, *, needs_no_cleaning: bool) -> Row | None:
        id_ = self.id_of(item)
        if id_ is None:
            return None
        row = self._clean(
            self._preprocess(item) if self._preprocess else item,
            needs_no_cleaning=needs_no_cleaning,
        )
        row["id"] = id_
        for name, value in self._defaults.items():
            row[name] = row[name] or value
        return row


def id_of(item: Mapping[str, Any]) -> str | None:
    """Return the `id` of a JSON object as text; None if there is no usable `id`.

    An `id` is not usable if it is blank, longer than `MAX_ID_LENGTH`, or neither text nor a whole
    number.
    """
    try:
        id_ = to_string(item.get("id"))
    except ValueError:
        return None
    return None if not id_ or id_.isspace() or len(id_) > MAX_ID_LENGTH else id_


def thread_id_of(item: Mapping[str, Any]) -> str | None:
    """Return the `id` of a JSON object; None if the `id` is not a valid thread ID."""
    try:
        return parse_id(item.get("id"))
    except InvalidIdError:
        return None


def _move_failure_details(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a message with `failureDetails` moved from `status` to the top level.

    The keys of `failureDetails` are arbitrary. Targets accept an object with arbitrary keys as a
    column, but not inside `status`, because the schema lists the fields of `status`.
    """
    status = message.get("status")
    if not isinstance(status, dict) or "failureDetails" not in status:
        return message
    # HubSpot documents no `failureDetails` at the top level. If there is one, change nothing.
    if "failureDetails" in message:
        return message
    others = {name: value for name, value in status.items() if name != "failureDetails"}
    return {**message, "status": others, "failureDetails": status["failureDetails"]}
