"""What one sees of a sync: a line now and then, a summary at the end, the same as metrics."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol, cast

from singer_sdk import metrics

from tap_hubspot_threads.sync.context import Failures, SyncStats
from tap_hubspot_threads.values import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime


def unread_children(stats: SyncStats, failures: Failures) -> list[str]:
    """Return which messages and actors could not be stats."""
    return [
        *unless_none(len(failures.messages.failed), "without their messages"),
        *unless_none(len(stats.hidden), "whose messages HubSpot does not show"),
        *unless_none(len(stats.cut_off), "messages cut off"),
        *unless_none(len(failures.actors.failed), "actors failed"),
    ]


def backfill(stats: SyncStats) -> list[str]:
    """Return how far the backfill of messages is, where it has not come to its end."""
    if stats.backfill is None:
        return []
    done, about = stats.backfill
    of_about = "" if about is None else f" of about {about:,}"
    return [f"messages: {done:,}{of_about} threads; goes on with the next sync"]


def describe_misfits(counts: Mapping[str, int]) -> str:
    """Return how many values did not fit their column.

    Args:
        counts: The number of values, by stream and column.
    """
    columns = ", ".join(f"{column} {count}" for column, count in sorted(counts.items()))
    message = "value(s) did not fit their column and are in otherProperties"
    return f"{sum(counts.values())} {message}: {columns}"


def unless_none(count: int, what: str) -> list[str]:
    """Return how many there are of what, if there are any."""
    return [f"{count} {what}"] if count else []


def duration(seconds: float) -> str:
    """Return seconds as a person says it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


LOG = logging.getLogger("tap-hubspot-threads")

LOG_INTERVAL = 10.0
"""Seconds between progress lines."""


class Traffic(Protocol):
    """What was sent to HubSpot so far."""

    request_count: int
    retry_count: int

    @property
    def quota(self) -> tuple[int | None, int | None]:
        """The account's calls that are left of the day, and how many there are a day."""

    @property
    def now(self) -> datetime | None:
        """HubSpot's clock at its last answer that told it."""


