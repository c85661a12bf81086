"""The state of each release stays readable. The first, 0.1.0, is not released yet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tap_hubspot_threads.sync.state.sync_state import SyncState
from tap_hubspot_threads.sync.state.validation import check_state

STATES = sorted(Path(__file__).with_name("states").glob("*.json"))


@pytest.mark.parametrize("path", STATES, ids=lambda path: path.stem)
def test_released_state(path: Path) -> None:
    """A released state is valid, and none of its values is lost."""
    given = json.loads(path.read_text(encoding="utf-8"))
    check_state(given)
    bookmarks = given["bookmarks"]
    threads, messages = bookmarks["threads"], bookmarks["messages"]
    state = SyncState(bookmarks, filters=threads["filters"], with_messages=True)
    assert state.bookmark == threads["replication_key_value"]
    assert state.listing.full_started_at == threads["full_listing_started_at"]
    assert state.listing.to_dict().items() <= threads.items()
    assert state.recent.to_dict().items() <= threads.items()
    assert state.open.packed() == threads["open_threads"]
    assert [*state.not_found] == [thread_id for thread_id, _ in threads["not_found"]]
    assert [*state.failed] == [thread_id for thread_id, _ in threads["failed"]]
    assert [*state.messages.pending] == [thread_id for thread_id, _ in messages["failed"]]
    assert state.messages.bookmark == messages["replication_key_value"]
    assert not state.filters_changed
