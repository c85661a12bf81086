"""Workers: order, bounds, laziness, ends."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tap_hubspot_threads.errors import WorkerStartError
from tap_hubspot_threads.models import Page
from tap_hubspot_threads.sync.concurrency.prefetch import PREFETCH_BYTES
from tap_hubspot_threads.sync.concurrency.worker_pool import LOOKAHEAD, WorkerPool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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

    assert list(WorkerPool(4).map_ordered(work, range(8))) == list(range(8))


@pytest.mark.parametrize("workers", [1, 4])
def test_all_workers_at_once(workers: int) -> None:
    """As many calls as there are workers run at once."""
    barrier = threading.Barrier(workers)
    results = WorkerPool(workers).map_ordered(lambda _: barrier.wait(TIMEOUT), range(3 * workers))
    assert len(list(results)) == 3 * workers


def test_items_are_pulled_lazily() -> None:
    """No more items are pulled than the lookahead allows, before results are taken."""
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
    """An error of a call comes where its result would have; what was before it, before it."""

    def work(item: int) -> float:
        return 1 / (item - 3)

    results = WorkerPool(4).map_ordered(work, range(10))
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

    results = WorkerPool(2).map_ordered(work, range(100))
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
        list(WorkerPool(4).map_ordered(lambda item: item, items()))


def test_called_while_waiting() -> None:
    """What is to be called while waiting is, on this thread, and may end it all."""
    go_on = threading.Event()
    threads = []

    def look() -> None:
        threads.append(threading.current_thread())
        if len(threads) > 3:
            message = "enough"
            raise LookupError(message)

    results = WorkerPool(1, look).map_ordered(go_on.wait, [TIMEOUT])
    with pytest.raises(LookupError, match="enough"):
        next(results)
    assert set(threads) == {threading.current_thread()}
    go_on.set()


def test_timeout_of_a_call() -> None:
    """A TimeoutError of the call itself is its result, not a reason to go on waiting."""

    def work(_: int) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        next(WorkerPool(1).map_ordered(work, [1]))


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

    results = WorkerPool(2).map_ordered(work, range(100))
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


def pages_of(sizes: Iterable[int], made: list[int] | None = None) -> Iterator[Page]:
    """Yield pages of such sizes; note each before it is handed over."""
    for number, size in enumerate(sizes):
        if made is not None:
            made.append(number)
        yield Page([], str(number), "", size)


def cursors(pages: Iterable[Page]) -> list[str | None]:
    """Return the cursors of pages."""
    return [page.cursor for page in pages]


def test_pages_ahead_in_order() -> None:
    """Pages come in their order, each once, however many fit."""
    for size in (0, 1, PREFETCH_BYTES // 3, PREFETCH_BYTES, 2 * PREFETCH_BYTES):
        found = cursors(WorkerPool(1).prefetch(pages_of([size] * 7)))
        assert found == [str(number) for number in range(7)]


def test_no_pages_ahead() -> None:
    """No page is none."""
    assert cursors(WorkerPool(1).prefetch([])) == []


class Watched:
    """Pages that tell when one is begun; `begun` can be waited for."""

    def __init__(self, size: int, count: int = 100) -> None:
        self.begun = threading.Semaphore(0)
        self._sizes = [size] * count

    def __iter__(self) -> Iterator[Page]:
        """Yield them."""
        for page in pages_of(self._sizes):
            self.begun.release()
            yield page

    def wait_for(self, count: int) -> bool:
        """Whether so many more are begun, and then no further one."""
        return all(
            self.begun.acquire(timeout=TIMEOUT) for _ in range(count)
        ) and not self.begun.acquire(timeout=0.05)


@pytest.mark.parametrize(
    ("size", "count"), [(PREFETCH_BYTES // 4, 4), (PREFETCH_BYTES, 1), (PREFETCH_BYTES - 1, 2)]
)
def test_so_many_bytes_ahead(size: int, count: int) -> None:
    """Pages are read in advance until so many bytes wait, and further ones as those are taken."""
    watched = Watched(size)
    pages = WorkerPool(1).prefetch(watched)
    assert next(pages).cursor == "0"
    assert watched.wait_for(count + 1)
    assert next(pages).cursor == "1"
    assert watched.wait_for(1)
    pages.close()  # type: ignore[attr-defined] # an iterator by its type, a generator in fact


def test_nothing_ahead_before_it_is_asked_for() -> None:
    """As long as nobody wants the first page, none is read."""
    made: list[int] = []
    WorkerPool(1).prefetch(pages_of([1], made))
    assert made == []


def test_error_of_the_pages_at_its_place() -> None:
    """What ends the pages comes behind those that were there."""

    def pages() -> Iterator[Page]:
        yield from pages_of([1, 1])
        message = "third"
        raise LookupError(message)

    found = WorkerPool(1).prefetch(pages())
    assert [next(found).cursor for _ in range(2)] == ["0", "1"]
    with pytest.raises(LookupError, match="third"):
        next(found)


def test_closed_pages_begin_nothing_more() -> None:
    """Once closed, no page is begun any more, and the thread goes away."""
    others = set(threading.enumerate())
    watched = Watched(PREFETCH_BYTES)
    pages = WorkerPool(1).prefetch(watched)
    next(pages)
    assert watched.wait_for(2)
    (thread,) = set(threading.enumerate()) - others
    pages.close()  # type: ignore[attr-defined] # an iterator by its type, a generator in fact
    thread.join(TIMEOUT)
    assert not thread.is_alive()
    assert not watched.begun.acquire(blocking=False)


def test_called_while_waiting_for_a_page() -> None:
    """What is to be called while waiting is, on this thread, and may end it all."""
    go_on = threading.Event()
    looks = []

    def look() -> None:
        looks.append(threading.current_thread())
        if len(looks) > 2:
            message = "enough"
            raise LookupError(message)

    def pages() -> Iterator[Page]:
        go_on.wait(TIMEOUT)
        yield from pages_of([1])

    with pytest.raises(LookupError, match="enough"):
        next(WorkerPool(1, look).prefetch(pages()))
    assert set(looks) == {threading.current_thread()}
    go_on.set()


class Sources:
    """Things with pages; `most` is the most bytes that waited in the room at once.

    Args:
        sizes: Of each thing, the sizes of its pages; None: it has none.
    """

    def __init__(self, *sizes: list[int] | None) -> None:
        self._sizes = sizes
        self._lock = threading.Lock()
        self.pulled = self.begun = self.waiting = self.most = 0

    def __iter__(self) -> Iterator[tuple[int, Iterator[Page] | None]]:
        """Yield them."""
        for number, sizes in enumerate(self._sizes):
            self.pulled += 1
            yield number, None if sizes is None else self._pages(sizes)

    def _pages(self, sizes: list[int]) -> Iterator[Page]:
        for page in pages_of(sizes):
            with self._lock:
                self.begun += 1
                self.waiting += page.size
                self.most = max(self.most, self.waiting)
            yield page

    def take(self, page: Page) -> None:
        """Note that a page was taken."""
        with self._lock:
            self.waiting -= page.size


def prefetch_each(count: int, sources: Sources) -> list[tuple[int, list[str | None]]]:
    """Go through things side by side; return each with the cursors of its pages."""
    found = []
    for item, pages in WorkerPool(count).prefetch_each(sources):
        names = []
        for page in pages:
            sources.take(page)
            names.append(page.cursor)
        found.append((item, names))
    return found


@pytest.mark.parametrize("count", [1, 4])
def test_side_by_side_in_order(count: int) -> None:
    """Things come in their order, each with all of its pages, and those that have none too."""
    sources = Sources([1, 1], None, [], [1], None, *[[1, 1, 1]] * 30)
    expected = [["0", "1"], [], [], ["0"], [], *[["0", "1", "2"]] * 30]
    assert prefetch_each(count, sources) == list(enumerate(expected))


def test_side_by_side_in_order_whatever_finishes_first() -> None:
    """A thing that is slow holds its place, while those behind it are read."""
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
def test_side_by_side_within_bounds(count: int, size: int) -> None:
    """However many big things are under way, so many bytes wait, and a page for each worker."""
    sources = Sources(*[[size] * 20] * (2 * LOOKAHEAD * count))
    found = prefetch_each(count, sources)
    assert [names for _, names in found] == [[str(n) for n in range(20)]] * len(found)
    # One page more: what was taken is counted here a moment later than in the room.
    assert sources.most <= PREFETCH_BYTES + (count + 1) * size
    assert sources.waiting == 0


def test_first_in_line_is_never_starved() -> None:
    """Whose turn it is gets on, although all the room is taken by those behind it."""
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


def test_side_by_side_lazily() -> None:
    """No more things are pulled than the lookahead allows, before the first ones are taken."""
    sources = Sources(*[[1]] * 100)
    found = WorkerPool(2).prefetch_each(sources)
    assert sources.pulled == 0
    for taken in range(1, 30):
        cursors(next(found)[1])
        assert sources.pulled <= taken + LOOKAHEAD * 2


def test_no_worker_for_what_has_no_pages() -> None:
    """Things without pages start no thread."""
    before = threading.active_count()
    found = WorkerPool(4).prefetch_each([(number, None) for number in range(5)])
    next(found)
    assert threading.active_count() == before
    assert len(list(found)) == 4


def test_error_of_a_thing_at_its_place() -> None:
    """What ends a thing's pages comes behind those that were there, and the others go on."""

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


