"""The history of a message."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emulator.data.message import OPTIONAL
from emulator.endpoints.messages import message_payload
from tap_hubspot_threads.hubspot.json_to_row import RowBuilders
from tap_hubspot_threads.singer.row_to_record import SCHEMAS

if TYPE_CHECKING:
    from emulator.data.message import Message

MAKE = RowBuilders(SCHEMAS.get_schema).for_stream("messages")
LOOSE = {"otherProperties"}
"""Columns that only some forms of a row fill."""
WITHIN = {"failureDetails": "status"}
"""Columns that HubSpot returns inside another field."""

Row = dict[str, Any]


class MessageHistory:
    """A message and its versions.

    Args:
        message: The first version.
        moment: When it could first be read.
    """

    def __init__(self, message: Message, moment: int) -> None:
        self.id = message.id
        self.moment = moment
        self.is_archived = False
        """Whether it is archived, and therefore no longer returned."""
        self._versions: list[tuple[int, Message | Row]] = []
        self.note(message, moment)

    def note(self, message: Message, moment: int) -> None:
        """Record a new version."""
        self._versions.append((moment, replace(message)))
        self.is_archived = message.archived

    def could_be(self, row: Row, since: int) -> bool:
        """Whether the row was valid at any moment since then."""
        ends = [moment for moment, _ in self._versions[1:]] + [10**9]
        return any(
            end > since and _is_same(row, self._row(place)) for place, end in enumerate(ends)
        )

    def _row(self, place: int) -> Row:
        moment, version = self._versions[place]
        if not isinstance(version, dict):
            row = MAKE(message_payload(version), needs_no_cleaning=False)
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
