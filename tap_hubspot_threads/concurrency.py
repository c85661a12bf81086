"""Ordered, bounded, lazy concurrency: a `map` on worker threads.

Knows nothing of Singer or HTTP.
"""

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


def ordered_map(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    workers: int,
    while_waiting: Callable[[], None] = lambda: None,
) -> Iterator[R]:
    """Yield `function(item)` for each item, in the order of the items.

    Guarantees:
        * At most `workers` calls run at once. `function` runs on worker threads; `items` is
          iterated and results are yielded on the caller's thread only.
        * Items are pulled lazily: at most `LOOKAHEAD × workers` are under way or finished but not
          yet yielded. That bounds the memory, and one slow call does not idle the other workers.
        * A result is yielded no later than the next time an item is pulled after it and all those
          before it are done.
        * `while_waiting` is called on the caller's thread before each result, and every `POLL`
          seconds while the next one is not there. It may raise, which ends the iterator.
        * Once a call has failed, or the iterator is closed, what has not started never starts; only
          calls that are already running go on. The workers are daemons, so a call that hangs does
          not hold up the end of the process.

    Raises:
        Whatever `items` and `while_waiting` raise, and whatever `function` raises, at that item's
        place in the order.
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
            if len(threads) < workers:
                thread = threading.Thread(target=_work, args=(function, tasks, ended), daemon=True)
                threads.append(thread)
                thread.start()
            while pending and (pending[0].done() or len(pending) >= LOOKAHEAD * workers):
                yield _result(pending.popleft(), while_waiting)
        while pending:
            yield _result(pending.popleft(), while_waiting)
    finally:
        ended.set()
        for _ in threads:
            tasks.put(None)


def _result(future: Future[R], while_waiting: Callable[[], None]) -> R:
    while True:
        while_waiting()
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
