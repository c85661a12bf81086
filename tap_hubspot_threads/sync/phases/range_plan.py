"""Decides which range of thread IDs each worker reads next, so that all workers stay busy.

A worker requests the first page of a range. The IDs after this page remain in the range. If an idle
worker finds no idle range, the plan *splits* a range that another worker is reading. The idle
worker then reads the upper part of the range.

The *endless* range has no upper end, so it includes the newest threads. If this range is split, its
upper part becomes the endless range. This upper part is called a *probe*, because it can turn out
to be empty: the plan does not know how many threads there are.

Simulated: with 16 workers, ranges are 9 to 15 times as fast as one page after another
(`benchmarks/ranges.py`). The simulated accounts have 40,000 to 300,000 threads, and gain the same
number of threads each day. The IDs increase faster each year, as HubSpot's IDs do.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import partial
from math import ceil, inf
from typing import TYPE_CHECKING

from tap_hubspot_threads.sync.id_ranges import ALL_IDS, IdRange, check_page, id_of_cursor
from tap_hubspot_threads.values import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_hubspot_threads.models import Page

SPARE_CALLS = 24
"""Limits the calls that splits add. No range is split while the calls so far exceed 2 × (rows so
far / rows per page) plus this number."""
CUTS_PER_PAGE = 3
"""After the first page, the plan estimates how many pages follow. It cuts the IDs after the first
page into at most this many ranges for each of these pages."""
PAGES_WORTH_A_SPLIT = 1.2
"""A range is split only if at least this many pages are expected after the page that a worker is
reading."""
FIRST_GALLOP = 8
"""The first probe starts this many expected pages after the page that a worker is reading in the
endless range. After each probe that has rows, the number doubles. After an empty probe, the number
is `FIRST_GALLOP` again."""


@dataclass
class _Range:
    after: int
    until: int | None
    rate: float | None = None
    """Estimated number of threads per ID. None: unknown."""
    is_busy: bool = False
    """Whether a worker is reading a page of the range."""
    is_probe: bool = False
    """Whether the range is a probe whose first page has not been read yet."""


class Budget:
    """Limits the API calls and the time for reading a list.

    Each requested page counts as one API call. Retries, requests with a smaller page size, and the
    search for a failing row (`RangeReader`) do not count.

    Args:
        calls: Maximum API calls. None: no limit.
        seconds: Once a page arrives later than this many seconds after the first request, no
            further page is requested. None: no limit.
    """

    def __init__(self, *, calls: int | None = None, seconds: float | None = None) -> None:
        self._max_calls, self._max_seconds = calls, seconds
        self._started_at: float | None = None
        self._is_out_of_time = False
        self.calls = 0
        """Number of API calls so far."""
        self.seconds = 0.0
        """Seconds from the first request to the latest response."""

    def take(self) -> bool:
        """Count an API call and return True. If the budget is used up, return False instead."""
        if self._is_out_of_time or self.calls == self._max_calls:
            return False
        self.calls += 1
        return True

    def note(self, page: Page) -> None:
        """Record when a page was received, and whether the time is used up."""
        if self._started_at is None:
            self._started_at = page.received_at - page.seconds
        self.seconds = max(self.seconds, page.received_at - self._started_at)
        self._is_out_of_time = self._max_seconds is not None and self.seconds >= self._max_seconds


class RangePlan:
    """The unread ranges of one list: the list of live threads or the list of archived threads.

    Not thread-safe: the worker pool holds a lock during each call of `take`, `done` and `skip`.

    Args:
        ranges: The ranges to read. All ranges except the last have an upper end.
        budget: Limits the calls and the time.
        workers: The number of workers that read pages.
    """

    def __init__(self, ranges: Iterable[IdRange], budget: Budget, *, workers: int) -> None:
        self._ranges = [_Range(*each) for each in ranges]
        self._budget, self._workers = budget, workers
        self._calls = self._rows = 0
        self._page_size = 1
        self._gallop = FIRST_GALLOP

    @property
    def is_complete(self) -> bool:
        """Whether all ranges were read."""
        return not self._ranges

    def take(self) -> IdRange | None:
        """Return the range whose first page a worker reads next.

        Return None if workers are reading all ranges and none can be split, or if the budget is
        used up.
        """
        idle = [each for each in self._ranges if not each.is_busy]
        chosen = max(idle, key=self._expected) if idle else self._split()
        if chosen is None or not self._budget.take():
            return None
        chosen.is_busy = True
        self._calls += 1
        return IdRange(chosen.after, chosen.until)

    def done(self, task: IdRange, page: Page) -> IdRange:
        """Record a page that a worker has read. Return the IDs that need not be read again.

        If the range was split while the worker was reading, the page can have IDs of the upper
        part. These IDs are not returned, because the upper part is now another range.

        Args:
            task: The range that `take` returned.
            page: The first page of this range.

        Raises:
            NotAKeyError: if `check_page` finds that cursors are not keys.
        """
        ids = check_page(page, task.after)
        self._budget.note(page)
        each = next(found for found in self._ranges if found.after == task.after)
        if page.cursor is not None:
            self._page_size = max(len(ids), 1)
        self._rows += len(ids) if each.until is None else bisect_right(ids, each.until)
        last = id_of_cursor(page.cursor) or each.after
        if each.is_probe:
            self._gallop = 2 * self._gallop if ids else FIRST_GALLOP
        if page.cursor is None or (each.until is not None and last >= each.until):
            self._ranges.remove(each)
            return IdRange(each.after, each.until)
        if ids:
            each.rate = len(ids) / (last - each.after)
        covered = IdRange(each.after, last)
        each.after, each.is_busy, each.is_probe = last, False, False
        if task == ALL_IDS and ids and not page.do_larger_fail:
            self._cut(page)
        return covered

    def skip(self, task: IdRange, row_id: int, behind: Page | None) -> IdRange:
        """Skip a row that HubSpot cannot list. The range continues with the IDs above this row.

        Args:
            task: The range that `take` returned.
            row_id: The ID of the row.
            behind: The page that starts after the row. The time of this page counts in the budget.
                None: no such page was requested.

        Returns:
            The IDs of the range up to `row_id`, which need not be read again.
        """
        if behind is not None:
            self._budget.note(behind)
        each = next(found for found in self._ranges if found.after == task.after)
        if each.until is not None and row_id >= each.until:
            self._ranges.remove(each)
            return IdRange(each.after, each.until)
        each.after, each.is_busy, each.is_probe = row_id, False, False
        return IdRange(task.after, row_id)

    def _cut(self, first: Page) -> None:
        """Cut the IDs after the first page of the list into ranges. The last range is endless.

        The number of ranges is at most `CUTS_PER_PAGE` per expected page, and at most the number of
        workers minus 1. But at least one range is made.
        """
        (rest,) = self._ranges
        start, newest = int(first.ids[0]) - 1, newest_id(first)
        pages = max(0, newest - rest.after) / (rest.after - start)
        count = max(1, min(int(CUTS_PER_PAGE * pages), self._workers - 1))
        step = max(1, (newest - start) // (count + 1))
        bounds = [rest.after + step * index for index in range(count)]
        ends = [*bounds[1:], None]
        self._ranges = [_Range(*each) for each in zip(bounds, ends, strict=True)]

    def _expected(self, each: _Range, *, pages_ahead: int = 0) -> float:
        """Return the number of rows expected in a range, without its next `pages_ahead` pages.

        Return infinity if the range is endless, or if its number of threads per ID is unknown.
        """
        if each.rate is None or each.until is None:
            return inf
        return (each.until - each.after) * each.rate - pages_ahead * self._page_size

    def _split(self) -> _Range | None:
        """Split the range with the most expected rows. Return the upper part as a new range.

        The rows of the page that a worker is reading do not count. The upper part starts in the
        middle of the IDs after this page. A probe starts a number of pages after this page (see
        `FIRST_GALLOP`).

        A range without a known rate cannot be split. A probe cannot be split before its first page
        has been read.

        Return None in any of these cases:
            * The calls so far exceed the limit (`SPARE_CALLS`).
            * No range can be split.
            * Every range has too few expected pages (`PAGES_WORTH_A_SPLIT`).
        """
        if self._calls > 2 * self._rows / self._page_size + SPARE_CALLS:
            return None
        has_probe = any(each.is_probe for each in self._ranges)
        known = [
            each
            for each in self._ranges
            if each.rate is not None and not (has_probe and each.until is None)
        ]
        best = max(known, key=partial(self._expected, pages_ahead=1), default=None)
        if best is None or best.rate is None:
            return None
        if self._expected(best, pages_ahead=1) < PAGES_WORTH_A_SPLIT * self._page_size:
            return None
        page_end = best.after + ceil(self._page_size / best.rate)
        if best.until is None:
            middle = page_end + ceil(self._gallop * self._page_size / best.rate)
        else:
            middle = (page_end + best.until) // 2
        new = _Range(middle, best.until, best.rate / 2, is_probe=best.until is None)
        best.until = middle
        self._ranges.append(new)
        return new


def newest_id(first: Page) -> int:
    """Estimate the ID that a thread created now would get.

    The IDs and creation times of the first page are extrapolated linearly. The actual ID is higher,
    because HubSpot's IDs increase faster each year. If the creation times on the page do not
    increase or are missing, return the ID of the last row.

    Args:
        first: The first page of the list. This page has at least one row.
    """
    dated = [
        (int(row["id"]), parse_time(row["createdAt"])) for row in first.rows if row["createdAt"]
    ]
    last = int(first.ids[-1])
    if not dated:
        return last
    (low, oldest), (high, newest) = dated[0], dated[-1]
    seconds = (newest - oldest).total_seconds()
    ahead = (parse_time(first.now) - newest).total_seconds()
    return last + max(0, int((high - low) * ahead / seconds)) if seconds > 0 else last
