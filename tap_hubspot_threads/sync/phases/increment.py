"""The increment: a phase that reads threads with a new message, and new threads.

The increment reads HubSpot's *list by time*: the threads since the bookmark, sorted by their
latest-message time. It emits the threads with a new message and their messages, and moves the
bookmark.

HubSpot can update the list by time with a delay. A thread can then be added to the list with a time
before the bookmark. So the increment starts some seconds before the bookmark. These seconds are the
*lookback*.

Some new threads are not in the list by time. So the increment also lists new threads by ID
(`Increment._new_threads`).
"""

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
    from tap_hubspot_threads.models import Event, Row, ThreadRef
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.context import SyncContext
    from tap_hubspot_threads.sync.phases.time_window import End, Window
    from tap_hubspot_threads.sync.pipeline import ThreadPipeline

LOG = logging.getLogger("tap-hubspot-threads")

UNDATED_MARGIN = 7_260.0
"""Without a plausible `Date`, HubSpot's time is unknown. The increment then starts at the local
time minus one hour (`HubSpotClock`), and reads threads up to this many seconds later: one hour,
and 3,660 seconds by which the local clock can be slow."""
ROUNDING_MARGIN = 1.0
"""If a response has had a plausible `Date`, the increment reads threads up to its start time plus
this many seconds. Reason: HubSpot rounds a `Date` down to a whole second."""
FIRST_LOOKBACK = 120.0
"""The lookback in seconds if the state had no bookmark when this sync started. Such a sync runs a
full listing before the increment, and the bookmark is the start of this listing."""
MIN_CORRECTION = 60.0
"""The first page gives the start time of the increment, by HubSpot's clock. Each later page gives
another estimate of this time (`_Start.note`). An estimate replaces the start time if the estimate
is earlier by more than this many seconds."""
TOLERATED_EARLY_ROWS = 2
"""A row is *early* if its time is more than `FRESH_SECONDS` before the requested time. If a page
has more than this many early rows, and most of its rows are early, HubSpot has ignored the filter
by time."""


