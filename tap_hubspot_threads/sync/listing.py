"""Phases 1 and 4: listing the whole account by id, from where the last sync left off."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from tap_hubspot_threads.contract import Page, RefusedError
from tap_hubspot_threads.sync.cursors import Cursors
from tap_hubspot_threads.sync.kept import ARCHIVED, DONE, LIVE
from tap_hubspot_threads.sync.out import Out

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator

    from tap_hubspot_threads.contract import HubSpot
    from tap_hubspot_threads.sync.kept import Kept
    from tap_hubspot_threads.sync.workers import Workers


def pages_by_id(
    hubspot: HubSpot,
    workers: Workers,
    *,
    archived: bool,
    cursor: str | None = None,
    seen: set[int] | None = None,
) -> Iterator[Page]:
    """Yield the pages of a listing by id, from a cursor on.

    Each thread comes once, whatever pages it is on, and not at all if its id is in `seen`, to
    which all of them are added.

    Raises:
        RefusedError: if HubSpot does not know the cursor any more.
        NoProgressError: if a cursor comes again.
    """
    cursors = Cursors()
    cursors.check(cursor)
    seen = set() if seen is None else seen
    while True:
        ask = partial(hubspot.page_by_id, cursor, archived=archived)
        page = workers.call(ask)
        cursor = cursors.check(page.cursor)
        new = {row["id"]: row for row in page.rows if int(row["id"]) not in seen}
        seen.update(map(int, new))
        yield Page(list(new.values()), page.cursor, page.now)
        if cursor is None:
            return


class Listing:
    """Lists the whole account, live threads first, in as many syncs as it takes.

    Args:
        hubspot: The account.
        workers: Who reads the pages.
        kept: Says where to go on.
        sides: What `archived` is to be listed.
        once: Whether a thread comes once, although it was on both sides meanwhile: of two readings
            that are under way at once, the later row may be the older one.
        log: Is told of a cursor that HubSpot refuses; its side is then listed from the start.
    """

    def __init__(
        self,
        hubspot: HubSpot,
        workers: Workers,
        kept: Kept,
        *,
        sides: tuple[bool, ...],
        once: bool,
        log: logging.Logger,
    ) -> None:
        self._hubspot, self._workers, self._kept = hubspot, workers, kept
        self._sides, self._once, self._log = sides, once, log

    def pages(self, calls: int | None = None) -> Iterator[tuple[Page, Out]]:
        """Yield the pages that are left, `calls` at the most, each with what moves on behind it."""
        return islice(self._pages(), calls)

    def _pages(self) -> Iterator[tuple[Page, Out]]:
        begun, begun_at = self._kept.listing, self._kept.listing_cursor
        seen: set[int] | None = set() if self._once else None
        for archived in self._sides if begun == LIVE else self._sides[1:]:
            side = ARCHIVED if archived else LIVE
            following = DONE if archived or len(self._sides) == 1 else ARCHIVED
            cursor = begun_at if side == begun else None
            for page, is_first in self._side(archived=archived, cursor=cursor, seen=seen):
                advance = partial(
                    self._kept.advance_listing,
                    side if page.cursor else following,
                    page.cursor,
                    page.now,
                    is_first=is_first and side == LIVE,
                )
                yield page, Out(then=advance)

    def _side(
        self, *, archived: bool, cursor: str | None, seen: set[int] | None
    ) -> Iterator[tuple[Page, bool]]:
        """Yield the pages of a side, and whether each is its very first."""

        def pages(cursor: str | None) -> Iterator[tuple[Page, bool]]:
            is_first = cursor is None
            for page in pages_by_id(
                self._hubspot, self._workers, archived=archived, cursor=cursor, seen=seen
            ):
                yield page, is_first
                is_first = False

        try:
            yield from pages(cursor)
        except RefusedError as error:
            if cursor is None:
                raise
            message = "%s. The %s threads are listed from the start; the cursor was too old."
            self._log.warning(message, error, ARCHIVED if archived else LIVE)
            yield from pages(None)
