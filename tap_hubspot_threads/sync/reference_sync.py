"""The sync of an account if none of `threads`, `messages` and `actors` is selected.

If `thread_index` is selected, this sync first reads HubSpot's list of threads. Then the sync reads
the selected reference lists. The state stays unchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import HubSpotError
from tap_hubspot_threads.models import CHECKPOINT, Record
from tap_hubspot_threads.sync.account import identify
from tap_hubspot_threads.sync.fetch_thread import fetch_thread
from tap_hubspot_threads.sync.phases.read_reference_lists import read_reference_lists
from tap_hubspot_threads.sync.phases.thread_list import ThreadList

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.hubspot.api import HubSpotApi
    from tap_hubspot_threads.models import Event, Row, ThreadRef
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.context import SyncContext


class ReferenceSync:
    """Lists the threads if `thread_index` is selected, and then reads the reference lists.

    Args:
        api: The HubSpot API.
        pool: Runs the API calls on worker threads.
        context: The settings, the selected streams, and the state. The account ID in the state is
            compared with the account ID of the token.
    """

    def __init__(self, api: HubSpotApi, pool: WorkerPool, context: SyncContext) -> None:
        self._api, self._pool, self._context = api, pool, context

    def run(self) -> Iterator[Event]:
        """Yield the events.

        Raises:
            HubSpotError: if an error ends the sync early.
            IncompleteError: at the end, if some items could not be read.
        """
        identify(self._api, self._pool, self._context.state)
        if self._context.selection.thread_index:
            yield from self._index()
        yield from read_reference_lists(self._api, self._pool, self._context)
        self._context.failures.check()

    def _index(self) -> Iterator[Event]:
        threads = self._context.settings.threads
        for archived in threads.archived_values:
            for part in ThreadList(self._api, self._pool, archived=archived).parts():
                read = [] if part.failing is None else self._read(part.failing)
                for row in filter(threads.matches, [*part.rows(), *read]):
                    yield Record("thread_index", row)
                yield CHECKPOINT

    def _read(self, ref: ThreadRef) -> list[Row]:
        """Return a list with the row of a thread that HubSpot cannot list.

        The thread is read by ID. The list is empty if HubSpot has no such thread, or if reading the
        thread failed.
        """
        outcome = self._pool.run(lambda: fetch_thread(self._api, ref)).outcome
        if isinstance(outcome, HubSpotError):
            self._context.failures.threads.note(ref.id, outcome)
        return [outcome] if isinstance(outcome, dict) else []
