"""Which threads are deleted: those not found twice, unless too many are not found at once."""

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
"""Seconds between two looks in vain, so that one outage, or a scheduler's immediate retry within
it, kills nobody."""

MASS_DELETION_MIN = 20
"""So many threads are not often deleted at once."""


class Deletions:
    """Decides which threads are deleted.

    Args:
        context: Has the threads that were not found, each with its first check.
        is_confirmed: Whether the state is known to be of this account.
    """

    def __init__(self, context: SyncContext, *, is_confirmed: bool) -> None:
        self._state, self._seen, self._stats = context.state, context.seen, context.stats
        self._lists_all = context.settings.threads.is_all
        """Whether a full listing shows every thread: of one that does not, no absence proves
        anything, and a second check by ID is needed too."""
        self._is_confirmed = is_confirmed

    @property
    def is_mass_deletion(self) -> bool:
        """Whether more than half of many open threads are missing, whichever sync missed them."""
        missing, seen = len(self._state.not_found), self._seen_count
        return missing + seen >= MASS_DELETION_MIN and missing > seen

    @property
    def _seen_count(self) -> int:
        return len(self._seen.known_open - self._state.not_found.keys())

    def run(self) -> Iterator[Event]:
        """Yield a row for each thread that is gone; it is forgotten when the row has gone out."""
        certain = self._certain()
        doubtful = not self._is_confirmed and len(self._state.not_found) > self._seen_count
        gone = [] if doubtful else certain
        self._stats.withheld_deletions = len({*self._missed_twice(), *certain} - {*gone})
        if self._stats.withheld_deletions:
            message = (
                "%d missing thread(s) are not told deleted yet: most open threads are missing, and "
                "%s first"
            )
            proof = "a listing of all has to end without them"
            if doubtful:
                proof = "HubSpot has to say that this is the state's account"
            LOG.warning(message, self._stats.withheld_deletions, proof)
        if gone:
            LOG.info("%d thread(s) are gone from HubSpot: %s", len(gone), name_ids(gone))
        for thread_id in gone:
            noticed_at = self._seen.now or self._seen.not_found_at.get(thread_id)
            row = {"id": thread_id, "detectedAt": noticed_at}
            yield Record("deleted_threads", row)
            yield StateChange(partial(self._state.forget, thread_id))

    def check(self) -> None:
        """Raise an error, if what looks like a purge may be another account.

        Raises:
            MassDeletionError: names how many are missing.
        """
        if self.is_mass_deletion and not self._is_confirmed:
            raise MassDeletionError(not_found=len(self._state.not_found), seen=self._seen_count)

    def _certain(self) -> list[str]:
        """Return the threads that were missed twice, or, of a purge, by a whole listing too."""
        if not self.is_mass_deletion:
            return self._missed_twice()
        twice = set(self._missed_twice())
        listing = self._state.listing
        begun, ended = listing.full_started_at, listing.full_completed_at
        return [
            name
            for name, first in self._state.not_found.items()
            if begun is not None
            and first < begun
            and self._is_old(first, self._seen.now or ended)
            and (self._lists_all or name in twice)
        ]

    def _missed_twice(self) -> list[str]:
        """Return the threads of which this sync had a second look, long enough after the first."""
        firsts = self._state.not_found
        return [
            name
            for name, now in self._seen.not_found_at.items()
            if name in firsts and self._is_old(firsts[name], now)
        ]

    @staticmethod
    def _is_old(first: str, now: str | None) -> bool:
        return now is not None and now >= shift(first, seconds=MIN_SECONDS_BETWEEN_CHECKS)
