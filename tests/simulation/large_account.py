"""The listing of an account with more threads than a history has, by many ranges of IDs."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, cast

from tap_hubspot_threads.models import Page
from tap_hubspot_threads.sync.id_ranges import cursor_after, id_of_cursor
from tap_hubspot_threads.sync.phases.thread_list import ThreadList
from tests.simulation.workers import DrawnWorkers

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

WORKERS = 16
SPARE_CALLS = 40
"""API calls of a listing beyond twice its pages."""
NOW = "2026-03-01T12:00:00.000Z"


class LargeAccount:
    """Answers requests for pages of IDs, and counts them.

    Args:
        chance: Draws how many threads there are, and how many of them came in bursts.
    """

    def __init__(self, chance: random.Random) -> None:
        self._size = chance.choice((10, 50))
        count = self._size * chance.randrange(1, 60)
        even = {chance.randrange(1, 10**10) for _ in range(chance.choice((0, count // 3, count)))}
        self.ids = sorted(even.union(*(_burst(chance, count) for _ in range(chance.randrange(3)))))
        self.requests = 0

    @property
    def pages(self) -> int:
        """The pages that a reader of one page after another would request."""
        return -(-len(self.ids) // self._size)

    def list_threads(self, cursor: str | None = None, *, archived: bool) -> Iterator[Page]:
        """Yield one page."""
        assert not archived
        self.requests += 1
        start = bisect_right(self.ids, id_of_cursor(cursor) or 0)
        ids = self.ids[start : start + self._size]
        is_last = start + self._size >= len(self.ids)
        rows = [{"id": str(thread_id), "createdAt": _time_of(thread_id)} for thread_id in ids]
        following = None if is_last else cursor_after(ids[-1])
        yield Page(rows, following, NOW, ids=[row["id"] for row in rows])


def _burst(chance: random.Random, count: int) -> set[int]:
    """Return the IDs of threads that were created within a short time."""
    start, length = chance.randrange(1, 10**10), 10 ** chance.randrange(4, 9)
    return {start + chance.randrange(length) for _ in range(count // 2)}


def _time_of(thread_id: int) -> str:
    """Return when a thread was created: IDs grow by ten million per day."""
    day, rest = divmod(thread_id, 10**7)
    return (
        f"{2023 + day // 336}-{1 + day % 336 // 28:02}-{1 + day % 28:02}T{rest % 24:02}:00:00.000Z"
    )


def check_large_listing(chance: random.Random) -> None:
    """List a large account by ranges.

    Raises:
        AssertionError: if a thread is missing or comes twice, or if too many calls were made.
    """
    account = LargeAccount(chance)
    workers = type("Workers", (DrawnWorkers,), {"chance": chance})(WORKERS)
    threads = ThreadList(cast("Any", account), workers, archived=False)
    found = [thread_id for part in threads.parts() for thread_id in map(int, _ids(part))]
    assert len(found) == len({*found}), "a thread of a large account was listed twice"
    missing = {*account.ids} - {*found}
    assert not missing, f"{min(missing, default=0)} is missing, although it existed at 0"
    bound = 2 * account.pages + SPARE_CALLS
    assert account.requests <= bound, f"{account.requests} calls for {account.pages} pages"


def _ids(part: Any) -> list[str]:
    return [row["id"] for row in part.rows()]
