"""Buffers: order, bounded bytes, errors, and no deadlock; also of results of a plan."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from tap_hubspot_threads.models import Page
from tap_hubspot_threads.sync.concurrency.prefetch import (
    PARSED_BYTES,
    PREFETCH_BYTES,
    Buffer,
    ByteBudget,
    SharedBuffer,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT = 10


class Source:
    """Pages of given sizes; `requested` counts the requests, and each one releases `turn`."""

    def __init__(self, *sizes: int, error: Exception | None = None) -> None:
        self._sizes, self._error = sizes, error
        self.turn = threading.Semaphore(0)
        self.requested = 0

    def __iter__(self) -> Iterator[Page]:
        """Yield the pages, then raise the error, if any."""
        for number, size in enumerate(self._sizes):
            self.requested += 1
            self.turn.release()
            yield Page([], str(number), "", size)
        if self._error is not None:
            raise self._error

    def has_requested(self, count: int) -> bool:
        """Return whether `count` more pages are requested within the timeout."""
        return all(self.turn.acquire(timeout=TIMEOUT) for _ in range(count))


def fill_in_background(buffer: Buffer) -> threading.Thread:
    """Fill a buffer on a new thread."""
    thread = threading.Thread(target=buffer.fill, daemon=True)
    thread.start()
    return thread


def use_up(budget: ByteBudget, size: int) -> Buffer:
    """Use up the budget with one page that stays in the buffer."""
    buffer = Buffer(budget, iter(Source(size)))
    fill_in_background(buffer)
    assert buffer.is_ready(TIMEOUT)
    return buffer


def take_all(buffer: Buffer) -> list[str | None]:
    """Take all pages; return their cursors."""
    cursors = []
    while buffer.is_ready(TIMEOUT) and (page := buffer.take()):
        cursors.append(page.cursor)
    return cursors


def test_order() -> None:
    """Pages are taken in order; after the last one, `take` always returns None."""
    buffer = Buffer(ByteBudget(), iter(Source(1, 2, 3)))
    buffer.fill()
    assert buffer.is_ended
    assert take_all(buffer) == ["0", "1", "2"]
    assert buffer.take() is None


def test_taken_pages_free_the_budget() -> None:
    """Pages that wait count toward the budget, and taken pages do not."""
    budget = ByteBudget()
    buffer = Buffer(budget, iter(Source(10, 20)))
    buffer.fill()
    assert budget.bytes == 30
    buffer.take()
    assert budget.bytes == 20
    buffer.close()
    assert budget.bytes == 0


def test_error_comes_after_the_pages() -> None:
    """An error of the source is raised by `take`, after the pages before it, not by `fill`."""
    buffer = Buffer(ByteBudget(), iter(Source(1, error=LookupError("failed"))))
    buffer.fill()
    assert buffer.take()
    with pytest.raises(LookupError, match="failed"):
        buffer.take()


def test_empty_buffer_is_not_ready() -> None:
    """An empty buffer is not ready, and the check returns in time."""
    assert not Buffer(ByteBudget(), iter(Source(1))).is_ready(0)


def test_ready_at_the_end() -> None:
    """A buffer whose source has ended is ready."""
    buffer = Buffer(ByteBudget(), iter(Source()))
    buffer.fill()
    assert buffer.is_ready(0)


def test_waits_for_the_budget() -> None:
    """While waiting pages use up the budget, no page is requested; taking one resumes it."""
    budget = ByteBudget()
    first, source = use_up(budget, PREFETCH_BYTES), Source(1, 1)
    second = Buffer(budget, iter(source))
    thread = fill_in_background(second)
    assert not second.is_ready(0.02)
    assert source.requested == 0
    first.take()
    thread.join(TIMEOUT)
    assert second.is_ended


def test_current_buffer_is_never_blocked() -> None:
    """The current buffer reads page by page, even if the budget is used up."""
    budget = ByteBudget()
    use_up(budget, 2 * PREFETCH_BYTES)
    source = Source(1, 1)
    buffer = Buffer(budget, iter(source))
    fill_in_background(buffer)
    buffer.make_current()
    assert source.has_requested(1)
    assert buffer.is_ready(TIMEOUT)
    assert not source.turn.acquire(timeout=0.02)
    assert take_all(buffer) == ["0", "1"]


def test_close_while_waiting() -> None:
    """A closed buffer requests no more pages, and its waiting thread ends."""
    budget = ByteBudget()
    use_up(budget, PREFETCH_BYTES)
    source = Source(1)
    buffer = Buffer(budget, iter(source))
    thread = fill_in_background(buffer)
    buffer.close()
    thread.join(TIMEOUT)
    assert not thread.is_alive()
    assert source.requested == 0


def test_close_while_reading() -> None:
    """A page that arrives after its buffer was closed takes no budget."""
    budget, resume, started = ByteBudget(), threading.Event(), threading.Event()

    def pages() -> Iterator[Page]:
        started.set()
        resume.wait(TIMEOUT)
        yield Page([], None, "", 10)

    buffer = Buffer(budget, pages())
    thread = fill_in_background(buffer)
    assert started.wait(TIMEOUT)
    buffer.close()
    resume.set()
    thread.join(TIMEOUT)
    assert budget.bytes == 0


def test_closed_budget() -> None:
    """After the budget is closed, no buffer requests a page, not even the current one."""
    budget = ByteBudget()
    budget.close()
    for is_current in (False, True):
        source = Source(1)
        buffer = Buffer(budget, iter(source))
        if is_current:
            buffer.make_current()
        buffer.fill()
        assert source.requested == 0
        assert take_all(buffer) == []


def test_pages_shrink() -> None:
    """Pages keep their parsed form up to `PARSED_BYTES` that wait; later ones drop it."""
    shrunk: list[int] = []
    pages = [
        Page([], None, "", PARSED_BYTES // 2, shrink=partial(shrunk.append, number))
        for number in range(4)
    ]
    budget = ByteBudget()
    buffer = Buffer(budget, iter(pages))
    fill_in_background(buffer).join(TIMEOUT)
    assert shrunk == [2, 3]


class Result:
    """A task that is its own result, with its size in bytes, or that raises an error."""

    def __init__(self, name: object, size: int = 1, error: Exception | None = None) -> None:
        self.name, self.size, self.error = name, size, error
        self.is_shrunk = False

    def shrink(self) -> None:
        """Note that it was called."""
        self.is_shrunk = True


class Tasks:
    """A plan of tasks, of which none depends on another."""

    def __init__(self, *results: Result) -> None:
        self.left, self.done_tasks = list(results), list[object]()

    def take(self) -> Result | None:
        """Implement `Plan`."""
        return self.left.pop(0) if self.left else None

    def run(self, task: Result) -> Result:
        """Implement `Plan`."""
        if task.error is not None:
            raise task.error
        return task

    def done(self, task: Result, result: Result) -> None:
        """Implement `Plan`."""
        assert task is result
        self.done_tasks.append(result.name)


def results_of(buffer: SharedBuffer[Result, Result]) -> Iterator[Result]:
    """Take all results."""
    while (result := buffer.take()) is not None:
        yield result


def test_results_of_a_plan() -> None:
    """The results of all tasks are taken in order of completion, then None."""
    plan = Tasks(*map(Result, "abc"))
    buffer = SharedBuffer(plan)
    assert not buffer.is_ready(0)
    buffer.work()
    assert buffer.is_ready(0)
    assert [result.name for result in results_of(buffer)] == ["a", "b", "c"] == plan.done_tasks
    assert buffer.take() is None
    assert not buffer.run_task()


def test_error_of_a_task() -> None:
    """The error of a task is raised after the results that wait, and no further task starts."""
    plan = Tasks(Result("a"), Result("x", error=LookupError("failed")), Result("b"))
    buffer = SharedBuffer(plan)
    buffer.work()
    assert len(plan.left) == 1
    first = buffer.take()
    assert first is not None
    assert first.name == "a"
    assert buffer.is_ready(0)
    with pytest.raises(LookupError, match="failed"):
        buffer.take()


def test_error_of_a_plan() -> None:
    """If the plan rejects a result, the result is not taken; the plan's error is raised."""

    class Rejecting(Tasks):
        @override
        def done(self, task: Result, result: Result) -> None:
            message = "rejected"
            raise LookupError(message)

    plan = Rejecting(Result("a"), Result("b"))
    buffer = SharedBuffer(plan)
    buffer.work()
    assert len(plan.left) == 1
    with pytest.raises(LookupError, match="rejected"):
        buffer.take()


