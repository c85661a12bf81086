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
    from collections.abc import Callable, Mapping

    from tap_hubspot_threads.models import Row, Selection
    from tap_hubspot_threads.settings.settings import Settings
    from tap_hubspot_threads.sync.state.state import SyncState


LOG = logging.getLogger("tap-hubspot-threads")

MAX_CONSECUTIVE_FAILURES = 5
"""After so many failures in a row, HubSpot is taken to be down."""

FAILING_SYNCS = 3
"""From so many syncs in a row on, what cannot be read is a warning and no error."""

_NONE: Mapping[str, int] = MappingProxyType({})


class FailureLog:
    """What of one kind could not be read in this sync; each counts once.

    Args:
        name: What one is called, with `%s` for its ID.
        earlier: In how many earlier syncs in a row each has failed. Changed by others.
    """

    def __init__(self, name: str, earlier: Mapping[str, int] = _NONE) -> None:
        self._name, self._earlier = name, earlier
        self.failed: set[str] = set()
        """All that failed."""
        self.errors: dict[str, HubSpotError] = {}
        """Those for which the sync ends in an error."""

    def note(self, id_: str, error: HubSpotError) -> int | None:
        """Note a failure; return in how many syncs in a row there was one, None if noted before."""
        if id_ in self.failed:
            return None
        self.failed.add(id_)
        syncs = self.syncs(id_)
        if syncs < FAILING_SYNCS:
            self.errors[id_] = error
        else:
            message = (
                f"{self._name} could not be read for %d syncs in a row; tried again next time: %s"
            )
            LOG.warning(message, id_, syncs, error)
        return syncs

    def syncs(self, id_: str) -> int:
        """Return in how many syncs in a row one has failed if it fails in this one."""
        return self._earlier.get(id_, 0) + 1

    def is_quarantined(self, id_: str) -> bool:
        """Whether one has failed so often that it gets one attempt, late, and is no error."""
        return self._earlier.get(id_, 0) >= FAILING_SYNCS - 1


class Failures:
    """What could not be read in this sync, by kind.

    Args:
        threads: In how many earlier syncs in a row each thread has failed.
        messages: The same of the messages of each thread.
    """

    def __init__(
        self, threads: Mapping[str, int] = _NONE, messages: Mapping[str, int] = _NONE
    ) -> None:
        self.threads = FailureLog("Thread %s", threads)
        self.messages = FailureLog("The messages of thread %s", messages)
        self.actors = FailureLog("Actor")
        self.lists: dict[str, HubSpotError] = {}
        """Reference lists that could not be loaded."""

    def check(self) -> None:
        """Raise an error if anything could not be read.

        Raises:
            IncompleteError: names it.
        """
        errors = self.threads.errors, self.messages.errors, self.actors.errors, self.lists
        if any(errors):
            raise IncompleteError(*errors)


class CircuitBreaker:
    """Counts failures in a row, which show that HubSpot is down or that a setting is wrong.

    Only what may be due to that counts: a transient error, or a 400. A refusal, and a 404 that is
    not HubSpot's own, are about one thing.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._failed: set[str] = set()
        self._count = 0

    def reset(self) -> None:
        """Note a success."""
        self._count = 0

    def note(self, id_: str, error: HubSpotError, *, is_quarantined: bool) -> None:
        """Note a failure.

        Args:
            id_: What failed. If it has failed before in this sync, that shows nothing new.
            error: Why.
            is_quarantined: Whether it has failed in earlier syncs, which shows nothing either.

        Raises:
            HubSpotError: if this is the last of `MAX_CONSECUTIVE_FAILURES`.
        """
        self._count += not is_quarantined and id_ not in self._failed and _counts(error)
        self._failed.add(id_)
        if self._count >= MAX_CONSECUTIVE_FAILURES:
            advice = " Run it again later." if isinstance(error, TransientError) else ""
            message = (
                f"{error} {self._count} {self._name} in a row could not be read, so the sync ends "
                f"here.{advice}"
            )
            raise HubSpotError(message, exit_code=error.exit_code)


def _counts(error: HubSpotError) -> bool:
    """Whether an error may be due to more than the thing that was read."""
    if isinstance(error, RefusedError):
        return error.status == HTTPStatus.BAD_REQUEST
    return isinstance(error, TransientError) and not isinstance(error, InconclusiveError)


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
    unavailable: list[str] = field(default_factory=list)
    """Threads that HubSpot has, but whose messages it does not show."""
    truncated: list[str] = field(default_factory=list)
    """Messages whose full text could not be read."""
    backfill: tuple[int, int | None] | None = None
    """If the backfill of messages is unfinished: threads so far, and in all if that is known."""

    def warn(self) -> None:
        """Warn about messages that HubSpot does not show."""
        if self.unavailable:
            message = "HubSpot has %d thread(s), but does not show their messages: %s"
            LOG.warning(message, len(self.unavailable), name_ids(self.unavailable))
        if self.truncated:
            message = "%d message(s) are cut off: HubSpot does not give their whole text"
            LOG.warning(message, len(self.truncated))


@dataclass(frozen=True)
class SyncContext:
    """The settings, the state, what this sync has seen, what it counts, and what failed."""

    settings: Settings
    selection: Selection
    load_state: Callable[[], SyncState]
    """Called once, by the first phase that needs the state: configured IDs need none."""
    seen: SeenThreads = field(default_factory=SeenThreads)
    stats: SyncStats = field(default_factory=SyncStats)
    failures: Failures = field(default_factory=Failures)

    @cached_property
    def state(self) -> SyncState:
        """The state of the last sync, as this one has changed it."""
        return self.load_state()

    @property
    def tracks_open_threads(self) -> bool:
        """Whether open threads are checked; without that, no thread is reported as deleted."""
        return self.settings.open_threads_max_calls > 0

    def is_tracked(self, row: Row) -> bool:
        """Whether a thread is checked in later syncs: it is open and within the filters."""
        is_open = row["status"] != "CLOSED" and self.tracks_open_threads
        return is_open and self.settings.threads.includes(row)