def test_error_of_the_things_behind_what_came() -> None:
    """An error of where the things come from is raised behind all of those that had come."""

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


def test_closed_side_by_side_begins_nothing_more() -> None:
    """Once closed, no page is begun any more, and the threads go away."""
    others = set(threading.enumerate())
    sources = Sources(*[[PREFETCH_BYTES] * 10] * 20)
    found = WorkerPool(3).prefetch_each(sources)
    _, pages = next(found)
    next(pages)
    workers = set(threading.enumerate()) - others
    found.close()  # type: ignore[attr-defined] # an iterator by its type, a generator in fact
    for thread in workers:
        thread.join(TIMEOUT)
    assert workers
    assert not any(thread.is_alive() for thread in workers)
    begun = sources.begun
    assert begun <= 6
    assert sources.begun == begun


def test_called_while_a_thing_is_waited_for() -> None:
    """What is to be called while waiting is, on this thread, and may end it all."""
    go_on = threading.Event()

    def look() -> None:
        message = "enough"
        raise LookupError(message)

    def pages() -> Iterator[Page]:
        go_on.wait(TIMEOUT)
        yield from pages_of([1])

    found = WorkerPool(1, look).prefetch_each([(1, pages())])
    with pytest.raises(LookupError, match="enough"):
        cursors(next(found)[1])
    go_on.set()


