"""Ordered, bounded, lazy concurrency: a `map` on worker threads.

Knows nothing of Singer or HTTP.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
R = TypeVar("R")

LOOKAHEAD = 4
"""Items under way or waiting to be yielded, per worker."""


def ordered_map(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    workers: int,
) -> Iterator[R]:
    """Yield `function(item)` for each item, in the order of the items.

    Guarantees:
        * At most `workers` calls run at once. `function` runs on worker threads; `items` is
          iterated and results are yielded on the caller's thread only.
        * Items are pulled lazily: at most `LOOKAHEAD × workers` are under way or finished but not
          yet yielded. That bounds the memory, and one slow call does not idle the other workers.
        * A result is yielded no later than the next time an item is pulled after it and all those
          before it are done.
        * Nothing outlives the iterator but calls that are already running: when it is closed or
          ends in an exception, what has not started never starts. The workers are daemons, so a
          call that hangs does not hold up the end of the process.

    Raises:
        Whatever `items` raises, and whatever `function` raises, at that item's place in the order.
    """
    tasks: queue.SimpleQueue[tuple[T, Future[R]] | None] = queue.SimpleQueue()
    threads: list[threading.Thread] = []
    pending: deque[Future[R]] = deque()
    try:
        for item in items:
            future: Future[R] = Future()
            pending.append(future)
            tasks.put((item, future))
            if len(threads) < workers:
                thread = threading.Thread(target=_work, args=(function, tasks), daemon=True)
                threads.append(thread)
                thread.start()
            while pending and (pending[0].done() or len(pending) >= LOOKAHEAD * workers):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        _drain(tasks)
        for _ in threads:
            tasks.put(None)


def _work(
    function: Callable[[T], R],
    tasks: queue.SimpleQueue[tuple[T, Future[R]] | None],
) -> None:
    while (task := tasks.get()) is not None:
        item, future = task
        try:
            future.set_result(function(item))
        except BaseException as error:  # noqa: BLE001 - handed over to whoever awaits the result
            future.set_exception(error)


def _drain(tasks: queue.SimpleQueue[tuple[T, Future[R]] | None]) -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            tasks.get_nowait()
