"""The calls of the day: when they are over, and when they come back."""

from __future__ import annotations

import pytest
import time_machine

from tap_hubspot_threads.errors import DailyQuotaError
from tap_hubspot_threads.hubspot.limits.daily_quota import DailyQuota

HOUR = 3_600


def test_unknown() -> None:
    """As long as no answer tells of it, there is no end to it."""
    DailyQuota(reserve_percent=100).check(10**6)


@pytest.mark.parametrize(("left", "is_over"), [(110, False), (104, True), (0, True)])
def test_reserve(left: int, *, is_over: bool) -> None:
    """What is under way counts; at the reserve it is over, and the message names the setting."""
    quota = DailyQuota(reserve_percent=10, remaining=left, limit=1_000)
    if not is_over:
        quota.check(5)
        return
    with pytest.raises(DailyQuotaError, match="daily_quota_reserve_percent"):
        quota.check(5)


@pytest.mark.parametrize(
    ("offset", "back"),
    [(0, "2026-11-26 00:00 UTC"), (-5 * HOUR, "2026-11-25 05:00 UTC"), (HOUR, "2026-11-25 23:00")],
)
def test_midnight(offset: float, back: str) -> None:
    """It comes back at the account's own midnight, told in UTC."""
    with time_machine.travel("2026-11-25T02:00:00Z", tick=False):
        assert back in DailyQuota(utc_offset=offset).reset_notice()


def test_midnight_that_is_not_known() -> None:
    """Without the account's offset it is just midnight in its time zone."""
    assert DailyQuota().reset_notice() == "The quota resets at midnight in the account's time zone."
