"""The open-thread check: a phase that finds silent changes to open threads.

The check re-reads the open threads in the state (the *known* open threads), by lists and by ID. It
emits the threads that have changed, and their messages.

The check has four steps, in the order of the methods of `OpenThreadCheck`. The last step reads the
threads that the earlier steps have not found. The steps that list threads save API calls, but they
may not help: HubSpot's filter for open threads may not work, and a list of all threads may take
more calls than reading the open threads by ID.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import HubSpotError
from tap_hubspot_threads.models import CHECKPOINT, ThreadRef
from tap_hubspot_threads.sync.fetch_thread import MAX_CALLS_PER_THREAD
from tap_hubspot_threads.sync.phases.range_plan import Budget
from tap_hubspot_threads.sync.phases.thread_list import ThreadList
from tap_hubspot_threads.sync.state.open_threads import fingerprint_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.hubspot.api import HubSpotApi
    from tap_hubspot_threads.models import Event, Page
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.context import SyncContext
    from tap_hubspot_threads.sync.pipeline import ThreadPipeline

LOG = logging.getLogger("tap-hubspot-threads")

LISTING_SECONDS = 54.0
"""Maximum seconds per sync for two kinds of list requests together: those of this check, and the
increment's requests by time. After this time, the remaining open threads are read by ID."""


