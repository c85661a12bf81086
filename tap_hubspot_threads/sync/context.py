"""What the phases of one sync share."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import (
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
"""Consecutive failures after which HubSpot counts as down and the sync stops."""

FAILING_SYNCS = 3
"""The failure of an item is a warning, not an error, if the item fails in this many consecutive
syncs or more."""

_NONE: Mapping[str, int] = MappingProxyType({})


class FailureLog:
    """Failures of one type of item in this sync; each item counts once.

    Args:
        name: The item's name in log lines, with `%s` for the ID.
        earlier: For each ID, the number of consecutive earlier syncs in which the item failed.
    """

    def __init__(self, name: str, earlier: Mapping[str, int] = _NONE) -> None:
        self._name, self._earlier = name, dict(earlier)
        self.failed: set[str] = set()
        """IDs of all items that failed."""
        self.errors: dict[str, HubSpotError] = {}
        """The failures, by ID, for which the sync ends with an error."""

    def note(self, id_: str, error: HubSpotError) -> int:
        """Record a failure; return the number of consecutive failing syncs, this one included."""
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
        """Record that an item was read, or that it does not exist."""
        self.errors.pop(id_, None)
        self._earlier.pop(id_, None)

    def syncs(self, id_: str) -> int:
        """Return the number of consecutive failing syncs if the item fails in this sync."""
        return self._earlier.get(id_, 0) + 1

    def is_quarantined(self, id_: str) -> bool:
        """Whether an item failed in so many syncs that it is read late and without retries."""
        return self._earlier.get(id_, 0) >= FAILING_SYNCS - 1


class Failures:
    """Everything that could not be read in this sync, by type.

    Args:
        threads: For each thread, the number of consecutive earlier syncs in which it failed.
        messages: For each thread, the number of consecutive earlier syncs in which its messages
            failed.
    """

    def __init__(
        self, threads: Mapping[str, int] = _NONE, messages: Mapping[str, int] = _NONE
    ) -> None:
        self.threads = FailureLog("Thread %s", threads)
        self.messages = FailureLog("The messages of thread %s", messages)
        self.actors = FailureLog("Actor")
        self.lists: dict[str, HubSpotError] = {}
        """The errors of the reference lists that could not be loaded, by the name of the list."""

    def check(self) -> None:
        """Raise an error if anything could not be read.

        Raises:
            IncompleteError: names what failed.
        """
        errors = self.threads.errors, self.messages.errors, self.actors.errors, self.lists
        if any(errors):
            raise IncompleteError(*errors)


class CircuitBreaker:
    """Ends the sync after `MAX_CONSECUTIVE_FAILURES` consecutive failures.

    So many failures mean that HubSpot is down or a setting is wrong. Only 400s and transient errors
    other than `InconclusiveError` count. All other errors concern one item only.

    Args:
        name: What is read, as a plural for the error message.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._failed: set[str] = set()
        self._count = 0

    def reset(self) -> None:
        """Reset the count after a success."""
        self._count = 0

    def note(self, id_: str, error: HubSpotError, *, is_quarantined: bool) -> None:
        """Count a failure.

        Args:
            id_: ID of the failed item. Only its first failure in this sync counts.
            error: The error.
            is_quarantined: Whether the item failed in earlier syncs too; then its failure does not
                count.

        Raises:
            HubSpotError: if `MAX_CONSECUTIVE_FAILURES` failures in a row have counted.
        """
        self._count += not is_quarantined and id_ not in self._failed and _may_be_outage(error)
        self._failed.add(id_)
        if self._count >= MAX_CONSECUTIVE_FAILURES:
            advice = " Run the sync again later." if isinstance(error, TransientError) else ""
            message = (
                f"{error} Reading {self._name} failed {self._count} times in a row, so the sync "
                f"stopped.{advice}"
            )
            raise HubSpotError(message, exit_code=error.exit_code)


