"""The account's daily quota of API calls, with a reserve for other integrations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from tap_hubspot_threads.errors import DailyQuotaError


@dataclass
class DailyQuota:
    """The daily quota. `remaining` and `limit` are from the latest response that had them.

    Until a response reports the quota, the number of API calls is not limited.
    """

    reserve_percent: int = 0
    """The percentage of the daily quota that is reserved for other integrations. 0: `check` never
    raises an error."""
    remaining: int | None = None
    limit: int | None = None
    utc_offset: float | None = None
    """The offset of the account's time zone from UTC in seconds; None if unknown."""

    def check(self, in_flight: int) -> None:
        """Raise an error if one more request would use the reserve.

        Args:
            in_flight: The number of requests without a response yet. Each request counts as one
                used API call.

        Raises:
            DailyQuotaError: if only the reserve remains.
        """
        if self.limit is None or self.remaining is None:
            return
        left = self.remaining - in_flight - 1
        if self.reserve_percent and left * 100 < self.limit * self.reserve_percent:
            message = (
                f"Only {self.remaining} of the account's {self.limit} daily API calls remain, "
                f"and the sync leaves a reserve of {self.reserve_percent}% "
                f"(daily_quota_reserve_percent). {self.reset_notice()}"
            )
            raise DailyQuotaError(message)

    def reset_notice(self) -> str:
        """Return a sentence about when the daily quota resets."""
        sentence = "The quota resets at midnight in the account's time zone"
        if self.utc_offset is None:
            return f"{sentence}."
        zone = timezone(timedelta(seconds=self.utc_offset))
        tomorrow = datetime.now(zone).date() + timedelta(days=1)
        midnight = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone)
        return f"{sentence}, which is {midnight.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC."
