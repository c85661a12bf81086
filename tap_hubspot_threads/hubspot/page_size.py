"""Chooses the page size of a list: smaller after failures, larger after successes."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_hubspot_threads.errors import TransientError

SMALLER_SIZES = (100, 20, 1)
"""Page sizes to request after a larger size failed. Other clients of the API report that HubSpot
returns at most 100 rows per page (observed). UNKNOWN: whether HubSpot ever returns more. If not, a
request for 500 rows has no advantage."""

FAILURES_PER_SIZE = 2
"""A page is requested with the next smaller size after this many transient failures at one size."""

MAX_FAILING_PAGES = 2
"""This sync stops requesting a size after this many pages failed at that size."""

SUCCESSES_TO_STEP_UP = 10
"""The next larger size is requested after HubSpot returned this many pages of the current size."""


class PageSize:
    """The page size of one list in one sync. Thread-safe.

    The sizes are `largest` and those of `SMALLER_SIZES` that are smaller, such as 500, 100, 20, 1.
    The *current size* is the size to request next. A page *fails* at a size if all attempts at the
    page with this size had transient errors.

    Guarantees:
        * After a page failed at the current size, the next smaller size becomes the current size.
          After `SUCCESSES_TO_STEP_UP` more pages, the larger size becomes the current size again.
        * The smallest size (1) is an exception. When the first page fails at size 20, only this
          page is requested with size 1. When a second page fails at size 20, the current size
          becomes 1.
        * A size is not requested again after `MAX_FAILING_PAGES` pages failed at this size. If
          several pages fail concurrently at size 500 or 100, they count as one page.
        * A size is not requested again after HubSpot refused this size.
        * If a size is not requested again, larger sizes are not requested again either.
        * If a page fails at the smallest size too, all failures are forgotten. The cause is then a
          bad row or an outage, not the size.

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
        """The current size."""
        return self._current

    def smaller_than(self, size: int) -> int | None:
        """Return the next smaller size; None for the smallest."""
        return next((smaller for smaller in self._sizes if smaller < size), None)

    def has_worked(self, size: int) -> bool:
        """Whether HubSpot has returned a page that was requested with this size."""
        return size in self._worked

    def succeeded(self, size: int) -> None:
        """Record that HubSpot returned a page of this size.

        After `SUCCESSES_TO_STEP_UP` pages, the next larger size becomes the current size.
        """
        with self._lock:
            self._worked.add(size)
            if size != self._current:
                return
            self._successes += 1
            larger = [other for other in self._allowed() if other > size]
            if larger and self._successes >= SUCCESSES_TO_STEP_UP:
                self._set(larger[-1])

    def failed(self, size: int) -> None:
        """Record that all attempts at one page with this size failed, and choose the next size."""
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
        """Forget all failures, so that the largest size that was not refused becomes current.

        Call this method if a row, not the size, made a page fail.
        """
        self.failed(self._sizes[-1])

    def refused(self, size: int) -> None:
        """Record that HubSpot refused this size and then accepted a smaller size."""
        with self._lock:
            self._refused.add(size)
            if self._current not in self._allowed():
                self._set(self._allowed()[0])

    def _allowed(self) -> list[int]:
        """Return the sizes that may be requested, largest first.

        Such a size is smaller than each size that HubSpot refused, and smaller than each size at
        which `MAX_FAILING_PAGES` pages failed.
        """
        unusable = self._refused | {
            size for size, pages in self._failures.items() if pages >= MAX_FAILING_PAGES
        }
        return [size for size in self._sizes if size < min(unusable, default=self._sizes[0] + 1)]

    def _set(self, size: int) -> None:
        self._current, self._successes = size, 0


class SinglePageSize:
    """The size to request for one page. The size decreases if the page fails or is refused.

    Args:
        listing: The page size of the whole list.
        max_failures: The next smaller size is requested after this many transient failures.
    """

    def __init__(self, listing: PageSize, *, max_failures: int = FAILURES_PER_SIZE) -> None:
        self._listing, self._max_failures = listing, max_failures
        self._size = listing.current
        self._failures = 0
        self._refused: list[int] = []

    @property
    def is_smallest(self) -> bool:
        """Whether the size is the smallest of all sizes."""
        return self._listing.smaller_than(self._size) is None

    @property
    def is_reduced_to_smallest(self) -> bool:
        """Whether this page needs the smallest size, while the list still requests larger pages.

        If so, a single row may be the cause of the failures.
        """
        return self._size < self._listing.current and self.is_smallest

    @property
    def attempts(self) -> int:
        """The number of attempts that it takes to try this page's size and all smaller sizes."""
        count, size = 1, self._size
        while (smaller := self._listing.smaller_than(size)) is not None:
            count, size = count + 1, smaller
        return count * self._max_failures

    def take(self) -> int:
        """Return the size for the next attempt, which never exceeds the list's current size."""
        if self._listing.current < self._size:
            self._use(self._listing.current)
        return self._size

    def failed(self, error: TransientError) -> None:
        """Record a failed attempt.

        An error with `asks_to_wait` does not count, because the size is not its cause.
        """
        if error.asks_to_wait:
            return
        self._failures += 1
        if self._failures >= self._max_failures:
            self._listing.failed(self._size)
            self._use(self._listing.smaller_than(self._size) or self._size)

    def refused(self) -> bool:
        """Record a 400. Return whether to request the page again with a smaller size."""
        smaller = self._listing.smaller_than(self._size)
        if smaller is None or self._listing.has_worked(self._size):
            return False
        self._refused.append(self._size)
        self._use(smaller)
        return True

    def succeeded(self) -> None:
        """Record that HubSpot returned the page.

        If HubSpot refused larger sizes for this page, the list stops requesting these sizes.
        """
        for size in self._refused:
            self._listing.refused(size)
        self._listing.succeeded(self._size)

    def _use(self, size: int) -> None:
        self._size, self._failures = size, 0
