"""Phases 1 and 4, the full listing: all threads by ID, from where the last sync left off."""

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
    """Lists the whole account, at most once per sync, in as many syncs as it takes.

    Every thread in scope is emitted, known or not.

    Args:
        api: The account.
        pool: Reads the pages.
        pipeline: Emits the threads.
        context: Has the listing's state and the settings.
    """

    def __init__(
        self, api: HubSpotApi, pool: WorkerPool, pipeline: ThreadPipeline, context: SyncContext
    ) -> None:
        self._api, self._pool, self._pipeline = api, pool, pipeline
        self._state, self._seen, self._settings = context.state, context.seen, context.settings
        self._has_run = False
        self._pages_left: int | None = None
        """Pages that this sync may still read; None: all."""

    def is_due(self, *, for_deletions: bool = False) -> bool:
        """Whether it is due or unfinished, and has not run in this sync.

        Args:
            for_deletions: Whether it is also due if it could still show a thread that was not
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
        """List everything that the first sync has not listed yet."""
        return self._list(None)

    def run(self) -> Iterator[Event]:
        """List as much as one sync may, from the start or where the last sync left off."""
        if self._state.listing.part == DONE:
            yield StateChange(self._state.listing.start)
        yield from self._list(self._settings.full_listing_max_pages)

    def _list(self, max_pages: int | None) -> Iterator[Event]:
        self._has_run, self._pages_left = True, max_pages
        return self._pipeline.listed(self._pages())

    def _pages(self) -> Iterator[ListedPage]:
        """Yield the pages that are left.

        If HubSpot refuses the cursor of the state, the listing starts over and goes on to its end,
        as cursors may not live until the next sync.
        """
        start_part, start_cursor = self._state.listing.part, self._state.listing.cursor
        try:
            yield from self._pages_from(start_part, start_cursor)
        except RefusedError as error:
            if start_cursor is None:
                raise
            message = "%s. All is listed from the start; the cursor was too old."
            LOG.warning(message, error)
            self._pages_left = None
            yield from self._pages_from(LIVE, None)

    def _pages_from(self, start_part: str, start_cursor: str | None) -> Iterator[ListedPage]:
        """Yield the pages from a place on.

        A first listing lists what is in scope. Every other one lists live and archived threads
        whatever the settings say: a closed thread that was archived after it was emitted is updated
        by nothing else.
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
                seen = (
                    set()
                )  # a thread that changed archived_values is emitted again, by its newer row
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
    """Return the rows of threads that are not in `seen`, each once; add them to it."""
    rows = {int(row["id"]): row for row in page.rows}
    new = [row for thread_id, row in rows.items() if thread_id not in seen]
    seen.update(rows)
    return new
