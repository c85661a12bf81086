"""Reads HubSpot's list of live threads, or its list of archived threads, sorted by ID.

If HubSpot's cursors are *keys*, which are thread IDs, the tap can make a cursor for any ID (a
*self-made cursor*, `sync.id_ranges`). The tap then reads several ranges of the list at once.
Without keys, the tap reads one page after another.

UNKNOWN: whether the cursors of every account are keys (recorded in one account), and whether
HubSpot accepts self-made cursors. If both are true, the code below "One page after another" and
`NotAKeyError` can be removed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import RefusedError
from tap_hubspot_threads.sync.id_ranges import (
    ALL_IDS,
    IdRange,
    NotAKeyError,
    cursor_after,
    id_of_cursor,
    subtract,
)
from tap_hubspot_threads.sync.phases.range_plan import Budget, RangePlan
from tap_hubspot_threads.sync.phases.range_reader import ListedPart, RangeReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_hubspot_threads.hubspot.api import HubSpotApi
    from tap_hubspot_threads.models import Page
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool

LOG = logging.getLogger("tap-hubspot-threads")


class ThreadList:
    """Lists the live or the archived threads.

    Args:
        api: The HubSpot API.
        pool: Runs the API calls on worker threads.
        archived: Whether to list archived threads instead of live threads.
        budget: Limits the API calls and the time. None: no limit.
    """

    def __init__(
        self, api: HubSpotApi, pool: WorkerPool, *, archived: bool, budget: Budget | None = None
    ) -> None:
        self._api, self._pool, self._archived = api, pool, archived
        self._budget = budget or Budget()
        self.is_complete = False
        """Whether the list was read to its end. False: reading has not ended, or has stopped
        because the budget was used up."""

    def parts(
        self, unread: Sequence[IdRange] = (ALL_IDS,), cursor: str | None = None
    ) -> Iterator[ListedPart]:
        """Yield the pages of the unread ranges, in any order.

        If HubSpot's cursors are not keys, or if HubSpot refuses a self-made cursor, read the rest
        of the list one page after another. The rest starts after an ID up to which all rows have
        been yielded. Some rows after this ID can be yielded twice, because the pages of ranges
        arrive in any order.

        Args:
            unread: The ranges to read.
            cursor: The cursor of the next page, if an earlier sync read one page after another. If
                this cursor is a key, the rest is read by ranges. None: read by ranges.

        Raises:
            HubSpotError: if a page cannot be read. With ranges, a single row that makes its page
                fail raises no error (see `RangeReader`).
        """
        start = id_of_cursor(cursor)
        if start is not None:  # the cursor is a key, so read the rest by ranges
            yield ListedPart(covered=IdRange(0, start))
            unread = subtract(unread, IdRange(0, start))
            self.is_complete = not unread
        elif cursor is not None:
            yield from self._in_order_from(cursor)
            return
        if not unread:
            return
        end = unread[0].after  # no row up to this ID is missing
        cursor, are_keys = cursor_after(end), True
        try:
            for part in self._in_ranges(unread):
                if part.covered is None:
                    cursor, are_keys = part.cursor, False
                elif part.page and part.covered.after == end:
                    following = id_of_cursor(part.page.cursor)
                    if following == part.covered.until:
                        end, cursor = following or 0, part.page.cursor
                yield part
        except NotAKeyError:
            are_keys = False
        if not are_keys:
            LOG.debug("The list cannot be read by ranges; reading one page after another")
            yield from self._in_order_from(cursor)

    def by_ranges(self, unread: Sequence[IdRange]) -> Iterator[ListedPart]:
        """Yield the pages of the unread ranges, in any order.

        Call this method only if an earlier list of this account was read by ranges.

        Raises:
            NotAKeyError: if cursors are not keys, or if HubSpot refuses a self-made cursor.
            HubSpotError: if a page cannot be read. A single row that makes its page fail raises no
                error (see `RangeReader`).
        """
        return self._in_ranges(unread, has_own_cursor_worked=True)

    def _in_ranges(
        self, unread: Sequence[IdRange], *, has_own_cursor_worked: bool = False
    ) -> Iterator[ListedPart]:
        plan = RangePlan(unread, self._budget, workers=self._pool.count)
        reader = RangeReader(
            self._api,
            plan,
            archived=self._archived,
            has_own_cursor_worked=has_own_cursor_worked,
        )
        try:
            yield from self._pool.run_plan(reader)
        finally:
            reader.is_closed = True
        self.is_complete = plan.is_complete

    # One page after another

    def _in_order_from(self, cursor: str | None) -> Iterator[ListedPart]:
        """Yield the pages from a cursor on, one after another.

        If HubSpot refuses the cursor, for example because the saved cursor has expired, start over
        and yield the whole list. The budget then no longer limits the calls and the time.
        """
        has_page = False
        try:
            for part in self._in_order(cursor):
                has_page = True
                yield part
        except RefusedError as error:
            if has_page or cursor is None:
                raise
            message = "HubSpot refused a cursor; the list of threads is read from its start: %s"
            LOG.warning(message, error)
            self._budget = Budget()
            yield from self._in_order(None)

    def _in_order(self, cursor: str | None) -> Iterator[ListedPart]:
        for page in self._pool.prefetch(self._pages_in_order(cursor)):
            self.is_complete = page.cursor is None
            yield ListedPart(page, cursor=page.cursor)

    def _pages_in_order(self, cursor: str | None) -> Iterator[Page]:
        pages = self._api.list_threads(cursor, archived=self._archived)
        while self._budget.take():
            page = next(pages, None)
            if page is None:
                return
            self._budget.note(page)
            yield page
