"""`WorkerPool.run_plan`: concurrency, errors and shutdown."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from tap_hubspot_threads.errors import WorkerStartError
from tap_hubspot_threads.sync.concurrency.prefetch import PREFETCH_BYTES
from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
from tests.sync.concurrency.test_prefetch import Result, Tasks

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT = 10


class Called(Tasks):
    """Tasks that call a function."""

    def __init__(self, function: Callable[[int], None], *, count: int, size: int = 1) -> None:
        super().__init__(*(Result(number, size) for number in range(count)))
        self._function = function

    @override
    def run(self, task: Result) -> Result:
        result = super().run(task)
        self._function(int(str(result.name)))
        return result


def no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no thread start from now on."""

    def fail(_: threading.Thread) -> None:
        message = "can't start new thread"
        raise RuntimeError(message)

    monkeypatch.setattr(threading.Thread, "start", fail)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_tasks_run_at_once(workers: int) -> None:
    """As many tasks run at once as there are workers, and not more."""
    barrier, lock = threading.Barrier(workers), threading.Lock()
    running: list[int] = []
    most = [0]

    def work(number: int) -> None:
        with lock:
            running.append(number)
            most[0] = max(most[0], len(running))
        barrier.wait(TIMEOUT)
        with lock:
            running.remove(number)
        barrier.wait(TIMEOUT)

    results = list(WorkerPool(workers).run_plan(Called(work, count=3 * workers)))
    assert (len(results), most[0]) == (3 * workers, workers)


def test_order_of_completion() -> None:
    """Results come as they are completed: a slow task does not keep back the others."""
    resume = threading.Event()

    def work(number: int) -> None:
        if number == 0:
            resume.wait(TIMEOUT)

    results = WorkerPool(2).run_plan(Called(work, count=4))
    assert [next(results).name for _ in range(3)] == [1, 2, 3]
    resume.set()
    assert [result.name for result in results] == [0]


def test_error() -> None:
    """An error comes after the results that wait, and nothing more starts."""
    plan = Tasks(Result("a"), Result("x", error=LookupError("failed")), *map(Result, "bcd"))
    results = WorkerPool(1).run_plan(plan)
    assert next(results).name == "a"
    with pytest.raises(LookupError, match="failed"):
        next(results)
    assert len(plan.left) == 3


def test_closed() -> None:
    """After the iterator is closed, no further task starts."""
    plan = Called(lambda _: None, count=9, size=PREFETCH_BYTES)
    results = WorkerPool(2).run_plan(plan)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(plan.left) >= 9 - 4


@pytest.mark.parametrize("workers", [1, 3])
def test_bounded_in_bytes(workers: int) -> None:
    """Results that wait take at most `PREFETCH_BYTES`, and one result per worker."""
    plan = Called(lambda _: None, count=50, size=PREFETCH_BYTES // 2)
    for taken, _ in enumerate(WorkerPool(workers).run_plan(plan), start=1):
        assert len(plan.done_tasks) - taken <= 2 + workers
    assert len(plan.done_tasks) == 50


def test_callback_while_waiting() -> None:
    """The callback is called on the calling thread during a wait; its error ends the iteration."""
    resume, calls = threading.Event(), [threading.current_thread()]

    def check() -> None:
        calls.append(threading.current_thread())
        if len(calls) > 3:
            message = "enough"
            raise LookupError(message)

    def wait(_: int) -> None:
        resume.wait(TIMEOUT)

    results = WorkerPool(1, check).run_plan(Called(wait, count=2))
    with pytest.raises(LookupError, match="enough"):
        next(results)
    assert {*calls} == {threading.current_thread()}
    resume.set()


def test_without_a_free_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """If no further thread can start, the calling thread runs all tasks."""
    pool = WorkerPool(4)
    pool.run(lambda: None)
    no_thread(monkeypatch)
    threads = set()
    plan = Called(lambda _: threads.add(threading.current_thread()), count=5)
    assert [result.name for result in pool.run_plan(plan)] == [0, 1, 2, 3, 4]
    assert threads == {threading.current_thread()}


def test_no_thread_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """If no thread could ever start, one error says what to do, and no task starts."""
    no_thread(monkeypatch)
    plan = Tasks(Result("a"))
    with pytest.raises(WorkerStartError):
        list(WorkerPool(4).run_plan(plan))
    assert len(plan.left) == 1


def test_no_tasks() -> None:
    """A plan without tasks has no results."""
    assert list(WorkerPool(4).run_plan(Tasks())) == []