@dataclass
class Progress:
    """Reports on one sync, and decides nothing.

    Args:
        clock: Monotonic seconds.
        traffic: Counts the requests.
    """

    clock: Callable[[], float]
    traffic: Traffic
    stats: SyncStats = field(default_factory=SyncStats)
    """What the sync counts."""
    failures: Failures = field(default_factory=Failures)
    """What it could not stats."""
    total: int | None = None
    """Threads to read, where it is known."""
    since: str | None = None
    """The bookmark that the sync was given."""
    rows: Counter[str] = field(default_factory=Counter)
    """Rows that went out, by stream. Counted by the loop, like the archived threads."""
    archived: int = 0
    misfits: Counter[str] = field(default_factory=Counter)
    """Emitted values that did not fit their column, by stream and column. Counted by the loop."""
    is_complete: bool = False
    """Whether the sync has come to its end."""

    def __post_init__(self) -> None:
        self._started = self._last_line = self.clock()
        self._last_done = 0

    @property
    def done(self) -> int:
        """The threads that have been dealt with, one way or the other."""
        handled = self.stats.unchanged + self.stats.not_found + len(self.failures.threads.failed)
        return self.rows["threads"] + handled

    def tick(self) -> None:
        """Write a progress line, if the last one is `LOG_INTERVAL` old."""
        now = self.clock()
        elapsed = now - self._last_line
        if elapsed < LOG_INTERVAL:
            return
        rate = (self.done - self._last_done) / elapsed
        self._last_line, self._last_done = now, self.done
        of_total = "" if self.total is None else f" of {self.total}"
        words = [f"{self.done}{of_total} threads", f"{rate:.1f} threads/s"]
        if "messages" in self.rows:
            words.append(f"messages of {self.stats.threads_with_messages}")
        if self.total is not None and rate > 0:
            words.append(f"about {duration((self.total - self.done) / rate)} left")
        LOG.info(", ".join([*words, *self.quota_left()]))

    def summary(self, kept: Mapping[str, Any]) -> str:
        """Return the sync in one line.

        Args:
            kept: What the last STATE had of threads.
        """
        seconds = self.clock() - self._started
        calls = self.traffic.request_count
        rate = calls / seconds if seconds > 0 else 0
        lag = self._lag(kept)
        words = [
            *self._rows_in_words(),
            f"{self.stats.not_found} missing",
            *unless_none(self.stats.withheld_deletions, "not told deleted yet"),
            f"{len(self.failures.threads.failed)} failed",
            *unread_children(self.stats, self.failures),
            f"{calls} calls ({self.traffic.retry_count} retries) in {duration(seconds)}",
            f"{rate:.1f} calls/s",
            *([] if lag is None else [f"bookmark {duration(lag)} behind HubSpot's clock"]),
        ]
        if completed := kept.get("full_listing_completed_at"):
            words.append(f"last full listing completed {completed}")
        return ", ".join([*words, *self.quota_left(), *backfill(self.stats)])

    def fields(self, kept: Mapping[str, Any]) -> dict[str, Any]:
        """Return the same for a program, under names that stay.

        Args:
            kept: What the last STATE had of threads.
        """
        stats, failures, (left, daily) = self.stats, self.failures, self.traffic.quota
        return {
            "calls": self.traffic.request_count,
            "retries": self.traffic.retry_count,
            "seconds": round(self.clock() - self._started, 1),
            "rows": dict(self.rows),
            "archived": self.archived,
            "left_out": {
                "unchanged": stats.unchanged,
                "before_start_date": stats.before_start_date,
                "other_inbox": stats.other_inbox,
            },
            "withheld_deaths": stats.withheld_deletions,
            "missing": stats.not_found,
            "failed": len(failures.threads.failed),
            "messages": {
                "threads": stats.threads_with_messages,
                "failed": len(failures.messages.failed),
                "not_shown": len(stats.hidden),
                "cut_off": len(stats.cut_off),
                "backfill": stats.backfill
                and dict(zip(("done", "about"), stats.backfill, strict=True)),
            },
            "actors_failed": len(failures.actors.failed),
            "misfits": dict(self.misfits),
            "quota_left": left,
            "quota_daily": daily,
            "bookmark": kept.get("replication_key_value"),
            "bookmark_lag_seconds": self._lag(kept),
            "full_listing_completed_at": kept.get("full_listing_completed_at"),
        }

    def log_metrics(self) -> None:
        """Log the counts that are not zero as the SDK's metrics; the SDK counts the records."""
        counts = {
            "http_request_count": self.traffic.request_count,
            "http_retry_count": self.traffic.retry_count,
            "archived_thread_count": self.archived,
            "unchanged_thread_count": self.stats.unchanged,
            "missing_thread_count": self.stats.not_found,
            "failed_thread_count": len(self.failures.threads.failed),
        }
        for name, count in counts.items():
            if count:
                # Most of these are no members of the SDK's closed list of metrics.
                metric = cast("metrics.Metric", SimpleNamespace(value=name))
                point = metrics.Point("counter", metric, count, {"stream": "threads"})
                metrics.log(metrics.get_metrics_logger(), point)

    def quota_left(self) -> list[str]:
        """Return what is left of the day's calls in words, if that is known."""
        left, daily = self.traffic.quota
        return [] if left is None else [f"{left} of the day's {daily} calls left"]

    def _rows_in_words(self) -> list[str]:
        """Return what went out, and why the rest did not; also why there is nothing at all."""
        stats = self.stats
        left_out = [
            *unless_none(stats.unchanged, "unchanged"),
            *unless_none(stats.before_start_date, "before start_date"),
            *unless_none(stats.other_inbox, "of another inbox"),
        ]
        words = f"{self.rows['threads']} threads ({self.archived} archived)"
        if self.is_complete and not (self.done or left_out):
            words += f": {self._why_none()}"
        has_threads = "threads" in self.rows or not self.rows
        others = {name: count for name, count in self.rows.items() if name != "threads"}
        return [
            *([words] if has_threads else []),
            *(f"{n} rows of {name}" for name, n in others.items() if n or not has_threads),
            *left_out,
        ]

    def _why_none(self) -> str:
        if self.total == 0:
            return "the settings name none"
        return f"none has a message since {self.since}" if self.since else "none was found"

    def _lag(self, kept: Mapping[str, Any]) -> float | None:
        """Return the seconds that the bookmark is behind HubSpot's clock, where both are known."""
        now, bookmark = self.traffic.now, kept.get("replication_key_value")
        if now is None or bookmark is None:
            return None
        return max(0.0, round((now - parse_time(bookmark)).total_seconds(), 1))
