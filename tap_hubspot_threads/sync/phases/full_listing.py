"""The full listing: a phase that lists all threads, sorted by ID, within one or several syncs."""

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
"""A listing becomes due before its interval ends, by this share of the interval. Example: a listing
starts at 02:00:30. The next night, the sync checks at 02:00:05, before 24 hours have passed."""
MIN_SECONDS = 120.0
"""In one sync, a full listing can always run for this many seconds."""
SHARE_OF_INTERVAL = 0.2
"""In one sync, a full listing can run for this share of the time since the last sync started, but
at least for `MIN_SECONDS`. Then the listing pauses until the next sync."""


class FullListing:
    """Lists the whole account, at most once per sync. A listing can continue in later syncs.

    A listing emits threads even if they have not changed. The *first listing* is the listing of the
    first sync. It has no time limit. A later listing has a time limit per sync, so that the next
    increment is not delayed.

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

        A listing is due if the last listing is unfinished, or if the last listing started at least
        95% of `full_listing_interval_hours` ago (see `EARLY_SHARE`). After this sync has run a
        listing, no listing is due. If the stream `threads` is not selected, only the first listing
        is due: the other streams need the threads that it lists.

        Args:
            for_deletions: If true, a listing is also due if a thread was added to
                `SyncState.not_found` after the last listing started. For such a thread, `Deletions`
                needs a listing that started after the thread was added.
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
        """Yield the pages that this listing has not read yet.

        Live threads come before archived threads.

        The first listing reads archived threads only if `include_archived` is set. Later listings
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
