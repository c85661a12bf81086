"""The objects that the phases of one sync share."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import (
    ConsecutiveFailuresError,
    HubSpotError,
    IncompleteError,
    InconclusiveError,
    RefusedError,
    TransientError,
    name_ids,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_hubspot_threads.models import Row, Selection
    from tap_hubspot_threads.settings.settings import Settings
    from tap_hubspot_threads.sync.state.sync_state import SyncState


LOG = logging.getLogger("tap-hubspot-threads")

MAX_CONSECUTIVE_FAILURES = 5
"""The sync stops after this many consecutive failures of one type of item. `CircuitBreaker` says
which failures count."""

FAILING_SYNCS = 3
"""If an item, such as a thread, fails in this many consecutive syncs or more, its failure is a
warning, not an error."""

_NONE: Mapping[str, int] = MappingProxyType({})


class FailureLog:
    """The items of one type, such as threads, that this sync could not read.

    Only the first failure of each item is recorded.

    Args:
        name: The name of an item in log messages, such as `Thread %s`. `%s` stands for the ID.
        earlier: For each ID, the number of consecutive earlier syncs in which the item failed.
    """

    def __init__(self, name: str, earlier: Mapping[str, int] = _NONE) -> None:
        self._name, self._earlier = name, dict(earlier)
        self.failed: set[str] = set()
        """IDs of all items that failed in this sync."""
        self.errors: dict[str, HubSpotError] = {}
        """The errors by item ID. Not included: items whose failure is only a warning
        (`FAILING_SYNCS`), and items that this sync has read after the failure."""

    def note(self, id_: str, error: HubSpotError) -> int:
        """Record that an item failed.

        Return the number of consecutive syncs in which the item failed, including this sync.
        """
        syncs = self.syncs(id_)
        if id_ in self.failed:
            return syncs
        self.failed.add(id_)
        if syncs < FAILING_SYNCS:
            self.errors[id_] = error
        else:
            message = (
                f"{self._name} could not be read for %d syncs in a row. The next sync retries it. "
                "Last error: %s"
            )
            LOG.warning(message, id_, syncs, error)
        return syncs

    def note_success(self, id_: str) -> None:
        """Record that an item was read, or that HubSpot has no such item."""
        self.errors.pop(id_, None)
        self._earlier.pop(id_, None)

    def syncs(self, id_: str) -> int:
        """Return the number of consecutive syncs in which an item failed.

        The current sync counts as a sync in which the item failed.
        """
        return self._earlier.get(id_, 0) + 1

    def is_quarantined(self, id_: str) -> bool:
        """Whether an item is *quarantined*: read after other items, and without retries.

        An item is quarantined if it failed in each of the last `FAILING_SYNCS - 1` syncs before
        this sync.
        """
        return self._earlier.get(id_, 0) >= FAILING_SYNCS - 1


class Failures:
    """The items of all types that this sync could not read.

    Args:
        threads: For each thread ID, the number of consecutive earlier syncs in which the thread
            failed.
        messages: For each thread ID, the number of consecutive earlier syncs in which reading the
            thread's messages failed.
    """

    def __init__(
        self, threads: Mapping[str, int] = _NONE, messages: Mapping[str, int] = _NONE
    ) -> None:
        self.threads = FailureLog("Thread %s", threads)
        self.messages = FailureLog("The messages of thread %s", messages)
        self.actors = FailureLog("Actor %s")
        self.lists: dict[str, HubSpotError] = {}
        """The errors of reference lists that could not be read, by the name of the list."""

    def check(self) -> None:
        """Raise an error if an item failed. Failures that are only warnings do not count.

        Raises:
            IncompleteError: says which items failed.
        """
        errors = self.threads.errors, self.messages.errors, self.actors.errors, self.lists
        if any(errors):
            raise IncompleteError(*errors)


class CircuitBreaker:
    """Stops the sync if reads fail `MAX_CONSECUTIVE_FAILURES` times in a row.

    The cause is then probably an outage or a wrong setting. A failure counts if HubSpot returned a
    400, or if the error is a `TransientError` but not an `InconclusiveError`. Any other error
    concerns only one item, so it does not change the count.

    Args:
        name: The plural of the items that are read, such as `threads`, for the error message.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._failed: set[str] = set()
        self._count = 0

    def reset(self) -> None:
        """Set the count to 0 after a success."""
        self._count = 0

    def note(self, id_: str, error: HubSpotError, *, is_quarantined: bool) -> None:
        """Count a failure.

        Args:
            id_: The ID of the failed item. Only the first failure of each item counts.
            error: The error.
            is_quarantined: Whether this failure is expected, because earlier syncs could not read
                the item. If so, the failure does not count.

        Raises:
            ConsecutiveFailuresError: if the count reaches `MAX_CONSECUTIVE_FAILURES`.
        """
        self._count += not is_quarantined and id_ not in self._failed and _may_be_outage(error)
        self._failed.add(id_)
        if self._count >= MAX_CONSECUTIVE_FAILURES:
            advice = " Run the sync again later." if isinstance(error, TransientError) else ""
            message = (
                f"{error} Reading {self._name} failed {self._count} times in a row, so the sync "
                f"stopped.{advice}"
            )
            raise ConsecutiveFailuresError(message, exit_code=error.exit_code)


