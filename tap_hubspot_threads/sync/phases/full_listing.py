"""The full listing: a phase that reads the list of all threads, within one or several syncs.

The phase emits the threads even if they have not changed. In this module, a *listing* is a full
listing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.models import StateChange
from tap_hubspot_threads.sync.id_ranges import ALL_IDS
from tap_hubspot_threads.sync.phases.range_plan import Budget
from tap_hubspot_threads.sync.phases.thread_list import ThreadList
from tap_hubspot_threads.sync.pipeline import ListedPage
from tap_hubspot_threads.sync.state.full_listing_state import ARCHIVED, LIVE
from tap_hubspot_threads.values import parse_time, shift

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.hubspot.api import HubSpotApi
    from tap_hubspot_threads.models import Event
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.context import SyncContext
    from tap_hubspot_threads.sync.pipeline import ThreadPipeline

EARLY_SHARE = 0.05
"""A listing is due when its interval, minus this share of the interval, has passed. Without this
share, a nightly sync that starts early would skip the listing. Example: a listing starts at
02:00:30. The next night, the sync starts at 02:00:05, 25 seconds before 24 hours have passed."""
SHARE_OF_INTERVAL = 0.2
"""The time limit of a listing per sync, as a share of the time since the last increment began. At
the limit, the listing pauses until the next sync."""
MIN_SECONDS = 120.0
"""The time limit of a listing per sync is at least this many seconds."""


class FullListing:
    """Lists the whole account, at most once per sync. A listing can continue in later syncs.

    Until one listing has been completed with the current filters, a listing is the *first listing*
    (`SyncState.is_first_listing`). The first listing has no time limit. A later listing has a time
    limit per sync (`SHARE_OF_INTERVAL`), so that the next increment is not delayed for long.

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
        self._last_sync_at = context.state.started_at
        self._has_run = False

    def is_due(self, *, for_deletions: bool = False) -> bool:
        """Whether to run a listing now.

        A listing is due in any of these cases:
            * The first listing is not completed.
            * A later listing is unfinished.
            * The last completed listing did not emit every thread.
            * The last completed listing started at least 95% of `full_listing_interval_hours` ago
              (see `EARLY_SHARE`).
            * The last completed listing started in the future, by HubSpot's clock.

        Exceptions:
            * If this sync has already run a listing, no other listing is due.
            * If the stream `threads` is not selected, only the first listing is due, because the
              other streams need its threads.

        Args:
            for_deletions: If True, a listing is due in one more case: a thread was added to
                `SyncState.not_found` since the start of the last completed listing. `Deletions`
                needs a listing that has started later.
        """
        listing = self._state.listing
        if self._has_run:
            return False
        if self._state.is_first_listing or not listing.emits_rows:
            return self._state.is_first_listing
        started, now = listing.full_started_at, self._seen.now
        seconds = self._settings.full_listing_interval_hours * 3600 * (1 - EARLY_SHARE)
        is_old = started is None or not started <= now < shift(started, seconds=seconds)
        could_show = any(first >= (started or "") for first in self._state.not_found.values())
        return is_old or not listing.is_over or (for_deletions and could_show)

    def run(self) -> Iterator[Event]:
        """Yield the events of a listing. If the last listing is unfinished, resume that listing."""
        self._has_run = True
        return self._pipeline.listed(self._pages())

    def _pages(self) -> Iterator[ListedPage | StateChange]:
        """Yield the pages that this listing has not read yet: live threads, then archived threads.

        Before the first page of a new listing, yield the state change that starts the listing.

        Without `include_archived`, the first listing does not read archived threads. Later listings
        always read archived threads, because no other phase notices that a closed thread was
        archived.
        """
        listing, budget = self._state.listing, Budget(seconds=self._max_seconds())
        is_new, cursor = listing.is_over, listing.cursor
        sides = [side for side in (LIVE, ARCHIVED) if is_new or listing.unread[side]]
        if self._state.is_first_listing and not self._settings.threads.include_archived:
            sides = [LIVE]
        is_started = not is_new
        for side in sides:
            unread = [ALL_IDS] if is_new else list(listing.unread[side])
            threads = ThreadList(self._api, self._pool, archived=side == ARCHIVED, budget=budget)
            for part in threads.parts(unread, cursor):
                if not is_started:
                    is_started = True
                    yield StateChange(partial(self._state.start_listing, part.now, sides))
                advance = partial(self._state.advance_listing, side, part)
                yield ListedPage(part.rows(), part.now, StateChange(advance), part.failing)
            if not threads.is_complete:
                return
            cursor = None

    def _max_seconds(self) -> float | None:
        """Return the maximum seconds for the listing in this sync; None if there is no limit."""
        if self._state.is_first_listing:
            return None
        if self._last_sync_at is None:
            return MIN_SECONDS
        interval = parse_time(self._seen.now) - parse_time(self._last_sync_at)
        return max(MIN_SECONDS, SHARE_OF_INTERVAL * interval.total_seconds())
