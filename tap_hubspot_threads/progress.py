"""What one sees of a sync: a line now and then, a summary at the end, the same as metrics."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from singer_sdk import metrics

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

LOG_INTERVAL = 10.0
"""Seconds between progress lines."""


@dataclass
class Progress:
    """Counts of one sync. Workers count calls and retries; the main thread the rest.

    Args:
        clock: Monotonic seconds.
        log: Writes a line.
        quota: Returns the account's calls that are left of the day, and how many there are a day;
            None where HubSpot does not say.
    """

    clock: Callable[[], float]
    log: Callable[[str], None]
    quota: Callable[[], tuple[int | None, int | None]]
    total: int | None = None
    """Threads to read, where it is known."""
    threads: int = 0
    archived: int = 0
    unchanged: int = 0
    missing: int = 0
    failed: int = 0
    calls: int = 0
    retries: int = 0
    full_listing: str | None = None
    """When the last full listing was completed, by HubSpot's clock."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._started = self._last_line = self.clock()
        self._last_done = 0

    @property
    def done(self) -> int:
        """The threads that have been dealt with, one way or the other."""
        return self.threads + self.unchanged + self.missing + self.failed

    def count_call(self) -> None:
        """Count a request that was sent, from any thread."""
        with self._lock:
            self.calls += 1

    def count_retry(self) -> None:
        """Count a request that will be sent again, from any thread."""
        with self._lock:
            self.retries += 1

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

    def summary(self) -> str:
        """Return the sync in one line."""
        seconds = self.clock() - self._started
        rate = self.calls / seconds if seconds > 0 else 0
        words = [
            f"{self.threads} threads ({self.archived} archived)",
            *([f"{self.unchanged} unchanged"] if self.unchanged else []),
            f"{self.missing} missing",
            f"{self.failed} failed",
            f"{self.calls} calls ({self.retries} retries) in {_duration(seconds)}",
            f"{rate:.1f} calls/s",
        ]
        if self.full_listing:
            words.append(f"last full listing completed {self.full_listing}")
        return ", ".join([*words, *self._quota_left()])

    def log_metrics(self, logger: logging.Logger, *, stream: str) -> None:
        """Log the counts as the SDK's metrics; the SDK itself counts the records."""
        counts = {
            "http_request_count": self.calls,
            "http_retry_count": self.retries,
            "archived_thread_count": self.archived,
            "unchanged_thread_count": self.unchanged,
            "missing_thread_count": self.missing,
            "failed_thread_count": self.failed,
        }
        for name, count in counts.items():
            # Most of these are no members of the SDK's closed list of metrics.
            metric = cast("metrics.Metric", SimpleNamespace(value=name))
            metrics.log(logger, metrics.Point("counter", metric, count, {"stream": stream}))

    def _quota_left(self) -> list[str]:
        left, daily = self.quota()
        return [] if left is None else [f"{left} of the day's {daily} calls left"]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
