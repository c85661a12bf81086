"""The streams of what surrounds a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_hubspot_threads.streams.base import HubSpotStream

if TYPE_CHECKING:
    from singer_sdk import Tap

    from tap_hubspot_threads.contract import Listed


class MessagesStream(HubSpotStream):
    """The messages of threads, and what happened to these: six types."""

    name = "messages"
    selected_by_default = False


class ActorsStream(HubSpotStream):
    """Who threads and messages name by id."""

    name = "actors"
    selected_by_default = False


class ListedStream(HubSpotStream):
    """A stream that is listed as a whole."""

    selected_by_default = False

    def __init__(self, tap: Tap, listed: Listed) -> None:
        self.name = listed.name
        super().__init__(tap, name=listed.name)
