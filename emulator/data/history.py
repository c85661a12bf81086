"""The current threads of an account, and their states of the last hour."""

from __future__ import annotations

from collections import deque
from collections.abc import MutableMapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, ValuesView

    from emulator.data.thread import Thread

RETENTION = timedelta(hours=1)


class Threads(MutableMapping[int, "Thread"]):
    """Threads by ID, with a log of all changes of the last hour.

    Args:
        threads: The initial threads. They count as having always existed.
        now: Returns the time to record for a change.

    Attributes:
        derived: A cache for results that depend on the threads. Any change clears it.
    """

    def __init__(self, threads: list[Thread], now: Callable[[], datetime]) -> None:
        self._threads = {thread.id: thread for thread in threads}
        self._now = now
        self._undo: deque[tuple[datetime, int, Thread | None]] = deque()
        self.derived: dict[Any, Any] = {}
        for thread in threads:
            thread.watch(self._log_change)

    def as_of(self, moment: datetime) -> dict[int, Thread]:
        """Return the threads by ID as they were at a moment of the last hour."""
        threads = dict(self._threads)
        for when, thread_id, before in reversed(self._undo):
            if when <= moment:
                break
            if before is None:
                threads.pop(thread_id, None)
            else:
                threads[thread_id] = before
        return threads

    @override
    def __getitem__(self, thread_id: int) -> Thread:
        return self._threads[thread_id]

    @override
    def __setitem__(self, thread_id: int, thread: Thread) -> None:
        self._log(thread_id, self._threads.get(thread_id))
        self._threads[thread_id] = thread
        thread.watch(self._log_change)

    @override
    def __delitem__(self, thread_id: int) -> None:
        thread = self._threads[thread_id]
        self._log(thread_id, thread)
        thread.watch(None)
        del self._threads[thread_id]

    @override
    def __iter__(self) -> Iterator[int]:
        return iter(self._threads)

    @override
    def __len__(self) -> int:
        return len(self._threads)

    @override
    def values(self) -> ValuesView[Thread]:
        return self._threads.values()

    def _log_change(self, thread: Thread) -> None:
        """Log a thread that is about to change."""
        self._log(thread.id, thread)

    def _log(self, thread_id: int, before: Thread | None) -> None:
        self.derived.clear()
        now = self._now()
        self._undo.append((now, thread_id, before.unwatched_copy() if before else None))
        while self._undo[0][0] < now - RETENTION:
            self._undo.popleft()
