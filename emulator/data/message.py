"""A message or an event of a thread, as the account holds it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

OPTIONAL = {
    "MESSAGE": ("updatedAt", "richText", "subject", "inReplyToId", "status"),
    "COMMENT": ("updatedAt",),
    "WELCOME_MESSAGE": ("updatedAt", "richText"),
    "ASSIGNMENT": ("updatedAt", "assignedTo", "assignedFrom"),
    "THREAD_STATUS_CHANGE": ("updatedAt",),
    "THREAD_INBOX_CHANGE": ("updatedAt",),
}
"""The documented types, and what each may lack."""
WITH_TEXT = ("MESSAGE", "COMMENT", "WELCOME_MESSAGE")


@dataclass(slots=True)
class Message:
    """A message as the account holds it.

    `more` is what its type adds, as it goes over the wire, and what is not as usual of what every
    type has; it may be that of other messages too, so it is replaced and never changed.
    """

    thread_id: int
    serial: int
    """Which of its thread's messages it is, in the order of their making."""
    type: str
    created_at: datetime
    created_by: str
    more: dict[str, Any]
    updated_at: datetime | None = None
    archived: bool = False
    original: dict[str, str] | None = None
    """The whole text, where `more` has a part of it."""

    @property
    def id(self) -> str:
        """Its id: hexadecimal, no other message's."""
        name = f"{self.thread_id}/{self.serial}".encode()
        return blake2b(name, digest_size=16).hexdigest()

    @property
    def order(self) -> tuple[float, ...]:
        """What it is sorted by, oldest first."""
        return (self.created_at.timestamp(), self.serial)

    @property
    def is_known(self) -> bool:
        """Whether its type is documented."""
        return self.type in OPTIONAL

    @property
    def content(self) -> dict[str, str] | None:
        """The whole text, whether it is cut or not; None if its type has none."""
        if self.type not in WITH_TEXT:
            return None
        cut: dict[str, str] = {
            name: self.more[name] for name in ("text", "richText") if name in self.more
        }
        return self.original or cut

    def actor_ids(self) -> set[str]:
        """Return the actors that it names."""
        named = {self.created_by, self.more.get("assignedTo"), self.more.get("assignedFrom")}
        for field in ("senders", "recipients"):
            named |= {one.get("actorId") for one in self.more.get(field, ())}
        return {name for name in named if name}
