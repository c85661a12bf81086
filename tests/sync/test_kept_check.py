"""Which states are this tap's: any other is refused, and never taken for a first sync."""

from __future__ import annotations

from typing import Any

import pytest

from tap_hubspot_threads.contract import StateError
from tap_hubspot_threads.sync.kept_check import check_kept, check_state
from tests.sync.fakes import NOW, kept


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"bookmarks": {}},
        {"bookmarks": {"threads": {}}},
        {"bookmarks": {"thread_index": {}, "deleted_threads": {}}},
        {"bookmarks": {"threads": {"replication_key_value": "2026-01-01"}, "other": {}}},
        {"bookmarks": {"threads": kept().pack(is_final=True)}},
    ],
    ids=str,
)
def test_states_of_this_tap(state: dict[str, Any]) -> None:
    """What this tap, an earlier version or a person writes is accepted."""
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
def test_states_of_another_kind(state: dict[str, Any]) -> None:
    """What is no state of this tap is refused, with what to do."""
    with pytest.raises(StateError, match="full refresh"):
        check_state(state)


GOOD: list[tuple[str, object]] = [
    ("version", 1),
    ("replication_key", "latestMessageTimestamp"),
    ("replication_key_value", None),
    ("replication_key_value", "2026-11-20T13:00:00+01:00"),
    ("listing", "archived"),
    ("listing_cursor", None),
    ("listing_cursor", "x=="),
    ("listing_started_at", NOW),
    ("full_listing_started_at", None),
    ("full_listing_completed_at", NOW),
    ("is_exact", False),
    ("open_threads", ["17:lAAAAAA"]),
    ("closed_threads", ["17", "18"]),
    ("failed", [["17", 2]]),
    ("missed", []),
    ("missed", [["17", NOW]]),
    ("listing_pages", 0),
    ("listing_milliseconds", 1_500),
    ("full_listing_pages", None),
    ("full_listing_pages", 44),
    ("full_listing_milliseconds", 0),
    ("wanted", "{}"),
    ("account", None),
    ("account", 53),
    ("is_account_warned_of", True),
    ("starting_replication_value", NOW),
    ("replication_key_signpost", NOW),
    ("progress_markers", {}),
]


@pytest.mark.parametrize(("key", "value"), GOOD)
def test_what_a_version_wrote(key: str, value: object) -> None:
    """Each key may hold what some version wrote under it."""
    check_kept({key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 2),
        ("version", None),
        ("replication_key", "createdAt"),
        ("replication_key_value", "soon"),
        ("replication_key_value", ""),
        ("replication_key_value", "1999-12-31T23:59:59Z"),
        ("listing", None),
        ("listing_cursor", 17),
        ("listing_started_at", 17),
        ("full_listing_started_at", "soon"),
        ("full_listing_completed_at", []),
        ("is_exact", 1),
        ("open_threads", {"17": "lAAAAAA"}),
        ("open_threads", ["17"]),
        ("open_threads", [17]),
        ("closed_threads", "17"),
        ("closed_threads", ["017"]),
        ("failed", {"17": 1}),
        ("failed", [["17"]]),
        ("failed", [["17", "2"]]),
        ("failed", [["x", 2]]),
        ("failed", [17]),
        ("missed", {"17": NOW}),
        ("missed", ["17"]),
        ("missed", [["17", None]]),
        ("missed", [["17", "soon"]]),
        ("missed", [["x", NOW]]),
        ("full_listing_pages", "44"),
        ("full_listing_milliseconds", 1.5),
        ("listing_pages", True),
        ("wanted", None),
        ("account", "53"),
        ("account", True),
        ("is_account_warned_of", None),
        ("progress_markers", None),
        ("unheard_of", 1),
    ],
)
def test_what_no_version_wrote(key: str, value: object) -> None:
    """A key that no version had, or a value of another shape, is refused by its name."""
    with pytest.raises(StateError, match=rf"bookmarks\.threads\.{key} is not"):
        check_kept({key: value})


def test_every_key_that_is_written() -> None:
    """Whatever this version writes, it reads."""
    assert kept().pack(is_final=True).keys() <= {key for key, _ in GOOD}