def _may_be_outage(error: HubSpotError) -> bool:
    """Whether an error's cause can affect other items too."""
    if isinstance(error, RefusedError):
        return error.status == HTTPStatus.BAD_REQUEST
    return isinstance(error, TransientError) and not isinstance(error, InconclusiveError)


@dataclass
class SeenThreads:
    """What this sync has seen so far. The phases use this object to decide what to read next.

    The tap reads ahead of the output. So these fields can include threads whose records are not
    written yet. The state must not record these threads as emitted.
    """

    unseen_open: set[str]
    """IDs of the threads that are open in the initial state and that this sync has not found so
    far."""
    fetched: set[str] = field(default_factory=set)
    """IDs of the threads that this sync has requested by ID. To save memory,
    `ThreadPipeline._note_fetched` omits some of them."""
    not_found_at: dict[str, str | None] = field(default_factory=dict)
    """IDs of the threads that were not found, each with the time of the thread's last 404 (`Date`
    header). None: the time is unknown."""
    with_messages: set[str] = field(default_factory=set)
    """IDs of the threads whose messages this sync has requested."""
    without_thread: list[str] = field(default_factory=list)
    """IDs of the threads that HubSpot did not have when this sync requested their messages."""
    recent_without_messages: dict[str, str] = field(default_factory=dict)
    """Threads in the lookback that this sync emits without messages, because the message backfill
    of this sync reads the messages. Each entry is a thread's ID and latest-message time.
    `Lookback` adds the entries. `Backfill` then records the threads in `RecentThreads`."""
    now: str = ""
    """HubSpot's time at the start of the increment, such as `2026-01-31T09:00:00.000Z`. Empty: the
    increment has not received a page yet."""
    archived_by_time: bool = True
    """False: HubSpot does not list archived threads by time (see `Increment`)."""
    listing_seconds: float = 0.0
    """Total seconds that the requests for the increment's pages by time took."""

    def __post_init__(self) -> None:
        self._initially_open = len(self.unseen_open)

    @property
    def seen_open(self) -> int:
        """The number of threads that are open in the initial state and that this sync has found."""
        return self._initially_open - len(self.unseen_open)


@dataclass
class SyncStats:
    """Counters for the log. The sync does not use them to decide what to read."""

    unchanged: int = 0
    """Number of open threads that were read again and have not changed."""
    not_found: int = 0
    other_inbox: int = 0
    """Number of listed threads that are in none of the inboxes in `inbox_ids`."""
    before_start_date: int = 0
    """Number of listed threads that are older than `start_date`."""
    withheld_deletions: int = 0
    """Number of threads that are probably deleted, but not emitted in `deleted_threads` yet,
    because `Deletions` needs more proof."""
    threads_with_messages: int = 0
    """Number of threads whose messages were read."""
    unavailable: list[str] = field(default_factory=list)
    """IDs of threads that HubSpot has, but for whose messages HubSpot returns a 404."""
    truncated: list[str] = field(default_factory=list)
    """IDs of the truncated messages whose full text could not be read."""
    backfill: tuple[int, int | None] | None = None
    """Set if the message backfill has paused until the next sync. The first number counts the
    threads that the backfill has handled. The second number counts the threads in the last
    completed full listing. None: no full listing has been completed."""

    def warn(self) -> None:
        """Log a warning for `unavailable` and a warning for `truncated`, if they have IDs."""
        if self.unavailable:
            message = "HubSpot has %d thread(s) but returns 404 for their messages: %s"
            LOG.warning(message, len(self.unavailable), name_ids(self.unavailable))
        if self.truncated:
            message = "%d message(s) are truncated: their full text could not be read"
            LOG.warning(message, len(self.truncated))


@dataclass(frozen=True)
class SyncContext:
    """The settings, the selected streams and the state, and what this sync has seen and counted."""

    settings: Settings
    selection: Selection
    state: SyncState
    """The state of the last sync, with all state changes of this sync so far."""
    stats: SyncStats = field(default_factory=SyncStats)
    failures: Failures = field(default_factory=Failures)

    @cached_property
    def seen(self) -> SeenThreads:
        """What this sync has seen so far."""
        return SeenThreads({thread_id for thread_id, _ in self.state.open.ids()})

    @property
    def tracks_open_threads(self) -> bool:
        """Whether the sync checks open threads. If not, it does not look for deleted threads."""
        return self.settings.open_threads_max_calls > 0

    def is_tracked(self, row: Row) -> bool:
        """Whether a thread is *tracked*: the state keeps the thread, and later syncs check it.

        A tracked thread is open (its status is not CLOSED) and passes the filters. If
        `tracks_open_threads` is False, no thread is tracked.
        """
        is_open = row["status"] != "CLOSED" and self.tracks_open_threads
        return is_open and self.settings.threads.includes(row)
