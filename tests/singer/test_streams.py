"""The streams for messages, actors and reference lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_hubspot_threads.reference_lists import REFERENCE_LISTS
from tap_hubspot_threads.singer.streams import ActorsStream, MessagesStream, ReferenceListStream
from tap_hubspot_threads.tap import TapHubSpotThreads

if TYPE_CHECKING:
    from tap_hubspot_threads.singer.row_to_record import HubSpotStream

NAMES = ["messages", "actors", *(listed.name for listed in REFERENCE_LISTS)]


@pytest.fixture
def streams() -> dict[str, HubSpotStream]:
    """The streams for messages, actors and reference lists, by name."""
    tap = TapHubSpotThreads(config={}, validate_config=False)
    created = [
        MessagesStream(tap),
        ActorsStream(tap),
        *(ReferenceListStream(tap, one) for one in REFERENCE_LISTS),
    ]
    return {stream.name: stream for stream in created}


def test_names(streams: dict[str, HubSpotStream]) -> None:
    """Messages, actors and each reference list have a stream."""
    assert list(streams) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_stream(streams: dict[str, HubSpotStream], name: str) -> None:
    """Each stream has a schema and the key `id`, and is not selected by default."""
    stream = streams[name]
    assert stream.primary_keys == ("id",)
    assert "string" in stream.schema["properties"]["id"]["type"]
    assert stream.replication_key is None
    assert stream.selected_by_default is False
