"""The history of a thread, and what the warehouse must know about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.simulation.message_history import MessageHistory

if TYPE_CHECKING:
    from collections.abc import Collection

    from emulator.data.message import Message

MAY_BE_UNKNOWN = {"spam", "archived", "originalChannelId", "originalChannelAccountId"}
LISTED_OTHERWISE = {"otherProperties"}
HELD_OPEN = {"status", "closedAt"}
"""Columns that a stale status index may show wrongly forever. The tap emits rows as returned."""

Row = dict[str, Any]


@dataclass
class ThreadHistory:
    """The history of a thread, and since when the warehouse must know it."""

    versions: list[tuple[int, Row]] = field(default_factory=list)
    """Each version's moment and row."""
    origins: list[int] = field(default_factory=list)
    """For each version, the moment at which an equal row first existed."""
    increment_due_at: int | None = None
    """The moment of the last message that an increment must find, if any."""
    expected_since: int | None = None
    """The last moment whose version a listing or a request by ID must have returned."""
    shifted_at: int = -1
    """When it was restored, or archived while listings lag. A listing in progress may miss it on
    both
    sides.
    """
    moved_at: int = -1
    """When it was last archived or restored. Two requests by ID may both have missed it."""
    deleted_at: datetime | None = None
    first_missed_at: datetime | None = None
    """When the first sync ended that must have noticed the deletion."""
    hidden_until: datetime | None = None
    """The end of an outage that hid the thread, unless a later sync must have read it since."""
    may_be_listed_open: bool = False
    """Whether a listing by status may have shown it as open although it was closed."""
    rolled_back_at: int = -1
    """When an older state was restored, after which a silent change may be missed."""
    was_archived: bool = False
    inboxes: set[int] = field(default_factory=set)
    """The inboxes that it has been in."""

    # Messages
    messages: dict[str, MessageHistory] = field(default_factory=dict)
    """The messages by ID."""
    message_due_at: int | None = None
    """The moment of the last message that moved the thread's latest message."""
    messages_expected_since: int | None = None
    """The moment since which a change of the thread must have led to reading its messages."""
    messages_waived_at: int = -1
    """When the last sync ended that saw changes without reading messages."""
    archived_at: int = -1
    """The last moment at which it was archived or restored."""
    messages_checked_at: int = -1
    """The moment up to which its messages have been found in the warehouse."""

    def note(self, moment: int, row: Row) -> None:
        """Record the thread's row since a moment."""
        origin = moment
        for (_, version), first in zip(self.versions, self.origins, strict=True):
            if _is_same(row, version, LISTED_OTHERWISE | MAY_BE_UNKNOWN):
                origin = first
                break
        self.versions.append((moment, row))
        self.origins.append(origin)

    def note_messages(self, moment: int, messages: Collection[Message]) -> None:
        """Record messages that did not exist before."""
        if len(messages) != len(self.messages):
            for message in messages:
                if message.id not in self.messages:
                    self.messages[message.id] = MessageHistory(message, moment)

    def origin_since(self, moment: int) -> int:
        """Return since when a row has existed that was valid at or after a moment."""
        ends = [begin for begin, _ in self.versions[1:]] + [10**9]
        return min(origin for end, origin in zip(ends, self.origins, strict=True) if end > moment)

    def is_after(self, start: str | None, moment: int) -> bool:
        """Whether its latest message, or else its creation, was not before a time, at a moment."""
        rows = (row for begin, row in reversed(self.versions) if begin <= moment)
        row = next(rows, self.versions[0][1])
        return start is None or (row["latestMessageTimestamp"] or row["createdAt"]) >= start

    def forget(self) -> None:
        """Record that the warehouse is empty and that the next sync is a full refresh."""
        self.expected_since = self.messages_expected_since = self.first_missed_at = None
        self.rolled_back_at = self.messages_checked_at = -1
        self.may_be_listed_open = False

    def could_be(self, row: Row, since: int) -> bool:
        """Whether the row was valid at any moment since then."""
        ends = [moment for moment, _ in self.versions[1:]] + [10**9]
        loose = HELD_OPEN if self.may_be_listed_open and row["status"] == "OPEN" else set()
        return any(
            end > since and _is_same(row, version, LISTED_OTHERWISE | loose)
            for end, (_, version) in zip(ends, self.versions, strict=True)
        )


def _is_same(row: Row, version: Row, loose: set[str]) -> bool:
    """Whether a row equals a version, ignoring columns that HubSpot does not always fill."""
    return all(
        row[name] == value or (name in MAY_BE_UNKNOWN and row[name] is None)
        for name, value in version.items()
        if name not in loose
    )


def text_of(time: datetime) -> str:
    """Return a time in the format of rows and states."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03}Z"


def time_of(text: str) -> datetime:
    """Parse a time of a row or a state."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
