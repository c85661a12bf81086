"""`deleted_threads`: threads that were in the account once, and are no more."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_hubspot_threads.client import HubSpotStream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record

    from tap_hubspot_threads.client import Shared
    from tap_hubspot_threads.threads import ThreadsStream


class DeletedThreadsStream(HubSpotStream):
    """Tells what the sync of `threads` missed; comes after it."""

    name = "deleted_threads"
    primary_keys = ("id",)

    def __init__(self, tap: Tap, shared: Shared, *, threads: ThreadsStream) -> None:
        super().__init__(tap, shared)
        self._threads = threads
        # A configured id that is missing was perhaps never a thread's.
        self.selected_by_default = self._ids is None

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        if not self._threads.selected:
            message = "Only a sync of threads notices deleted threads: select that stream too"
            self.log(message, level=logging.WARNING)
        yield from self._threads.pop_deleted()
