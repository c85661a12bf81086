"""`ThreadFilter` and `Settings`: the filters, their fingerprint, and the typed parameters."""

from __future__ import annotations

from typing import Any

import pytest

from tap_hubspot_threads.settings.schema import SETTINGS
from tap_hubspot_threads.settings.settings import Settings, ThreadFilter
from tests.sync.fakes import row

DEFAULTS = {
    name: setting["default"]
    for name, setting in SETTINGS["properties"].items()
    if "default" in setting
}


def filters_of(**settings: Any) -> ThreadFilter:
    """Return the filters of a config."""
    return Settings.from_config({**DEFAULTS, **settings}, user_agent="x").threads


def test_all_by_default() -> None:
    """By default every live and archived thread is in scope."""
    assert filters_of().matches(row(1, None, createdAt=None))
    assert filters_of().archived_values == (False, True)
    assert filters_of().inbox_id is None


def test_without_archived() -> None:
    """With `include_archived: false`, only live threads are listed and in scope."""
    live, archived = row(1), row(2, archived=True)
    filters = filters_of(include_archived=False)
    assert filters.archived_values == (False,)
    assert (filters.includes(live), filters.includes(archived)) == (True, False)
    assert filters_of().includes(archived)


@pytest.mark.parametrize(
    ("settings", "is_all"),
    [
        ({}, True),
        ({"include_archived": False}, True),
        ({"inbox_ids": [1]}, False),
        ({"start_date": "2026-03-01"}, False),
    ],
)
def test_is_all(settings: dict[str, Any], *, is_all: bool) -> None:
    """`is_all` is true unless inboxes or a start date are set."""
    assert filters_of(**settings).is_all is is_all


def test_inboxes() -> None:
    """Threads in other inboxes or in none are out of scope."""
    filters = filters_of(inbox_ids=[2, "1"])
    assert not filters.includes(row(1, inboxId="3"))
    assert [filters.matches(row(1, inboxId=inbox)) for inbox in ("1", "2", "3", None)] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("ids", "inbox_id"), [([], None), ([7], "7"), (["7", 7], "7"), ([7, 8], None)]
)
def test_single_inbox(ids: list[Any], inbox_id: str | None) -> None:
    """A single inbox is a filter for HubSpot; several inboxes are filtered by the tap."""
    assert filters_of(inbox_ids=ids).inbox_id == inbox_id


@pytest.mark.parametrize(
    ("latest", "created", "matches"),
    [
        ("2026-03-01T00:00:00.000Z", "2025-01-01T00:00:00.000Z", True),
        ("2026-02-28T23:59:59.999Z", "2025-01-01T00:00:00.000Z", False),
        (None, "2026-03-01T00:00:00.000Z", True),
        (None, "2025-01-01T00:00:00.000Z", False),
        (None, None, True),
    ],
)
def test_start_date(latest: str | None, created: str | None, *, matches: bool) -> None:
    """`start_date` applies to the latest message, or else to the creation time."""
    thread = row(1, latest, createdAt=created)
    assert filters_of(start_date="2026-03-01").matches(thread) is matches


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ({"inbox_ids": [2, 1]}, {"inbox_ids": ["1", " 2.0", 1]}, True),
        ({"inbox_ids": []}, {}, True),
        ({"start_date": "2026-03-01"}, {"start_date": "2026-03-01T01:00:00+01:00"}, True),
        ({"inbox_ids": [1]}, {"inbox_ids": [1, 2]}, False),
        ({"start_date": "2026-03-01"}, {}, False),
        ({"include_archived": False}, {}, False),
        ({"always_fetch_by_id": True}, {"always_fetch_by_id": False}, True),
    ],
)
def test_filters_as_text(one: dict[str, Any], other: dict[str, Any], *, is_same: bool) -> None:
    """The text of the filters depends on the threads in scope, not on the form of the settings."""
    assert (filters_of(**one).as_text() == filters_of(**other).as_text()) is is_same


CONFIG = {
    "api_url": "https://api.example.com/",
    "api_version": "2026-09",
    "access_token": "token",
    "associations": ["TICKET", ""],
    "property": "subject",
    "max_requests_per_10s": 50,
    "daily_quota_reserve_percent": 25,
    "max_concurrency": 4,
    "request_timeout": 9,
    "max_attempts": 3,
    "open_threads_max_calls": 7,
    "full_listing_interval_hours": 12,
    "lookback_seconds": 120,
    "fetch_original_content": True,
}


def test_each_parameter() -> None:
    """Each setting becomes a typed parameter."""
    settings = Settings.from_config({**DEFAULTS, **CONFIG}, user_agent="tap/1")
    assert settings == Settings(
        api_url="https://api.example.com",
        api_version="2026-09",
        access_token="token",
        user_agent="tap/1",
        associations=("TICKET",),
        property="subject",
        max_requests_per_10s=50,
        daily_quota_reserve_percent=25,
        max_concurrency=4,
        request_timeout=9,
        max_attempts=3,
        open_threads_max_calls=7,
        full_listing_interval_hours=12,
        lookback_seconds=120,
        fetch_original_content=True,
    )


def test_other_parameters() -> None:
    """The OAuth settings become one parameter, and a configured User-Agent is used."""
    oauth = {"client_id": "1", "client_secret": "2", "refresh_token": "3"}
    config = {**DEFAULTS, **oauth, "always_fetch_by_id": True, "user_agent": "ours"}
    settings = Settings.from_config(config, user_agent="tap/1")
    assert (settings.always_fetch_by_id, settings.user_agent) == (True, "ours")
    assert (settings.oauth, settings.access_token) == (oauth, "")
