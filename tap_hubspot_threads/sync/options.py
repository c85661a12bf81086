"""The settings that say how an account is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Options:
    """How an account is read; see the settings of these names."""

    by_id: bool = False
    """Whether each listed thread is read by id, rather than taken from the listing."""
    refresh_open_calls: int = 500
    full_listing_hours: int = 24
    full_listing_calls: int = 200
    lookback_seconds: int = 300
    reserve: float = 0.1
    """The share of the day's calls that is left to others."""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Options:
        """Read the settings."""
        return cls(
            by_id=config["thread_fetch"] == "by_id",
            refresh_open_calls=config["refresh_open_calls"],
            full_listing_hours=config["full_listing_hours"],
            full_listing_calls=config["full_listing_calls"],
            lookback_seconds=config["lookback_seconds"],
            reserve=config["daily_quota_reserve_percent"] / 100,
        )
