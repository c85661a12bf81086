"""State validation: an unknown state is an error, never a first sync."""

from __future__ import annotations

from typing import Any

import pytest

from tap_hubspot_threads.errors import StateError
from tap_hubspot_threads.sync.state.validation import check_state
from tests.sync.fakes import NOW, make_state


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"bookmarks": {}},
        {"bookmarks": {"threads": {}}},
        {"bookmarks": {"thread_index": {}, "deleted_threads": {}}},
        {"bookmarks": {"messages": {}, "actors": {}, "inboxes": {}, "channel_accounts": {}}},
        {"bookmarks": {"threads": {"replication_key_value": "2026-01-01"}, "other": {}}},
        {"bookmarks": make_state().to_bookmarks(is_final=True)},
    ],
    ids=str,
)
def test_valid_states(state: dict[str, Any]) -> None:
    """A state that this tap or a person wrote is accepted."""
    check_state(state)


@pytest.mark.parametrize(
    "state",
    [
        {"bookmarks": None},
        {"bookmarks": []},
        {"bookmarks": {"threads": []}},
        {"bookmarks": {"other": {}}},
        {"bookmarks": {"threads": {}, "thread_index": {"partitions": []}}},
        {"bookmarks": {"threads": {}, "deleted_threads": {"progress_markers": {}}}},
        {"type": "STATE", "value": {"bookmarks": {"threads": {}}}},
        {"threads": {}},
    ],
    ids=str,
)
def test_foreign_states(state: dict[str, Any]) -> None:
    """Any other state is refused, and the error says what to do."""
    with pytest.raises(StateError, match="full refresh"):
        check_state(state)


VALID: list[tuple[str, object]] = [
    ("version", 1),
    ("replication_key", "latestMessageTimestamp"),
    ("replication_key_value", None),
    ("replication_key_value", "2026-11-20T13:00:00+01:00"),
    ("sync_started_at", None),
    ("sync_started_at", NOW),
    ("recent_threads", []),
    ("recent_threads", [["17", NOW], ["18", None]]),
    ("newest_ids", []),
    ("newest_ids", [[NOW, "17"], [NOW, "18"]]),
    ("listing_ranges", []),
    ("listing_ranges", [["live", "0", "17"], ["archived", "17", None]]),
    ("listing_newest_id", "0"),
    ("listing_cursor", None),
    ("listing_cursor", "x=="),
    ("listing_started_at", NOW),
    ("full_listing_started_at", None),
    ("full_listing_completed_at", NOW),
    ("fingerprints_exact", False),
    ("open_threads", ["17:lAAAAAA"]),
    ("open_threads", ["17:LAAAAAA", "18:ABBBBBB"]),
    ("failed", [["17", 2]]),
    ("not_found", []),
    ("not_found", [["17", NOW]]),
    ("listing_is_whole", False),
    ("listing_rows", 0),
    ("full_listing_rows", None),
    ("full_listing_rows", 20_000),
    ("listing_pages", 0),
    ("listing_milliseconds", 1_500),
    ("full_listing_pages", None),
    ("full_listing_pages", 44),
    ("full_listing_milliseconds", 0),
    ("filters", "{}"),
    ("account_id", None),
    ("account_id", 53),
    ("account_unknown_warned", True),
]


VALID_OF_MESSAGES: list[tuple[str, object]] = [
    ("replication_key_value", None),
    ("replication_key_value", "2026-11-20T13:00:00+01:00"),
    ("replication_key_value", "1970-01-01T00:00:00.000Z"),
    ("failed", []),
    ("failed", [["17", 0]]),
    ("backfilled", 61_204),
]


@pytest.mark.parametrize(("key", "value"), VALID_OF_MESSAGES)
def test_valid_values_of_messages(key: str, value: object) -> None:
    """Each key of messages accepts what this version writes."""
    check_state({"bookmarks": {"messages": {key: value}}})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("replication_key_value", "soon"),
        ("replication_key_value", ""),
        ("failed", {"17": 1}),
        ("failed", [["x", 1]]),
        ("backfilled", None),
        ("backfilled", True),
        ("version", 1),
    ],
)
def test_invalid_values_of_messages(key: str, value: object) -> None:
    """An unknown key or another shape under messages is refused, and the error names the key."""
    with pytest.raises(StateError, match=rf"bookmarks\.messages\.{key} is not"):
        check_state({"bookmarks": {"messages": {key: value}}})


@pytest.mark.parametrize(("key", "value"), VALID)
def test_valid_values(key: str, value: object) -> None:
    """Each key accepts what this version writes."""
    check_state({"bookmarks": {"threads": {key: value}}})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 2),
        ("version", True),
        ("version", 1.0),
        ("version", "1"),
        ("version", None),
        ("replication_key", "createdAt"),
        ("replication_key_value", "soon"),
        ("replication_key_value", ""),
        ("replication_key_value", "1999-12-31T23:59:59Z"),
        ("listing", "archived"),
        ("sync_started_at", "soon"),
        ("recent_threads", {"17": NOW}),
        ("recent_threads", [["x", NOW]]),
        ("recent_threads", [["17", "soon"]]),
        ("newest_ids", [["17", NOW]]),
        ("newest_ids", [[None, "17"]]),
        ("listing_ranges", [["other", "0", None]]),
        ("listing_ranges", [["live", None, "17"]]),
        ("listing_ranges", [["live", "0"]]),
        ("listing_ranges", [["live", 0, 17]]),
        ("listing_newest_id", 17),
        ("listing_cursor", 17),
        ("listing_started_at", 17),
        ("full_listing_started_at", "soon"),
        ("full_listing_completed_at", []),
        ("fingerprints_exact", 1),
        ("open_threads", {"17": "lAAAAAA"}),
        ("open_threads", ["17"]),
        ("open_threads", [17]),
        ("failed", {"17": 1}),
        ("failed", [["17"]]),
        ("failed", [["17", "2"]]),
        ("failed", [["17", True]]),
        ("failed", [["x", 2]]),
        ("failed", [17]),
        ("not_found", {"17": NOW}),
        ("not_found", ["17"]),
        ("not_found", [["17", None]]),
        ("not_found", [["17", "soon"]]),
        ("not_found", [["x", NOW]]),
        ("full_listing_pages", "44"),
        ("full_listing_milliseconds", 1.5),
        ("listing_pages", True),
        ("listing_is_whole", 1),
        ("listing_rows", None),
        ("full_listing_rows", 1.5),
        ("filters", None),
        ("account_id", "53"),
        ("account_id", True),
        ("account_unknown_warned", None),
        ("progress_markers", {}),
        ("unheard_of", 1),
    ],
)
def test_invalid_values(key: str, value: object) -> None:
    """An unknown key or another shape is refused, and the error names the key."""
    with pytest.raises(StateError, match=rf"bookmarks\.threads\.{key} is not"):
        check_state({"bookmarks": {"threads": {key: value}}})


def test_every_written_key_is_covered() -> None:
    """Every key that this version writes is in the lists of valid values."""
    packed = make_state().to_bookmarks(is_final=True)
    assert packed["threads"].keys() <= {key for key, _ in VALID}
    assert packed["messages"].keys() <= {key for key, _ in VALID_OF_MESSAGES}