class OpenThreadCheck:
    """Re-reads known open threads. Each public method is a step.

    All steps together make at most `open_threads_max_calls` API calls. If the setting is 1, they
    make at most 2 calls. If the setting is 0, they make no call. A page of a list counts as one
    call (see `Budget`). Retries and requests for messages do not count.

    With `always_fetch_by_id`, the steps that list threads are skipped.

    Args:
        api: The HubSpot API.
        pool: Runs the API calls on worker threads.
        pipeline: Reads threads by ID, and emits the threads that have changed.
        context: The open threads, and the threads that earlier syncs did not find.
    """

    def __init__(
        self, api: HubSpotApi, pool: WorkerPool, pipeline: ThreadPipeline, context: SyncContext
    ) -> None:
        self._api, self._pool, self._pipeline = api, pool, pipeline
        self._state, self._seen = context.state, context.seen
        self._max_calls = context.settings.open_threads_max_calls
        self._archived_values = context.settings.threads.archived_values
        self._lists = not context.settings.always_fetch_by_id
        self._known = 0
        """Number of known open threads at the start of the check."""
        self._pages = 0
        """Number of pages of lists that were read."""
        self._calls = 0
        """Number of API calls that read threads by ID."""
        self._found = 0
        """Number of threads that these calls found."""
        self._listed = 0
        """Number of known open threads that were found in lists."""
        self._seconds = 0.0
        """Total seconds that the list requests of this check took."""

    def not_found_once(self) -> Iterator[Event]:
        """Read by ID the threads that earlier syncs did not find.

        A list is not enough for these threads, because only a read by ID counts as a check
        (`Deletions`).

        The step uses at most 25% of `open_threads_max_calls`, but reads at least one thread.
        """
        self._known = len(self._state.open)
        if self._max_calls:
            archived = dict(self._state.open.ids())
            limit = max(1, self._max_calls // 4 // MAX_CALLS_PER_THREAD)
            ids = [id_ for id_ in self._state.not_found if id_ not in self._seen.fetched]
            refs = [ThreadRef(id_, archived=archived.get(id_, False)) for id_ in ids[:limit]]
            yield from self._read(refs)

    def by_status(self) -> Iterator[Event]:
        """List threads with HubSpot's filter for open threads. Each request is attempted once.

        The step is skipped if there are only one or two threads to check (one without
        `include_archived`). To read these by ID usually takes no more API calls than to list them.
        """
        if self._max_calls and self._lists and self._listable() > len(self._archived_values):
            yield from self._listing(self._list_open())

    def by_listing_all(self) -> Iterator[Event]:
        """List all threads, if this takes fewer API calls than reading the open threads by ID.

        The step is skipped if the list would take too many API calls (`_pages_left`) or too long
        (`LISTING_SECONDS`). It is also skipped if no full listing has been completed yet.
        """
        if self._max_calls and self._lists and self._should_list_all():
            yield from self._listing(self._list_all())

    def by_id(self) -> Iterator[Event]:
        """Read the remaining open threads by ID, until the API calls are used up.

        The least recently read threads are read first. A thread takes one or two API calls. Each
        batch has as many threads as the remaining calls permit if each thread takes two. If calls
        are left after a batch, another batch follows.
        """
        due, limit = self._unseen(), max(self._max_calls, MAX_CALLS_PER_THREAD)
        while (
            self._max_calls
            and due
            and (size := (limit - self._calls - self._pages) // MAX_CALLS_PER_THREAD) > 0
        ):
            batch, due = due[:size], due[size:]
            yield from self._read(batch)
        if self._max_calls and self._known:
            message = "Open threads: %d known; %d listed in %d API calls, %d read by ID"
            LOG.info(message, self._known, self._listed, self._pages, self._found)

    def _unseen(self) -> list[ThreadRef]:
        """Return the known open threads that are still to be checked, least recently read first.

        These threads are not included:
            * Threads that this sync has found or has requested by ID.
            * Threads in the state's `not_found`, because only `not_found_once` reads them.
        """
        return [
            ThreadRef(thread_id, archived)
            for thread_id, archived in self._state.open.ids()
            if thread_id in self._seen.unseen_open
            and thread_id not in self._seen.fetched
            and thread_id not in self._state.not_found
        ]

    def _listable(self) -> int:
        """Return the number of threads in `_unseen` that are in the lists of this check.

        Without `include_archived`, this check does not list archived threads.
        """
        return sum(ref.archived in self._archived_values for ref in self._unseen())

    def _read(self, refs: list[ThreadRef]) -> Iterator[Event]:
        calls, found = self._pipeline.calls, self._pipeline.found
        yield from self._pipeline.by_id(refs)
        self._calls += self._pipeline.calls - calls
        self._found += self._pipeline.found - found

    # Steps that list threads

    def _listing(self, events: Iterator[Event]) -> Iterator[Event]:
        """Yield the events of a step that lists threads.

        If a request fails, only the step ends, unless the error ends the sync.
        """
        before = self._seen.seen_open
        yield from self._pipeline.with_children(_best_effort(events))
        self._listed += self._seen.seen_open - before

    def _list_open(self) -> Iterator[Event]:
        """List open threads by status, and mark the unchanged threads as found.

        `by_id` skips the threads that are marked as found. If a listed row differs from the last
        emitted record, the thread is not marked, because HubSpot's status index may be outdated.

        If most threads on a page are closed, HubSpot ignores the filter, so the step ends.

        UNKNOWN: whether `threadStatus` filters, and whether the status index is current. If both
        are true, all listed rows can be used, and `by_listing_all` can be removed.
        """
        for archived in self._archived_values:
            for page in self._counted(self._api.list_open_threads(archived=archived)):
                rows = list(page.rows)
                if 2 * sum(row["status"] == "CLOSED" for row in rows) > len(rows):
                    return
                known = [
                    row
                    for row in rows
                    if self._state.open.is_last_emitted(row["id"], fingerprint_of(row))
                ]
                yield from self._pipeline.checked(known)
                yield CHECKPOINT

    def _should_list_all(self) -> bool:
        """Whether `by_listing_all` lists all threads.

        The expected number of pages is that of the last completed full listing. The expected time
        is the time of that listing's requests, divided by the number of pages read at once.
        """
        listing = self._state.listing
        pages = listing.full_pages
        if pages is None or self._listable() <= pages:
            return False
        fits_calls = pages <= self._pages_left()
        # If cursors are not keys, `newest_id` is None, and the tap reads one page after another.
        at_once = self._pool.count if self._state.recent.newest_id is not None else 1
        return fits_calls and listing.full_seconds / at_once <= self._seconds_left()

    def _list_all(self) -> Iterator[Event]:
        """List all threads until the API calls or the seconds for list requests are used up."""
        for archived in self._archived_values:
            budget = Budget(calls=self._pages_left(), seconds=self._seconds_left())
            threads = ThreadList(self._api, self._pool, archived=archived, budget=budget)
            try:
                for part in threads.parts():
                    yield from self._pipeline.checked(part.rows())
                    yield CHECKPOINT
            finally:
                self._pages += budget.calls
                self._seconds += budget.seconds
            if not threads.is_complete:
                return

    def _counted(self, pages: Iterator[Page]) -> Iterator[Page]:
        """Yield and count pages until the API calls or the seconds for list requests are used up.

        A page is expected to take as long as the previous page. If this would take too long, the
        page is not requested.
        """
        pages, seconds = self._pool.iterate(pages), 0.0
        for _ in range(self._pages_left()):
            if seconds >= self._seconds_left():
                return
            self._pages += 1
            page = next(pages)
            seconds = page.seconds
            self._seconds += seconds
            yield page
            if page.cursor is None:
                return

    def _pages_left(self) -> int:
        """Return the number of pages that this check can still list.

        Listing takes at most half of `open_threads_max_calls`.
        """
        return min(self._max_calls // 2, self._max_calls - self._calls) - self._pages

    def _seconds_left(self) -> float:
        return LISTING_SECONDS - self._seen.listing_seconds - self._seconds


def _best_effort(events: Iterator[Event]) -> Iterator[Event]:
    try:
        yield from events
    except HubSpotError as error:
        if error.ends_sync:
            raise
        LOG.debug("A listing of open threads failed; the next steps continue without it: %s", error)
