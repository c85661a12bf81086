"""A message or an event of a thread, and how it looks on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from emulator.rows import USUAL, Rows, finish, wire_time

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
IDS = ("conversationsThreadId", "channelId", "channelAccountId", "fromInboxId", "toInboxId")
UNKNOWN_ATTACHMENT = {"type": "VOICE_TRANSCRIPT", "segments": [{"at": 0.5, "said": "Hello?"}]}


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

    def payload(self, *, rows: Rows = USUAL) -> dict[str, Any]:
        """Return it as HubSpot sends it; what is not set is left out, with the usual rows."""
        number = self.thread_id + self.serial
        quirk = number if rows.times == "mixed" else None
        body: dict[str, Any] = {
            "type": self.type,
            "id": self.id,
            "conversationsThreadId": str(self.thread_id),
            "createdAt": wire_time(self.created_at, quirk),
            "updatedAt": wire_time(self.updated_at, quirk),
            "createdBy": self.created_by,
            "client": {"clientType": "HUBSPOT"},
            "senders": [{"actorId": self.created_by}],
            "recipients": [],
            "archived": self.archived,
        }
        if self.updated_at is None:
            del body["updatedAt"]
        if self.type == "MESSAGE":
            body |= {"attachments": [], "truncationStatus": "NOT_TRUNCATED"}
        body |= self.more
        if rows.unknown_values == "some":
            _let_grow(body, number)
        return finish(body, rows, number, ids=IDS, optional=OPTIONAL.get(self.type, ()))


def _let_grow(body: dict[str, Any], number: int) -> None:
    """Give some rows a value that came into the API after its documentation."""
    if body.get("status") == {"statusType": "SENT"} and number % 2:
        body["status"] = {"statusType": "DELIVERED"}
    if body.get("attachments") and number % 4 == 0:
        body["attachments"] = [*body["attachments"], UNKNOWN_ATTACHMENT]
