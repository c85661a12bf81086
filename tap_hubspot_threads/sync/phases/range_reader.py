"""Reads a list by ranges of IDs, and finds the rows that make their pages fail."""

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
"""Maximum rows to read one by one at a place where every larger page fails."""
GALLOP = 4
"""In the search for a page behind a failing row, each try is this many times as far away as the
previous try."""
FIRST_DISTANCE = GALLOP**15
"""Distance of the first try if the first page of the list fails: about the size of a thread ID.
Thread IDs have 10 or 11 digits (recorded)."""
RECHECKS = 8
"""Maximum pages before a failing row that are tried again."""
MAX_DISTANCE = 10**12
"""Maximum distance from a failing page in the search for a page behind it. Thread IDs have 10 or 11
digits (recorded)."""


@dataclass
class ListedPart:
    """A page of a list, a row that makes its page fail, or both, and the IDs that they cover."""

    page: Page | None = None
    """The page, or only its rows before the failing row. None: the page starts with that row."""
    failing_id: int | None = None
    """The ID of the thread right behind `page` whose row makes its own page fail. None: there is no
    such row, or another range covers it."""
    behind: Page | None = None
    """The first page behind the failing row."""
    covered: IdRange | None = None
    """The IDs that need not be read again. None: cursors are not keys; see `cursor`."""
    cursor: str | None = None
    """If cursors are not keys: the cursor of the next page; None on the last page."""

    @property
    def failing(self) -> ThreadRef | None:
        """The thread whose row fails, to be read by ID."""
        if self.failing_id is None:
            return None
        return ThreadRef(str(self.failing_id), is_unlisted=True)

    @property
    def now(self) -> str:
        """HubSpot's clock at the response, as a cleaned time; empty if there is no page."""
        page = self.page or self.behind
        return page.now if page else ""

    @property
    def size(self) -> int:
        """Bytes of `page`."""
        return self.page.size if self.page else 0

    def shrink(self) -> None:
        """Free the parsed page."""
        if self.page:
            self.page.shrink()

    @cached_property
    def ids(self) -> list[int]:
        """The IDs of the rows that are in `covered`."""
        after, until = self.covered or ALL_IDS
        ids = map(int, self.page.ids if self.page else ())
        return [each for each in ids if after < each and (until is None or each <= until)]

    def rows(self) -> Iterator[Row]:
        """Yield the rows that are in `covered`, each once. Rows behind `covered` are not built."""
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
        """Whether an ID is in `covered`."""
        after, until = self.covered or ALL_IDS
        return after < thread_id and (until is None or thread_id <= until)


class RangeReader:
    """Requests the pages that a `RangePlan` chooses. Implements `Plan` for the worker pool.

    Args:
        api: The HubSpot API.
        plan: Chooses the pages.
        archived: Whether to list archived threads instead of live ones.
        has_own_cursor_worked: Whether HubSpot has accepted a self-made cursor.
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
        """IDs of the last rows of pages. HubSpot itself returned cursors with these IDs, so they
        prove nothing about self-made cursors."""
        self.is_closed = False
        """Whether nobody waits for results, so that a search ends."""
        self._is_down = False
        self._failing: list[tuple[IdRange, Page]] = []
        """Ranges whose only row has the last ID and makes its page fail, each with the first page
        behind the range."""
        self._search = threading.Lock()

    def take(self) -> IdRange | None:
        """Return the next range for a worker; see `RangePlan.take`."""
        return self._plan.take()

    def run(self, task: IdRange) -> ListedPart:
        """Return the page at the start of a range, or the row that makes this page fail.

        Raises:
            NotAKeyError: if HubSpot does not accept self-made cursors.
            HubSpotError: if neither this page nor any page behind it can be read.
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

        If the first page shows that cursors are not keys, set its `cursor` instead, so that the
        page need not be read again.

        Raises:
            NotAKeyError: if a later page shows that cursors are not keys.
        """
        if part.failing_id is not None:
            part.covered = self._plan.skip(task, part.failing_id, part.behind)
            if not part.covers(part.failing_id):
                part.failing_id = None  # the row is behind the end of this range
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
        """Read on behind a single-row page, row by row.

        Stop when a row fails or `MAX_SINGLE_ROWS` rows are read.
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
            if not following.ids:  # the cursor of an empty page may be any ID
                break
            pages.append(following)
        return ListedPart(_merged(pages))

    def _behind_failure(
        self, after: int, error: TransientError, *, is_confirmed: bool
    ) -> ListedPart:
        """Find the row that makes a page fail, or return the page if it can be read after all.

        The row's ID is the lowest ID behind which a page can be read. If no page behind the failing
        page can be read either, HubSpot counts as down. Only one search runs at a time.

        Each try is a single attempt, so a short outage can mislead the search. Therefore the pages
        behind `after` and behind the ID right before the result must also fail with all retries.

        Args:
            after: The ID behind which the page fails.
            error: The error of the failing page.
            is_confirmed: Whether all retries of the failing page have failed.
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
        """Return an ID above `after` behind which a page can be read, and that page.

        Raises:
            HubSpotError: `error`, if no page can be read.
            NotAKeyError: if no page can be read and no self-made cursor has worked so far.
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
        """Return the lowest ID above `fails`, up to `works`, behind which a page can be read.

        Also return that page.

        Args:
            fails: An ID behind which no page can be read.
            works: A higher ID behind which a page can be read.
            behind: The page behind `works`.
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
        """Try the pages behind `after` and behind some IDs between `after` and `works` again.

        An outage may have ended meanwhile, or a second row may fail.

        Returns:
            An ID behind which no page can be read (None: the search is over, because every page
            fails or the page behind `after` can be read); an ID behind which a page can be read;
            that page.
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
        """Return the page of one row right behind an ID; None if that page cannot be read.

        Observed: HubSpot can return an empty page with a cursor. The row is then behind the cursor.

        Raises:
            NotAKeyError: if HubSpot does not accept self-made cursors.
            TransientError: if nobody waits for the result.
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
    """Merge consecutive pages into one."""
    return replace(
        pages[-1],
        rows=[row for page in pages for row in page.rows],
        ids=[thread_id for page in pages for thread_id in page.ids],
        size=sum(page.size for page in pages),
        seconds=sum(page.seconds for page in pages),
        shrink=lambda: None,
    )
