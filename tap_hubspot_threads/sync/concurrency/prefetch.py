"""Buffers for pages that are read ahead. The total bytes of the pages in the buffers are limited.

The *consumer* of a buffer is the code that calls `take`. A page or another result *waits* from its
arrival in the buffer until the consumer takes it.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.models import Page

T = TypeVar("T")


class Sized(Protocol):
    """A result with a size in bytes, such as a page."""

    @property
    def size(self) -> int:
        """The size of the result in bytes."""

    def shrink(self) -> None:
        """Free the part of the data that can be computed again from the rest."""


R = TypeVar("R", bound=Sized)


class Plan(Protocol[T, R]):
    """A source of tasks. The next task can depend on the results of earlier tasks.

    Several threads can execute `run` at the same time. But at most one thread at a time executes
    `take` or `done`.
    """

    def take(self) -> T | None:
        """Return the next task. None: no task is left, or the next task must wait for a result."""

    def run(self, task: T) -> R:
        """Return the result of a task. Called on a worker thread, if any thread can be started."""

    def done(self, task: T, result: R) -> None:
        """Record the result of a task."""


PREFETCH_BYTES = 4_000_000
"""The tap reads ahead while the target loads a batch and takes no output. While the waiting pages
have this many bytes or more in total, no page is requested. `Buffer` describes an exception."""

PARSED_BYTES = PREFETCH_BYTES // 4
"""A new page has bytes and their parsed form, which takes 5 times the memory of the bytes. If the
waiting pages, including the new page, have more than this many bytes, the buffer frees the parsed
form of the new page (`Page.shrink`). The bytes are parsed again when the rows are used."""


class ByteBudget:
    """Counts the bytes of waiting pages. Several buffers share one budget."""

    def __init__(self) -> None:
        self.bytes = 0
        self.is_closed = False
        self.changed = threading.Condition()

    def close(self) -> None:
        """Stop all buffers of this budget from requesting further pages."""
        with self.changed:
            self.is_closed = True
            self.changed.notify_all()


class Buffer:
    """The pages of one source, read ahead.

    Guarantees:
        * While pages with `PREFETCH_BYTES` bytes or more wait in the buffers of the budget, no
          buffer requests a page. Exception: if the consumer takes pages from this buffer
          (`make_current`) and no page waits in it, the buffer requests a page. So a full budget
          never stops the consumer.
        * If the source raises an error, `take` returns the earlier pages and then raises the error.

    Args:
        budget: Counts the bytes of this buffer and of the other buffers.
        source: The pages. Only `fill` iterates over the source.
    """

    def __init__(self, budget: ByteBudget, source: Iterator[Page]) -> None:
        self._budget, self._source = budget, source
        self._pages: deque[Page] = deque()
        self._error: BaseException | None = None
        self._is_current = self._is_closed = False
        self.is_ended = False
        """Whether `fill` has ended. If so, no further page arrives."""

    def fill(self) -> None:
        """Read pages until the source ends or raises an error, or this buffer or budget is closed.

        Wait while the budget is used up. Never raise an error: `take` raises the source's error.
        """
        error: BaseException | None = None
        try:
            while self._wait_for_budget():
                page = next(self._source, None)
                if page is None:
                    break
                with self._budget.changed:
                    if self._is_closed:
                        break  # nobody takes this page, so its bytes must not count
                    self._budget.bytes += page.size
                    if self._budget.bytes > PARSED_BYTES:
                        page.shrink()
                    self._pages.append(page)
                    self._budget.changed.notify_all()
        except BaseException as raised:  # noqa: BLE001 - raised by `take`
            error = raised
        with self._budget.changed:
            self._error, self.is_ended = error, True
            self._budget.changed.notify_all()

    def make_current(self) -> None:
        """Make this buffer the current buffer. The consumer takes pages from this buffer next."""
        with self._budget.changed:
            self._is_current = True
            self._budget.changed.notify_all()

    def is_ready(self, timeout: float) -> bool:
        """Wait for a page or the end of `fill`, at most `timeout` seconds. Return whether one came.

        After True, call `take`.
        """
        with self._budget.changed:
            return self._budget.changed.wait_for(
                lambda: bool(self._pages) or self.is_ended, timeout
            )

    def take(self) -> Page | None:
        """Return the next page. None: the source has ended.

        This method does not wait. Call it only after `is_ready` has returned True.

        Raises:
            The error of the source, after the pages before the error.
        """
        with self._budget.changed:
            if self._pages:
                page = self._pages.popleft()
                self._budget.bytes -= page.size
                self._budget.changed.notify_all()
                return page
        if self._error is not None:
            raise self._error
        return None

    def close(self) -> None:
        """Stop reading, and remove the waiting pages."""
        with self._budget.changed:
            self._is_closed = True
            self._budget.bytes -= sum(page.size for page in self._pages)
            self._pages.clear()
            self._budget.changed.notify_all()

    def _wait_for_budget(self) -> bool:
        """Wait until the next page may be requested. Return False if reading must stop."""
        budget = self._budget

        def may_proceed() -> bool:
            is_awaited = self._is_current and not self._pages
            return (
                budget.is_closed or self._is_closed or budget.bytes < PREFETCH_BYTES or is_awaited
            )

        with budget.changed:
            budget.changed.wait_for(may_proceed)
            return not (budget.is_closed or self._is_closed)


class SharedBuffer(Generic[T, R]):
    """The results of a plan's tasks, in the order in which the tasks end.

    Several workers fill the buffer.

    Guarantees:
        * While results with `PREFETCH_BYTES` bytes or more wait, no task starts.
        * After a task has failed, no further task starts. `take` returns the waiting results and
          then raises the error.

    Args:
        plan: The tasks.
    """

    def __init__(self, plan: Plan[T, R]) -> None:
        self._plan = plan
        self._results: deque[R] = deque()
        self._bytes = self._running = 0
        self._error: BaseException | None = None
        self._is_finished = False
        """Whether all tasks have ended or the buffer was closed. If so, no further task starts."""
        self._changed = threading.Condition()

    def work(self) -> None:
        """Run one task after another until `run_task` returns False. Never raise an error."""
        while self.run_task():
            pass

    def run_task(self) -> bool:
        """Wait until a task can start, and run this task. Never raise an error.

        Return False if no further task starts (`_next_task`).
        """
        task = self._next_task()
        if task is None:
            return False
        result, error = None, None
        try:
            result = self._plan.run(task)
        except BaseException as raised:  # noqa: BLE001 - raised by `take`
            error = raised
        with self._changed:
            self._running -= 1
            if error is None and result is not None:
                try:
                    self._plan.done(task, result)
                except Exception as raised:  # noqa: BLE001 - raised by `take`
                    error = raised
                else:
                    self._add(result)
            self._error = self._error or error
            self._changed.notify_all()
        return True

    def is_ready(self, timeout: float) -> bool:
        """Wait for a result, an error or the end of all tasks, at most `timeout` seconds.

        Return whether one of the three came. After True, call `take`.
        """
        with self._changed:
            return self._changed.wait_for(
                lambda: bool(self._results) or self._is_finished or self._error is not None,
                timeout,
            )

    def take(self) -> R | None:
        """Return the next result. None: all tasks have ended.

        This method does not wait. Call it only after `is_ready` has returned True.

        Raises:
            The first error of a task, after the results that wait.
        """
        with self._changed:
            if self._results:
                result = self._results.popleft()
                self._bytes -= result.size
                self._changed.notify_all()
                return result
        if self._error is not None:
            raise self._error
        return None

    def close(self) -> None:
        """Prevent further tasks from starting."""
        with self._changed:
            self._is_finished = True
            self._changed.notify_all()

    def _add(self, result: R) -> None:
        self._bytes += result.size
        if self._bytes > PARSED_BYTES:
            result.shrink()
        self._results.append(result)

    def _next_task(self) -> T | None:
        """Wait until a task can start, and return this task.

        None: no task is left, a task has failed, or the buffer was closed.
        """
        with self._changed:
            while not (self._is_finished or self._error):
                if self._bytes < PREFETCH_BYTES:
                    task = self._plan.take()
                    if task is not None:
                        self._running += 1
                        return task
                    if self._running == 0:
                        self._is_finished = True
                        self._changed.notify_all()
                        return None
                self._changed.wait()
            return None