class Increment:
    """Reads the threads with a new message, and new threads. Moves the bookmark.

    Args:
        api: The HubSpot API.
        pool: Runs the API calls on worker threads.
        pipeline: Decides which listed threads have a new message, and reads these threads by ID.
        context: The bookmark and the settings.
    """

    def __init__(
        self, api: HubSpotApi, pool: WorkerPool, pipeline: ThreadPipeline, context: SyncContext
    ) -> None:
        self._api, self._pool, self._pipeline = api, pool, pipeline
        self._state, self._seen, self._settings = context.state, context.seen, context.settings
        self._lists_new = True
        """Whether to list new threads by ID (`_new_threads`)."""

    def run(self, *, is_first: bool) -> Iterator[Event]:
        """Yield the events of the changed threads, and the state changes that move the bookmark.

        Args:
            is_first: Whether the state had no bookmark when this sync started. If so, this sync has
                just run a full listing. So the lookback is `FIRST_LOOKBACK`, and new threads are
                not listed by ID.
        """
        self._lists_new = not is_first
        lookback = FIRST_LOOKBACK if is_first else self._settings.lookback_seconds
        return self._pipeline.by_id(self._changed(lookback))

    def before(self, moment: str) -> str:
        """Return the time that is `lookback_seconds` before a time."""
        return shift(moment, seconds=-self._settings.lookback_seconds)

    def windows(
        self,
        since: str,
        *,
        end: End,
        note: Callable[[Page], None] = lambda _: None,
        archived_rows: Iterator[Row] | None = None,
    ) -> Iterator[Window]:
        """Yield the threads whose latest-message time is `since` or later, in groups.

        Each group is a `Window`, with the threads from one or several pages.

        Args:
            since: A time such as `2026-01-31T09:00:00.000Z`.
            end: Returns the time up to which threads are needed; None while this time is unknown.
            note: Called with each page.
            archived_rows: The archived threads, sorted by time. Used only if HubSpot does not list
                archived threads by time.
        """

        def list_pages(since: str, *, archived: bool) -> Iterator[Page]:
            for page in self._pool.iterate(self._api.threads_since(since, archived=archived)):
                note(page)
                yield page

        def list_archived(since: str) -> Iterator[Page]:
            yield from self._archived_pages(list_pages(since, archived=True), since)
            if not self._seen.archived_by_time:
                yield Page(list(archived_rows or ()), None, self._seen.now or since)

        list_live = partial(list_pages, archived=False)
        has_archived = self._settings.threads.include_archived
        lists = (list_live, list_archived) if has_archived else (list_live,)
        return iter_changed_threads(*lists, since=since, end=end)

    def _changed(self, lookback: float) -> Iterator[ThreadRef | Event]:
        """Yield the references or events of changed threads, and the changes of the bookmark.

        HubSpot's time can be before the start of the lookback, for example if the bookmark is
        wrong. If a second attempt shows this too, the bookmark is set back to HubSpot's time.
        """
        bookmark = self._state.bookmark or ""
        try:
            try:
                yield from self._changed_since(shift(bookmark, seconds=-lookback))
            except _BookmarkAheadError:  # second attempt: the first `Date` can be wrong
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
        """Yield the references or events of the live threads with IDs above `newest_id`.

        The list by ID shows two types of new threads that the list by time does not show:
            * A thread without a message.
            * A thread that starts with an email whose `Date` header has a time before the lookback.
              HubSpot sorts the thread by this time (recorded).

        Args:
            newest_id: The ID after which new threads are listed (`RecentThreads.newest_id`).
            shown: IDs of the threads that this increment has listed by time.

        Returns:
            The highest ID listed so far. Exceptions:
                * If a page cannot be read: `newest_id`. The next sync then lists the new threads
                  again.
                * If cursors are not keys: None. The next full listing then lists the new threads.
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

    def _archived_pages(self, pages: Iterator[Page], since: str) -> Iterator[Page]:
        """Yield pages of archived threads, sorted by time.

        UNKNOWN: whether HubSpot lists archived threads by time. If HubSpot refuses the first page
        or ignores the filter by time, `SeenThreads.archived_by_time` becomes False, and no further
        page is yielded in this sync. The next full listing then emits the changed archived threads
        and their new messages (`ThreadPipeline.listed`).

        Raises:
            RefusedError: if HubSpot refuses a later page, for example because the cursor has
                expired.
        """
        if not self._seen.archived_by_time:
            return
        reason = "HubSpot ignores the time filter."
        try:
            page = next(pages)
        except RefusedError as error:
            reason = str(error)
        else:
            while not _ignores_filter(page, since):
                yield page
                page = next(pages)
        self._seen.archived_by_time = False
        LOG.warning(
            "Archived threads cannot be listed by time: %s The next full listing picks up their "
            "changes.",
            reason,
        )


def _ignores_filter(page: Page, since: str) -> bool:
    """Whether a page shows that HubSpot ignored the filter by time (`TOLERATED_EARLY_ROWS`)."""
    start = shift(since, seconds=-FRESH_SECONDS)
    times = [row[REPLICATION_KEY] or start for row in page.rows]
    early = [moment for moment in times if moment < start]
    return len(early) > max(TOLERATED_EARLY_ROWS, len(times) / 2)


class _Start:
    """The start time of an increment, and the time up to which the increment reads threads."""

    def __init__(self) -> None:
        self.now = ""
        """HubSpot's time at the first page, such as `2026-01-31T09:00:00.000Z`. Empty: no page was
        received yet."""
        self.end: str | None = None
        """`now` plus a margin. The increment reads threads up to this time. The next sync reads
        later threads. None: no page was received yet."""
        self._received_at = 0.0
        """The arrival of the first page, in monotonic seconds."""

    def note(self, page: Page) -> None:
        """Set `now` and `end` from the first page. Correct both if `now` was too late.

        A later page with a `Date` gives another estimate of `now`: the page's time minus the
        seconds since the first page. If this estimate is earlier than `now` by more than
        `MIN_CORRECTION` seconds, the estimate replaces `now`.
        """
        if not self.now:
            self._received_at = page.received_at
        now = shift(page.now, seconds=self._received_at - page.received_at)
        if not self.now or (page.is_dated and now < shift(self.now, seconds=-MIN_CORRECTION)):
            self.now = now
            self.end = shift(now, seconds=ROUNDING_MARGIN if page.is_dated else UNDATED_MARGIN)


class _BookmarkAheadError(Exception):
    """HubSpot's time, `now`, is before the start of the lookback.

    So the increment would list threads with a latest-message time in the future.
    """

    def __init__(self, now: str) -> None:
        super().__init__(now)
        self.now = now
