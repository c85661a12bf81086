"""Phase 2, the increment: reads threads with a message after the bookmark less the lookback."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import RefusedError
from tap_hubspot_threads.models import REPLICATION_KEY, Page, StateChange
from tap_hubspot_threads.sync.phases.time_window import FRESH_SECONDS, iter_changed_threads
from tap_hubspot_threads.values import shift

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_hubspot_threads.hubspot.api import HubSpotApi
    from tap_hubspot_threads.models import Event, ThreadRef
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.context import SyncContext
    from tap_hubspot_threads.sync.phases.time_window import End, ListSince, Window
    from tap_hubspot_threads.sync.pipeline import ThreadPipeline

LOG = logging.getLogger("tap-hubspot-threads")

UNDATED_MARGIN = 7_260.0
"""Seconds added to the end of an increment whose pages lack a `Date`. HubSpot's clock is then ours
less an hour, and our clock itself may be slow."""
ROUNDING_MARGIN = 1.0
"""Seconds added to the end of any other increment, because a `Date` is rounded down."""
MIN_CORRECTION = 60.0
"""Minimum seconds by which a later page must be earlier than the first to correct the start."""
MIN_EARLY_ROWS = 2
"""HubSpot ignores the time filter if more than this many rows of a page, and more than half of
them, are from before its start."""


class Increment:
    """Reads the threads that have a new message; each page moves the bookmark.

    Args:
        api: The HubSpot API.
        pool: Runs the API calls on worker threads.
        pipeline: Reads the threads by ID.
        context: The bookmark and the settings.
    """

    def __init__(
        self, api: HubSpotApi, pool: WorkerPool, pipeline: ThreadPipeline, context: SyncContext
    ) -> None:
        self._api, self._pool, self._pipeline = api, pool, pipeline
        self._state, self._seen, self._settings = context.state, context.seen, context.settings
        self._lists_archived = self._settings.threads.include_archived
        """Whether archived threads are in scope and HubSpot can list them by time."""

    def run(self) -> Iterator[Event]:
        """Yield the events of the changed threads, and the state changes that move the bookmark."""
        return self._pipeline.by_id(self._changed())

    def before(self, moment: str) -> str:
        """Return a time less the lookback; reading from there covers HubSpot's index lag."""
        return shift(moment, seconds=-self._settings.lookback_seconds)

    def windows(
        self, since: str, *, end: End, note: Callable[[Page], None] = lambda _: None
    ) -> Iterator[Window]:
        """Yield the threads whose latest message is not before a time.

        Args:
            since: The start, as a cleaned time.
            end: See `iter_changed_threads`.
            note: Called with each page.
        """

        def list_pages(since: str, *, archived: bool) -> Iterator[Page]:
            for page in self._pool.iterate(self._api.threads_since(since, archived=archived)):
                note(page)
                yield page

        list_live = partial(list_pages, archived=False)
        list_archived = partial(self._archived_pages, partial(list_pages, archived=True))
        lists = (list_live, list_archived) if self._lists_archived else (list_live,)
        return iter_changed_threads(*lists, since=since, end=end)

    def _changed(self) -> Iterator[ThreadRef | Event]:
        """Yield the references to changed threads, and the changes that move the bookmark.

        While the first listing is stuck there is no bookmark, so the increment starts at the time
        when that listing started.
        """
        bookmark = self._state.bookmark or self._state.listing.started_at or ""
        try:
            try:
                yield from self._changed_since(bookmark)
            except _BookmarkAheadError:  # a single response can be wrong
                yield from self._changed_since(bookmark)
        except _BookmarkAheadError as error:
            LOG.warning(
                "The bookmark %s is ahead of HubSpot's clock, so it is reset to %s. Messages since "
                "the last sync may be missing. To load them, run a full refresh.",
                self._state.bookmark,
                error.now,
            )
            yield StateChange(partial(self._state.set_back, error.now))
            yield from self._changed_since(error.now)

    def _changed_since(self, bookmark: str) -> Iterator[ThreadRef | Event]:
        since, start = self.before(bookmark), _Start()

        def note(page: Page) -> None:
            self._seen.listing_seconds += page.seconds
            if not start.now and page.now < since:
                raise _BookmarkAheadError(page.now)
            start.note(page)
            self._seen.now = start.now

        for window in self.windows(since, end=lambda: start.end, note=note):
            for row in window.rows:
                yield from self._pipeline.changed(row)
            complete_until = min(window.complete_until or start.now, start.now)
            yield StateChange(partial(self._state.advance, complete_until))

    def _archived_pages(self, list_pages: ListSince, since: str) -> Iterator[Page]:
        """Yield pages of archived threads by time; one empty page if HubSpot cannot list them so.

        UNKNOWN: whether HubSpot sorts archived threads by time. If it refuses the sort or ignores
        the filter, the full listing picks up the changes.
        """
        pages = list_pages(since)
        reason = "HubSpot ignores the time filter."
        try:
            page = next(pages) if self._lists_archived else Page([], None, "")
            while not _ignores_filter(page, since):
                yield page
                page = next(pages)
        except RefusedError as error:
            reason = str(error)
        self._lists_archived = False
        LOG.warning(
            "Archived threads cannot be listed by time: %s The next full listing picks up their "
            "changes.",
            reason,
        )
        yield Page([], None, "")


def _ignores_filter(page: Page, since: str) -> bool:
    """Whether most rows of a page are from before the requested start."""
    start = shift(since, seconds=-FRESH_SECONDS)
    times = [row[REPLICATION_KEY] or start for row in page.rows]
    early = [moment for moment in times if moment < start]
    return len(early) > max(MIN_EARLY_ROWS, len(times) / 2)


class _Start:
    """HubSpot's clock at the first page of an increment; the increment ends at that time."""

    def __init__(self) -> None:
        self.now = ""
        """A cleaned time; empty before the first page."""
        self.end: str | None = None
        self._received_at = 0.0

    def note(self, page: Page) -> None:
        """Set the time from the first page, or correct it if a later page shows an earlier time."""
        if not self.now:
            self._received_at = page.received_at
        now = shift(page.now, seconds=self._received_at - page.received_at)
        if not self.now or (page.is_dated and now < shift(self.now, seconds=-MIN_CORRECTION)):
            self.now = now
            self.end = shift(now, seconds=ROUNDING_MARGIN if page.is_dated else UNDATED_MARGIN)


class _BookmarkAheadError(Exception):
    """The bookmark is so far ahead of HubSpot's clock that the increment would find nothing."""

    def __init__(self, now: str) -> None:
        super().__init__(now)
        self.now = now
