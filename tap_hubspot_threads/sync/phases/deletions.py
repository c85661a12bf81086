"""Which threads are told deleted: those missed twice, unless too much speaks against it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import MassDeletionError, name_ids
from tap_hubspot_threads.models import Out
from tap_hubspot_threads.values import shift

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator

    from tap_hubspot_threads.sync.state.state import SyncState
    from tap_hubspot_threads.sync.stats import Read

MIN_SECONDS_BETWEEN_CHECKS = 600.0
"""Seconds between two looks in vain, so that one outage, or a scheduler's immediate retry within
it, kills nobody."""

MASS_DELETION_MIN = 20
"""So many threads are not often deleted at once."""


class Deletions:
    """Tells deleted threads.

    Args:
        kept: Has the missed threads, each with its first look; forgets those that were told.
        read: Has what this sync looked for in vain, and what it saw.
        is_confirmed: Whether it is known that the state is of this account.
        lists_all: Whether the full listing shows every thread: of one that does not, no absence
            tells anything, and a second look by id has to come too.
        log: Is told which they are.
    """

    def __init__(
        self,
        kept: SyncState,
        read: Read,
        *,
        is_confirmed: bool,
        lists_all: bool = True,
        log: logging.Logger,
    ) -> None:
        self._kept, self._read, self._lists_all = kept, read, lists_all
        self._is_confirmed, self._log = is_confirmed, log

    @property
    def is_mass_deletion(self) -> bool:
        """Whether more than half of many open threads are missing, whichever sync missed them."""
        missing, seen = len(self._kept.missed), self._seen
        return missing + seen >= MASS_DELETION_MIN and missing > seen

    @property
    def _seen(self) -> int:
        return len(self._read.known_seen - self._kept.missed.keys())

    def run(self) -> Iterator[Out]:
        """Yield a row for each thread that is gone; it is forgotten when the row has gone out."""
        certain = self._certain()
        doubtful = not self._is_confirmed and len(self._kept.missed) > self._seen
        gone = [] if doubtful else certain
        self._read.withheld = len({*self._missed_twice(), *certain} - {*gone})
        if self._read.withheld:
            message = (
                "%d missing thread(s) are not told deleted yet: most open threads are missing, and "
                "%s first"
            )
            proof = "a listing of all has to end without them"
            if doubtful:
                proof = "HubSpot has to say that this is the state's account"
            self._log.warning(message, self._read.withheld, proof)
        if gone:
            self._log.info("%d thread(s) are gone from HubSpot: %s", len(gone), name_ids(gone))
        for thread_id in gone:
            noticed_at = self._read.now or self._read.missing.get(thread_id)
            row = {"id": thread_id, "noticedAt": noticed_at}
            yield Out("deleted_threads", row, partial(self._kept.forget, thread_id))

    def check(self) -> None:
        """Raise an error, if what looks like a purge may be another account.

        Raises:
            PurgeError: names how many are missing.
        """
        if self.is_mass_deletion and not self._is_confirmed:
            raise MassDeletionError(missing=len(self._kept.missed), seen=self._seen)

    def _certain(self) -> list[str]:
        """Return the threads that were missed twice, or, of a purge, by a whole listing too."""
        if not self.is_mass_deletion:
            return self._missed_twice()
        twice = set(self._missed_twice())
        listing = self._kept.listing
        begun, ended = listing.full_started_at, listing.full_completed_at
        return [
            name
            for name, first in self._kept.missed.items()
            if begun is not None
            and first < begun
            and self._is_old(first, self._read.now or ended)
            and (self._lists_all or name in twice)
        ]

    def _missed_twice(self) -> list[str]:
        """Return the threads of which this sync had a second look, long enough after the first."""
        firsts = self._kept.missed
        return [
            name
            for name, now in self._read.missing.items()
            if name in firsts and self._is_old(firsts[name], now)
        ]

    @staticmethod
    def _is_old(first: str, now: str | None) -> bool:
        return now is not None and now >= shift(first, seconds=MIN_SECONDS_BETWEEN_CHECKS)
