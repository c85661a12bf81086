"""The message backfill: a phase that reads the messages sent before `messages` was selected.

After a change of the filters, it reads all messages again.

The backfill lists the threads between the bookmark of `messages` and the bookmark of `threads`. It
emits the messages of these threads, and moves the bookmark of `messages`.
"""

from __future__ import annotations

import logging
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import DailyQuotaError
from tap_hubspot_threads.models import REPLICATION_KEY, ReadMessages, StateChange, ThreadRef
from tap_hubspot_threads.sync.fetch_thread import fetch_thread
from tap_hubspot_threads.sync.phases.thread_list import ThreadList

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.hubspot.api import HubSpotApi
    from tap_hubspot_threads.models import Event, Row
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.context import SyncContext
    from tap_hubspot_threads.sync.phases.increment import Increment
    from tap_hubspot_threads.sync.pipeline import ThreadPipeline

LOG = logging.getLogger("tap-hubspot-threads")

MIN_QUOTA_SHARE = 0.2
"""The backfill pauses when this share of the daily quota or less is left. If
`daily_quota_reserve_percent` is more than 10, the backfill pauses earlier (`Backfill.__init__`)."""
COLUMNS = ("id", "archived", "inboxId", "createdAt", REPLICATION_KEY)
"""The columns of a thread that the backfill needs."""
EPOCH = "1970-01-01T00:00:00.000Z"
"""The start of a backfill without a bookmark and without `start_date`. No message is earlier."""


class Backfill:
    """Reads the messages of threads, in the order of the threads' latest-message times.

    The backfill starts at the bookmark of `messages`, and ends at the bookmark of `threads`. If
    `messages` has no bookmark, the backfill starts at `start_date` or `EPOCH`. A new backfill
    starts `lookback_seconds` earlier.

    Args:
        api: The HubSpot API.
        pool: Runs the API calls on worker threads.
        increment: Lists the threads by their latest-message time.
        pipeline: Reads the threads' messages.
        context: The two bookmarks, and the settings.
    """

    def __init__(
        self,
        api: HubSpotApi,
        pool: WorkerPool,
        increment: Increment,
        pipeline: ThreadPipeline,
        context: SyncContext,
    ) -> None:
        self._api, self._pool = api, pool
        self._increment, self._pipeline = increment, pipeline
        self._state, self._seen, self._stats = context.state, context.seen, context.stats
        self._threads = context.settings.threads
        reserve = context.settings.daily_quota_reserve_percent / 100
        # The backfill pauses when twice the reserve is left, but at least `MIN_QUOTA_SHARE`. With a
        # reserve of 50%, twice the reserve would be the whole quota, and the backfill would never
        # start. So a high reserve has another rule: the backfill pauses halfway between the reserve
        # and 100%. From a reserve of a third on, this is the lower share.
        self._share = max(MIN_QUOTA_SHARE, min(2 * reserve, (1 + reserve) / 2))
        self._is_cut_short = False

    def run(self) -> Iterator[Event]:
        """Yield the events. If the daily quota is low or used up, pause without an error.

        The next sync resumes a paused backfill.

        Raises:
            HubSpotError: if listing the threads fails, or if another error of the API ends the
                sync.
        """
        until = self._state.bookmark
        if not self._state.messages.needs_backfill or until is None:
            return
        since = self._state.messages.bookmark or self._threads.start_date or EPOCH
        if not self._state.messages.backfilled_threads:
            # Only a new backfill starts `lookback_seconds` earlier. If a resumed backfill did so,
            # it would read some threads again. With a small daily quota, it might never reach the
            # other threads.
            since = self._increment.before(since)
        try:
            yield from self._pipeline.with_children(self._events(since, until))
        except DailyQuotaError as error:
            LOG.info("The message backfill pauses until the next sync: %s", error)
            self._is_cut_short = True
        if self._is_cut_short:
            self._stats.backfill = (
                self._state.messages.backfilled_threads,
                self._state.listing.full_rows,
            )
        else:
            yield StateChange(partial(self._state.messages.catch_up, until))

    def _events(self, since: str, until: str) -> Iterator[Event]:
        archived_rows = self._archived_rows(since)
        windows = self._increment.windows(since, end=lambda: until, archived_rows=archived_rows)
        for window in windows:
            # Up to `complete_until`, every thread was listed. After this time, threads can be
            # missing. So the bookmark must not pass this time, even if a row has a later time.
            complete_until = min(window.complete_until or until, until)
            for row in window.rows:
                moment = row[REPLICATION_KEY]
                if moment is None or moment > until:
                    continue  # no message, or the next increment reads the messages
                if self._is_low():
                    self._is_cut_short = True
                    return
                is_due = self._threads.matches(row) and row["id"] not in self._seen.with_messages
                ref = ThreadRef(row["id"], archived=row["archived"] is True)
                advance = partial(self._state.messages.advance, min(moment, complete_until))
                if is_due:
                    yield ReadMessages(ref)
                    if self._seen.recent_without_messages.get(row["id"]) == moment:
                        yield StateChange(partial(self._state.recent.note, row["id"], moment))
                yield StateChange(advance)

    def _archived_rows(self, since: str) -> Iterator[Row]:
        """Yield the archived threads with messages since a time, sorted by time.

        All archived threads are listed by ID. A thread that HubSpot cannot list is read by ID. To
        save memory, the rows have only the columns that `_events` needs.
        """
        rows = (
            {column: row[column] for column in COLUMNS}
            for part in ThreadList(self._api, self._pool, archived=True).parts()
            for row in chain(part.rows(), self._unlisted(part.failing))
            if (row[REPLICATION_KEY] or "") >= since
        )
        yield from sorted(rows, key=lambda row: str(row[REPLICATION_KEY]))

    def _unlisted(self, ref: ThreadRef | None) -> Iterator[Row]:
        """Yield the row of a thread that HubSpot cannot list, if the thread can be read by ID."""
        if ref is not None:
            row = self._pool.run(partial(fetch_thread, self._api, ref)).outcome
            if isinstance(row, dict):
                yield row

    def _is_low(self) -> bool:
        left = self._api.quota_share
        return left is not None and left <= self._share
