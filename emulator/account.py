"""The account: its threads, and what can happen to them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from emulator.history import Threads
from emulator.sample import AGENTS, SPAN, START, sample_threads
from emulator.thread import CHANNELS, CHAT, HELP_DESK, SALES, SPARSE_BEFORE, Thread
from emulator.ways import Ways

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

__all__ = [
    "AGENTS",
    "CHANNELS",
    "CHAT",
    "HELP_DESK",
    "SALES",
    "SPAN",
    "SPARSE_BEFORE",
    "START",
    "Account",
    "Thread",
]


class Account:
    """The threads of one HubSpot account, by id, and what can happen to them.

    Args:
        threads: What there is at first.
        clock: HubSpot's clock; messages and the `Date` header go by it.
        offset_cursors: Whether a listing's cursors are offsets: the way that is most often told.
        ways: How its HubSpot behaves where nobody knows; may be changed later.

    `portal_id` is the account's number, `time_zone` and `utc_offset_ms` say where its days begin.
    """

    def __init__(
        self,
        threads: list[Thread],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
        offset_cursors: bool = False,
        ways: Ways | None = None,
    ) -> None:
        self.clock = clock
        self.threads = Threads(threads, self.now)
        self._last_id = max(self.threads, default=9_336_126_000)
        self.ways = ways or Ways()
        if offset_cursors:
            self.offset_cursors = True
        self.details_asked = 0
        self.portal_id = 62515
        self.time_zone = "US/Eastern"
        self.utc_offset_ms = -5 * 3_600_000

    @property
    def offset_cursors(self) -> bool:
        """Whether a listing's cursors are offsets, or else the key of the last thread."""
        return self.ways.cursors == "offset"

    @offset_cursors.setter
    def offset_cursors(self, are_offsets: bool) -> None:
        self.ways.cursors = "offset" if are_offsets else "key"

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
        """Make an account of `size` threads; see `sample_threads`."""
        return cls(sample_threads(size, seed=seed))
