"""Threads, messages and actors that cannot be read: how often they are tried, when they fail."""

from __future__ import annotations

import logging
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import (
    HubSpotError,
    IncompleteError,
    RefusedError,
    TransientError,
    UnbelievedError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    return isinstance(error, TransientError) and not isinstance(error, UnbelievedError)
