"""The validated settings as typed parameters."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.values import clean_time, parse_ids

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_hubspot_threads.models import Row


@dataclass(frozen=True)
class ThreadFilter:
    """The settings that decide which threads of the account are synced."""

    inbox_ids: tuple[str, ...] = ()
    """Distinct inbox IDs, sorted. Empty: all inboxes."""
    include_archived: bool = True
    start_date: str | None = None
    """A time such as `2026-01-31T09:00:00.000Z`. None: threads of any age."""

    @property
    def inbox_id(self) -> str | None:
        """The configured inbox ID if exactly one is configured; otherwise None.

        HubSpot refuses a request with more than one inbox ID (observed).
        """
        return self.inbox_ids[0] if len(self.inbox_ids) == 1 else None

    @property
    def archived_values(self) -> tuple[bool, ...]:
        """The lists with threads in scope, in reading order. False: live. True: archived."""
        return (False, True) if self.include_archived else (False,)

    @property
    def is_all(self) -> bool:
        """Whether `inbox_ids` and `start_date` are both unset, so that they exclude no thread."""
        return not self.inbox_ids and self.start_date is None

    def matches(self, row: Row) -> bool:
        """Whether a thread passes the filters `inbox_ids` and `start_date`.

        The filter `start_date` uses the time of the thread's latest message, or the thread's
        creation time if there is no message. If both times are unknown, the thread passes.
        """
        if not self.has_inbox(row):
            return False
        latest = row["latestMessageTimestamp"] or row["createdAt"]
        return self.start_date is None or latest is None or latest >= self.start_date

    def includes(self, row: Row) -> bool:
        """Whether a thread passes all filters: `inbox_ids`, `start_date` and `include_archived`."""
        return self.matches(row) and (self.include_archived or not row["archived"])

    def has_inbox(self, row: Row) -> bool:
        """Whether a thread is in a configured inbox, or no inbox is configured."""
        return not self.inbox_ids or row["inboxId"] in self.inbox_ids

    def as_text(self) -> str:
        """Return the filters as text. The state keeps this text to detect changed filters."""
        filters = {
            "inbox_ids": list(self.inbox_ids),
            "include_archived": self.include_archived,
            "start_date": self.start_date,
        }
        return json.dumps(filters, sort_keys=True)


@dataclass(frozen=True)
class Settings:
    """The validated settings. The module `schema` describes each setting."""

    threads: ThreadFilter = field(default_factory=ThreadFilter)
    access_token: str = ""
    oauth: Mapping[str, str] = field(default_factory=dict)
    """The values of `client_id`, `client_secret` and `refresh_token`, by name. Empty: the tap uses
    `access_token` instead of OAuth."""
    api_url: str = "https://api.hubapi.com"
    api_version: str = "v3"
    user_agent: str = ""
    associations: tuple[str, ...] = ("TICKET",)
    property: str | None = None
    max_requests_per_10s: int | None = None
    daily_quota_reserve_percent: int = 10
    max_concurrency: int = 16
    request_timeout: float = 60
    """Seconds for the whole response, not per socket read."""
    max_attempts: int = 8
    always_fetch_by_id: bool = False
    open_threads_max_calls: int = 500
    full_listing_interval_hours: int = 24
    lookback_seconds: int = 3600
    fetch_original_content: bool = False

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, user_agent: str) -> Settings:
        """Return the settings in a config.

        Args:
            config: The validated config, which includes the defaults of the settings.
            user_agent: The User-Agent header to use if the config has no `user_agent`.
        """
        names = ("client_id", "client_secret", "refresh_token")
        has_oauth = bool(config.get("refresh_token"))
        return cls(
            threads=ThreadFilter(
                inbox_ids=tuple(sorted(parse_ids(config.get("inbox_ids") or []))),
                include_archived=config["include_archived"],
                start_date=clean_time(config.get("start_date") or ""),
            ),
            access_token=config.get("access_token") or "",
            oauth={name: config[name] for name in names} if has_oauth else {},
            api_url=config["api_url"].rstrip("/"),
            api_version=config["api_version"],
            user_agent=config.get("user_agent") or user_agent,
            associations=tuple(filter(None, config["associations"])),
            property=config.get("property"),
            max_requests_per_10s=config.get("max_requests_per_10s"),
            daily_quota_reserve_percent=config["daily_quota_reserve_percent"],
            max_concurrency=config["max_concurrency"],
            request_timeout=config["request_timeout"],
            max_attempts=config["max_attempts"],
            always_fetch_by_id=config["always_fetch_by_id"],
            open_threads_max_calls=config["open_threads_max_calls"],
            full_listing_interval_hours=config["full_listing_interval_hours"],
            lookback_seconds=config["lookback_seconds"],
            fetch_original_content=config["fetch_original_content"],
        )
