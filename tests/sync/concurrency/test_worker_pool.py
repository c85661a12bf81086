"""Worker pools: order, bounds, laziness, errors and shutdown."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import WorkerStartError
from tap_hubspot_threads.models import Page
from tap_hubspot_threads.sync.concurrency.prefetch import PREFETCH_BYTES
from tap_hubspot_threads.sync.concurrency.worker_pool import LOOKAHEAD, WorkerPool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TIMEOUT = 10


def test_results_keep_their_order() -> None:
    """Results come in the order of the items, even if the first one finishes last."""
    others = threading.Semaphore(0)

    def work(item: int) -> int:
        if item:
            others.release()
        else:
            for _ in range(3):
                assert others.acquire(timeout=TIMEOUT)
        return item

    assert list(WorkerPool(4).map_ordered(work, range(8))) == list(range(8))


@pytest.mark.parametrize("workers", [1, 4])
def test_all_workers_run_concurrently(workers: int) -> None:
    """As many calls run concurrently as there are workers."""
    barrier = threading.Barrier(workers)
    results = WorkerPool(workers).map_ordered(lambda _: barrier.wait(TIMEOUT), range(3 * workers))
    assert len(list(results)) == 3 * workers


def test_items_are_pulled_lazily() -> None:
    """Before results are taken, no more items are pulled than the lookahead allows."""
    pulled = []

    def items() -> Iterator[int]:
        for item in range(1_000):
            pulled.append(item)
            yield item

    results = WorkerPool(2).map_ordered(lambda item: item, items())
    assert pulled == []
    for taken in range(1, 50):
        next(results)
        assert len(pulled) <= taken + LOOKAHEAD * 2


def test_error_at_its_place() -> None:
    """An error is raised in place of its result, after all earlier results."""

    def work(item: int) -> float:
        return 1 / (item - 3)

    results = WorkerPool(4).map_ordered(work, range(10))
    assert [next(results) for _ in range(3)] == [-1 / 3, -1 / 2, -1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_error_starts_nothing_more() -> None:
    """After an error, no further call starts."""
    started = []

    def work(item: int) -> int:
        started.append(item)
        message = "failed"
        raise LookupError(message)

    results = WorkerPool(2).map_ordered(work, range(100))
    with pytest.raises(LookupError, match="failed"):
        next(results)
    assert len(started) <= 2


class LateFirst(queue.SimpleQueue[Any]):
    """A queue that hands out the first task only after the second task has ended."""

    def __init__(self) -> None:
        self._second: Future[Any] = Future()

    def put(self, task: Any) -> None:  # type: ignore[override]
        """Add a task."""
        if task is not None and task.number == 1:
            self._second.set_result(task)
        super().put(task)

    def get(self) -> Any:  # type: ignore[override]
        """Return the next task."""
        task = super().get()
        if task is not None and task.number == 0:
            self._second.result(TIMEOUT).future.exception(TIMEOUT)
        return task


def test_earlier_item_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a later item fails before the call for an earlier item starts, that call still runs."""

    def work(item: int) -> int:
        if item:
            raise LookupError
        return item

    polls = iter(range(10 * TIMEOUT))

    def limit_the_wait() -> None:
        next(polls)

    monkeypatch.setattr(queue, "SimpleQueue", LateFirst)
    results = WorkerPool(2, limit_the_wait).map_ordered(work, range(2))
    assert next(results) == 0
    with pytest.raises(LookupError):
        next(results)


def test_error_of_the_source() -> None:
    """An error of the source ends the map."""

    def items() -> Iterator[int]:
        yield 1
        message = "source"
        raise LookupError(message)

    with pytest.raises(LookupError, match="source"):
        list(WorkerPool(4).map_ordered(lambda item: item, items()))


