"""The streams of what surrounds a thread, as the SDK knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_hubspot_threads.models import REFERENCE_LISTS
from tap_hubspot_threads.singer.streams import ActorsStream, MessagesStream, ReferenceListStream
from tap_hubspot_threads.tap import TapHubSpotThreads

if TYPE_CHECKING:
    from tap_hubspot_threads.singer.base_stream import HubSpotStream

NAMES = ["messages", "actors", *(listed.name for listed in REFERENCE_LISTS)]


@pytest.fixture
def streams() -> dict[str, HubSpotStream]:
    """The streams of what surrounds a thread."""
    tap = TapHubSpotThreads(config={}, validate_config=False)
    made = [
        MessagesStream(tap),
        ActorsStream(tap),
        *(ReferenceListStream(tap, one) for one in REFERENCE_LISTS),
    ]
    return {stream.name: stream for stream in made}


def test_names(streams: dict[str, HubSpotStream]) -> None:
    """There is one for messages, for actors, and for each that is listed as a whole."""
    assert list(streams) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each(streams: dict[str, HubSpotStream], name: str) -> None:
    """Each has its own schema, the key id, no replication key, and is not selected by default."""
    stream = streams[name]
    assert stream.primary_keys == ("id",)
    assert "string" in stream.schema["properties"]["id"]["type"]
    assert stream.replication_key is None
    assert stream.selected_by_default is False
