"""Phases 1 and 4, the full listing: lists all threads by ID, across syncs if necessary."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import RefusedError
from tap_hubspot_threads.models import Page, Row, StateChange
from tap_hubspot_threads.sync.pipeline import ListedPage
from tap_hubspot_threads.sync.state.listing_state import ARCHIVED, DONE, LIVE
from tap_hubspot_threads.values import shift

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.hubspot.api import HubSpotApi
    from tap_hubspot_threads.models import Event
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.context import SyncContext
    from tap_hubspot_threads.sync.pipeline import ThreadPipeline

LOG = logging.getLogger("tap-hubspot-threads")

LIVE_AND_ARCHIVED = (False, True)
"""The values of `archived`, live threads first."""


class FullListing:
    """Lists the whole account, at most once per sync; a listing can span several syncs.

    It emits every thread in scope, changed or not.

    Args:
        api: The HubSpot API.
        pool: Runs the API calls on worker threads.
        pipeline: Emits the threads.
        context: The state of the listing, and the settings.
    """

    def __init__(
        self, api: HubSpotApi, pool: WorkerPool, pipeline: ThreadPipeline, context: SyncContext
    ) -> None:
        self._api, self._pool, self._pipeline = api, pool, pipeline
        self._state, self._seen, self._settings = context.state, context.seen, context.settings
        self._has_run = False
        self._pages_left: int | None = None
        """Pages that this sync may still read; None: no limit."""

    def is_due(self, *, for_deletions: bool = False) -> bool:
        """Whether a listing is due or unfinished, and none has run in this sync.

        Args:
            for_deletions: Whether a listing is also due if it could show a thread that was not
                found.
        """
        listing = self._state.listing
        if self._has_run or not listing.emits_rows:
            return False
        started, now = listing.full_started_at, self._seen.now
        seconds = self._settings.full_listing_interval_hours * 3600
        is_old = started is None or not started <= now < shift(started, seconds=seconds)
        could_show = any(first >= (started or "") for first in self._state.not_found.values())
        return is_old or listing.part != DONE or (for_deletions and could_show)

    def run_first(self) -> Iterator[Event]:
        """List everything that the first sync has not listed yet, without a page limit."""
        return self._list(None)

    def run(self) -> Iterator[Event]:
        """List up to `full_listing_calls` pages, from the start or where the last sync stopped."""
        if self._state.listing.part == DONE:
            yield StateChange(self._state.listing.start)
        yield from self._list(self._settings.full_listing_max_pages)

    def _list(self, max_pages: int | None) -> Iterator[Event]:
        self._has_run, self._pages_left = True, max_pages
        return self._pipeline.listed(self._pages())

    def _pages(self) -> Iterator[ListedPage]:
        """Yield the remaining pages.

        Cursors may expire between syncs. If HubSpot refuses the saved cursor, the listing starts
        over and runs to its end without a page limit.
        """
        start_part, start_cursor = self._state.listing.part, self._state.listing.cursor
        try:
            yield from self._pages_from(start_part, start_cursor)
        except RefusedError as error:
            if start_cursor is None:
                raise
            message = "HubSpot refused the saved cursor; the full listing starts over: %s"
            LOG.warning(message, error)
            self._pages_left = None
            yield from self._pages_from(LIVE, None)

    def _pages_from(self, start_part: str, start_cursor: str | None) -> Iterator[ListedPage]:
        """Yield the pages from a place on.

        A first listing lists what is in scope. A later one lists both live and archived threads,
        whatever the settings say. Nothing else updates a closed thread that was archived after it
        was emitted.
        """
        seen: set[int] = set()
        archived_values = (
            LIVE_AND_ARCHIVED if self._state.bookmark else self._settings.threads.archived_values
        )
        for archived in archived_values if start_part == LIVE else archived_values[1:]:
            part = ARCHIVED if archived else LIVE
            next_part = DONE if archived or len(archived_values) == 1 else ARCHIVED
            cursor = start_cursor if part == start_part else None
            if not self._settings.always_fetch_by_id:
                seen = set()  # if a thread was archived meanwhile, its newer row is emitted too
            is_first = part == LIVE and cursor is None
            pages = self._api.list_threads(cursor, archived=archived, max_pages=self._pages_left)
            for page in self._pool.prefetch(self._counted(pages)):
                advance = partial(
                    self._state.advance_listing,
                    part if page.cursor else next_part,
                    page,
                    is_first=is_first,
                    has_archived=True in archived_values,
                )
                yield ListedPage(new_rows(page, seen), page.now, StateChange(advance))
                is_first = False
            if self._pages_left == 0:
                return

    def _counted(self, pages: Iterator[Page]) -> Iterator[Page]:
        for page in pages:
            if self._pages_left is not None:
                self._pages_left -= 1
            yield page


def new_rows(page: Page, seen: set[int]) -> list[Row]:
    """Return a page's rows with new IDs, each once, and add the IDs to `seen`."""
    rows = {int(row["id"]): row for row in page.rows}
    new = [row for thread_id, row in rows.items() if thread_id not in seen]
    seen.update(rows)
    return new
