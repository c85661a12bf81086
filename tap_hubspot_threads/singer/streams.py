"""The streams: a name, a key and a schema each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from tap_hubspot_threads.models import REPLICATION_KEY
from tap_hubspot_threads.singer.base_stream import HubSpotStream

if TYPE_CHECKING:
    from singer_sdk import Tap
    from singer_sdk.helpers.types import Record

    from tap_hubspot_threads.models import ReferenceList


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


class MessagesStream(HubSpotStream):
    """The messages of threads, and what happened to these: six types."""

    name = "messages"
    selected_by_default = False


class ActorsStream(HubSpotStream):
    """Who threads and messages name by id."""

    name = "actors"
    selected_by_default = False


class ReferenceListStream(HubSpotStream):
    """A stream that is listed as a whole."""

    selected_by_default = False

    def __init__(self, tap: Tap, listed: ReferenceList) -> None:
        self.name = listed.name
        super().__init__(tap, name=listed.name)
