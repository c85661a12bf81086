"""Lists live or archived threads by ID: by many ranges at once, or one page after another.

UNKNOWN: whether cursors are thread IDs in every account (recorded in one). If so, `_in_order` and
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
        archived: Whether to list archived threads instead of live ones.
        budget: Limits the API calls and the time. None: no limit.
    """

    def __init__(
        self, api: HubSpotApi, pool: WorkerPool, *, archived: bool, budget: Budget | None = None
    ) -> None:
        self._api, self._pool, self._archived = api, pool, archived
        self._budget = budget or Budget()
        self.is_complete = False
        """Whether the list was read to its end, not only until the budget was used up."""

    def parts(
        self, unread: Sequence[IdRange] = (ALL_IDS,), cursor: str | None = None
    ) -> Iterator[ListedPart]:
        """Yield the pages of the unread ranges, in any order.

        If HubSpot refuses a self-made cursor or returns another form of cursor, the list goes on
        page by page from the ID up to which everything was read. Rows behind that ID may come
        twice.

        Args:
            unread: The ranges to read.
            cursor: The cursor of the next page, if cursors were not keys in an earlier sync.

        Raises:
            HubSpotError: if a page cannot be read.
        """
        start = id_of_cursor(cursor)
        if start is not None:  # the saved cursor is a key after all
            yield ListedPart(covered=IdRange(0, start))
            unread = subtract(unread, IdRange(0, start))
            self.is_complete = not unread
        elif cursor is not None:
            yield from self._in_order_from(cursor)
            return
        if not unread:
            return
        end = unread[0].after  # everything up to this ID was read
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
            LOG.debug("Cursors of the list are not thread IDs; reading one page after another")
            yield from self._in_order_from(cursor)

    def by_ranges(self, unread: Sequence[IdRange]) -> Iterator[ListedPart]:
        """Yield the pages of the unread ranges, in any order.

        Only for accounts whose self-made cursors are known to work.

        Raises:
            NotAKeyError: if cursors are not keys.
            HubSpotError: if neither a page nor any page behind it can be read.
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

    # Cursors that are not keys

    def _in_order_from(self, cursor: str | None) -> Iterator[ListedPart]:
        """Yield the pages from a cursor on; start over if HubSpot refuses the cursor.

        A cursor may expire between syncs. If it has expired, this sync reads the whole list.
        """
        has_page = False
        try:
            for part in self._in_order(cursor):
                has_page = True
                yield part
        except RefusedError as error:
            if has_page or cursor is None:
                raise
            message = "HubSpot refused the saved cursor; the full listing starts over: %s"
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
