"""Runs calls concurrently on worker threads, and limits the results that wait to be yielded."""

from __future__ import annotations

import queue
import threading
from collections import deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from tap_hubspot_threads.errors import WorkerStartError
from tap_hubspot_threads.sync.concurrency.prefetch import Buffer, ByteBudget, SharedBuffer, Sized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_hubspot_threads.models import Page
    from tap_hubspot_threads.sync.concurrency.prefetch import Plan

T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S", bound=Sized)

LOOKAHEAD = 4
"""At most this many items per worker are in progress or wait to be yielded. At this limit, an item
must be yielded before the next item starts."""

MAX_WAITING = 5_000
"""Maximum items of `prefetch_each` that wait to be yielded, including items without pages. At the
maximum, an item must be yielded before the next item is taken."""

POLL = 0.1
"""Seconds between two calls of `while_waiting`."""


class WorkerPool:
    """Runs blocking calls on worker threads, so that the main thread can react to signals.

    If the system cannot start the first thread of this pool, the methods raise `WorkerStartError`.
    If the system later cannot start any thread, the calling thread runs the calls. The tap then
    does not react to a signal during a call.

    Args:
        count: Maximum concurrent calls.
        while_waiting: Called on the calling thread before each result, and every `POLL` seconds
            while waiting for a result. An error of this function ends the wait.
    """

    def __init__(self, count: int, while_waiting: Callable[[], None] = lambda: None) -> None:
        self.count, self._while_waiting = count, while_waiting
        self._has_started = threading.Event()

    def run(self, function: Callable[[], R]) -> R:
        """Run a function on a worker thread. Return its result or raise its error."""
        (result,) = self.map_ordered(lambda _: function(), [None])
        return result

    def iterate(self, items: Iterator[T]) -> Iterator[T]:
        """Yield the items of an iterator.

        A worker thread computes an item when the caller requests the item.
        """
        while (item := self.run(partial(next, items, None))) is not None:
            yield item

    def map_ordered(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Yield `function(item)` for each item, in the order of the items.

        Guarantees:
            * At most `count` calls of `function` run at once, on worker threads. If the system
              cannot start `count` threads, fewer calls run at once. The calling thread iterates
              over `items`.
            * At most `LOOKAHEAD × count` items are in progress or wait to be yielded, to limit the
              memory. Below this limit, other workers continue while one call is slow.
            * If the next result in order is ready, the pool yields this result before requesting
              the next item from `items`.
            * After a call has failed, no call for a later item starts. After the iterator is
              closed, no call starts. Running calls finish. A call that hangs does not delay the
              exit of the process.

        Raises:
            WorkerStartError: if this pool has never been able to start a thread.
            Any error of `function`, in place of the item's result.
            Any error of `items` or `while_waiting`, at once.
        """
        tasks: queue.SimpleQueue[_Task[T, R] | None] = queue.SimpleQueue()
        ends: list[int] = []
        threads = _Threads(self.count, self._has_started)
        pending: deque[Future[R]] = deque()
        try:
            for number, item in enumerate(items):
                task: _Task[T, R] = _Task(number, item, Future())
                pending.append(task.future)
                if threads.add(partial(_work, function, tasks, ends)):
                    tasks.put(task)
                else:
                    task.run(function, ends)
                while pending and (pending[0].done() or len(pending) >= LOOKAHEAD * self.count):
                    yield self._result(pending.popleft())
            while pending:
                yield self._result(pending.popleft())
        finally:
            ends.append(-1)
            for _ in range(threads.running):
                tasks.put(None)

    def prefetch_each(
        self, items: Iterable[tuple[T, Iterator[Page] | None]]
    ) -> Iterator[tuple[T, Iterator[Page]]]:
        """Yield each item with its pages, in the order of the items.

        The caller must consume the pages of an item before requesting the next item.

        Args:
            items: The items, each with the source of its pages. An item without pages has None as
                its source.

        Guarantees:
            * At most `count` sources are read at once, on worker threads. The calling thread
              iterates over `items`.
            * At most `LOOKAHEAD × count` items with a source, and at most `MAX_WAITING` items in
              total, are in progress or wait to be yielded.
            * The pages that are read ahead take at most `PREFETCH_BYTES` bytes plus one page per
              worker.
            * An error of a source is raised in place of the source's next page. Other sources are
              still read. An error of `items` is raised after all earlier items.
            * After the iterator is closed, no further page is requested.
        """
        budget = ByteBudget()
        tasks: queue.SimpleQueue[Buffer | None] = queue.SimpleQueue()
        threads = _Threads(self.count, self._has_started)
        pending: deque[tuple[T, Buffer | Iterator[Page] | None]] = deque()
        errors: list[Exception] = []
        buffers = 0

        def is_due() -> bool:
            _, first = pending[0]
            is_full = buffers >= LOOKAHEAD * self.count or len(pending) >= MAX_WAITING
            return not isinstance(first, Buffer) or first.is_ended or is_full

        try:
            for item, pages in up_to_an_error(items, errors):
                if pages is not None and threads.add(partial(_fill, tasks)):
                    buffer = Buffer(budget, pages)
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
            budget.close()
            for _ in range(threads.running):
                tasks.put(None)

    def prefetch(self, pages: Iterable[Page]) -> Iterator[Page]:
        """Yield pages that a worker thread reads ahead, with the limits of `prefetch_each`."""
        for _, found in self.prefetch_each([(None, iter(pages))]):
            yield from found

    def run_plan(self, plan: Plan[T, S]) -> Iterator[S]:
        """Yield the results of a plan's tasks, in the order in which the tasks end.

        Guarantees:
            * At most `count` tasks run at once, on worker threads.
            * Results that wait to be yielded take at most `PREFETCH_BYTES` bytes plus one result
              per worker.
            * An error of a task is raised after the results that wait.
            * After an error, or after the iterator is closed, no further task starts. Running tasks
              finish.
        """
        buffer = SharedBuffer(plan)
        threads = _Threads(self.count, self._has_started)
        try:
            for _ in range(self.count):
                threads.add(buffer.work)
            while True:
                self._while_waiting()
                if not threads.running:
                    buffer.run_task()
                while not buffer.is_ready(POLL):
                    self._while_waiting()
                result = buffer.take()
                if result is None:
                    return
                yield result
        finally:
            buffer.close()

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
            except FutureTimeoutError:  # no result yet, or the worker's function raised this error
                if future.done():
                    return future.result()


class _Threads:
    """Daemon threads: up to `count`, or as many as the system can start.

    Daemon threads do not delay the exit of the process.

    Args:
        count: Maximum number of threads.
        has_started: Set when the pool has started its first thread. The pool passes the same event
            to each `_Threads` object.
    """

    def __init__(self, count: int, has_started: threading.Event) -> None:
        self._max_count, self._has_started = count, has_started
        self.running = 0

    def add(self, work: Callable[[], None]) -> bool:
        """Start another thread if fewer than `count` threads run.

        Return whether any of these threads runs. If not, the caller must do the work.

        Raises:
            WorkerStartError: if the pool has never been able to start a thread.
        """
        if self.running < self._max_count:
            try:
                threading.Thread(target=work, daemon=True).start()
            except (MemoryError, RuntimeError) as error:
                if not self._has_started.is_set():
                    raise WorkerStartError(error) from None
                self._max_count = max(self.running, 1)
            else:
                self.running += 1
                self._has_started.set()
        return self.running > 0


@dataclass(frozen=True)
class _Task(Generic[T, R]):
    """One item of `map_ordered`.

    Args:
        number: The position of the item.
        item: The argument for the function.
        future: Receives the function's result or error.
    """

    number: int
    item: T
    future: Future[R]

    def run(self, function: Callable[[T], R], ends: list[int]) -> None:
        """Call the function. If the call fails, add the number of the task to `ends`."""
        try:
            self.future.set_result(function(self.item))
        except BaseException as error:  # noqa: BLE001 - raised by `WorkerPool._result`
            ends.append(self.number)
            self.future.set_exception(error)


def _work(
    function: Callable[[T], R], tasks: queue.SimpleQueue[_Task[T, R] | None], ends: list[int]
) -> None:
    """Run tasks, but end at a task that comes after a failed task.

    A task before the failed task still runs, because its result is yielded before the error.

    Args:
        function: The function to call.
        tasks: The tasks. None: there are no further tasks.
        ends: The numbers of the failed tasks, and -1 if the iterator was closed.
    """
    while (task := tasks.get()) is not None and not any(task.number > end for end in ends):
        task.run(function, ends)


def _fill(tasks: queue.SimpleQueue[Buffer | None]) -> None:
    while (buffer := tasks.get()) is not None:
        buffer.fill()


def up_to_an_error(items: Iterable[T], errors: list[Exception]) -> Iterator[T]:
    """Yield the items. If `items` raises an error, append the error to `errors` and end."""
    try:
        yield from items
    except Exception as error:  # noqa: BLE001 - raised later by the caller
        errors.append(error)
