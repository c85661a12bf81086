"""The log of a sync: progress lines, a summary line, log fields and metrics."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol, cast

from singer_sdk import metrics

from tap_hubspot_threads.errors import EX_TEMPFAIL, IncompleteError
from tap_hubspot_threads.reference_lists import REFERENCE_LISTS
from tap_hubspot_threads.signals import Stopped
from tap_hubspot_threads.sync.context import Failures, SyncStats
from tap_hubspot_threads.values import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

LOG = logging.getLogger("tap-hubspot-threads")

LOG_INTERVAL = 10.0
"""Minimum seconds between two progress lines."""

NOUNS = {
    "threads": ("thread", "threads"),
    "messages": ("message", "messages"),
    "actors": ("actor", "actors"),
    "deleted_threads": ("deletion", "deletions"),
    "thread_index": ("index entry", "index entries"),
    **{each.name: (each.noun, each.name.replace("_", " ")) for each in REFERENCE_LISTS},
}
"""The singular and the plural noun for the records of each stream, as used in the summary."""


class Traffic(Protocol):
    """The facts about the client's requests that the log reports."""

    request_count: int
    retry_count: int

    @property
    def quota(self) -> tuple[int | None, int | None]:
        """The daily quota: the remaining API calls, and the limit. Each is None if unknown."""

    @property
    def now(self) -> datetime | None:
        """The current time by HubSpot's clock; None if unknown."""


@dataclass
class Progress:
    """Counts and logs what a sync does."""

    clock: Callable[[], float]
    """Returns monotonic seconds."""
    traffic: Traffic
    stats: SyncStats = field(default_factory=SyncStats)
    failures: Failures = field(default_factory=Failures)
    total: int | None = None
    """The number of configured thread IDs. None: the whole account is synced."""
    since: str | None = None
    """The bookmark at the start of the sync. None: there was no bookmark, or IDs are configured."""
    records: Counter[str] = field(default_factory=Counter)
    """The number of emitted records, by stream."""
    archived: int = 0
    """The number of emitted archived threads."""
    misfits: Counter[str] = field(default_factory=Counter)
    """The number of emitted values that did not fit their column, by stream and column, such as
    `threads.closedAt`."""

    def __post_init__(self) -> None:
        self._started = self._last_line = self.clock()
        self._last_done = 0

    @property
    def done(self) -> int:
        """The number of threads that are done: emitted, unchanged, not found or failed."""
        handled = self.stats.unchanged + self.stats.not_found + len(self.failures.threads.failed)
        return self.records["threads"] + handled

    def tick(self) -> None:
        """Log a progress line if `LOG_INTERVAL` seconds have passed since the last line."""
        now = self.clock()
        elapsed = now - self._last_line
        if elapsed < LOG_INTERVAL:
            return
        rate = (self.done - self._last_done) / elapsed
        self._last_line, self._last_done = now, self.done
        of_total = "" if self.total is None else f" of {self.total:,}"
        parts = [f"{self.done:,}{of_total} threads", f"{rate:.1f} threads/s"]
        if "messages" in self.records:
            parts.append(f"messages of {self.stats.threads_with_messages:,} threads")
        if self.total is not None and rate > 0:
            parts.append(f"about {describe_duration((self.total - self.done) / rate)} to go")
        LOG.info(", ".join([*parts, *self.describe_quota()]))

    def summary(self, error: BaseException | None = None) -> str:
        """Return the summary of the sync in one line.

        Args:
            error: The error that ended the sync. None: no error ended the sync.
        """
        skipped = self._describe_skipped()
        records = ", ".join(self._describe_records())
        if error is None and not (self.done or skipped or sum(self.records.values())):
            records += f" ({self._why_none()})"
        calls = _count(self.traffic.request_count, "API call")
        if retries := self.traffic.retry_count:
            calls += f" ({_count(retries, 'retry', 'retries')})"
        duration = describe_duration(self.clock() - self._started)
        results = [records, *skipped, *describe_problems(self.stats, self.failures)]
        sentences = [
            f"Sync {outcome_of(error)}: {'; '.join(results)}",
            *describe_backfill(self.stats),
            ", ".join([f"{calls} in {duration}", *self.describe_quota()]),
        ]
        return ". ".join(sentences) + "."

    def fields(self, saved: Mapping[str, Any]) -> dict[str, Any]:
        """Return the figures of this sync as log fields.

        Do not rename a field, because users' alerts may depend on the names.

        Args:
            saved: The entry of the stream `threads` in the last STATE message, from
                `EventWriter.saved`.
        """
        stats, failures, (remaining, limit) = self.stats, self.failures, self.traffic.quota
        keys = "threads_done", "threads_total_estimate"
        return {
            "api_calls": self.traffic.request_count,
            "retries": self.traffic.retry_count,
            "duration_seconds": round(self.clock() - self._started, 1),
            "records": dict(self.records),
            "archived": self.archived,
            "skipped": {
                "unchanged": stats.unchanged,
                "before_start_date": stats.before_start_date,
                "other_inbox": stats.other_inbox,
            },
            "deletions_pending": stats.withheld_deletions,
            "not_found": stats.not_found,
            "failed": len(failures.threads.failed),
            "messages": {
                "threads": stats.threads_with_messages,
                "failed": len(failures.messages.failed),
                "unavailable": len(stats.unavailable),
                "truncated": len(stats.truncated),
                "backfill": stats.backfill and dict(zip(keys, stats.backfill, strict=True)),
            },
            "actors_failed": len(failures.actors.failed),
            "misfits": dict(self.misfits),
            "daily_quota_remaining": remaining,
            "daily_quota_limit": limit,
            "bookmark": saved.get("replication_key_value"),
            "bookmark_lag_seconds": self._lag(saved),
            "full_listing_completed_at": saved.get("full_listing_completed_at"),
        }

    def log_metrics(self) -> None:
        """Log counts as SDK metrics, except zeros. `EventWriter.run` logs the record counts."""
        counts = {
            "http_request_count": self.traffic.request_count,
            "http_retry_count": self.traffic.retry_count,
            "archived_thread_count": self.archived,
            "unchanged_thread_count": self.stats.unchanged,
            "not_found_thread_count": self.stats.not_found,
            "failed_thread_count": len(self.failures.threads.failed),
        }
        for name, count in counts.items():
            if count:
                # The cast is for mypy, because the SDK's enum `Metric` has few of these names.
                metric = cast("metrics.Metric", SimpleNamespace(value=name))
                point = metrics.Point("counter", metric, count, {"stream": "threads"})
                metrics.log(metrics.get_metrics_logger(), point)

    def describe_quota(self) -> list[str]:
        """Return a phrase about the remaining daily quota, in a list.

        The list is empty if the remaining quota is unknown.
        """
        remaining, limit = self.traffic.quota
        if remaining is None:
            return []
        return [
            f"{remaining:,} left today"
            if limit is None
            else f"{remaining:,} of {limit:,} left today"
        ]

    def _describe_records(self) -> list[str]:
        """Return a phrase such as `3 threads` for each stream with records.

        If there are no records, return phrases with zeros, such as `0 threads`.
        """
        counts = {name: count for name, count in self.records.items() if count}
        if not counts:
            counts = {"threads": 0} if "threads" in self.records else dict(self.records)
        parts = []
        for stream, count in (counts or {"threads": 0}).items():
            parts.append(_count(count, *NOUNS[stream]))
        return parts

    def _describe_skipped(self) -> list[str]:
        stats = self.stats
        return [
            *_unless_zero(stats.unchanged, "open thread", "unchanged"),
            *_unless_zero(stats.before_start_date, "thread", "older than start_date"),
            *_unless_zero(stats.other_inbox, "thread", "in other inboxes"),
        ]

    def _why_none(self) -> str:
        if self.total == 0:
            return "no thread IDs are configured"
        return f"no new message since {self.since}" if self.since else "none found"

    def _lag(self, saved: Mapping[str, Any]) -> float | None:
        """Return the seconds from the bookmark to HubSpot's time; None if unknown."""
        now, bookmark = self.traffic.now, saved.get("replication_key_value")
        if now is None or bookmark is None:
            return None
        return max(0.0, round((now - parse_time(bookmark)).total_seconds(), 1))


