"""What makes the rows of each stream: by its schema, and with an id that can be used."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.hubspot.cleaning import RowCleaner
from tap_hubspot_threads.values import InvalidIdError, parse_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_hubspot_threads.contract import Row
    from tap_hubspot_threads.hubspot.pages import Make


class Makers:
    """The makers of rows, from any number of threads.

    Args:
        schema: Gives the schema of a stream, by its name; asked once the stream is read.
    """

    def __init__(self, schema: Callable[[str], Mapping[str, Any]]) -> None:
        self.cleaner = cache(lambda stream: RowCleaner(schema(stream)))
        """Returns what cleans a stream's rows, by the stream's name."""

    def of_threads(self) -> Make:
        """Return what makes the rows of threads, whose ids are numbers."""
        clean = self.cleaner("threads").clean

        def make(found: Mapping[str, Any], /, *, is_plain: bool) -> Row | None:
            thread_id = thread_id_of(found)
            if thread_id is None:
                return None
            row = clean(found, is_plain=is_plain)
            row["id"] = thread_id
            return row

        return make

    def of(self, stream: str, **missing: str) -> Make:
        """Return what makes the rows of a stream whose ids are any text.

        Args:
            stream: The stream's name.
            missing: What stands in a column that would be empty.
        """
        clean = self.cleaner(stream).clean

        def make(found: Mapping[str, Any], /, *, is_plain: bool) -> Row | None:
            row = clean(found, is_plain=is_plain)
            if not row["id"] or row["id"].isspace():
                return None
            for name, value in missing.items():
                row[name] = row[name] or value
            return row

        return make


def thread_id_of(found: Mapping[str, Any]) -> str | None:
    """Return the id of a JSON object that may be a thread; None where it is no thread's."""
    try:
        return parse_id(found.get("id"))
    except InvalidIdError:
        return None
