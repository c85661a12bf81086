"""A thread, and how it looks on the wire."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from typing_extensions import Self, override

from emulator.rows import USUAL, Rows, is_so, wire_time

if TYPE_CHECKING:
    from collections.abc import Callable

HELP_DESK, SALES, CHAT = 481939, 481940, 512377
CHANNELS = {HELP_DESK: (1002, 148662), SALES: (1002, 148700), CHAT: (1000, 151020)}
SPARSE_BEFORE = datetime(2025, 12, 15, tzinfo=timezone.utc)
LATE_FIELDS = ("spam", "archived", "originalChannelId", "originalChannelAccountId")


@dataclass
class Thread:
    """A thread as the account holds it; times are aware, ids are integers as HubSpot keeps them."""

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
    """When an event moved the latest message's time, if events do."""

    @override
    def __setattr__(self, name: str, value: object) -> None:
        watch = self.__dict__.get("_watch")
        if watch:
            watch(self)
        self.__dict__["_texts"] = {}  # another one: a twin keeps those of before
        super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is of this process only."""
        return {name: value for name, value in self.__dict__.items() if name[0] != "_"}

    def watch(self, changing: Callable[[Thread], None] | None) -> None:
        """Have this called before each change; it takes the place of another."""
        self.__dict__["_watch"] = changing

    def twin(self) -> Self:
        """Return a copy that nobody watches."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__, _watch=None)
        return twin

    @property
    def status(self) -> str:
        """OPEN or CLOSED."""
        return "CLOSED" if self.closed_at else "OPEN"

    @property
    def latest_message_at(self) -> datetime | None:
        """When the latest message came or went; None where there is none yet."""
        moments = (self.received_at, self.sent_at, self.moved_at)
        return max(filter(None, moments), default=None)

    def text(self, associations: tuple[str, ...], extra: str | None, rows: Rows) -> str:
        """Return the payload in JSON; it is kept until the thread changes."""
        texts: dict[Any, str] = self.__dict__.setdefault("_texts", {})
        key = (associations, extra, rows)
        if key not in texts:
            payload = self.payload(associations=list(associations), extra=extra, rows=rows)
            texts[key] = json.dumps(payload)
        return texts[key]

    def payload(
        self, *, associations: list[str], extra: str | None, rows: Rows = USUAL
    ) -> dict[str, Any]:
        """Return the thread as HubSpot sends it: ids mostly strings, times in mixed precision.

        What is not set is left out, and a thread from before SPARSE_BEFORE lacks what came into
        the API later. Every seventh thread carries a key that no documentation knows. So with the
        usual rows.
        """
        channel, channel_account = CHANNELS[self.inbox_id]
        quirk = self.id if rows.times == "mixed" else None
        body: dict[str, Any] = {
            "id": str(self.id),
            "createdAt": wire_time(self.created_at, quirk),
            "closedAt": wire_time(self.closed_at, quirk),
            "status": self.status,
            "originalChannelId": self._reference(channel, 0, rows),
            "originalChannelAccountId": self._reference(channel_account, 0, rows),
            "latestMessageTimestamp": wire_time(self.latest_message_at, quirk),
            "latestMessageSentTimestamp": wire_time(self.sent_at, quirk and quirk + 1),
            "latestMessageReceivedTimestamp": wire_time(self.received_at, quirk),
            "assignedTo": self.assigned_to,
            "spam": self.spam,
            "inboxId": self._reference(self.inbox_id, 5, rows),
            "associatedContactId": self._reference(self.contact_id, 3, rows),
            "archived": self.archived,
        }
        if "TICKET" in associations and self.ticket_id:
            ticket = self._reference(self.ticket_id, 0, rows)
            body["threadAssociations"] = {"associatedTicketId": ticket}
        if is_so(rows.sparse, of_some=self.created_at < SPARSE_BEFORE):
            for late in LATE_FIELDS:
                del body[late]
        if rows.unset == "left out":
            body = {name: value for name, value in body.items() if value is not None}
        if is_so(rows.unknown_fields, of_some=self.id % 7 == 0):
            body["customerSentiment"] = {"score": self.id % 10, "trend": None}
        if extra:
            body[extra] = f"{extra} of {self.id}"
        return body

    def _reference(self, number: int, quirk: int, rows: Rows) -> int | str:
        """Return an id as a number or a string; some: in every so many threads a number."""
        is_some = bool(quirk) and self.id % quirk == 0
        return number if is_so(rows.number_ids, of_some=is_some) else str(number)
