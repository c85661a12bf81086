"""The account's calls of the day: how many are left, of which some are for others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from tap_hubspot_threads.errors import DailyQuotaError


@dataclass
class DailyQuota:
    """The calls of the day; until answers have told of them, there is no end to them."""

    reserve_percent: int = 0
    """The share of the day's calls that is left for others."""
    left: int | None = None
    total: int | None = None
    utc_offset: float | None = None
    """Seconds that the account's clocks are ahead of UTC, once that is known."""

    def check(self, under_way: int) -> None:
        """Do nothing if there may be one more call than those that are under way.

        Raises:
            DailyQuotaError: if only the reserve is left.
        """
        if self.total is None or self.left is None:
            return
        left = self.left - under_way - 1
        if self.reserve_percent and left * 100 < self.total * self.reserve_percent:
            message = (
                f"{self.left} of the account's {self.total} API calls of the day are left, "
                f"less than the reserve of {self.reserve_percent} % "
                f"(daily_quota_reserve_percent). {self.returns()}"
            )
            raise DailyQuotaError(message)

    def returns(self) -> str:
        """Return a sentence on when the daily quota resets."""
        words = "The quota resets at midnight in the account's time zone"
        if self.utc_offset is None:
            return f"{words}."
        zone = timezone(timedelta(seconds=self.utc_offset))
        tomorrow = datetime.now(zone).date() + timedelta(days=1)
        midnight = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone)
        return f"{words}, which is {midnight.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC."
