"""What makes the rows of each stream: by its schema, and with an id that can be used."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.hubspot.cleaning import RowCleaner, to_string
from tap_hubspot_threads.values import InvalidIdError, parse_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_hubspot_threads.contract import Row
    from tap_hubspot_threads.hubspot.pages import Make

MAX_ID_LENGTH = 512
"""Characters of an ID, as the schemas have it: targets refuse a record with a longer one."""


class Makers:
    """The makers of rows, from any number of threads.

    Args:
        schema: Gives the schema of a stream, by its name; asked once the stream is read.
    """

    def __init__(self, schema: Callable[[str], Mapping[str, Any]]) -> None:
        self.cleaner = cache(lambda stream: RowCleaner(schema(stream)))
        """Returns what cleans a stream's rows, by the stream's name."""

    def of_threads(self) -> Make:
        """Return the maker of threads, whose IDs are numbers."""
        return _Maker(self.cleaner("threads"), thread_id_of)

    def of(self, stream: str, **missing: str) -> Make:
        """Return the maker of a stream whose IDs are any text.

        Args:
            stream: The stream's name.
            missing: The values of columns that would be empty.
        """
        lift = _lift_failure_details if stream == "messages" else None
        return _Maker(self.cleaner(stream), id_of, missing, lift=lift)


class _Maker:
    """Makes the rows of a stream; a `Make`."""

    def __init__(
        self,
        cleaner: RowCleaner,
        id_of: Callable[[Mapping[str, Any]], str | None],
        missing: Mapping[str, str] = MappingProxyType({}),
        *,
        lift: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
    ) -> None:
        self._clean, self.id_of = cleaner.clean, id_of
        self._missing, self._lift = missing, lift

    def __call__(self, found: Mapping[str, Any], /, *, is_plain: bool) -> Row | None:
        id_ = self.id_of(found)
        if id_ is None:
            return None
        row = self._clean(self._lift(found) if self._lift else found, is_plain=is_plain)
        row["id"] = id_
        for name, value in self._missing.items():
            row[name] = row[name] or value
        return row


def id_of(found: Mapping[str, Any]) -> str | None:
    """Return the ID of a JSON object, whatever text it is; None if it has none."""
    try:
        id_ = to_string(found.get("id"))
    except ValueError:
        return None
    return None if not id_ or id_.isspace() or len(id_) > MAX_ID_LENGTH else id_


def thread_id_of(found: Mapping[str, Any]) -> str | None:
    """Return the id of a JSON object that may be a thread; None where it is no thread's."""
    try:
        return parse_id(found.get("id"))
    except InvalidIdError:
        return None


def _lift_failure_details(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a message with the `failureDetails` of its `status` beside that.

    They are an object of any keys, and targets accept such a one as a column only, not inside an
    object whose fields are listed.
    """
    status = message.get("status")
    if not isinstance(status, dict) or "failureDetails" not in status:
        return message
    if "failureDetails" in message:  # which HubSpot does not document: both are kept
        return message
    others = {name: value for name, value in status.items() if name != "failureDetails"}
    return {**message, "status": others, "failureDetails": status["failureDetails"]}
