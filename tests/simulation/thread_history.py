"""What a thread was, and what of that the warehouse has to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.simulation.message_history import Said

if TYPE_CHECKING:
    from collections.abc import Collection

    from emulator.data.message import Message

MAY_BE_UNKNOWN = {"spam", "archived", "originalChannelId", "originalChannelAccountId"}
LISTED_OTHERWISE = {"otherProperties"}
HELD_OPEN = {"status", "closedAt"}
"""What an index of statuses may be wrong about for ever; the tap takes rows as it is given them."""

Row = dict[str, Any]


@dataclass
class Past:
    """What a thread was, and since when the warehouse has to know it."""

    versions: list[tuple[int, Row]] = field(default_factory=list)
    """The moment of each change, and the row since then."""
    origins: list[int] = field(default_factory=list)
    """Of each version, the moment from which on it was first to be seen."""
    message_at: int | None = None
    """The moment of the last message that an increment has to find; None: no such one."""
    told_at: int | None = None
    """The last moment from which a listing or a reading has to have brought it."""
    shifted_at: int = -1
    """When it was last restored, or archived where listings lag: one that goes on may see it on no
    side."""
    deleted_at: datetime | None = None
    missed_at: datetime | None = None
    """When the first sync ended that has to have noticed that it is gone."""
    hidden_until: datetime | None = None
    """Until when HubSpot has denied that it is there, if no sync has to have seen it since."""
    is_held_open: bool = False
    """Whether a listing by status may have shown it as open although it was closed."""
    loose_at: int = -1
    """When an older state was taken up again, by which a silent change may go unnoticed."""
    was_archived: bool = False
    inboxes: set[int] = field(default_factory=set)
    """Those that it has been in."""

    # Messages
    said: dict[str, Said] = field(default_factory=dict)
    """Each by its id."""
    said_at: int | None = None
    """The moment of the last one that moved the thread's latest."""
    read_at: int | None = None
    """The moment from which a change of the thread has to have brought its messages."""
    waived_at: int = -1
    """When the last sync ended that knows of changes without reading messages."""
    archived_at: int = -1
    """The last moment at which it was archived, or ceased to be."""
    checked_at: int = -1
    """Up to which moment its messages have been found in the warehouse."""

    def note(self, moment: int, row: Row) -> None:
        """Note the row since a moment."""
        origin = moment
        for (_, version), first in zip(self.versions, self.origins, strict=True):
            if _is_same(row, version, LISTED_OTHERWISE | MAY_BE_UNKNOWN):
                origin = first
                break
        self.versions.append((moment, row))
        self.origins.append(origin)

    def note_said(self, moment: int, messages: Collection[Message]) -> None:
        """Note messages that were not there before."""
        if len(messages) != len(self.said):
            for message in messages:
                if message.id not in self.said:
                    self.said[message.id] = Said(message, moment)

    def origin_since(self, moment: int) -> int:
        """Return since when the row has been as it was at a moment, or at any later one."""
        ends = [begin for begin, _ in self.versions[1:]] + [10**9]
        return min(origin for end, origin in zip(ends, self.origins, strict=True) if end > moment)

    def is_after(self, start: str | None, moment: int) -> bool:
        """Whether its latest message, or else its beginning, was not before a time, at a moment."""
        rows = (row for begin, row in reversed(self.versions) if begin <= moment)
        row = next(rows, self.versions[0][1])
        return start is None or (row["latestMessageTimestamp"] or row["createdAt"]) >= start

    def forget(self) -> None:
        """Note that the warehouse is empty, and that the next sync lists everything."""
        self.told_at = self.read_at = self.missed_at = None
        self.loose_at = self.checked_at = -1
        self.is_held_open = False

    def could_be(self, row: Row, since: int) -> bool:
        """Whether the row was true at any moment since then."""
        ends = [moment for moment, _ in self.versions[1:]] + [10**9]
        loose = HELD_OPEN if self.is_held_open and row["status"] == "OPEN" else set()
        return any(
            end > since and _is_same(row, version, LISTED_OTHERWISE | loose)
            for end, (_, version) in zip(ends, self.versions, strict=True)
        )


def _is_same(row: Row, version: Row, loose: set[str]) -> bool:
    """Whether a row tells of a version; some columns HubSpot does not always fill."""
    return all(
        row[name] == value or (name in MAY_BE_UNKNOWN and row[name] is None)
        for name, value in version.items()
        if name not in loose
    )


def text_of(time: datetime) -> str:
    """Return a time as rows and states have it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03}Z"


def time_of(text: str) -> datetime:
    """Return the time that a row or a state has."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
