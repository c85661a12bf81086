"""What the phases of one sync share."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import name_ids

if TYPE_CHECKING:
    from tap_hubspot_threads.models import Row, Selection
    from tap_hubspot_threads.settings.settings import Settings
    from tap_hubspot_threads.sync.failures import Failures
    from tap_hubspot_threads.sync.state.state import SyncState

LOG = logging.getLogger("tap-hubspot-threads")


@dataclass(frozen=True)
class SyncContext:
    """The settings, the state, what this sync has seen, what it counts, and what failed."""

    settings: Settings
    selection: Selection
    state: SyncState
    seen: SeenThreads
    stats: SyncStats
    failures: Failures

    @property
    def tracks_open_threads(self) -> bool:
        """Whether open threads are checked; without that, no thread is reported as deleted."""
        return self.settings.open_threads_max_calls > 0

    def is_tracked(self, row: Row) -> bool:
        """Whether a thread is checked in later syncs: it is open and within the filters."""
        is_open = row["status"] != "CLOSED" and self.tracks_open_threads
        return is_open and self.settings.threads.includes(row)


@dataclass
class SeenThreads:
    """What this sync has seen, which decides what it reads next.

    It changes at reading, which may be ahead of the output, so none of it becomes part of the
    state.
    """

    fetched: set[str] = field(default_factory=set)
    """Threads that were requested by ID."""
    tracked: set[str] = field(default_factory=set)
    """Threads that were or are open, and were read or listed."""
    known_open: set[str] = field(default_factory=set)
    """Those of them that the given state has as open."""
    not_found_at: dict[str, str | None] = field(default_factory=dict)
    """Threads that were not found, each with the `Date` of the last 404, if it has one."""
    with_messages: set[str] = field(default_factory=set)
    """Threads whose messages were requested."""
    without_thread: list[str] = field(default_factory=list)
    """Those of them that were not found when their messages were read."""
    now: str = ""
    """HubSpot's clock at the start of the increment."""
    listing_seconds: float = 0.0
    """The time that the increment's pages took."""


@dataclass
class SyncStats:
    """What this sync counts. It decides nothing."""

    unchanged: int = 0
    """Open threads that were read again and have not changed."""
    not_found: int = 0
    other_inbox: int = 0
    """Listed threads that are not in `inbox_ids`."""
    before_start_date: int = 0
    """Listed threads whose latest message is before `start_date`."""
    withheld_deletions: int = 0
    """Threads that are not found and not reported as deleted yet."""
    threads_with_messages: int = 0
    """Threads whose messages were read."""
    hidden: list[str] = field(default_factory=list)
    """Threads that HubSpot has, but whose messages it does not show."""
    cut_off: list[str] = field(default_factory=list)
    """Messages whose full text could not be read."""
    backfill: tuple[int, int | None] | None = None
    """If the backfill of messages is unfinished: threads so far, and in all if that is known."""

    def warn(self) -> None:
        """Warn about messages that HubSpot does not show."""
        if self.hidden:
            message = "HubSpot has %d thread(s), but does not show their messages: %s"
            LOG.warning(message, len(self.hidden), name_ids(self.hidden))
        if self.cut_off:
            message = "%d message(s) are cut off: HubSpot does not give their whole text"
            LOG.warning(message, len(self.cut_off))
