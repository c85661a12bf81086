"""What cannot be read: how often it is tried, and when it is an error."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import (
    HubSpotError,
    RefusedError,
    TransientError,
    UnbelievedError,
)

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

MAX_CONSECUTIVE_FAILURES = 5
"""After so many neighbours that could not be read, HubSpot is taken to be down."""

FAILING_SYNCS = 3
"""From so many syncs in a row on, what cannot be read is a warning and no error."""


class Failures:
    """Things of one kind that could not be read in this sync; each counts once.

    Args:
        what: What one is called, with `%s` for its id.
        before: In how many syncs in a row each has failed before. Changed by others.
        log: Is told of those that fail for long.
    """

    def __init__(self, what: str, before: Mapping[str, int], *, log: logging.Logger) -> None:
        self._what, self._before, self._log = what, before, log
        self.failed: set[str] = set()
        """Those that failed at first, or have failed for long."""
        self.unread: dict[str, HubSpotError] = {}
        """Those for which the sync is to end in an error."""

    def note(self, name: str, error: HubSpotError) -> int | None:
        """Note a failure; return in how many syncs in a row there was one, None if noted before."""
        if name in self.failed:
            return None
        self.failed.add(name)
        syncs = self.syncs(name)
        if syncs < FAILING_SYNCS:
            self.unread[name] = error
        else:
            message = (
                f"{self._what} could not be read for %d syncs in a row; tried again next time: %s"
            )
            self._log.warning(message, name, syncs, error)
        return syncs

    def syncs(self, name: str) -> int:
        """Return in how many syncs in a row one has failed, if it does in this one."""
        return self._before.get(name, 0) + 1

    def is_quarantined(self, name: str) -> bool:
        """Whether one has failed so often that it is tried once, late, and no error."""
        return self._before.get(name, 0) >= FAILING_SYNCS - 1


class CircuitBreaker:
    """Failures one after the other, which say that HubSpot is down, or that a setting is wrong.

    Only what may be due to that counts: a transient error, or a 400. A refusal, and a 404 that is
    not HubSpot's own, are about one thing.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._failed: set[str] = set()
        self._count = 0

    def end(self) -> None:
        """Note that something could be read."""
        self._count = 0

    def note(self, name: str, error: HubSpotError, *, is_quarantined: bool) -> None:
        """Note a failure.

        Args:
            name: What failed; again, it says nothing new.
            error: Why.
            is_quarantined: Whether it has failed before this sync, which says nothing of HubSpot.

        Raises:
            HubSpotError: if it is one of `MAX_CONSECUTIVE_FAILURES`.
        """
        self._count += not is_quarantined and name not in self._failed and _counts(error)
        self._failed.add(name)
        if self._count >= MAX_CONSECUTIVE_FAILURES:
            advice = " Run it again later." if isinstance(error, TransientError) else ""
            message = (
                f"{error} {self._count} {self._what} in a row could not be read, so the sync ends "
                f"here.{advice}"
            )
            raise HubSpotError(message, exit_code=error.exit_code)


def _counts(error: HubSpotError) -> bool:
    """Whether an error may be due to more than the thing that was read."""
    if isinstance(error, RefusedError):
        return error.status == HTTPStatus.BAD_REQUEST
    return isinstance(error, TransientError) and not isinstance(error, UnbelievedError)
