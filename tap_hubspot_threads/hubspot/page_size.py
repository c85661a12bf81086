"""Chooses the page size of a list: smaller after failures, larger after successes."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_hubspot_threads.errors import TransientError

SMALLER_SIZES = (100, 20, 1)
"""Page sizes to request after a larger size failed or was refused.

HubSpot documents a maximum of 500 threads per page (`api.PAGE_SIZE`). Other clients of the API
report that HubSpot returns at most 100 rows (observed). UNKNOWN: whether HubSpot ever returns more
than 100 rows. If not, a request for 500 rows has no advantage."""

FAILURES_PER_SIZE = 2
"""A page that got this many transient errors at one size is requested with the next smaller size.
If the request has a `RetryPolicy`, the policy's `max_attempts` replaces this number."""

MAX_FAILING_PAGES = 2
"""After this many pages failed at one size, the sync stops requesting it (see `PageSize`)."""

SUCCESSES_TO_STEP_UP = 10
"""After HubSpot returned this many pages of one size, the next larger size is requested."""


class PageSize:
    """The page size of the lists of one endpoint in one sync. Thread-safe.

    The sizes are `largest` and those of `SMALLER_SIZES` that are smaller. The *current size* is the
    size to request next. A page *fails* at a size if all attempts to request the page with this
    size end in transient errors.

    Guarantees, for the sizes 500, 100, 20 and 1:
        * After a page failed at size 500 or 100, the next smaller size becomes the current size.
        * After one page failed at size 20, the current size stays 20. Only the failed page is
          requested with size 1. After a second page failed at size 20, the current size becomes 1.
        * After HubSpot returned `SUCCESSES_TO_STEP_UP` pages of the current size, the next larger
          size becomes the current size, unless that size is *excluded*.
        * An excluded size is not requested. A size is excluded after `MAX_FAILING_PAGES` pages
          failed at this size. A size is also excluded if HubSpot refused the size for a page, and
          then returned the page with a smaller size. Sizes above an excluded size are excluded too.
        * A failure at size 500, 100 or 20 counts only while this size is the current size. So
          several pages that fail concurrently at size 500 or 100 count as one page.
        * After a page failed at size 1, the sync forgets all failures, but no refusals. The largest
          size that is not excluded becomes the current size. The reason is that a bad row or an
          outage, not the size, makes a page of size 1 fail.

    Args:
        largest: The first size to request.
    """

    def __init__(self, largest: int) -> None:
        self._sizes = (largest, *(size for size in SMALLER_SIZES if size < largest))
        self._lock = threading.Lock()
        self._current = largest
        self._successes = 0
        self._failed_pages: Counter[int] = Counter()
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
        """Record that HubSpot returned a page of this size, and update the current size."""
        with self._lock:
            self._worked.add(size)
            if size != self._current:
                return
            self._successes += 1
            larger = [other for other in self._allowed() if other > size]
            if larger and self._successes >= SUCCESSES_TO_STEP_UP:
                self._set(larger[-1])

    def failed(self, size: int) -> None:
        """Record that a page failed at this size, and update the current size."""
        with self._lock:
            smaller = self.smaller_than(size)
            if smaller is None:
                self._failed_pages.clear()
                self._set(self._allowed()[0])
            elif size == self._current:
                self._failed_pages[size] += 1
                is_last_resort = smaller == self._sizes[-1]
                if not is_last_resort or self._failed_pages[size] >= MAX_FAILING_PAGES:
                    self._set(smaller)

    def forget_failures(self) -> None:
        """Forget all failures. The largest size that no refusal excludes becomes the current size.

        Call this method if a row, not the size, made a page fail.
        """
        self.failed(self._sizes[-1])

    def refused(self, size: int) -> None:
        """Record that HubSpot refused a page of this size, but returned a smaller page."""
        with self._lock:
            self._refused.add(size)
            if self._current not in self._allowed():
                self._set(self._allowed()[0])

    def _allowed(self) -> list[int]:
        """Return the sizes that are not excluded (see `PageSize`), largest first."""
        unusable = self._refused | {
            size for size, pages in self._failed_pages.items() if pages >= MAX_FAILING_PAGES
        }
        return [size for size in self._sizes if size < min(unusable, default=self._sizes[0] + 1)]

    def _set(self, size: int) -> None:
        self._current, self._successes = size, 0


class SinglePageSize:
    """The size to request for one page. The size decreases if the page fails or is refused.

    Args:
        listing: The page size of the whole list.
        max_failures: The next smaller size is requested after this many failed attempts at a size.
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
        """Whether the size of this page is the smallest, and the list's current size is larger.

        If so, a single row may have made the larger pages fail.
        """
        return self._size < self._listing.current and self.is_smallest

    @property
    def attempts(self) -> int:
        """The number of attempts for this page's size and all smaller sizes.

        Each size has `max_failures` attempts.
        """
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
        """Record a failed attempt. After `max_failures` failed attempts, use the next smaller size.

        An error with `asks_to_wait` does not count, because the size does not cause such an error.
        """
        if error.asks_to_wait:
            return
        self._failures += 1
        if self._failures >= self._max_failures:
            self._listing.failed(self._size)
            self._use(self._listing.smaller_than(self._size) or self._size)

    def refused(self) -> bool:
        """Record a 400. Return whether to request the page again with a smaller size.

        Return False if HubSpot has returned a page of this size before, because the size is then
        not the cause of the 400. For the smallest size, return False too.
        """
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
