"""Workers without threads: calls are executed in a drawn order, one at a time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from typing_extensions import override

from tap_hubspot_threads.sync.workers import LOOKAHEAD, Workers

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Iterator

    from tap_hubspot_threads.contract import Page

T = TypeVar("T")
R = TypeVar("R")

_NOTHING: Any = object()


@dataclass
class _Call:
    item: Any
    result: Any = _NOTHING
    error: Exception | None = None

    @property
    def is_done(self) -> bool:
        return self.result is not _NOTHING or self.error is not None


class DrawnWorkers(Workers):
    """Does in one thread what workers may do in many, in an order that `chance` draws.

    Whatever order it draws, threads could have answered in: of the calls that have not been
    executed, the first `count` are under way; at most `LOOKAHEAD × count` are pending; a result is
    yielded when the next item has been pulled and all before it are there, or when no more may be
    pulled. A call is executed as a whole.
    """

    chance: ClassVar[random.Random]

    @override
    def each(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        pending: deque[_Call] = deque()
        for item in items:
            pending.append(_Call(item))
            self._execute_some(function, pending)
            while pending and (pending[0].is_done or len(pending) >= LOOKAHEAD * self._count):
                yield self._head(function, pending)
                self._execute_some(function, pending)
        while pending:
            yield self._head(function, pending)

    @override
    def ahead(self, pages: Iterable[Page]) -> Iterator[Page]:
        waiting: deque[Page] = deque()
        left = iter(pages)
        error: Exception | None = None
        is_done = False
        while True:
            while not is_done and (not waiting or self.chance.random() < 0.4):
                try:
                    waiting.append(next(left))
                except StopIteration:
                    is_done = True
                except Exception as raised:  # noqa: BLE001 - raised where it is due
                    error, is_done = raised, True
            if not waiting:
                if error is not None:
                    raise error
                return
            self._while_waiting()
            yield waiting.popleft()

    def _head(self, function: Callable[[T], R], pending: deque[_Call]) -> R:
        """Return the first result, or raise its error, once it is there."""
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
        """Execute one of the calls that are under way; behind one that failed, none begins."""
        under_way: list[_Call] = []
        for call in pending:
            if call.error is not None or len(under_way) == self._count:
                break
            if not call.is_done:
                under_way.append(call)
        if not under_way:
            return False
        call = self.chance.choice(under_way)
        try:
            call.result = function(call.item)
        except Exception as error:  # noqa: BLE001 - raised where the result is due
            call.error = error
        return True
