"""Worker threads: concurrent calls, with results in order, bounded and lazy."""

from __future__ import annotations

import queue
import threading
from collections import deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from tap_hubspot_threads.errors import WorkerStartError
from tap_hubspot_threads.sync.concurrency.prefetch import Buffer, ByteBudget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_hubspot_threads.models import Page

T = TypeVar("T")
R = TypeVar("R")

LOOKAHEAD = 4
"""Items under way or waiting to be yielded, per worker."""

MOST_WAITING = 5_000
"""Things that wait to be yielded at the most, those without pages among them."""

POLL = 0.1
"""Seconds between two calls of `while_waiting`."""


class WorkerPool:
    """Calls functions that wait on other threads, so that a signal finds this one awake.

    If no thread is left for some work, this thread does it; a signal is then noticed between two
    calls only.

    Args:
        count: Calls at once at the most.
        while_waiting: Called on this thread before each result, and every `POLL` seconds while the
            next one is not there. It may raise, which ends the waiting.
    """

    def __init__(self, count: int, while_waiting: Callable[[], None] = lambda: None) -> None:
        self._count, self._while_waiting = count, while_waiting
        self._has_started = threading.Event()

    def run(self, function: Callable[[], R]) -> R:
        """Return what a function returns; raise what it raises."""
        (result,) = self.map_ordered(lambda _: function(), [None])
        return result

    def iterate(self, items: Iterator[T]) -> Iterator[T]:
        """Yield the items of an iterator, each computed on a worker when it is asked for."""
        while (item := self.run(partial(next, items, None))) is not None:
            yield item

    def map_ordered(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Yield `function(item)` for each item, in the order of the items.

        Guarantees:
            * At most `count` calls run at once, fewer if no more threads can be started. `function`
              runs on worker threads; `items` is iterated and results are yielded on the caller's
              thread only.
            * Items are pulled lazily: at most `LOOKAHEAD × count` are under way or finished but not
              yet yielded. That bounds the memory, and one slow call does not idle the others.
            * A result is yielded no later than the next time an item is pulled after it and all
              those before it are done.
            * Once a call has failed, or the iterator is closed, what has not started never starts;
              only calls that are already running go on. A call that hangs does not hold up the end
              of the process.

        Raises:
            WorkerStartError: if no thread could be started so far.
            Whatever `items` and `while_waiting` raise, and whatever `function` raises, at that
            item's place in the order.
        """
        tasks: queue.SimpleQueue[tuple[T, Future[R]] | None] = queue.SimpleQueue()
        ended = threading.Event()
        threads = _Threads(self._count, self._has_started)
        pending: deque[Future[R]] = deque()
        try:
            for item in items:
                future: Future[R] = Future()
                pending.append(future)
                if threads.add(partial(_work, function, tasks, ended)):
                    tasks.put((item, future))
                else:
                    _do(function, item, future, ended)
                while pending and (pending[0].done() or len(pending) >= LOOKAHEAD * self._count):
                    yield self._result(pending.popleft())
            while pending:
                yield self._result(pending.popleft())
        finally:
            ended.set()
            for _ in range(threads.running):
                tasks.put(None)

    def prefetch_each(
        self, sources: Iterable[tuple[T, Iterator[Page] | None]]
    ) -> Iterator[tuple[T, Iterator[Page]]]:
        """Yield each thing with its pages, in the order of the things.

        The pages are to be gone through before the next thing is asked for.

        Args:
            sources: Each thing with where its pages come from; None: it has none, and costs no
                worker.

        Guarantees:
            * At most `count` sources are gone through at once, on worker threads; `sources` itself
              is iterated and results are yielded on the caller's thread only.
            * At most `LOOKAHEAD × count` sources are under way, `MOST_WAITING` things in all, and
              no more than `PREFETCH_BYTES` bytes and a page for each worker, whatever a thing has.
            * An error of a source comes at its place among the pages; the others go on. One of
              `sources` comes behind all things that came before it.
            * Once the iterator is closed, no page is begun any more.
        """
        room = ByteBudget()
        tasks: queue.SimpleQueue[Buffer | None] = queue.SimpleQueue()
        threads = _Threads(self._count, self._has_started)
        pending: deque[tuple[T, Buffer | Iterator[Page] | None]] = deque()
        errors: list[Exception] = []
        buffers = 0

        def is_due() -> bool:
            _, first = pending[0]
            is_full = buffers >= LOOKAHEAD * self._count or len(pending) >= MOST_WAITING
            return not isinstance(first, Buffer) or first.is_ended or is_full

        try:
            for item, pages in up_to_an_error(sources, errors):
                if pages is not None and threads.add(partial(_fill, tasks)):
                    buffer = Buffer(room, pages)
                    buffers += 1
                    tasks.put(buffer)
                    pending.append((item, buffer))
                else:
                    pending.append((item, pages))
                while pending and is_due():
                    first, its_pages = pending.popleft()
                    buffers -= isinstance(its_pages, Buffer)
                    yield first, self._taken_from(its_pages)
            for first, its_pages in pending:
                yield first, self._taken_from(its_pages)
            for error in errors:
                raise error
        finally:
            room.close()
            for _ in range(threads.running):
                tasks.put(None)

    def prefetch(self, pages: Iterable[Page]) -> Iterator[Page]:
        """Yield pages, read in advance on a thread of their own; bounded as `prefetch_each` is."""
        for _, found in self.prefetch_each([(None, iter(pages))]):
            yield from found

    def _taken_from(self, buffer: Buffer | Iterator[Page] | None) -> Iterator[Page]:
        if not isinstance(buffer, Buffer):
            for found in buffer or ():
                self._while_waiting()
                yield found
            return
        buffer.make_current()
        try:
            while True:
                self._while_waiting()
                while not buffer.is_ready(POLL):
                    self._while_waiting()
                page = buffer.take()
                if page is None:
                    return
                yield page
        finally:
            buffer.close()

    def _result(self, future: Future[R]) -> R:
        while True:
            self._while_waiting()
            try:
                return future.result(timeout=POLL)
            except FutureTimeoutError:  # of the wait, or of the function itself
                if future.done():
                    return future.result()


class _Threads:
    """Threads that share the work, as many as wanted or, if the system has fewer, as it has.

    They are daemons, so none holds up the end of the process.

    Args:
        count: How many are wanted.
        has_started: Set once a thread could be started, for these or others.
    """

    def __init__(self, count: int, has_started: threading.Event) -> None:
        self._wanted, self._has_started = count, has_started
        self.running = 0

    def add(self, work: Callable[[], None]) -> bool:
        """Start one more thread if fewer than wanted are running; return whether any is.

        Raises:
            WorkerStartError: if no thread could be started so far.
        """
        if self.running < self._wanted:
            try:
                threading.Thread(target=work, daemon=True).start()
            except (MemoryError, RuntimeError) as error:
                if not self._has_started.is_set():
                    raise WorkerStartError(error) from None
                self._wanted = max(self.running, 1)
            else:
                self.running += 1
                self._has_started.set()
        return self.running > 0


def _work(
    function: Callable[[T], R],
    tasks: queue.SimpleQueue[tuple[T, Future[R]] | None],
    ended: threading.Event,
) -> None:
    while (task := tasks.get()) is not None and not ended.is_set():
        _do(function, *task, ended)


def _do(function: Callable[[T], R], item: T, future: Future[R], ended: threading.Event) -> None:
    try:
        future.set_result(function(item))
    except BaseException as error:  # noqa: BLE001 - handed over to whoever awaits the result
        ended.set()
        future.set_exception(error)


def _fill(tasks: queue.SimpleQueue[Buffer | None]) -> None:
    while (buffer := tasks.get()) is not None:
        buffer.fill()


def up_to_an_error(items: Iterable[T], errors: list[Exception]) -> Iterator[T]:
    """Yield the items; put what ends them early into the list."""
    try:
        yield from items
    except Exception as error:  # noqa: BLE001 - raised by whoever has the list
        errors.append(error)
