"""Workers: order, bounds, laziness, ends."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tap_hubspot_threads.sync.workers import LOOKAHEAD, Workers

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT = 10


def test_order_whatever_finishes_first() -> None:
    """Results come in the order of the items, even when the first is the last to finish."""
    others = threading.Semaphore(0)

    def work(item: int) -> int:
        if item:
            others.release()
        else:
            for _ in range(3):
                assert others.acquire(timeout=TIMEOUT)
        return item

    assert list(Workers(4).each(work, range(8))) == list(range(8))


@pytest.mark.parametrize("workers", [1, 4])
def test_all_workers_at_once(workers: int) -> None:
    """As many calls as there are workers run at once."""
    barrier = threading.Barrier(workers)
    results = Workers(workers).each(lambda _: barrier.wait(TIMEOUT), range(3 * workers))
    assert len(list(results)) == 3 * workers


def test_items_are_pulled_lazily() -> None:
    """No more items are pulled than the lookahead allows, before results are taken."""
    pulled = []

    def items() -> Iterator[int]:
        for item in range(1_000):
            pulled.append(item)
            yield item

    results = Workers(2).each(lambda item: item, items())
    assert pulled == []
    for taken in range(1, 50):
        next(results)
        assert len(pulled) <= taken + LOOKAHEAD * 2


def test_error_at_its_place() -> None:
    """An error of a call comes where its result would have; what was before it, before it."""

    def work(item: int) -> float:
        return 1 / (item - 3)

    results = Workers(4).each(work, range(10))
    assert [next(results) for _ in range(3)] == [-1 / 3, -1 / 2, -1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_error_starts_nothing_more() -> None:
    """After a call has failed, those that had not started never are."""
    started = []

    def work(item: int) -> int:
        started.append(item)
        message = "failed"
        raise LookupError(message)

    results = Workers(2).each(work, range(100))
    with pytest.raises(LookupError, match="failed"):
        next(results)
    assert len(started) <= 2


def test_error_of_the_items() -> None:
    """An error of the source ends the map."""

    def items() -> Iterator[int]:
        yield 1
        message = "source"
        raise LookupError(message)

    with pytest.raises(LookupError, match="source"):
        list(Workers(4).each(lambda item: item, items()))


def test_called_while_waiting() -> None:
    """What is to be called while waiting is, on this thread, and may end it all."""
    go_on = threading.Event()
    threads = []

    def look() -> None:
        threads.append(threading.current_thread())
        if len(threads) > 3:
            message = "enough"
            raise LookupError(message)

    results = Workers(1, look).each(go_on.wait, [TIMEOUT])
    with pytest.raises(LookupError, match="enough"):
        next(results)
    assert set(threads) == {threading.current_thread()}
    go_on.set()


def test_timeout_of_a_call() -> None:
    """A TimeoutError of the call itself is its result, not a reason to go on waiting."""

    def work(_: int) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        next(Workers(1).each(work, [1]))


def test_closed_map_starts_nothing_more() -> None:
    """Once closed, calls that have not started never do, and the workers go away."""
    started = []
    go_on = threading.Event()
    others = set(threading.enumerate())

    def work(item: int) -> int:
        started.append(item)
        if item:
            go_on.wait(TIMEOUT)
        return item

    results = Workers(2).each(work, range(100))
    next(results)
    results.close()  # type: ignore[attr-defined] # an iterator by its type, a generator in fact
    workers = set(threading.enumerate()) - others
    at_close = len(started)
    go_on.set()
    for thread in workers:
        thread.join(TIMEOUT)
    assert workers
    assert not any(thread.is_alive() for thread in workers)
    assert len(started) <= at_close + 2
