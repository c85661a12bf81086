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

    from tap_hubspot_threads.contract import Page

T = TypeVar("T")
R = TypeVar("R")

LOOKAHEAD = 4
"""Items under way or waiting to be yielded, per worker."""

AHEAD = 4_000_000
"""Bytes of pages that are read in advance: a target that stops to load a batch of its own must not
stop the reading."""

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

    def ahead(self, pages: Iterable[Page]) -> Iterator[Page]:
        """Yield pages, read in advance on a thread of their own.

        Guarantees:
            * No more than `AHEAD` bytes of pages wait to be yielded, but for the last one of them.
            * An error of the pages comes at its place in the order.
            * Once the iterator is closed, no page is begun any more.
        """
        buffer = _Buffer()
        threading.Thread(target=buffer.fill, args=(pages,), daemon=True).start()
        try:
            while (page := self._next(buffer)) is not None:
                yield page
        finally:
            buffer.close()

    def _next(self, buffer: _Buffer) -> Page | None:
        self._while_waiting()
        while not buffer.is_ready(POLL):
            self._while_waiting()
        return buffer.take()

    def _result(self, future: Future[R]) -> R:
        while True:
            self._while_waiting()
            try:
                return future.result(timeout=POLL)
            except FutureTimeoutError:  # of the wait, or of the function itself
                if future.done():
                    return future.result()


class _Buffer:
    """Pages between the thread that reads them and the one that takes them."""

    def __init__(self) -> None:
        self._pages: deque[Page | BaseException | None] = deque()
        self._bytes = 0
        self._is_closed = False
        self._changed = threading.Condition()

    def fill(self, pages: Iterable[Page]) -> None:
        """Put in what there is, and what ends it."""
        end: BaseException | None = None
        try:
            for page in pages:
                with self._changed:
                    self._pages.append(page)
                    self._bytes += page.size
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: self._bytes < AHEAD or self._is_closed)
                    if self._is_closed:
                        return
        except BaseException as error:  # noqa: BLE001 - handed over to whoever takes the pages
            end = error
        with self._changed:
            self._pages.append(end)
            self._changed.notify_all()

    def is_ready(self, timeout: float) -> bool:
        """Wait so many seconds at the most for something to take; tell whether there is."""
        with self._changed:
            return bool(self._changed.wait_for(lambda: self._pages, timeout))

    def take(self) -> Page | None:
        """Return the next page; None at the end.

        Raises:
            Whatever ended the pages.
        """
        with self._changed:
            page = self._pages.popleft()
            if isinstance(page, BaseException):
                raise page
            self._bytes -= page.size if page else 0
            self._changed.notify_all()
            return page

    def close(self) -> None:
        """Let no more be put in."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


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