def test_callback_while_waiting() -> None:
    """The callback runs on the calling thread during a wait, and may raise."""
    resume = threading.Event()
    threads = []

    def check() -> None:
        threads.append(threading.current_thread())
        if len(threads) > 3:
            message = "enough"
            raise LookupError(message)

    results = WorkerPool(1, check).map_ordered(resume.wait, [TIMEOUT])
    with pytest.raises(LookupError, match="enough"):
        next(results)
    assert set(threads) == {threading.current_thread()}
    resume.set()


def test_timeout_of_a_call() -> None:
    """A TimeoutError raised by the call is its result, not a reason to keep waiting."""

    def work(_: int) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        next(WorkerPool(1).map_ordered(work, [1]))


def test_closed_map_starts_nothing_more() -> None:
    """After close, no further call starts, and the workers end."""
    started = []
    resume = threading.Event()
    others = set(threading.enumerate())

    def work(item: int) -> int:
        started.append(item)
        if item:
            resume.wait(TIMEOUT)
        return item

    results = WorkerPool(2).map_ordered(work, range(100))
    next(results)
    results.close()  # type: ignore[attr-defined] # typed as an iterator, but a generator
    workers = set(threading.enumerate()) - others
    at_close = len(started)
    resume.set()
    for thread in workers:
        thread.join(TIMEOUT)
    assert workers
    assert not any(thread.is_alive() for thread in workers)
    assert len(started) <= at_close + 2


def pages_of(sizes: Iterable[int], made: list[int] | None = None) -> Iterator[Page]:
    """Yield pages of these sizes; add the number of each to `made` before it is yielded."""
    for number, size in enumerate(sizes):
        if made is not None:
            made.append(number)
        yield Page([], str(number), "", size)


def cursors(pages: Iterable[Page]) -> list[str | None]:
    """Return the cursors of pages."""
    return [page.cursor for page in pages]


