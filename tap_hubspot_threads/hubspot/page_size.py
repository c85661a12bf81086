"""The page size of a list: it decreases after failures and increases after successes."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_hubspot_threads.errors import TransientError

SMALLER_SIZES = (100, 20, 1)
"""Sizes to fall back to. Other clients report a maximum of 100 (observed). UNKNOWN: whether HubSpot
ever returns larger pages. If it never does, requesting 500 is pointless."""

FAILURES_PER_SIZE = 2
"""Transient failures of one page before the next smaller size is requested."""

MAX_FAILING_PAGES = 2
"""Number of pages at which a size fails before this sync stops requesting that size."""

SUCCESSES_TO_STEP_UP = 10
"""Pages of one size before the next larger size is requested."""


class PageSize:
    """The page size of one list in one sync. Thread-safe.

    Guarantees:
        * After a failure, the next smaller size is requested. `SUCCESSES_TO_STEP_UP` pages later,
          the larger size is requested again. The smallest size is requested for the failing page
          only, until the next larger size fails at a second page.
        * A size that failed at `MAX_FAILING_PAGES` pages is not requested again. Pages that fail
          concurrently count as one page.
        * A size that HubSpot refuses is not requested again.
        * If the smallest size fails too, all failures are forgotten. The cause is then a bad row or
          an outage, not the size.

    Args:
        largest: The first size to request.
    """

    def __init__(self, largest: int) -> None:
        self._sizes = (largest, *(size for size in SMALLER_SIZES if size < largest))
        self._lock = threading.Lock()
        self._current = largest
        self._successes = 0
        self._failures: Counter[int] = Counter()
        self._refused: set[int] = set()
        self._worked: set[int] = set()

    @property
    def current(self) -> int:
        """The size to request next."""
        return self._current

    def smaller_than(self, size: int) -> int | None:
        """Return the next smaller size; None for the smallest."""
        return next((smaller for smaller in self._sizes if smaller < size), None)

    def has_worked(self, size: int) -> bool:
        """Whether a page of this size was returned."""
        return size in self._worked

    def succeeded(self, size: int) -> None:
        """Record a page of this size; step up after `SUCCESSES_TO_STEP_UP` pages."""
        with self._lock:
            self._worked.add(size)
            if size != self._current:
                return
            self._successes += 1
            larger = [other for other in self._allowed() if other > size]
            if larger and self._successes >= SUCCESSES_TO_STEP_UP:
                self._set(larger[-1])

    def failed(self, size: int) -> None:
        """Record that a page of this size failed `FAILURES_PER_SIZE` times; step down."""
        with self._lock:
            smaller = self.smaller_than(size)
            if smaller is None:
                self._failures.clear()
                self._set(self._allowed()[0])
            elif size == self._current:
                self._failures[size] += 1
                is_last_resort = smaller == self._sizes[-1]
                if not is_last_resort or self._failures[size] >= MAX_FAILING_PAGES:
                    self._set(smaller)

    def forget_failures(self) -> None:
        """Record that a row, not the size, made a page fail."""
        self.failed(self._sizes[-1])

    def refused(self, size: int) -> None:
        """Record that HubSpot refused this size and then accepted a smaller one."""
        with self._lock:
            self._refused.add(size)
            if self._current not in self._allowed():
                self._set(self._allowed()[0])

    def _allowed(self) -> list[int]:
        """Return the sizes below every refused or failing size, largest first."""
        unusable = self._refused | {
            size for size, pages in self._failures.items() if pages >= MAX_FAILING_PAGES
        }
        return [size for size in self._sizes if size < min(unusable, default=self._sizes[0] + 1)]

    def _set(self, size: int) -> None:
        self._current, self._successes = size, 0


class SinglePageSize:
    """The sizes to request for one page, from larger to smaller.

    Args:
        listing: The page size of the whole list.
        max_failures: Transient failures before the next smaller size is requested.
    """

    def __init__(self, listing: PageSize, *, max_failures: int = FAILURES_PER_SIZE) -> None:
        self._listing, self._max_failures = listing, max_failures
        self._size = listing.current
        self._failures = 0
        self._refused: list[int] = []

    @property
    def is_smallest(self) -> bool:
        """Whether no smaller size is left."""
        return self._listing.smaller_than(self._size) is None

    @property
    def is_reduced_to_smallest(self) -> bool:
        """Whether only the smallest size is left at this place, so that a row may be the cause."""
        return self._size < self._listing.current and self.is_smallest

    @property
    def attempts(self) -> int:
        """The number of attempts needed to try the current size and all smaller sizes."""
        count, size = 1, self._size
        while (smaller := self._listing.smaller_than(size)) is not None:
            count, size = count + 1, smaller
        return count * self._max_failures

    def take(self) -> int:
        """Return the size for the next attempt: at most the current size of the list."""
        if self._listing.current < self._size:
            self._use(self._listing.current)
        return self._size

    def failed(self, error: TransientError) -> None:
        """Record a failed attempt. Ignore an error that asks to wait: its cause is not the size."""
        if error.asks_to_wait:
            return
        self._failures += 1
        if self._failures >= self._max_failures:
            self._listing.failed(self._size)
            self._use(self._listing.smaller_than(self._size) or self._size)

    def refused(self) -> bool:
        """Record a 400; return whether a smaller size may be accepted."""
        smaller = self._listing.smaller_than(self._size)
        if smaller is None or self._listing.has_worked(self._size):
            return False
        self._refused.append(self._size)
        self._use(smaller)
        return True

    def succeeded(self) -> None:
        """Record that the page was returned. So the sizes that HubSpot refused were too large."""
        for size in self._refused:
            self._listing.refused(size)
        self._listing.succeeded(self._size)

    def _use(self, size: int) -> None:
        self._size, self._failures = size, 0
