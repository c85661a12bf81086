"""Which threads the settings want of those that a listing finds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.values import clean_time, parse_ids

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tap_hubspot_threads.models import Row


@dataclass(frozen=True)
class ThreadFilter:
    """The settings that decide which threads a listing is to find, in one form each."""

    inbox_ids: tuple[str, ...] = ()
    """Distinct, ascending; empty: all."""
    include_archived: bool = True
    start: str | None = None
    """A cleaned time."""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> ThreadFilter:
        """Read the settings; `check_settings` has checked them."""
        return cls(
            inbox_ids=tuple(sorted(parse_ids(config.get("inbox_ids") or []))),
            include_archived=config["include_archived"],
            start=clean_time(config.get("start_date") or ""),
        )

    @property
    def inbox_id(self) -> str | None:
        """The one inbox that is wanted, where it is one: HubSpot takes no more."""
        return self.inbox_ids[0] if len(self.inbox_ids) == 1 else None

    @property
    def sides(self) -> tuple[bool, ...]:
        """What `archived` is to be listed: live threads, then archived ones if they are wanted."""
        return (False, True) if self.include_archived else (False,)

    @property
    def is_all(self) -> bool:
        """Whether a full listing shows every thread that there is, live or archived."""
        return not self.inbox_ids and self.start is None

    def wants(self, row: Row) -> bool:
        """Whether a thread is one of them."""
        if not self.has_inbox(row):
            return False
        moved = row["latestMessageTimestamp"] or row["createdAt"]
        return self.start is None or moved is None or moved >= self.start

    def includes(self, row: Row) -> bool:
        """Whether a thread is within the filters now: wanted, and archived only if that is, too."""
        return self.wants(row) and (self.include_archived or not row["archived"])

    def has_inbox(self, row: Row) -> bool:
        """Whether a thread is in one of the inboxes."""
        return not self.inbox_ids or row["inboxId"] in self.inbox_ids

    def fingerprint(self) -> str:
        """Return what the state keeps, to see that they have changed."""
        wanted = {
            "inbox_ids": list(self.inbox_ids),
            "include_archived": self.include_archived,
            "start_date": self.start,
        }
        return json.dumps(wanted, sort_keys=True)


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