def page(name: str) -> Page:
    """Make a page of one row."""
    return Page([{"id": name}], None, "", 1)


class Threads:
    """Lets a number of threads be started, then fails as the operating system does."""

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


SHORT = [RuntimeError("can't start new thread"), MemoryError()]


@pytest.mark.parametrize("error", SHORT, ids=repr)
@pytest.mark.parametrize("left", [1, 2, 4])
def test_fewer_threads_than_wanted(
    monkeypatch: pytest.MonkeyPatch, left: int, error: Exception
) -> None:
    """All the work is done by the threads that there are."""
    Threads(monkeypatch, left, error)
    assert list(WorkerPool(8).map_ordered(lambda item: item, range(100))) == list(range(100))


@pytest.mark.parametrize("left", [1, 2, 5])
def test_fewer_threads_than_wanted_for_pages(monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    """All pages come in order from the threads that there are."""
    Threads(monkeypatch, left, SHORT[0])
    sources = [(name, iter([page(f"{name}{i}") for i in range(3)])) for name in "abcdefgh"]
    found = [
        [row["id"] for one in pages for row in one.rows]
        for _, pages in WorkerPool(8).prefetch_each(sources)
    ]
    assert found == [[f"{name}{i}" for i in range(3)] for name in "abcdefgh"]


def test_threads_that_others_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work inside other work that holds the last thread is done by the caller's."""
    Threads(monkeypatch, 1, SHORT[0])
    workers = WorkerPool(8)
    found: list[str] = []
    for one in workers.prefetch(page(str(i)) for i in range(3)):
        found += workers.map_ordered(lambda row: row["id"], one.rows)
        for _, pages in workers.prefetch_each([(None, iter([page("x")])), (None, None)]):
            found += [row["id"] for inner in pages for row in inner.rows]
    assert found == ["0", "x", "1", "x", "2", "x"]


def test_errors_where_no_thread_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error comes at its place, and what follows is not begun, without a thread too."""
    threads = Threads(monkeypatch, 1, SHORT[0])
    workers = WorkerPool(2)
    assert workers.run(lambda: 1) == 1
    assert threads.left == 0
    begun = []

    def work(item: int) -> int:
        begun.append(item)
        return 1 // (2 - item)

    results = workers.map_ordered(work, range(10))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert begun == [0, 1, 2]


@pytest.mark.parametrize("error", SHORT, ids=repr)
def test_no_thread_at_all(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Without any thread there is one error that says what to do, and nothing is begun."""
    Threads(monkeypatch, 0, error)
    workers = WorkerPool(8)
    begun: list[int] = []
    with pytest.raises(WorkerStartError, match=r"Raise the limit of processes or memory"):
        list(workers.map_ordered(begun.append, [1]))
    with pytest.raises(WorkerStartError):
        list(workers.prefetch([page("1")]))
    assert begun == []
