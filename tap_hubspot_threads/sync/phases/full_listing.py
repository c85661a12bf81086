"""When the whole account is listed: at first, and then when that is due."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import RefusedError
from tap_hubspot_threads.models import Out
from tap_hubspot_threads.sync.state.listing_state import ARCHIVED, DONE, LIVE
from tap_hubspot_threads.sync.walk import new_rows, timed, walk
from tap_hubspot_threads.values import shift

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator

    from tap_hubspot_threads.models import ChildStream, HubSpot, Page, Row
    from tap_hubspot_threads.settings.settings import Options
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.pipeline import Finding, Outcomes, Reader
    from tap_hubspot_threads.sync.state.state import SyncState
    from tap_hubspot_threads.sync.stats import Read


BOTH = (False, True)
"""The values of `archived`, live threads first."""


class Listing:
    """Lists the whole account, live threads first, in as many syncs as it takes.

    Args:
        hubspot: The account.
        workers: Who reads the pages.
        kept: Says where to go on.
        first_sides: The values of `archived` that a first listing lists. Every other one lists live
            and archived threads whatever the settings say: a closed thread that was archived after
            it was emitted is updated by nothing else.
        once: Whether a thread comes once, although it was on both sides meanwhile: of two readings
            that are under way at once, the later row may be the older one.
        clock: Monotonic seconds.
        log: Is told of a cursor that HubSpot refuses.
    """

    def __init__(
        self,
        hubspot: HubSpot,
        workers: WorkerPool,
        kept: SyncState,
        *,
        first_sides: tuple[bool, ...],
        once: bool,
        clock: Callable[[], float],
        log: logging.Logger,
    ) -> None:
        self._hubspot, self._workers, self._kept = hubspot, workers, kept
        self._first_sides, self._once = first_sides, once
        self._clock, self._log = clock, log
        self._left: int | None = None
        """Pages that this sync may still read."""

    def pages(self, most: int | None = None) -> Iterator[tuple[list[Row], str, Out]]:
        """Yield the pages that are left.

        Args:
            most: So many at the most. Not where HubSpot refuses the cursor that is kept: the pass
                begins anew then, and goes on to its end, as cursors may not live until the next.

        Yields:
            The rows of a page, each thread once; HubSpot's clock; and what moves on behind it.
        """
        self._left = most
        begun, begun_at = self._kept.listing.part, self._kept.listing.cursor
        try:
            yield from self._pass(begun, begun_at)
        except RefusedError as error:
            if begun_at is None:
                raise
            message = "%s. All is listed from the start; the cursor was too old."
            self._log.warning(message, error)
            self._left = None
            yield from self._pass(LIVE, None)

    def _pass(self, begun: str, begun_at: str | None) -> Iterator[tuple[list[Row], str, Out]]:
        seen: set[int] = set()
        sides = BOTH if self._kept.bookmark else self._first_sides
        for archived in sides if begun == LIVE else sides[1:]:
            side = ARCHIVED if archived else LIVE
            following = DONE if archived or len(sides) == 1 else ARCHIVED
            cursor = begun_at if side == begun else None
            seen = seen if self._once else set()
            is_first = side == LIVE and cursor is None
            for page in self._workers.ahead(self._side(cursor, archived=archived)):
                advance = partial(
                    self._kept.advance_listing,
                    side if page.cursor else following,
                    page.cursor,
                    page.now,
                    is_first=is_first,
                    has_archived=True in sides,
                    rows=len(page.rows),
                    seconds=page.seconds,
                )
                yield new_rows(page, seen), page.now, Out(then=advance)
                is_first = False
            if self._left == 0:
                return

    def _side(self, cursor: str | None, *, archived: bool) -> Iterator[Page]:
        """Walk through a side, as far as there are pages left."""

        def ask(cursor: str | None) -> Page:
            return timed(partial(self._hubspot.page_by_id, cursor, archived=archived), self._clock)

        for page in walk(ask, cursor, most=self._left):
            self._left = None if self._left is None else self._left - 1
            yield page


class FullListing:
    """Lists the whole account, once a sync at the most; rows go out whether or not they are known.

    Args:
        listing: Yields the pages that are left.
        reader: Reads what is listed, where that is wanted.
        outcomes: Says what becomes of what was read.
        finding: Says what becomes of what was listed.
        kept: Says when it was last listed.
        read: Has HubSpot's clock.
        options: How, and how often.
        behind: What hangs on the threads.
    """

    def __init__(
        self,
        listing: Listing,
        reader: Reader,
        outcomes: Outcomes,
        finding: Finding,
        *,
        kept: SyncState,
        read: Read,
        options: Options,
        behind: ChildStream,
    ) -> None:
        self._listing, self._reader = listing, reader
        self._outcomes, self._finding = outcomes, finding
        self._kept, self._read, self._options = kept, read, options
        self._behind = behind
        self._has_listed = False

    def first(self) -> Iterator[Out]:
        """List all that is left of it."""
        return self._list(None)

    def when_due(self, *, is_mass_deletion: bool = False) -> Iterator[Out] | None:
        """Return the full listing, if one is under way or due, and was not listed in this sync.

        Args:
            is_mass_deletion: Whether it is due if it could show a thread that was missed.
        """
        is_due = self._is_due() or (is_mass_deletion and self._is_unproved())
        is_under_way = self._kept.listing.part != DONE
        if self._has_listed or not self._kept.listing.rows_go_out or not (is_due or is_under_way):
            return None
        return self._started()

    def _started(self) -> Iterator[Out]:
        if self._kept.listing.part == DONE:
            yield Out(then=self._kept.listing.start)
        yield from self._list(self._options.full_listing_calls)

    def _is_due(self) -> bool:
        started, now = self._kept.listing.full_started_at, self._read.now
        hours = self._options.full_listing_hours
        return started is None or not started <= now < shift(started, seconds=hours * 3600)

    def _is_unproved(self) -> bool:
        """Whether a thread was missed that the last full listing could still show."""
        started = self._kept.listing.full_started_at or ""
        return any(first >= started for first in self._kept.missed.values())

    def _list(self, calls: int | None) -> Iterator[Out]:
        self._has_listed = True
        pages = self._listing.pages(calls)
        if self._options.by_id and self._kept.listing.rows_go_out:
            ids = self._finding.ids(pages)
            return self._behind(self._outcomes.of(self._reader.read(ids)))
        return self._behind(self._finding.rows(pages))
