"""What one sees of a sync: a line now and then, a summary at the end, the same as metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol, cast

from singer_sdk import metrics

from tap_hubspot_threads.sync.stats import Read
from tap_hubspot_threads.values import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime


def around(read: Read) -> list[str]:
    """Return what is wanting of what surrounds threads."""
    return [
        *unless_none(len(read.messages.failed), "without their messages"),
        *unless_none(len(read.hidden), "whose messages HubSpot does not show"),
        *unless_none(len(read.cut_off), "messages cut off"),
        *unless_none(len(read.actors.failed), "actors failed"),
    ]


def backfill(read: Read) -> list[str]:
    """Return how far the backfill of messages is, where it has not come to its end."""
    if read.backfill is None:
        return []
    done, about = read.backfill
    of_about = "" if about is None else f" of about {about:,}"
    return [f"messages: {done:,}{of_about} threads; goes on with the next sync"]


def misfits(counts: Mapping[str, int]) -> str:
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


LOG_INTERVAL = 10.0
"""Seconds between progress lines."""


class Traffic(Protocol):
    """What was sent to HubSpot so far."""

    calls: int
    retries: int

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
        log: Writes a line.
        traffic: Counts the requests.
    """

    clock: Callable[[], float]
    log: Callable[[str], None]
    traffic: Traffic
    read: Read = field(default_factory=Read)
    """What the sync has read."""
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
        read = self.read
        return self.rows["threads"] + read.unchanged + read.missed + len(read.threads.failed)

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
            words.append(f"messages of {self.read.threads_with_messages}")
        if self.total is not None and rate > 0:
            words.append(f"about {duration((self.total - self.done) / rate)} left")
        self.log(", ".join([*words, *self.quota_left()]))

    def summary(self, kept: Mapping[str, Any]) -> str:
        """Return the sync in one line.

        Args:
            kept: What the last STATE had of threads.
        """
        seconds = self.clock() - self._started
        rate = self.traffic.calls / seconds if seconds > 0 else 0
        lag = self._lag(kept)
        words = [
            *self._rows_in_words(),
            f"{self.read.missed} missing",
            *unless_none(self.read.withheld, "not told deleted yet"),
            f"{len(self.read.threads.failed)} failed",
            *around(self.read),
            f"{self.traffic.calls} calls ({self.traffic.retries} retries) in {duration(seconds)}",
            f"{rate:.1f} calls/s",
            *([] if lag is None else [f"bookmark {duration(lag)} behind HubSpot's clock"]),
        ]
        if completed := kept.get("full_listing_completed_at"):
            words.append(f"last full listing completed {completed}")
        return ", ".join([*words, *self.quota_left(), *backfill(self.read)])

    def fields(self, kept: Mapping[str, Any]) -> dict[str, Any]:
        """Return the same for a program, under names that stay.

        Args:
            kept: What the last STATE had of threads.
        """
        read, (left, daily) = self.read, self.traffic.quota
        return {
            "calls": self.traffic.calls,
            "retries": self.traffic.retries,
            "seconds": round(self.clock() - self._started, 1),
            "rows": dict(self.rows),
            "archived": self.archived,
            "left_out": {
                "unchanged": read.unchanged,
                "before_start_date": read.before_start,
                "other_inbox": read.other_inbox,
            },
            "withheld_deaths": read.withheld,
            "missing": read.missed,
            "failed": len(read.threads.failed),
            "messages": {
                "threads": read.threads_with_messages,
                "failed": len(read.messages.failed),
                "not_shown": len(read.hidden),
                "cut_off": len(read.cut_off),
                "backfill": read.backfill
                and dict(zip(("done", "about"), read.backfill, strict=True)),
            },
            "actors_failed": len(read.actors.failed),
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
            "http_request_count": self.traffic.calls,
            "http_retry_count": self.traffic.retries,
            "archived_thread_count": self.archived,
            "unchanged_thread_count": self.read.unchanged,
            "missing_thread_count": self.read.missed,
            "failed_thread_count": len(self.read.threads.failed),
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
        read = self.read
        left_out = [
            *unless_none(read.unchanged, "unchanged"),
            *unless_none(read.before_start, "before start_date"),
            *unless_none(read.other_inbox, "of another inbox"),
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
