"""Phases 1 and 4: listing the whole account by id, from where the last sync left off."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import RefusedError
from tap_hubspot_threads.sync.kept_listing import ARCHIVED, DONE, LIVE
from tap_hubspot_threads.sync.out import Out
from tap_hubspot_threads.sync.walk import new_rows, timed, walk

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator

    from tap_hubspot_threads.contract import HubSpot, Page, Row
    from tap_hubspot_threads.sync.kept import Kept
    from tap_hubspot_threads.sync.workers import Workers


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
        workers: Workers,
        kept: Kept,
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
