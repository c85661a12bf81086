"""A phase that reads the reference lists: inboxes, channels and channel accounts.

The phase emits a record for each entry of the selected lists.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import HubSpotError
from tap_hubspot_threads.models import CHECKPOINT, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.hubspot.api import HubSpotApi
    from tap_hubspot_threads.models import Event
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.context import SyncContext

LOG = logging.getLogger("tap-hubspot-threads")


def read_reference_lists(
    api: HubSpotApi, pool: WorkerPool, context: SyncContext
) -> Iterator[Event]:
    """Yield the records of the selected reference lists. If a list fails, read the others anyway.

    Raises:
        HubSpotError: if the error ends the sync (`HubSpotError.ends_sync`), for example because
            HubSpot does not accept the token or the daily quota is used up.
    """
    for reference in context.selection.reference_lists:
        try:
            for archived in (False, True) if reference.has_archived else (False,):
                for page in pool.prefetch(api.list_all(reference, archived=archived)):
                    for row in page.rows:
                        yield Record(reference.name, row)
                    yield CHECKPOINT
        except HubSpotError as error:
            if error.ends_sync:
                raise
            LOG.warning("Could not read %s: %s", reference.name, error)
            context.failures.lists[reference.name] = error
