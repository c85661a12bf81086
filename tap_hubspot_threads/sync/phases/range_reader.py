"""Reads a list of threads by ranges of IDs, and finds the rows that make their pages fail.

The page *after* an ID starts with the first row above this ID. The tap requests this page with a
self-made cursor, which encodes the ID (`sync.id_ranges`). An ID *works* if HubSpot returns the page
after this ID. If not, the ID *fails*.

A *failing row* is a row that HubSpot cannot return in a list: every page with this row fails, even
a page of one row. The tap skips this row and reads its thread by ID.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import RefusedError, TransientError
from tap_hubspot_threads.models import ThreadRef
from tap_hubspot_threads.sync.id_ranges import (
    ALL_IDS,
    IdRange,
    NotAKeyError,
    check_page,
    cursor_after,
    id_of_cursor,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_hubspot_threads.hubspot.api import HubSpotApi
    from tap_hubspot_threads.models import Page, Row
    from tap_hubspot_threads.sync.phases.range_plan import RangePlan

LOG = logging.getLogger("tap-hubspot-threads")

MAX_SINGLE_ROWS = 20
"""If larger pages fail, rows are read one by one. A `ListedPart` has at most this many of them."""
GALLOP = 4
"""To find an ID that works, `_any_behind` adds growing distances to the failing ID. Each distance
is this many times the previous distance."""
FIRST_DISTANCE = GALLOP**15
"""The first distance from ID 0: it has 10 digits, like the shortest thread IDs (recorded)."""
MAX_DISTANCE = 10**12
"""Beyond this distance, no ID is tried. Thread IDs have 10 or 11 digits (recorded)."""
RECHECKS = 8
"""Maximum IDs that a call of `_recheck` tries."""


@dataclass
class ListedPart:
    """A part of a list: a page, a failing row, both, or only IDs that need not be read again."""

    page: Page | None = None
    """The page. None: no row was read before the failing row, or the part has only `covered`."""
    failing_id: int | None = None
    """The ID of the failing row. None: there is no failing row."""
    behind: Page | None = None
    """The page after `failing_id`. None: there is no failing row."""
    covered: IdRange | None = None
    """The IDs that need not be read again. None: the list is not read by ranges."""
    cursor: str | None = None
    """The cursor of the next page. None: this is the last page, or the list is read by ranges."""

    @property
    def failing(self) -> ThreadRef | None:
        """A reference to the thread of the failing row. None: there is no failing row."""
        if self.failing_id is None:
            return None
        return ThreadRef(str(self.failing_id), is_unlisted=True)

    @property
    def now(self) -> str:
        """`Page.now` of `page`, or of `behind` if there is no `page`. Empty: there is no page."""
        page = self.page or self.behind
        return page.now if page else ""

    @property
    def size(self) -> int:
        """The bytes of `page`."""
        return self.page.size if self.page else 0

    def shrink(self) -> None:
        """Free the parsed rows of `page`. Later accesses parse the rows again."""
        if self.page:
            self.page.shrink()

    @cached_property
    def ids(self) -> list[int]:
        """The IDs of the rows of `page` that are in `covered`; all IDs if `covered` is None."""
        after, until = self.covered or ALL_IDS
        ids = map(int, self.page.ids if self.page else ())
        return [each for each in ids if after < each and (until is None or each <= until)]

    def rows(self) -> Iterator[Row]:
        """Yield the rows of `page` whose IDs are in `ids`, each row once."""
        if self.page is None:
            return
        wanted = {*map(str, self.ids)}
        if len(wanted) == len(self.page.ids):
            yield from self.page.rows  # the usual case, without a check per row
            return
        for row in self.page.rows:
            if row["id"] in wanted:
                wanted.remove(row["id"])
                yield row
            if not wanted:
                return

    def covers(self, thread_id: int) -> bool:
        """Whether an ID is in `covered`; True if `covered` is None."""
        after, until = self.covered or ALL_IDS
        return after < thread_id and (until is None or thread_id <= until)


class RangeReader:
    """Requests the pages that a `RangePlan` chooses. Implements `Plan` for the worker pool.

    Args:
        api: The HubSpot API.
        plan: Chooses the pages.
        archived: Whether to list archived threads instead of live threads.
        has_own_cursor_worked: Whether HubSpot is known to accept self-made cursors.
    """

    def __init__(
        self,
        api: HubSpotApi,
        plan: RangePlan,
        *,
        archived: bool,
        has_own_cursor_worked: bool = False,
    ) -> None:
        self._api, self._plan, self._archived = api, plan, archived
        self._has_own_cursor_worked = has_own_cursor_worked
        self._row_ends = {0}
        """IDs of the last rows of pages, and 0 for the start of the list. HubSpot itself has
        returned the cursors of these IDs. So a request with such a cursor does not show whether
        HubSpot accepts self-made cursors."""
        self.is_closed = False
        """Whether the caller has stopped reading. If so, a search for a failing row ends early."""
        self._is_down = False
        self._failing: list[tuple[IdRange, Page]] = []
        """For each failing row found so far: a range that ends with this row, and the page after
        the range. The tap skips the whole range."""
        self._search = threading.Lock()

    def take(self) -> IdRange | None:
        """Return the range to read next; None if `RangePlan.take` returns None."""
        return self._plan.take()

    def run(self, task: IdRange) -> ListedPart:
        """Return the first page of a range, the row that makes this page fail, or both.

        Raises:
            NotAKeyError: if HubSpot does not accept self-made cursors.
            HubSpotError: if this page and all later pages fail, or if no page can be read now.
        """
        try:
            page = self._page(task.after)
        except RefusedError as error:
            if error.status != HTTPStatus.BAD_REQUEST or not task.after:
                raise
            raise NotAKeyError from error
        except TransientError as error:
            if error.asks_to_wait:
                raise
            return self._behind_failure(task.after, error, is_confirmed=True)
        return self._up_to_failure(page) if page.do_larger_fail else ListedPart(page)

    def done(self, task: IdRange, part: ListedPart) -> None:
        """Record a part in the plan, and set the part's `covered`.

        If the first page of the list shows that cursors are not keys, set the part's `cursor`
        instead. `ThreadList` continues the list with this cursor.

        Raises:
            NotAKeyError: if a later page shows that cursors are not keys.
        """
        if part.failing_id is not None:
            part.covered = self._plan.skip(task, part.failing_id, part.behind)
            if not part.covers(part.failing_id):
                part.failing_id = None  # the row belongs to another range
        elif part.page is not None:
            try:
                part.covered = self._plan.done(task, part.page)
            except NotAKeyError:
                if task.after:
                    raise
                part.cursor = part.page.cursor
            self._has_own_cursor_worked |= task.after not in self._row_ends
            self._row_ends.update(part.ids[-1:])

    def _page(self, after: int) -> Page:
        return next(self._api.list_threads(cursor_after(after), archived=self._archived))

    def _up_to_failure(self, page: Page) -> ListedPart:
        """Read the rows after a page of one row, one by one, because larger pages fail.

        Stop at a failing row, or after `MAX_SINGLE_ROWS` rows.
        """
        pages = [page]
        while pages[-1].cursor is not None and pages[-1].ids and len(pages) < MAX_SINGLE_ROWS:
            last = int(pages[-1].ids[-1])
            following = self._try(last)
            if following is None:
                error = TransientError(f"The list of threads cannot be read after thread {last}")
                part = self._behind_failure(last, error, is_confirmed=False)
                if part.page is None:
                    self._api.forget_failed_sizes()
                    return replace(part, page=_merged(pages))
                following = part.page
            if not following.ids:  # not merged: an empty page can have any cursor
                break
            pages.append(following)
        return ListedPart(_merged(pages))

    def _behind_failure(
        self, after: int, error: TransientError, *, is_confirmed: bool
    ) -> ListedPart:
        """Find the row that makes the page after an ID fail. If the page works now, return it.

        The page after the failing row's own ID does not contain the row. So the row's ID is the
        lowest ID above `after` that works. At most one search runs at a time.

        The search makes no retries, so a short outage can lead to a wrong ID. So `after` and the ID
        below the found ID must also fail with all retries. If one works, request the page again.

        Args:
            after: The ID that fails.
            error: The error of the page after this ID. Raised if no ID works.
            is_confirmed: Whether `after` has already failed with all retries.
        """
        with self._search:
            if self._is_down:
                raise error
            for (start, end), found in self._failing:
                if end is not None and start <= after < end:
                    return ListedPart(failing_id=end, behind=found)
            if self._try(after):
                return ListedPart(self._page(after))
            works, behind = self._any_behind(after, error)
            fails: int | None = after
            while fails is not None:
                works, behind = self._first_that_works(fails, works, behind)
                fails, works, behind = self._recheck(after, works, behind)
            places = {after, works - 1} - ({after} if is_confirmed else set())
            if works == after or any(self._try(place, once=False) for place in sorted(places)):
                return ListedPart(self._page(after))
            LOG.warning(
                "HubSpot cannot list thread %d, so the tap reads it by ID. If another thread "
                "between %d and %d cannot be listed either, it is missing until HubSpot lists it.",
                works,
                after,
                works,
            )
            self._failing.append((IdRange(after, works), behind))
            return ListedPart(failing_id=works, behind=behind)

    def _any_behind(self, after: int, error: TransientError) -> tuple[int, Page]:
        """Return an ID above `after` that works, and the page after this ID.

        Raises:
            HubSpotError: `error`, if no ID within `MAX_DISTANCE` works.
            NotAKeyError: instead, if `after` is not 0 and no self-made cursor has worked yet.
        """
        distance = 1 if after else FIRST_DISTANCE
        while (page := self._try(after + distance)) is None:
            distance *= GALLOP
            if distance > MAX_DISTANCE:
                self._is_down = True
                is_certain = self._has_own_cursor_worked or not after
                raise (error if is_certain else NotAKeyError) from error
        return after + distance, page

    def _first_that_works(self, fails: int, works: int, behind: Page) -> tuple[int, Page]:
        """Find the lowest ID above `fails` that works. Return this ID and the page after this ID.

        Args:
            fails: An ID that fails.
            works: A higher ID that works.
            behind: The page after `works`.
        """
        while works - fails > 1:
            middle = (fails + works) // 2
            page = self._try(middle)
            if page is None:
                fails = middle
            else:
                works, behind = middle, page
        return works, behind

    def _recheck(self, after: int, works: int, behind: Page) -> tuple[int | None, int, Page]:
        """Try `after` again, and some IDs between `after` and `works`.

        If an outage has ended, `after` can work now. If there are two failing rows, an ID between
        the two can work. `_first_that_works` misses such an ID if it finds the second row.

        Returns:
            An ID that fails, a higher ID that works, and the page after the higher ID. If the
            search is over, the first value is None: all tried IDs fail, or `after` itself works.
        """
        fails = after
        places = min(RECHECKS, works - after)
        for place in range(places):
            middle = after + (works - after) * place // places
            page = self._try(middle)
            if page is not None:
                return (None if middle == after else fails), middle, page
            fails = middle
        return None, works, behind

    def _try(self, after: int, *, once: bool = True) -> Page | None:
        """Return the page after an ID, with one row; None if the ID fails.

        Observed: HubSpot can return an empty page with a cursor. This method then returns the page
        after the ID in the cursor.

        Raises:
            NotAKeyError: if HubSpot refuses a self-made cursor, or a cursor is not a key.
            TransientError: if `is_closed` is True.
        """
        if self.is_closed:
            message = "The list was closed during a search"
            raise TransientError(message)
        try:
            page = self._api.try_list_after(cursor_after(after), archived=self._archived, once=once)
        except RefusedError as error:
            if error.status != HTTPStatus.BAD_REQUEST or not after:
                raise
            raise NotAKeyError from error
        if page is None or page.ids or page.cursor is None:
            return page
        check_page(page, after)
        return self._try(id_of_cursor(page.cursor) or 0, once=once)


def _merged(pages: Sequence[Page]) -> Page:
    """Merge consecutive pages into one page."""
    return replace(
        pages[-1],
        rows=[row for page in pages for row in page.rows],
        ids=[thread_id for page in pages for thread_id in page.ids],
        size=sum(page.size for page in pages),
        seconds=sum(page.seconds for page in pages),
        shrink=lambda: None,
    )
