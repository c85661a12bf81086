"""The daily quota: its reserve and its reset."""

from __future__ import annotations

import pytest
import time_machine

from tap_hubspot_threads.errors import DailyQuotaError
from tap_hubspot_threads.hubspot.limits.daily_quota import DailyQuota

HOUR = 3_600


def test_unknown() -> None:
    """Without a response that has the quota headers, no call is refused."""
    DailyQuota(reserve_percent=100).check(10**6)


@pytest.mark.parametrize(("remaining", "is_over"), [(110, False), (104, True), (0, True)])
def test_reserve(remaining: int, *, is_over: bool) -> None:
    """Requests in flight count; the error at the reserve names the setting."""
    quota = DailyQuota(reserve_percent=10, remaining=remaining, limit=1_000)
    if not is_over:
        quota.check(5)
        return
    with pytest.raises(DailyQuotaError, match="daily_quota_reserve_percent"):
        quota.check(5)


@pytest.mark.parametrize(
    ("offset", "reset"),
    [(0, "2026-11-26 00:00 UTC"), (-5 * HOUR, "2026-11-25 05:00 UTC"), (HOUR, "2026-11-25 23:00")],
)
def test_reset(offset: float, reset: str) -> None:
    """The quota resets at midnight in the account's time zone, which is reported in UTC."""
    with time_machine.travel("2026-11-25T02:00:00Z", tick=False):
        assert reset in DailyQuota(utc_offset=offset).reset_notice()


def test_reset_without_an_offset() -> None:
    """Without the account's UTC offset, the message only mentions its time zone."""
    assert DailyQuota().reset_notice() == "The quota resets at midnight in the account's time zone."
