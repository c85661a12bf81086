"""Buffers for pages that are read ahead, with a limit on their bytes.

A page *waits* from the time when a buffer receives the page until the consumer takes the page.
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
    """A result that takes memory until the consumer has processed it."""

    @property
    def size(self) -> int:
        """The size of the result in bytes."""

    def shrink(self) -> None:
        """Free the part of the data that can be computed again from the rest."""


R = TypeVar("R", bound=Sized)


class Plan(Protocol[T, R]):
    """A source of tasks. The choice of the next task can depend on the results of earlier tasks.

    Several threads call `run` at the same time. Calls of `take` and `done` never overlap.
    """

    def take(self) -> T | None:
        """Return the next task; None if no task is left, or if a running task must end first."""

    def run(self, task: T) -> R:
        """Return the result of a task. Called on worker threads."""

    def done(self, task: T, result: R) -> None:
        """Record the result of a task."""


PREFETCH_BYTES = 4_000_000
"""While this many bytes of pages wait, no further page is requested. While a target loads a batch
and takes no output, the tap can read this much ahead."""

PARSED_BYTES = PREFETCH_BYTES // 4
"""If the waiting pages exceed this many bytes, each further page is kept only as bytes. When the
consumer takes the page, the page is parsed again. A parsed page takes 5 times the memory of its
bytes."""


class ByteBudget:
    """Counts the bytes of all pages that wait in the buffers that share this budget."""

    def __init__(self) -> None:
        self.bytes = 0
        self.is_closed = False
        self.changed = threading.Condition()

    def close(self) -> None:
        """Stop all reading into the buffers."""
        with self.changed:
            self.is_closed = True
            self.changed.notify_all()


class Buffer:
    """The pages of one source, read ahead.

    Guarantees:
        * While `PREFETCH_BYTES` bytes of pages wait in all buffers together, no page is requested.
          The *current* buffer is an exception (`make_current`): if this buffer is empty, it
          requests a page anyway. So the consumer of the current buffer never waits for other
          buffers.
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
        """Whether the source has ended or has raised an error. If so, no further page arrives."""

    def fill(self) -> None:
        """Read the source to its end. Wait while the budget is used up. Never raise."""
        error: BaseException | None = None
        try:
            while self._wait_for_budget():
                page = next(self._source, None)
                if page is None:
                    break
                with self._budget.changed:
                    if self._is_closed:
                        break  # nobody takes this page, so its bytes would count forever
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
        """Wait for a page or the end of the source. Return False after `timeout` seconds."""
        with self._budget.changed:
            return self._budget.changed.wait_for(
                lambda: bool(self._pages) or self.is_ended, timeout
            )

    def take(self) -> Page | None:
        """Return the next page; None at the end of the source.

        Raises:
            Any error that the source has raised.
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
        """Wait until the next page can be requested. Return False if the buffer was closed."""
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

    Many workers fill the buffer.

    Guarantees:
        * While `PREFETCH_BYTES` bytes of results wait, no task starts.
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
        """True once no task is left or the buffer was closed. Then no further task starts."""
        self._changed = threading.Condition()

    def work(self) -> None:
        """Run tasks until no task is left. Never raise."""
        while self.run_task():
            pass

    def run_task(self) -> bool:
        """Wait for a task and run the task. Return False if no task is left. Never raise."""
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
        """Wait for a result or the end of the plan. Return False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(
                lambda: bool(self._results) or self._is_finished or self._error is not None,
                timeout,
            )

    def take(self) -> R | None:
        """Return the next result; None at the end of the plan.

        Raises:
            Any error that a task has raised.
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
        """Start no further task."""
        with self._changed:
            self._is_finished = True
            self._changed.notify_all()

    def _add(self, result: R) -> None:
        self._bytes += result.size
        if self._bytes > PARSED_BYTES:
            result.shrink()
        self._results.append(result)

    def _next_task(self) -> T | None:
        """Wait until a task can start, and return this task; None if no task is left."""
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
