"""The threads of an account, as they are and as they were a while ago."""

from __future__ import annotations

from collections import deque
from collections.abc import MutableMapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, ValuesView

    from emulator.data.thread import Thread

KEPT = timedelta(hours=1)


class Threads(MutableMapping[int, "Thread"]):
    """Threads by id; each change of one, by whomever, is dated and can be undone for an hour.

    Args:
        threads: What there is at first, and always was.
        now: The time by which changes are dated.

    `derived` is for what others make of the threads as they are: emptied at each change.
    """

    def __init__(self, threads: list[Thread], now: Callable[[], datetime]) -> None:
        self._threads = {thread.id: thread for thread in threads}
        self._now = now
        self._undo: deque[tuple[datetime, int, Thread | None]] = deque()
        self.derived: dict[Any, Any] = {}
        for thread in threads:
            thread.watch(self._note)

    def as_of(self, moment: datetime) -> dict[int, Thread]:
        """Return the threads as they were; as they are if nothing has happened since."""
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
        thread.watch(self._note)

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

    def _note(self, thread: Thread) -> None:
        """Note a thread that is about to change."""
        self._log(thread.id, thread)

    def _log(self, thread_id: int, before: Thread | None) -> None:
        self.derived.clear()
        now = self._now()
        self._undo.append((now, thread_id, before.twin() if before else None))
        while self._undo[0][0] < now - KEPT:
            self._undo.popleft()
