"""Decides which threads are deleted: those that two checks did not find.

Mass deletions need more proof, because the token may belong to another account.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import MassDeletionError, name_ids
from tap_hubspot_threads.models import Record, StateChange
from tap_hubspot_threads.values import shift

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.models import Event
    from tap_hubspot_threads.sync.context import SyncContext

LOG = logging.getLogger("tap-hubspot-threads")

MIN_SECONDS_BETWEEN_CHECKS = 600.0
"""Minimum seconds between the two checks that do not find a thread. A single outage must not mark a
thread as deleted, even if the scheduler retries the sync during the outage."""

MASS_DELETION_MIN = 20
"""Minimum known open threads before missing threads can count as a mass deletion."""


class Deletions:
    """Decides which threads are deleted.

    Args:
        context: The threads that were not found, each with the time of its first check.
        is_confirmed: Whether the state is confirmed to belong to this account.
    """

    def __init__(self, context: SyncContext, *, is_confirmed: bool) -> None:
        self._state, self._seen, self._stats = context.state, context.seen, context.stats
        self._lists_all = context.settings.threads.is_all
        """Whether a full listing includes every thread. If not, the absence of a thread from the
        listing proves nothing, and a second check by ID is needed too."""
        self._is_confirmed = is_confirmed

    @property
    def is_mass_deletion(self) -> bool:
        """Whether many open threads are known and most were not found, in this sync or earlier."""
        missing, seen = len(self._state.not_found), self._seen.seen_open
        return missing + seen >= MASS_DELETION_MIN and missing > seen

    def run(self) -> Iterator[Event]:
        """Yield a record for each deleted thread, then the state change that forgets the thread."""
        proven = self._proven()
        is_suspicious = not self._is_confirmed and len(self._state.not_found) > self._seen.seen_open
        deleted = [] if is_suspicious else proven
        self._stats.withheld_deletions = len({*self._not_found_twice(), *proven} - {*deleted})
        if self._stats.withheld_deletions:
            message = (
                "%d deletion(s) pending, because most open threads were not found. They are "
                "emitted once %s"
            )
            condition = "a full listing has ended without these threads."
            if is_suspicious:
                condition = (
                    "the token is known to belong to the state's account. Check access_token (or "
                    "refresh_token)."
                )
            LOG.warning(message, self._stats.withheld_deletions, condition)
        if deleted:
            LOG.info("%d thread(s) were deleted in HubSpot: %s", len(deleted), name_ids(deleted))
        for thread_id in deleted:
            detected_at = self._seen.now or self._seen.not_found_at.get(thread_id)
            row = {"id": thread_id, "detectedAt": detected_at}
            yield Record("deleted_threads", row)
            yield StateChange(partial(self._state.forget, thread_id))

    def check(self) -> None:
        """Raise an error if most threads are missing and the token may belong to another account.

        Raises:
            MassDeletionError: names how many threads were not found.
        """
        if self.is_mass_deletion and not self._is_confirmed:
            raise MassDeletionError(not_found=len(self._state.not_found), seen=self._seen.seen_open)

    def _proven(self) -> list[str]:
        """Return the threads whose deletion is proven.

        Two checks that did not find the thread are enough, except in a mass deletion. Then a full
        listing that started after the first check and did not show the thread is needed too. Such
        a listing replaces the second check if it includes every thread.
        """
        if not self.is_mass_deletion:
            return self._not_found_twice()
        twice = set(self._not_found_twice())
        listing = self._state.listing
        started, ended = listing.full_started_at, listing.full_completed_at
        return [
            name
            for name, first in self._state.not_found.items()
            if started is not None
            and first < started
            and self._is_later(first, self._seen.now or ended)
            and (self._lists_all or name in twice)
        ]

    def _not_found_twice(self) -> list[str]:
        """Return the threads that this sync did not find, long enough after their first check."""
        first_checks = self._state.not_found
        return [
            name
            for name, now in self._seen.not_found_at.items()
            if name in first_checks and self._is_later(first_checks[name], now)
        ]

    @staticmethod
    def _is_later(first: str, now: str | None) -> bool:
        return now is not None and now >= shift(first, seconds=MIN_SECONDS_BETWEEN_CHECKS)
