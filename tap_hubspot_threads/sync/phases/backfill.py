"""The last phase: the messages of threads that were there before messages were read."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import DailyQuotaError
from tap_hubspot_threads.models import Out, ThreadRef
from tap_hubspot_threads.sync.phases.time_window import REPLICATION_KEY

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator

    from tap_hubspot_threads.models import ChildStream, HubSpot
    from tap_hubspot_threads.settings.settings import ThreadFilter
    from tap_hubspot_threads.sync.phases.increment import Increment
    from tap_hubspot_threads.sync.state.state import SyncState
    from tap_hubspot_threads.sync.stats import Read

LEAST_SHARE = 0.2
"""Of the account's calls of a day: so much is left to the day's other syncs."""
BEGINNING = "1970-01-01T00:00:00.000Z"
"""The earliest time of a message: a channel without a timestamp gives 0."""


class Backfill:
    """Goes through threads by their latest message, from the messages' bookmark to the threads'.

    Args:
        hubspot: Says what is left of the day.
        increment: Finds the threads, as it does what has changed.
        kept: Has both bookmarks.
        read: Says which threads' messages this sync has read already.
        wanted: Which threads are wanted.
        behind: Puts the messages there.
        reserve: The share of the day's calls that any sync leaves.
        log: Is told where it ends.
    """

    def __init__(
        self,
        hubspot: HubSpot,
        increment: Increment,
        kept: SyncState,
        read: Read,
        *,
        wanted: ThreadFilter,
        behind: ChildStream,
        reserve: float,
        log: logging.Logger,
    ) -> None:
        self._hubspot, self._increment = hubspot, increment
        self._kept, self._read, self._wanted = kept, read, wanted
        self._behind, self._log = behind, log
        # Of a large reserve half of what is above it: else a backfill might never begin.
        self._share = max(LEAST_SHARE, min(2 * reserve, (1 + reserve) / 2))
        self._is_cut_short = False

    def run(self) -> Iterator[Out]:
        """Yield messages; that the day's calls are at their end is a normal end of it.

        Raises:
            HubSpotError: as the increment does, but for that.
        """
        until = self._kept.bookmark
        if not self._kept.messages.needs_backfill or until is None:
            return
        since = self._kept.messages.bookmark or self._wanted.start or BEGINNING
        if not self._kept.messages.backfilled_threads:
            # Once, not each time that it goes on: a day's calls may not get through that span.
            since = self._increment.before(since)
        try:
            yield from self._behind(self._threads(since, until))
        except DailyQuotaError as error:
            self._log.info("%s", error)
            self._is_cut_short = True
        if self._is_cut_short:
            self._read.backfill = (
                self._kept.messages.backfilled_threads,
                self._kept.listing.full_rows,
            )
        else:
            yield Out(then=partial(self._kept.messages.catch_up, until))

    def _threads(self, since: str, until: str) -> Iterator[Out]:
        for step in self._increment.steps(since, end=lambda: until):
            # A row can be fresher than its place: what is behind that place has not all come.
            covered = min(step.covered or until, until)
            for row in step.rows:
                moment = row[REPLICATION_KEY]
                if moment is None or moment > until:
                    continue  # the next increment finds it
                if self._is_low():
                    self._is_cut_short = True
                    return
                is_due = self._wanted.wants(row) and row["id"] not in self._read.messages_taken
                thread = ThreadRef(row["id"], archived=row["archived"] is True)
                advance = partial(self._kept.messages.advance, min(moment, covered))
                yield Out(then=advance, messages_of=thread if is_due else None)

    def _is_low(self) -> bool:
        left = self._hubspot.quota_share
        return left is not None and left <= self._share
