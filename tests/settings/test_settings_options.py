"""How an account is read, as the settings say."""

from __future__ import annotations

import pytest

from tap_hubspot_threads.settings.settings import Options

CONFIG = {
    "thread_fetch": "auto",
    "refresh_open_calls": 7,
    "full_listing_hours": 12,
    "full_listing_calls": 30,
    "lookback_seconds": 60,
    "daily_quota_reserve_percent": 25,
}


@pytest.mark.parametrize(("how", "by_id"), [("auto", False), ("by_id", True)])
def test_each_setting(how: str, *, by_id: bool) -> None:
    """Each option is the setting of its name; by id is how threads are fetched."""
    assert Options.of({**CONFIG, "thread_fetch": how, "other": 1}) == Options(
        by_id=by_id,
        refresh_open_calls=7,
        full_listing_hours=12,
        full_listing_calls=30,
        lookback_seconds=60,
        reserve=0.25,
    )
