"""The streams of the tap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from tap_hubspot_threads.models import REPLICATION_KEY
from tap_hubspot_threads.singer.row_to_record import HubSpotStream

if TYPE_CHECKING:
    from singer_sdk import Tap
    from singer_sdk.helpers.types import Record

    from tap_hubspot_threads.reference_lists import ReferenceList


class ThreadsStream(HubSpotStream):
    """Conversation threads in their current state."""

    name = "threads"
    replication_key = REPLICATION_KEY


class DeletedThreadsStream(HubSpotStream):
    """Threads that were deleted in HubSpot."""

    name = "deleted_threads"


class ThreadIndexStream(HubSpotStream):
    """Threads that a sync finds by list requests, with few columns.

    If `threads`, `messages` or `actors` is selected too, this stream costs no extra API calls.
    """

    name = "thread_index"
    selected_by_default = False

    @override
    def write(self, row: Record) -> None:
        super().write({name: row[name] for name in self.schema["properties"]})


class MessagesStream(HubSpotStream):
    """Messages and comments, and changes of the assignee, status and inbox of threads."""

    name = "messages"
    selected_by_default = False


class ActorsStream(HubSpotStream):
    """The actors (such as agents, visitors and bots) whose IDs occur in threads and messages."""

    name = "actors"
    selected_by_default = False


class ReferenceListStream(HubSpotStream):
    """A stream for one of the `REFERENCE_LISTS`."""

    selected_by_default = False

    def __init__(self, tap: Tap, reference_list: ReferenceList) -> None:
        self.name = reference_list.name
        super().__init__(tap, name=reference_list.name)