def outcome_of(error: BaseException | None) -> str:
    """Return the outcome of a sync: complete, incomplete, stopped or failed.

    *Incomplete* means that some items could not be read. *Stopped* means that a signal ended the
    sync, or that a later sync may succeed (`EX_TEMPFAIL`).

    Args:
        error: The error that ended the sync. None: no error ended the sync.
    """
    if error is None:
        return "complete"
    if isinstance(error, IncompleteError):
        return "incomplete"
    is_resumable = getattr(error, "exit_code", None) == EX_TEMPFAIL
    return "stopped" if is_resumable or isinstance(error, Stopped) else "failed"


def describe_problems(stats: SyncStats, failures: Failures) -> list[str]:
    """Return a phrase such as `3 threads not found` for each type of problem that occurred."""
    return [
        *_unless_zero(stats.not_found, "thread", "not found"),
        *_unless_zero(stats.withheld_deletions, "deletion", "pending"),
        *_unless_zero(len(failures.threads.failed), "thread", "failed"),
        *_unless_zero(len(failures.messages.failed), "thread", "with failed messages"),
        *_unless_zero(len(stats.unavailable), "thread", "whose messages HubSpot does not return"),
        *_unless_zero(len(stats.truncated), "message", "truncated"),
        *_unless_zero(len(failures.actors.failed), "actor", "failed"),
    ]


def describe_backfill(stats: SyncStats) -> list[str]:
    """Return a sentence about a message backfill that paused in this sync, in a list.

    Empty: no backfill paused.
    """
    if stats.backfill is None:
        return []
    done, total = stats.backfill
    of_total = "" if total is None else f" of about {total:,}"
    return [f"Message backfill: {done:,}{of_total} threads; the next sync resumes it"]


def describe_misfits(counts: Mapping[str, int]) -> str:
    """Return a warning about the values that did not fit their columns.

    Args:
        counts: The number of these values, by stream and column, such as `threads.closedAt`.
    """
    columns = ", ".join(f"{column} {count}" for column, count in sorted(counts.items()))
    message = "value(s) did not fit their column and are in otherProperties"
    return f"{sum(counts.values())} {message}: {columns}"


def describe_duration(seconds: float) -> str:
    """Return a duration as text, such as `1 h 5 min`, `2 min 3 s` or `4.2 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _count(count: int, noun: str, plural: str | None = None) -> str:
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _unless_zero(count: int, noun: str, rest: str) -> list[str]:
    return [f"{_count(count, noun)} {rest}"] if count else []
