"""A message of a thread, as it was and is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emulator.data.message import OPTIONAL
from emulator.endpoints.messages import message_payload
from tap_hubspot_threads.hubspot.rows import RowBuilders
from tap_hubspot_threads.singer.base_stream import SCHEMAS

if TYPE_CHECKING:
    from emulator.data.message import Message

MAKE = RowBuilders(SCHEMAS.get_schema).for_stream("messages")
LOOSE = {"otherProperties"}
"""Columns that some looks of rows fill."""
WITHIN = {"failureDetails": "status"}
"""Columns that HubSpot returns inside another field."""

Row = dict[str, Any]


class Said:
    """A message, and what it has been.

    Args:
        message: What was said.
        moment: When it came to be there to read.
    """

    def __init__(self, message: Message, moment: int) -> None:
        self.id = message.id
        self.moment = moment
        self.is_archived = False
        """Whether it is shown no more; that is for ever."""
        self._versions: list[tuple[int, Message | Row]] = []
        self.note(message, moment)

    def note(self, message: Message, moment: int) -> None:
        """Note that it is another now."""
        self._versions.append((moment, replace(message)))
        self.is_archived = message.archived

    def could_be(self, row: Row, since: int) -> bool:
        """Whether a row was true at any moment since then."""
        ends = [moment for moment, _ in self._versions[1:]] + [10**9]
        return any(
            end > since and _is_same(row, self._row(place)) for place, end in enumerate(ends)
        )

    def _row(self, place: int) -> Row:
        moment, version = self._versions[place]
        if not isinstance(version, dict):
            row = MAKE(message_payload(version), is_plain=False)
            assert row is not None
            self._versions[place] = moment, row
            return row
        return version


def _is_same(row: Row, version: Row) -> bool:
    return all(
        row[name] == value
        or (row[name] is None and WITHIN.get(name, name) in OPTIONAL[version["type"]])
        for name, value in version.items()
        if name not in LOOSE
    )