def test_prefetched_pages_keep_their_order() -> None:
    """Prefetched pages come in order, each once, at any size."""
    for size in (0, 1, PREFETCH_BYTES // 3, PREFETCH_BYTES, 2 * PREFETCH_BYTES):
        found = cursors(WorkerPool(1).prefetch(pages_of([size] * 7)))
        assert found == [str(number) for number in range(7)]


def test_prefetch_of_no_pages() -> None:
    """Prefetching no pages yields none."""
    assert cursors(WorkerPool(1).prefetch([])) == []


class Watched:
    """Pages that release the semaphore `requested` whenever one is requested."""

    def __init__(self, size: int, count: int = 100) -> None:
        self.requested = threading.Semaphore(0)
        self._sizes = [size] * count

    def __iter__(self) -> Iterator[Page]:
        """Yield the pages."""
        for page in pages_of(self._sizes):
            self.requested.release()
            yield page

    def wait_for(self, count: int) -> bool:
        """Return whether exactly `count` more pages are requested."""
        return all(
            self.requested.acquire(timeout=TIMEOUT) for _ in range(count)
        ) and not self.requested.acquire(timeout=0.05)


@pytest.mark.parametrize(
    ("size", "count"), [(PREFETCH_BYTES // 4, 4), (PREFETCH_BYTES, 1), (PREFETCH_BYTES - 1, 2)]
)
def test_prefetch_is_bounded_in_bytes(size: int, count: int) -> None:
    """Prefetching stops at `PREFETCH_BYTES` that wait, and resumes when pages are taken."""
    watched = Watched(size)
    pages = WorkerPool(1).prefetch(watched)
    assert next(pages).cursor == "0"
    assert watched.wait_for(count + 1)
    assert next(pages).cursor == "1"
    assert watched.wait_for(1)
    pages.close()  # type: ignore[attr-defined] # typed as an iterator, but a generator


def test_prefetch_is_lazy() -> None:
    """No page is read before the first one is requested."""
    made: list[int] = []
    WorkerPool(1).prefetch(pages_of([1], made))
    assert made == []


def test_prefetch_error_comes_after_the_pages() -> None:
    """An error of the pages is raised after the pages before it."""

    def pages() -> Iterator[Page]:
        yield from pages_of([1, 1])
        message = "failed"
        raise LookupError(message)

    found = WorkerPool(1).prefetch(pages())
    assert [next(found).cursor for _ in range(2)] == ["0", "1"]
    with pytest.raises(LookupError, match="failed"):
        next(found)


def test_closed_prefetch_reads_nothing_more() -> None:
    """After close, no further page is requested, and the thread ends."""
    others = set(threading.enumerate())
    watched = Watched(PREFETCH_BYTES)
    pages = WorkerPool(1).prefetch(watched)
    next(pages)
    assert watched.wait_for(2)
    (thread,) = set(threading.enumerate()) - others
    pages.close()  # type: ignore[attr-defined] # typed as an iterator, but a generator
    thread.join(TIMEOUT)
    assert not thread.is_alive()
    assert not watched.requested.acquire(blocking=False)


def test_callback_while_waiting_for_a_page() -> None:
    """The callback runs on the calling thread while a page is read, and may raise."""
    resume = threading.Event()
    callers = []

    def check() -> None:
        callers.append(threading.current_thread())
        if len(callers) > 2:
            message = "enough"
            raise LookupError(message)

    def pages() -> Iterator[Page]:
        resume.wait(TIMEOUT)
        yield from pages_of([1])

    with pytest.raises(LookupError, match="enough"):
        next(WorkerPool(1, check).prefetch(pages()))
    assert set(callers) == {threading.current_thread()}
    resume.set()


class Sources:
    """Items with pages; `max_waiting` is the largest number of bytes that waited at once.

    Args:
        sizes: The sizes of each item's pages; None for an item without pages.
    """

    def __init__(self, *sizes: list[int] | None) -> None:
        self._sizes = sizes
        self._lock = threading.Lock()
        self.pulled = self.requested = self.waiting = self.max_waiting = 0

    def __iter__(self) -> Iterator[tuple[int, Iterator[Page] | None]]:
        """Yield the items with their pages."""
        for number, sizes in enumerate(self._sizes):
            self.pulled += 1
            yield number, None if sizes is None else self._pages(sizes)

    def _pages(self, sizes: list[int]) -> Iterator[Page]:
        for page in pages_of(sizes):
            with self._lock:
                self.requested += 1
                self.waiting += page.size
                self.max_waiting = max(self.max_waiting, self.waiting)
            yield page

    def take(self, page: Page) -> None:
        """Note that a page was taken."""
        with self._lock:
            self.waiting -= page.size


def prefetch_each(count: int, sources: Sources) -> list[tuple[int, list[str | None]]]:
    """Prefetch all items; return each with the cursors of its pages."""
    found = []
    for item, pages in WorkerPool(count).prefetch_each(sources):
        names = []
        for page in pages:
            sources.take(page)
            names.append(page.cursor)
        found.append((item, names))
    return found


@pytest.mark.parametrize("count", [1, 4])
def test_items_keep_their_order(count: int) -> None:
    """Items come in order, each with all of its pages, and items without pages too."""
    sources = Sources([1, 1], None, [], [1], None, *[[1, 1, 1]] * 30)
    expected = [["0", "1"], [], [], ["0"], [], *[["0", "1", "2"]] * 30]
    assert prefetch_each(count, sources) == list(enumerate(expected))


def test_slow_item_keeps_its_place() -> None:
    """A slow item keeps its place while later items are read."""
    others = threading.Semaphore(0)

    def slow() -> Iterator[Page]:
        assert all(others.acquire(timeout=TIMEOUT) for _ in range(3))
        yield from pages_of([1])

    def quick() -> Iterator[Page]:
        yield from pages_of([1])
        others.release()

    sources = [(number, slow() if number == 0 else quick()) for number in range(4)]
    found = WorkerPool(4).prefetch_each(sources)
    assert [(item, cursors(pages)) for item, pages in found] == [(n, ["0"]) for n in range(4)]


@pytest.mark.parametrize(
    "size", [PREFETCH_BYTES // 10, PREFETCH_BYTES // 2, PREFETCH_BYTES, 3 * PREFETCH_BYTES]
)
@pytest.mark.parametrize("count", [1, 4])
def test_prefetched_items_are_bounded_in_bytes(count: int, size: int) -> None:
    """At most `PREFETCH_BYTES` wait, plus one page per worker, however large the items are."""
    sources = Sources(*[[size] * 20] * (2 * LOOKAHEAD * count))
    found = prefetch_each(count, sources)
    assert [names for _, names in found] == [[str(n) for n in range(20)]] * len(found)
    # One page more: a taken page is counted here a moment later than in the budget.
    assert sources.max_waiting <= PREFETCH_BYTES + (count + 1) * size
    assert sources.waiting == 0


def test_current_item_is_never_blocked() -> None:
    """The current item progresses, even if later items use up the budget."""
    full = threading.Event()

    def first() -> Iterator[Page]:
        assert full.wait(TIMEOUT)
        yield from pages_of([1, 1, 1])

    def second() -> Iterator[Page]:
        for page in pages_of([PREFETCH_BYTES // 2] * 4):
            if page.cursor == "1":
                full.set()
            yield page

    found = WorkerPool(2).prefetch_each([(1, first()), (2, second())])
    assert [cursors(pages) for _, pages in found] == [["0", "1", "2"], ["0", "1", "2", "3"]]


def test_items_are_prefetched_lazily() -> None:
    """Before items are taken, no more are pulled than the lookahead allows."""
    sources = Sources(*[[1]] * 100)
    found = WorkerPool(2).prefetch_each(sources)
    assert sources.pulled == 0
    for taken in range(1, 30):
        cursors(next(found)[1])
        assert sources.pulled <= taken + LOOKAHEAD * 2


def test_items_without_pages_need_no_thread() -> None:
    """Items without pages start no thread."""
    before = threading.active_count()
    found = WorkerPool(4).prefetch_each([(number, None) for number in range(5)])
    next(found)
    assert threading.active_count() == before
    assert len(list(found)) == 4


def test_error_of_one_item() -> None:
    """An error of one item is raised after its earlier pages, and other items continue."""

    def broken() -> Iterator[Page]:
        yield from pages_of([1])
        message = "broken"
        raise LookupError(message)

    names: list[object] = []
    sources = [(1, pages_of([1])), (2, broken()), (3, pages_of([1]))]
    for item, pages in WorkerPool(2).prefetch_each(sources):
        names.append(item)
        try:
            names.extend(page.cursor for page in pages)
        except LookupError as error:
            names.append(str(error))
    assert names == [1, "0", 2, "0", "broken", 3, "0"]


def test_error_of_the_source_of_items() -> None:
    """An error of the source is raised after all earlier items."""

    def sources() -> Iterator[tuple[int, Iterator[Page] | None]]:
        yield 1, pages_of([1])
        yield 2, None
        message = "source"
        raise LookupError(message)

    found = WorkerPool(4).prefetch_each(sources())
    assert cursors(next(found)[1]) == ["0"]
    assert next(found)[0] == 2
    with pytest.raises(LookupError, match="source"):
        next(found)


def test_closed_prefetch_of_items_reads_nothing_more() -> None:
    """After close, no further page is requested, and the threads end."""
    others = set(threading.enumerate())
    sources = Sources(*[[PREFETCH_BYTES] * 10] * 20)
    found = WorkerPool(3).prefetch_each(sources)
    _, pages = next(found)
    next(pages)
    workers = set(threading.enumerate()) - others
    found.close()  # type: ignore[attr-defined] # typed as an iterator, but a generator
    for thread in workers:
        thread.join(TIMEOUT)
    assert workers
    assert not any(thread.is_alive() for thread in workers)
    started = sources.requested
    assert started <= 6
    assert sources.requested == started


def test_callback_while_waiting_for_an_item() -> None:
    """The callback runs on the calling thread while an item is read, and may raise."""
    resume = threading.Event()

    def check() -> None:
        message = "enough"
        raise LookupError(message)

    def pages() -> Iterator[Page]:
        resume.wait(TIMEOUT)
        yield from pages_of([1])

    found = WorkerPool(1, check).prefetch_each([(1, pages())])
    with pytest.raises(LookupError, match="enough"):
        cursors(next(found)[1])
    resume.set()


def page(name: str) -> Page:
    """Return a page of one row."""
    return Page([{"id": name}], None, "", 1)


class LimitedThreads:
    """Lets a number of threads start, then fails like the operating system."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, left: int, error: Exception) -> None:
        self.left, self._error = left, error
        self._start = threading.Thread.start
        monkeypatch.setattr(threading.Thread, "start", lambda thread: self.start(thread))  # noqa: PLW0108 - a function is bound, a method is not

    def start(self, thread: threading.Thread) -> None:
        """Start a thread, if one is left."""
        if not self.left:
            raise self._error
        self.left -= 1
        self._start(thread)


THREAD_ERRORS = [RuntimeError("can't start new thread"), MemoryError()]


@pytest.mark.parametrize("error", THREAD_ERRORS, ids=repr)
@pytest.mark.parametrize("left", [1, 2, 4])
def test_fewer_threads_than_workers(
    monkeypatch: pytest.MonkeyPatch, left: int, error: Exception
) -> None:
    """If some threads cannot start, the others do all the work."""
    LimitedThreads(monkeypatch, left, error)
    assert list(WorkerPool(8).map_ordered(lambda item: item, range(100))) == list(range(100))


@pytest.mark.parametrize("left", [1, 2, 5])
def test_fewer_threads_than_workers_for_pages(monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    """If some threads cannot start, all pages still come in order."""
    LimitedThreads(monkeypatch, left, THREAD_ERRORS[0])
    sources = [(name, iter([page(f"{name}{i}") for i in range(3)])) for name in "abcdefgh"]
    found = [
        [row["id"] for one in pages for row in one.rows]
        for _, pages in WorkerPool(8).prefetch_each(sources)
    ]
    assert found == [[f"{name}{i}" for i in range(3)] for name in "abcdefgh"]


def test_nested_work_without_a_free_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nested work runs on the calling thread if the outer work holds the last thread."""
    LimitedThreads(monkeypatch, 1, THREAD_ERRORS[0])
    workers = WorkerPool(8)
    found: list[str] = []
    for one in workers.prefetch(page(str(i)) for i in range(3)):
        found += workers.map_ordered(lambda row: row["id"], one.rows)
        for _, pages in workers.prefetch_each([(None, iter([page("x")])), (None, None)]):
            found += [row["id"] for inner in pages for row in inner.rows]
    assert found == ["0", "x", "1", "x", "2", "x"]


def test_error_without_a_free_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a free thread, an error keeps its place, and no further call starts."""
    threads = LimitedThreads(monkeypatch, 1, THREAD_ERRORS[0])
    workers = WorkerPool(2)
    assert workers.run(lambda: 1) == 1
    assert threads.left == 0
    started = []

    def work(item: int) -> int:
        started.append(item)
        return 1 // (2 - item)

    results = workers.map_ordered(work, range(10))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert started == [0, 1, 2]


@pytest.mark.parametrize("error", THREAD_ERRORS, ids=repr)
def test_no_thread_at_all(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """If no thread can start, one error says what to do, and no work starts."""
    LimitedThreads(monkeypatch, 0, error)
    workers = WorkerPool(8)
    started: list[int] = []
    with pytest.raises(WorkerStartError, match=r"Raise the limit of processes or memory"):
        list(workers.map_ordered(started.append, [1]))
    with pytest.raises(WorkerStartError):
        list(workers.prefetch([page("1")]))
    assert started == []
