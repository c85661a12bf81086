"""Decides which threads count as deleted in HubSpot, and emits them in `deleted_threads`.

The decision uses the results of the other phases and makes no request. A *check* reads a thread by
ID, as live and as archived. If a check does not find the thread, the thread is *missing*. If a
second check does not find the thread, the thread counts as deleted.

If there are more missing threads than found open threads, the token may belong to another account:
    * If the state is not known to belong to the token's account, no thread counts as deleted.
    * If the missing and found threads are at least `MASS_DELETION_MIN` in total, this is a *mass
      deletion*. A full listing must then confirm each deletion.
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
"""Minimum seconds between the two checks. An earlier second check does not count, because both
checks could fall into the same outage."""

MASS_DELETION_MIN = 20
"""Minimum total of missing and found threads for a mass deletion."""


class Deletions:
    """Decides which threads count as deleted.

    Args:
        context: The settings, the state with the missing threads (`SyncState.not_found`), and the
            threads that this sync has found.
        is_confirmed: Whether the state is known to belong to the token's account (`identify`).
    """

    def __init__(self, context: SyncContext, *, is_confirmed: bool) -> None:
        self._state, self._seen, self._stats = context.state, context.seen, context.stats
        self._lists_all = context.settings.threads.is_all
        """Whether `inbox_ids` and `start_date` are unset. If one is set, a full listing may not
        show every thread."""
        self._is_confirmed = is_confirmed

    @property
    def is_mass_deletion(self) -> bool:
        """Whether more threads are missing than found, and at least `MASS_DELETION_MIN` in total.

        A thread is missing if it is in the state's `not_found`. A thread is found if it is open in
        the initial state and this sync has found it.
        """
        missing, seen = len(self._state.not_found), self._seen.seen_open
        return missing + seen >= MASS_DELETION_MIN and missing > seen

    def run(self) -> Iterator[Event]:
        """Yield the records of the deleted threads.

        After each record, yield the state change that removes the thread from the state.
        """
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
        """Raise an error if there is a mass deletion and the token may belong to another account.

        Raises:
            MassDeletionError: says how many threads are missing.
        """
        if self.is_mass_deletion and not self._is_confirmed:
            raise MassDeletionError(not_found=len(self._state.not_found), seen=self._seen.seen_open)

    def _proven(self) -> list[str]:
        """Return the IDs of the threads whose deletion is proven.

        Without a mass deletion, two checks are the proof.

        In a mass deletion, the proof is a completed full listing that did not show the thread. The
        listing must have started after the first check, whose time is in `not_found`. When a
        listing shows the thread, `SyncState.move_first_check` moves this time to the listing's
        start or later. So such a listing is no proof. If a full listing may not show every thread
        (`_lists_all`), a second check is needed too.
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
        """Return the IDs of the threads that two checks did not find, the second in this sync.

        The second check was at least `MIN_SECONDS_BETWEEN_CHECKS` after the first.
        """
        first_checks = self._state.not_found
        return [
            name
            for name, now in self._seen.not_found_at.items()
            if name in first_checks and self._is_later(first_checks[name], now)
        ]

    @staticmethod
    def _is_later(first: str, now: str | None) -> bool:
        return now is not None and now >= shift(first, seconds=MIN_SECONDS_BETWEEN_CHECKS)