def _may_be_outage(error: HubSpotError) -> bool:
    """Whether an error may affect more than the item that was read."""
    if isinstance(error, RefusedError):
        return error.status == HTTPStatus.BAD_REQUEST
    return isinstance(error, TransientError) and not isinstance(error, InconclusiveError)


@dataclass
class SeenThreads:
    """What this sync has seen, from which the phases decide what to read next.

    Reading updates these fields and can be ahead of the output. So the state includes none of them.
    """

    unseen_open: set[str]
    """IDs of threads that are open in the initial state and that this sync has not found yet."""
    fetched: set[str] = field(default_factory=set)
    """IDs of threads that were requested by ID."""
    not_found_at: dict[str, str | None] = field(default_factory=dict)
    """IDs of threads that were not found, each with the `Date` of its last 404; None: no `Date`."""
    with_messages: set[str] = field(default_factory=set)
    """IDs of threads whose messages were requested."""
    without_thread: list[str] = field(default_factory=list)
    """The IDs in `with_messages` whose thread was not found when its messages were read."""
    listed_recently: dict[str, str] = field(default_factory=dict)
    """IDs of threads that the first listing emitted and whose latest message is within the
    lookback, each with the time of that message."""
    now: str = ""
    """HubSpot's clock at the start of the increment."""
    listing_seconds: float = 0.0
    """Total time that the increment's pages took."""

    def __post_init__(self) -> None:
        self._initially_open = len(self.unseen_open)

    @property
    def seen_open(self) -> int:
        """How many threads are open in the initial state and were found by this sync."""
        return self._initially_open - len(self.unseen_open)


@dataclass
class SyncStats:
    """The counters of this sync, for the summary. They decide nothing."""

    unchanged: int = 0
    """Open threads that were read again and have not changed."""
    not_found: int = 0
    other_inbox: int = 0
    """Listed threads outside `inbox_ids`."""
    before_start_date: int = 0
    """Listed threads whose latest message is before `start_date`."""
    withheld_deletions: int = 0
    """Threads that were not found but are not reported as deleted yet."""
    threads_with_messages: int = 0
    """Threads whose messages were read."""
    unavailable: list[str] = field(default_factory=list)
    """IDs of existing threads whose messages HubSpot does not return."""
    truncated: list[str] = field(default_factory=list)
    """IDs of truncated messages whose full text could not be read."""
    backfill: tuple[int, int | None] | None = None
    """The progress of an unfinished message backfill: the threads done, and the total or None if it
    is unknown. None: no backfill is unfinished."""

    def warn(self) -> None:
        """Log a warning for unavailable messages, and one for truncated messages."""
        if self.unavailable:
            message = "HubSpot has %d thread(s) but returns 404 for their messages: %s"
            LOG.warning(message, len(self.unavailable), name_ids(self.unavailable))
        if self.truncated:
            message = "%d message(s) are truncated: their full text could not be read"
            LOG.warning(message, len(self.truncated))


@dataclass(frozen=True)
class SyncContext:
    """What the phases share: settings, selection, state, and what this sync has seen so far."""

    settings: Settings
    selection: Selection
    state: SyncState
    """The state of the last sync, with the changes of this sync."""
    stats: SyncStats = field(default_factory=SyncStats)
    failures: Failures = field(default_factory=Failures)

    @cached_property
    def seen(self) -> SeenThreads:
        """What this sync has seen so far."""
        return SeenThreads({thread_id for thread_id, _ in self.state.open.ids()})

    @property
    def tracks_open_threads(self) -> bool:
        """Whether open threads are checked; if not, no thread is reported as deleted."""
        return self.settings.open_threads_max_calls > 0

    def is_tracked(self, row: Row) -> bool:
        """Whether later syncs check a thread, because it is open and within the filters."""
        is_open = row["status"] != "CLOSED" and self.tracks_open_threads
        return is_open and self.settings.threads.includes(row)
