"""The account: its threads, and how one of them looks on the wire."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

HELP_DESK, SALES, CHAT = 481939, 481940, 512377
CHANNELS = {HELP_DESK: (1002, 148662), SALES: (1002, 148700), CHAT: (1000, 151020)}
AGENTS = ("A-2620022", "A-2620108", "A-2741990", "L-77")
START = datetime(2025, 11, 3, 8, 0, tzinfo=timezone.utc)
SPAN = timedelta(days=360)
SPARSE_BEFORE = datetime(2025, 12, 15, tzinfo=timezone.utc)


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

    @property
    def latest_message_at(self) -> datetime | None:
        """When the latest message came or went; None where there is none yet."""
        return max(filter(None, (self.received_at, self.sent_at)), default=None)

    def payload(self, *, associations: list[str], extra: str | None) -> dict[str, Any]:
        """Return the thread as HubSpot sends it: ids mostly strings, times in mixed precision.

        What is not set is left out, and a thread from before SPARSE_BEFORE lacks what came into
        the API later. Every seventh thread carries a key that no documentation knows.
        """
        channel, channel_account = CHANNELS[self.inbox_id]
        body: dict[str, Any] = {
            "id": str(self.id),
            "createdAt": _wire_time(self.created_at, self.id),
            "closedAt": _wire_time(self.closed_at, self.id),
            "status": "CLOSED" if self.closed_at else "OPEN",
            "originalChannelId": str(channel),
            "originalChannelAccountId": str(channel_account),
            "latestMessageTimestamp": _wire_time(self.latest_message_at, self.id),
            "latestMessageSentTimestamp": _wire_time(self.sent_at, self.id + 1),
            "latestMessageReceivedTimestamp": _wire_time(self.received_at, self.id),
            "assignedTo": self.assigned_to,
            "spam": self.spam,
            "inboxId": str(self.inbox_id) if self.id % 5 else self.inbox_id,
            "associatedContactId": str(self.contact_id) if self.id % 3 else self.contact_id,
            "archived": self.archived,
        }
        if "TICKET" in associations and self.ticket_id:
            body["threadAssociations"] = {"associatedTicketId": str(self.ticket_id)}
        if self.created_at < SPARSE_BEFORE:
            for late in ("spam", "archived", "originalChannelId", "originalChannelAccountId"):
                del body[late]
        if self.id % 7 == 0:
            body["customerSentiment"] = {"score": self.id % 10, "trend": None}
        if extra:
            body[extra] = f"{extra} of {self.id}"
        return {name: value for name, value in body.items() if value is not None}


class Account:
    """The threads of one HubSpot account, by id, and what can happen to them.

    Args:
        threads: What there is at first.
        clock: HubSpot's clock; messages and the `Date` header go by it.
        offset_cursors: Whether a listing's cursors are offsets, or else the key of the last thread.
            What HubSpot's are is unknown.
    """

    def __init__(
        self,
        threads: list[Thread],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
        offset_cursors: bool = False,
    ) -> None:
        self.threads = {thread.id: thread for thread in threads}
        self._last_id = max(self.threads, default=9_336_126_000)
        self.clock = clock
        self.offset_cursors = offset_cursors

    def go_on(self, chance: random.Random) -> None:
        """Let a working day pass: two new threads, messages in five, one of them closed."""
        for thread in [
            self.create(),
            self.create(),
            *chance.sample(list(self.threads.values()), 5),
        ]:
            self.message(thread, sent=chance.random() < 0.5)
        self.close(thread)

    def now(self) -> datetime:
        """Return the time by HubSpot's clock, in milliseconds."""
        now = self.clock()
        return now - timedelta(microseconds=now.microsecond % 1000)

    def create(self, inbox_id: int = HELP_DESK) -> Thread:
        """Begin a thread, without a message; ids are never used twice."""
        self._last_id += 1
        thread = Thread(self._last_id, inbox_id, 1_401, self.now())
        self.threads[thread.id] = thread
        return thread

    def message(self, thread: Thread, *, sent: bool) -> None:
        """Send a message to the visitor, or receive one."""
        if sent:
            thread.sent_at = self.now()
        else:
            thread.received_at = self.now()

    def close(self, thread: Thread) -> None:
        """Close a thread; no listing by time shows that."""
        thread.closed_at = self.now()

    def delete(self, thread: Thread) -> None:
        """Delete a thread for good, as a privacy deletion does."""
        del self.threads[thread.id]

    @classmethod
    def sample(cls, size: int, *, seed: int = 7) -> Account:
        """Make an account of `size` threads; the same for the same size and seed.

        About a tenth is archived, a third open, a few are spam, some have no message yet.
        """
        chance = random.Random(seed)
        now = START
        thread_id = 9_336_126_000
        threads = []
        for _ in range(size):
            now += SPAN / size * chance.uniform(0.2, 1.8)
            now -= timedelta(microseconds=now.microsecond % 1000)
            thread_id += chance.randrange(1, 2_000)
            threads.append(_make_thread(chance, thread_id, now))
        return cls(threads)


def _make_thread(chance: random.Random, thread_id: int, created: datetime) -> Thread:
    def later(moment: datetime, hours: int) -> datetime:
        moment += timedelta(milliseconds=chance.randrange(1_000, hours * 3_600_000))
        return moment.replace(microsecond=0) if chance.random() < 0.1 else moment

    thread = Thread(
        id=thread_id,
        inbox_id=chance.choices((HELP_DESK, SALES, CHAT), (6, 2, 4))[0],
        contact_id=chance.randrange(1_401, 99_999),
        created_at=created,
        spam=chance.random() < 0.04,
        archived=chance.random() < 0.1,
    )
    if chance.random() < 0.95:
        thread.received_at = later(created, 1)
        if chance.random() < 0.8:
            thread.assigned_to = chance.choice(AGENTS)
            thread.sent_at = later(thread.received_at, 8)
            if chance.random() < 0.4:
                thread.received_at = later(thread.sent_at, 24)
        if chance.random() < 0.65:
            thread.closed_at = later(thread.latest_message_at or created, 48)
        if chance.random() < 0.35:
            thread.ticket_id = chance.randrange(57_000_000, 58_000_000)
    return thread


def _wire_time(moment: datetime | None, quirk: int) -> str | None:
    """Write a time as HubSpot does: milliseconds, at times whole seconds or an offset."""
    if moment is None:
        return None
    if moment.microsecond == 0:
        return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
    if quirk % 13 == 0:
        zone = timezone(timedelta(hours=-5))
        return moment.astimezone(zone).isoformat(timespec="milliseconds")
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
