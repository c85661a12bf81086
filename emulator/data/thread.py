"""A thread of the account."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from typing_extensions import Self, override

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

HELP_DESK, SALES, CHAT = 481939, 481940, 512377
CHANNELS = {HELP_DESK: (1002, 148662), SALES: (1002, 148700), CHAT: (1000, 151020)}


@dataclass
class Thread:
    """A thread of the account. Times have a time zone, and IDs are integers."""

    id: int
    inbox_id: int
    contact_id: int
    created_at: datetime
    received_at: datetime | None = None
    sent_at: datetime | None = None
    closed_at: datetime | None = None
    assigned_to: str | None = None
    ticket_id: int | None = None
    spam: bool = False
    archived: bool = False
    moved_at: datetime | None = None
    """When an event last updated the latest message's time, if `Behavior` lets events do that."""
    more: dict[str, Any] = field(default_factory=dict)
    """Payload fields that override the regular ones. Replace the dict; never modify it in place."""

    @override
    def __setattr__(self, name: str, value: object) -> None:
        watch = self.__dict__.get("_watch")
        if watch:
            watch(self)
        self.__dict__["_derived"] = {}  # a new dict, because a copy shares the old one
        super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        """Omit attributes that are private to this process."""
        return {name: value for name, value in self.__dict__.items() if name[0] != "_"}

    def watch(self, changing: Callable[[Thread], None] | None) -> None:
        """Set the function to call before each change, in place of any previous function."""
        self.__dict__["_watch"] = changing

    def unwatched_copy(self) -> Self:
        """Return a copy that is not watched."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__, _watch=None)
        return copy

    @property
    def derived(self) -> dict[Any, Any]:
        """A cache for results that depend on this thread. Any change clears it."""
        derived: dict[Any, Any] = self.__dict__.setdefault("_derived", {})
        return derived

    @property
    def status(self) -> str:
        """The status: OPEN or CLOSED."""
        return "CLOSED" if self.closed_at else "OPEN"

    @property
    def latest_message_at(self) -> datetime | None:
        """Time of the latest message, received or sent; None without messages."""
        moments = (self.received_at, self.sent_at, self.moved_at)
        return max(filter(None, moments), default=None)