def test_full_shared_buffer() -> None:
    """While waiting results take `PREFETCH_BYTES`, no task starts; taking one resumes them."""
    plan = Tasks(Result("a", PREFETCH_BYTES), Result("b", PREFETCH_BYTES))
    buffer = SharedBuffer(plan)
    thread = threading.Thread(target=buffer.work, daemon=True)
    thread.start()
    assert buffer.is_ready(TIMEOUT)
    thread.join(0.02)
    assert (thread.is_alive(), plan.done_tasks) == (True, ["a"])
    for _ in range(2):
        assert buffer.is_ready(TIMEOUT)
        buffer.take()
    thread.join(TIMEOUT)
    assert plan.done_tasks == ["a", "b"]


def test_closed_shared_buffer() -> None:
    """After `close` no task starts, and waiting workers end."""
    plan = Tasks(Result("a", PREFETCH_BYTES), Result("b"))
    buffer = SharedBuffer(plan)
    thread = threading.Thread(target=buffer.work, daemon=True)
    thread.start()
    assert buffer.is_ready(TIMEOUT)
    buffer.close()
    thread.join(TIMEOUT)
    assert (thread.is_alive(), len(plan.left)) == (False, 1)


def test_results_shrink() -> None:
    """Results keep their parsed form up to `PARSED_BYTES` that wait; later ones drop it."""
    results = [Result(number, PARSED_BYTES // 2) for number in range(4)]
    SharedBuffer(Tasks(*results)).work()
    assert [result.is_shrunk for result in results] == [False, False, True, True]


def test_task_that_waits_for_another() -> None:
    """A worker without a task waits until a running one is done, because that may add tasks."""
    resume, started = threading.Event(), threading.Event()

    class Chain(Tasks):
        @override
        def run(self, task: Result) -> Result:
            if not started.is_set():
                started.set()
                resume.wait(TIMEOUT)
                self.left.append(Result("b"))
            return super().run(task)

    plan = Chain(Result("a"))
    buffer = SharedBuffer(plan)
    threads = [threading.Thread(target=buffer.work, daemon=True) for _ in range(2)]
    threads[0].start()
    assert started.wait(TIMEOUT)
    threads[1].start()
    assert not buffer.is_ready(0.02)
    resume.set()
    for thread in threads:
        thread.join(TIMEOUT)
    assert sorted(map(str, plan.done_tasks)) == ["a", "b"]
