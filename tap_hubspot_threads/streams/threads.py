"""The streams that are made of threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from tap_hubspot_threads.streams.base import HubSpotStream
from tap_hubspot_threads.sync.sweep import REPLICATION_KEY

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Record


class ThreadsStream(HubSpotStream):
    """HubSpot's conversation threads, each as it is now."""

    name = "threads"
    replication_key = REPLICATION_KEY


class DeletedThreadsStream(HubSpotStream):
    """Threads that were in the account once, and are no more."""

    name = "deleted_threads"


class ThreadIndexStream(HubSpotStream):
    """Which threads a listing saw; goes out while `threads` lists, never by a second listing."""

    name = "thread_index"
    selected_by_default = False

    @override
    def write(self, row: Record) -> None:
        super().write({name: row[name] for name in self.schema["properties"]})
