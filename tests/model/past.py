"""What a thread was, and what of that the warehouse has to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

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
