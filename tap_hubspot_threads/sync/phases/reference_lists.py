"""Phase 5, the reference lists: inboxes, channels and channel accounts, each as a whole."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import HubSpotError
from tap_hubspot_threads.models import CHECKPOINT, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.hubspot.api import HubSpotApi
    from tap_hubspot_threads.models import Event, ReferenceList
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.context import SyncContext

LOG = logging.getLogger("tap-hubspot-threads")


class ReferenceLists:
    """Reads reference lists; one that fails does not keep the others from loading.

    Args:
        api: The account.
        pool: Reads it.
        context: Which are selected, and what failed.
    """

    def __init__(self, api: HubSpotApi, pool: WorkerPool, context: SyncContext) -> None:
        self._api, self._pool = api, pool
        self._selected = context.selection.reference_lists
        self._failures = context.failures.lists

    def run(self) -> Iterator[Event]:
        """Yield their records.

        Raises:
            HubSpotError: if the token is not accepted, or the daily quota is spent.
        """
        for reference in self._selected:
            try:
                yield from self._list(reference)
            except HubSpotError as error:
                if error.ends_sync:
                    raise
                LOG.warning("%s could not be loaded: %s", reference.name, error)
                self._failures[reference.name] = error

    def _list(self, reference: ReferenceList) -> Iterator[Event]:
        for archived in (False, True) if reference.has_archived else (False,):
            for page in self._pool.prefetch(self._api.list_all(reference, archived=archived)):
                for row in page.rows:
                    yield Record(reference.name, row)
                yield CHECKPOINT
