"""The sync that runs if the setting `thread_ids` or `thread_ids_file` is set.

This sync reads the configured threads, and then the reference lists. It keeps no state.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import MAX_NAMED_IDS, HubSpotError, name_ids
from tap_hubspot_threads.models import ReadMessages, Record, ThreadRef
from tap_hubspot_threads.sync.fetch_thread import ReadResult
from tap_hubspot_threads.sync.phases.read_reference_lists import read_reference_lists

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_hubspot_threads.hubspot.api import HubSpotApi
    from tap_hubspot_threads.models import Event
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.context import SyncContext
    from tap_hubspot_threads.sync.pipeline import ThreadPipeline

LOG = logging.getLogger("tap-hubspot-threads")


class ConfiguredIdsSync:
    """Reads the configured threads in the given order, and then the reference lists.

    Args:
        ids: The thread IDs, without duplicates.
        api: The HubSpot API.
        pool: Runs the API calls on worker threads.
        pipeline: Reads the threads, their messages and their actors.
        context: The selected streams, the counters and the failures of this sync.
    """

    def __init__(
        self,
        ids: Iterable[str],
        api: HubSpotApi,
        pool: WorkerPool,
        pipeline: ThreadPipeline,
        context: SyncContext,
    ) -> None:
        self._ids, self._api, self._pool, self._pipeline = ids, api, pool, pipeline
        self._context, self._seen, self._stats = context, context.seen, context.stats

    def run(self) -> Iterator[Event]:
        """Yield the events.

        Raises:
            HubSpotError: if an error ends the sync early.
            IncompleteError: at the end, if some items could not be read.
        """
        if self._context.selection.needs_threads:
            yield from self._pipeline.with_children(self._events())
        if self._context.selection.reference_lists:
            yield from read_reference_lists(self._api, self._pool, self._context)
        self._warn_of_not_found()
        self._stats.warn()
        self._context.failures.check()

    def _events(self) -> Iterator[Event]:
        refs = map(ThreadRef, self._ids)
        selection = self._context.selection
        if selection.messages and not selection.threads:
            yield from map(ReadMessages, refs)
            return
        for result in self._pipeline.read(refs):
            if not isinstance(result, ReadResult):
                yield result
            elif isinstance(result.outcome, HubSpotError):
                self._context.failures.threads.note(result.ref.id, result.outcome)
            elif result.outcome is None:
                self._stats.not_found += 1
                if len(self._seen.not_found_at) < MAX_NAMED_IDS:
                    self._seen.not_found_at[result.ref.id] = None
            else:
                yield Record("threads", result.outcome)
                if selection.messages:
                    yield ReadMessages(result.ref)

    def _warn_of_not_found(self) -> None:
        names = [*self._seen.not_found_at]
        if not self._context.selection.threads:
            self._stats.not_found += len(self._seen.without_thread)
            names += self._seen.without_thread
        if self._stats.not_found:
            message = (
                "%d thread(s) not found, neither live nor archived: %s. Check thread_ids or "
                "thread_ids_file."
            )
            count = self._stats.not_found
            LOG.warning(message, count, name_ids(names, count))
