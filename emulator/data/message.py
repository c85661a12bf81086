"""A message or event of a thread."""

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
"""The documented message types, with the optional fields of each."""
WITH_TEXT = ("MESSAGE", "COMMENT", "WELCOME_MESSAGE")


@dataclass(slots=True)
class Message:
    """A message or event of a thread."""

    thread_id: int
    serial: int
    """The message's position in the order in which messages were added to the thread."""
    type: str
    created_at: datetime
    created_by: str
    more: dict[str, Any]
    """Further fields of the payload: those of the message's type, and common fields that differ
    from the default. Several messages may share this dict: replace it, never modify it."""
    updated_at: datetime | None = None
    archived: bool = False
    original: dict[str, str] | None = None
    """The full text, if the text in `more` is truncated."""

    @property
    def id(self) -> str:
        """The unique ID, in hexadecimal."""
        name = f"{self.thread_id}/{self.serial}".encode()
        return blake2b(name, digest_size=16).hexdigest()

    @property
    def order(self) -> tuple[float, ...]:
        """The sort key, oldest first."""
        return (self.created_at.timestamp(), self.serial)

    @property
    def is_known(self) -> bool:
        """Whether the message's type is documented."""
        return self.type in OPTIONAL

    @property
    def content(self) -> dict[str, str] | None:
        """The full text, even if the message is truncated; None for a type without text."""
        if self.type not in WITH_TEXT:
            return None
        text: dict[str, str] = {
            name: self.more[name] for name in ("text", "richText") if name in self.more
        }
        return self.original or text

    def actor_ids(self) -> set[str]:
        """Return the IDs of the actors that the message names."""
        ids = {self.created_by, self.more.get("assignedTo"), self.more.get("assignedFrom")}
        for field in ("senders", "recipients"):
            ids |= {one.get("actorId") for one in self.more.get(field, ())}
        return {actor_id for actor_id in ids if actor_id}
