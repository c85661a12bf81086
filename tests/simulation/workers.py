"""Workers without threads: calls run in a random order, one at a time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from typing_extensions import override

from tap_hubspot_threads.sync.concurrency.prefetch import Sized
from tap_hubspot_threads.sync.concurrency.worker_pool import LOOKAHEAD, WorkerPool, up_to_an_error

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Iterator

    from tap_hubspot_threads.models import Page
    from tap_hubspot_threads.sync.concurrency.prefetch import Plan

T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S", bound=Sized)

_NOTHING: Any = object()


@dataclass
class _Call:
    item: Any
    result: Any = _NOTHING
    error: Exception | None = None

    @property
    def is_done(self) -> bool:
        return self.result is not _NOTHING or self.error is not None


@dataclass
class _Source:
    pages: Iterator[Page]
    is_ended: bool
    waiting: deque[Page] = field(default_factory=deque)
    error: Exception | None = None

    def read(self) -> None:
        """Read a page, or the end of the pages."""
        try:
            self.waiting.append(next(self.pages))
        except StopIteration:
            self.is_ended = True
        except Exception as error:  # noqa: BLE001 - raised in order
            self.error, self.is_ended = error, True


class DrawnWorkers(WorkerPool):
    """Does in one thread what a worker pool may do in many, in a random order.

    Real threads could finish in any order that this class draws. Of the calls that have not run,
    the first `count` are in flight. At most `LOOKAHEAD × count` calls are pending. A result is
    yielded when the next item has been pulled and all earlier results exist, or when no more items
    may be pulled. A call runs as a whole.
    """

    chance: ClassVar[random.Random]

    @override
    def map_ordered(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        pending: deque[_Call] = deque()
        for item in items:
            pending.append(_Call(item))
            self._execute_some(function, pending)
            while pending and (pending[0].is_done or len(pending) >= LOOKAHEAD * self.count):
                yield self._head(function, pending)
                self._execute_some(function, pending)
        while pending:
            yield self._head(function, pending)

    @override
    def prefetch_each(
        self, sources: Iterable[tuple[T, Iterator[Page] | None]]
    ) -> Iterator[tuple[T, Iterator[Page]]]:
        pending: deque[tuple[T, _Source]] = deque()
        errors: list[Exception] = []
        for item, pages in up_to_an_error(sources, errors):
            pending.append((item, _Source(pages or iter(()), is_ended=pages is None)))
            self._read_some(pending)
            while pending and (pending[0][1].is_ended or len(pending) >= LOOKAHEAD * self.count):
                yield from self._turn_of(pending)
        while pending:
            yield from self._turn_of(pending)
        for error in errors:
            raise error

    @override
    def run_plan(self, plan: Plan[T, S]) -> Iterator[S]:
        running: list[tuple[T, S]] = []
        waiting: list[S] = []
        error: Exception | None = None
        while True:
            self._while_waiting()
            task = None
            may_start = error is None and len(running) < self.count
            if may_start and (not running or self.chance.random() < 0.7):
                task = plan.take()
            if task is not None:
                try:
                    running.append((task, plan.run(task)))
                except Exception as raised:  # noqa: BLE001 - raised after the results
                    error = raised
            elif running:
                done, result = running.pop(self.chance.randrange(len(running)))
                try:
                    plan.done(done, result)
                except Exception as raised:  # noqa: BLE001 - raised after the results
                    error = error or raised
                else:
                    waiting.append(result)
            else:
                break
            while waiting and self.chance.random() < 0.5:
                yield waiting.pop(0)
        yield from waiting
        if error is not None:
            raise error

    def _turn_of(self, pending: deque[tuple[T, _Source]]) -> Iterator[tuple[T, Iterator[Page]]]:
        item, first = pending[0]

        def pages() -> Iterator[Page]:
            while True:
                self._while_waiting()
                while not (first.waiting or first.is_ended):
                    self._read_one(pending)
                if not first.waiting:
                    break
                yield first.waiting.popleft()
                self._read_some(pending)
            if first.error is not None:
                raise first.error

        yield item, pages()
        pending.popleft()

    def _read_some(self, pending: deque[tuple[T, _Source]]) -> None:
        while self.chance.random() < 0.5 and self._read_one(pending):
            pass

    def _read_one(self, pending: deque[tuple[T, _Source]]) -> bool:
        """Read a page of one of the sources in flight."""
        under_way = [source for _, source in pending if not source.is_ended][: self.count]
        if not under_way:
            return False
        self.chance.choice(under_way).read()
        return True

    def _head(self, function: Callable[[T], R], pending: deque[_Call]) -> R:
        """Return the first result, or raise its error."""
        self._while_waiting()
        while not pending[0].is_done:
            self._execute_one(function, pending)
        call = pending.popleft()
        if call.error is not None:
            raise call.error
        result: R = call.result
        return result

    def _execute_some(self, function: Callable[[T], R], pending: deque[_Call]) -> None:
        while self.chance.random() < 0.5 and self._execute_one(function, pending):
            pass

    def _execute_one(self, function: Callable[[T], R], pending: deque[_Call]) -> bool:
        """Run one of the calls in flight. No call starts after one that failed."""
        under_way: list[_Call] = []
        for call in pending:
            if call.error is not None or len(under_way) == self.count:
                break
            if not call.is_done:
                under_way.append(call)
        if not under_way:
            return False
        call = self.chance.choice(under_way)
        try:
            call.result = function(call.item)
        except Exception as error:  # noqa: BLE001 - raised in order
            call.error = error
        return True
