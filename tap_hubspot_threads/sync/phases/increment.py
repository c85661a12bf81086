"""Phase 2, the increment: reads threads with a message since the bookmark minus the lookback."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import RefusedError, TransientError
from tap_hubspot_threads.models import REPLICATION_KEY, Page, StateChange
from tap_hubspot_threads.sync.id_ranges import IdRange, NotAKeyError
from tap_hubspot_threads.sync.phases.thread_list import ThreadList
from tap_hubspot_threads.sync.phases.time_window import FRESH_SECONDS, iter_changed_threads
from tap_hubspot_threads.values import shift

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from tap_hubspot_threads.hubspot.api import HubSpotApi
    from tap_hubspot_threads.models import Event, ThreadRef
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.context import SyncContext
    from tap_hubspot_threads.sync.phases.time_window import End, ListSince, Window
    from tap_hubspot_threads.sync.pipeline import ThreadPipeline

LOG = logging.getLogger("tap-hubspot-threads")

UNDATED_MARGIN = 7_260.0
"""Seconds added to the end of an increment whose pages lack a `Date`. HubSpot's clock is then taken
to be the local clock minus one hour, and the local clock may be slow."""
ROUNDING_MARGIN = 1.0
"""Seconds added to the end of any other increment, because a `Date` is rounded down."""
FIRST_LOOKBACK = 120.0
"""The increment of a first sync starts this many seconds before the start of the sync."""
MIN_CORRECTION = 60.0
"""Seconds. `_Start.now` is corrected if a later page implies that HubSpot's clock at the first page
was earlier by more than this."""
MIN_EARLY_ROWS = 2
"""The time filter counts as ignored if more than this many rows of a page, and more than half of
its rows, are from before the requested start."""


class Increment:
    """Reads the threads that have a new message, and moves the bookmark.

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
        self._lists_new = True
        """Whether new threads are listed by ID."""

    def run(self, *, is_first: bool) -> Iterator[Event]:
        """Yield the events of the changed threads, and the state changes that move the bookmark.

        Args:
            is_first: Whether this sync has just listed the account for the first time. Then the
                lookback is short and new threads are not listed by ID, because the listing has
                shown all but the latest changes. The next increment finds those.
        """
        self._lists_new = not is_first
        lookback = FIRST_LOOKBACK if is_first else self._settings.lookback_seconds
        return self._pipeline.by_id(self._changed(lookback))

    def before(self, moment: str) -> str:
        """Return a time minus the lookback, which covers the lag of HubSpot's index."""
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

    def _changed(self, lookback: float) -> Iterator[ThreadRef | Event]:
        """Yield the references to changed threads, and the state changes that move the bookmark."""
        bookmark = self._state.bookmark or ""
        try:
            try:
                yield from self._changed_since(shift(bookmark, seconds=-lookback))
            except _BookmarkAheadError:  # check again: a single response can be wrong
                yield from self._changed_since(shift(bookmark, seconds=-lookback))
        except _BookmarkAheadError as error:
            LOG.warning(
                "The bookmark %s is ahead of HubSpot's clock, so it is reset to %s. Messages since "
                "the last sync may be missing. To load them, run a full refresh.",
                self._state.bookmark,
                error.now,
            )
            yield StateChange(partial(self._state.set_back_bookmark, error.now))
            yield from self._changed_since(shift(error.now, seconds=-lookback))

    def _changed_since(self, since: str) -> Iterator[ThreadRef | Event]:
        start = _Start()

        def note(page: Page) -> None:
            self._seen.listing_seconds += page.seconds
            if not start.now and page.now < since:
                raise _BookmarkAheadError(page.now)
            start.note(page)
            self._seen.now = start.now

        shown: set[str] = set()
        for window in self.windows(since, end=lambda: start.end, note=note):
            shown.update(row["id"] for row in window.rows)
            for row in window.rows:
                yield from self._pipeline.changed(row)
            complete_until = min(window.complete_until or start.now, start.now)
            yield StateChange(partial(self._state.advance_bookmark, complete_until))
        newest_id = self._state.recent.newest_id
        if newest_id is not None and self._lists_new:
            newest_id = yield from self._new_threads(newest_id, shown)
        yield StateChange(partial(self._state.end_increment, start.now, newest_id, since=since))

    def _new_threads(
        self, newest_id: int, shown: set[str]
    ) -> Generator[ThreadRef | Event, None, int | None]:
        """Yield the references to the threads with IDs above `newest_id`, whatever their times.

        An email's times are those of its `Date` header, so a new thread may be anywhere in the list
        by time (recorded). That list never shows a thread without a message.

        Args:
            newest_id: The highest ID that was listed by the time at which the lookback starts.
            shown: IDs that the list by time has shown.

        Returns:
            The highest ID listed so far. None: cursors are not thread IDs, so new threads cannot be
            listed by ID, and the full listing picks them up.
        """
        newest, threads = newest_id, ThreadList(self._api, self._pool, archived=False)
        try:
            for part in threads.by_ranges([IdRange(newest_id)]):
                newest = max([newest, *part.ids])
                for row in part.rows():
                    if row["id"] not in shown:
                        yield from self._pipeline.changed(row)
                if part.failing is not None and part.failing.id not in shown:
                    yield part.failing._replace(has_new_message=True)
        except NotAKeyError:
            LOG.debug("Cursors are not thread IDs; the full listing picks up new threads")
            return None
        except (RefusedError, TransientError) as error:
            LOG.warning("New threads could not be listed by ID; the next sync retries: %s", error)
            return newest_id
        return newest

    def _archived_pages(self, list_pages: ListSince, since: str) -> Iterator[Page]:
        """Yield pages of archived threads by time; one empty page if HubSpot cannot list by time.

        UNKNOWN: whether HubSpot sorts archived threads by time. If HubSpot refuses the sort or
        ignores the filter, the full listing picks up the changes.

        A refusal of a later page is an error, as for live threads. It may only mean that a cursor
        has expired. `Backfill` lists through `windows` too, and would never return to the threads
        of a skipped page.
        """
        pages = list_pages(since)
        reason = "HubSpot ignores the time filter."
        try:
            page = next(pages) if self._lists_archived else Page([], None, "")
        except RefusedError as error:
            reason = str(error)
        else:
            while not _ignores_filter(page, since):
                yield page
                page = next(pages)
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
    """HubSpot's clock at the first page of an increment, and the end of the increment."""

    def __init__(self) -> None:
        self.now = ""
        """HubSpot's clock at the first page, as a cleaned time; empty before the first page."""
        self.end: str | None = None
        """The time at which the increment ends: `now` plus a margin; None before the first page."""
        self._received_at = 0.0

    def note(self, page: Page) -> None:
        """Take the clock from the first page.

        Correct it if a later page, minus the seconds since the first, gives an earlier time.
        """
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
