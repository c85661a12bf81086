"""Worker threads: calls side by side, in order, bounded, lazy."""

from __future__ import annotations

import queue
import threading
from collections import deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
R = TypeVar("R")

LOOKAHEAD = 4
"""Items under way or waiting to be yielded, per worker."""

POLL = 0.1
"""Seconds between two calls of `while_waiting`."""


class Workers:
    """Calls functions that wait on other threads, so that a signal finds this one awake.

    Args:
        count: Calls at once at the most.
        while_waiting: Called on this thread before each result, and every `POLL` seconds while the
            next one is not there. It may raise, which ends the waiting.
    """

    def __init__(self, count: int, while_waiting: Callable[[], None] = lambda: None) -> None:
        self._count, self._while_waiting = count, while_waiting

    def call(self, function: Callable[[], R]) -> R:
        """Return what a function returns; raise what it raises."""
        (result,) = self.each(lambda _: function(), [None])
        return result

    def each(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Yield `function(item)` for each item, in the order of the items.

        Guarantees:
            * At most `count` calls run at once. `function` runs on worker threads; `items` is
              iterated and results are yielded on the caller's thread only.
            * Items are pulled lazily: at most `LOOKAHEAD × count` are under way or finished but not
              yet yielded. That bounds the memory, and one slow call does not idle the others.
            * A result is yielded no later than the next time an item is pulled after it and all
              those before it are done.
            * Once a call has failed, or the iterator is closed, what has not started never starts;
              only calls that are already running go on. The workers are daemons, so a call that
              hangs does not hold up the end of the process.

        Raises:
            Whatever `items` and `while_waiting` raise, and whatever `function` raises, at that
            item's place in the order.
        """
        tasks: queue.SimpleQueue[tuple[T, Future[R]] | None] = queue.SimpleQueue()
        ended = threading.Event()
        threads: list[threading.Thread] = []
        pending: deque[Future[R]] = deque()
        try:
            for item in items:
                future: Future[R] = Future()
                pending.append(future)
                tasks.put((item, future))
                if len(threads) < self._count:
                    work = threading.Thread(
                        target=_work, args=(function, tasks, ended), daemon=True
                    )
                    threads.append(work)
                    work.start()
                while pending and (pending[0].done() or len(pending) >= LOOKAHEAD * self._count):
                    yield self._result(pending.popleft())
            while pending:
                yield self._result(pending.popleft())
        finally:
            ended.set()
            for _ in threads:
                tasks.put(None)

    def _result(self, future: Future[R]) -> R:
        while True:
            self._while_waiting()
            try:
                return future.result(timeout=POLL)
            except FutureTimeoutError:  # of the wait, or of the function itself
                if future.done():
                    return future.result()


def _work(
    function: Callable[[T], R],
    tasks: queue.SimpleQueue[tuple[T, Future[R]] | None],
    ended: threading.Event,
) -> None:
    while (task := tasks.get()) is not None and not ended.is_set():
        item, future = task
        try:
            future.set_result(function(item))
        except BaseException as error:  # noqa: BLE001 - handed over to whoever awaits the result
            ended.set()
            future.set_exception(error)
