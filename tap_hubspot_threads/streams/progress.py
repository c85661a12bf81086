"""What one sees of a sync: a line now and then, a summary at the end, the same as metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Protocol, cast

from singer_sdk import metrics

from tap_hubspot_threads.sync.read import Read

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

LOG_INTERVAL = 10.0
"""Seconds between progress lines."""


class Traffic(Protocol):
    """What was sent to HubSpot so far."""

    calls: int
    retries: int

    @property
    def quota(self) -> tuple[int | None, int | None]:
        """The account's calls that are left of the day, and how many there are a day."""


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
    threads: int = 0
    """Rows of threads that went out. Counted by the loop, like the archived ones among them."""
    archived: int = 0

    def __post_init__(self) -> None:
        self._started = self._last_line = self.clock()
        self._last_done = 0

    @property
    def done(self) -> int:
        """The threads that have been dealt with, one way or the other."""
        read = self.read
        return self.threads + read.unchanged + read.missed + len(read.failed)

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
        if self.total is not None and rate > 0:
            words.append(f"about {_duration((self.total - self.done) / rate)} left")
        self.log(", ".join([*words, *self._quota_left()]))

    def summary(self, full_listing: object = None) -> str:
        """Return the sync in one line.

        Args:
            full_listing: When the last full listing was completed, by HubSpot's clock.
        """
        seconds = self.clock() - self._started
        rate = self.traffic.calls / seconds if seconds > 0 else 0
        words = [
            f"{self.threads} threads ({self.archived} archived)",
            *([f"{self.read.unchanged} unchanged"] if self.read.unchanged else []),
            f"{self.read.missed} missing",
            f"{len(self.read.failed)} failed",
            f"{self.traffic.calls} calls ({self.traffic.retries} retries) in {_duration(seconds)}",
            f"{rate:.1f} calls/s",
        ]
        if full_listing:
            words.append(f"last full listing completed {full_listing}")
        return ", ".join([*words, *self._quota_left()])

    def log_metrics(self, logger: logging.Logger, *, stream: str) -> None:
        """Log the counts as the SDK's metrics; the SDK itself counts the records."""
        counts = {
            "http_request_count": self.traffic.calls,
            "http_retry_count": self.traffic.retries,
            "archived_thread_count": self.archived,
            "unchanged_thread_count": self.read.unchanged,
            "missing_thread_count": self.read.missed,
            "failed_thread_count": len(self.read.failed),
        }
        for name, count in counts.items():
            # Most of these are no members of the SDK's closed list of metrics.
            metric = cast("metrics.Metric", SimpleNamespace(value=name))
            metrics.log(logger, metrics.Point("counter", metric, count, {"stream": stream}))

    def _quota_left(self) -> list[str]:
        left, daily = self.traffic.quota
        return [] if left is None else [f"{left} of the day's {daily} calls left"]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
