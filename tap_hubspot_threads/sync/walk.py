"""Walking through the pages of a listing by their cursors."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import PaginationLoopError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_hubspot_threads.models import Page, Row

PAGES_WITHOUT_NEWS = 100
"""Pages in a row without a new ID before a listing fails. Empty pages with a cursor occur
(observed), so a few are no error."""

SLOTS = 2**20
"""Bits that remember which IDs a walk has seen; it starts over when half of them are set."""


class CursorLoopGuard:
    """The cursors of one walk through a listing; each may come once."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def check(self, cursor: str | None) -> str | None:
        """Return the cursor.

        Raises:
            NoProgressError: if it came before. Observed: cursors come again and again.
        """
        if cursor in self._seen:
            message = (
                f"The listing makes no progress: after {len(self._seen) + 1} pages "
                "HubSpot gave a cursor that it had given before. Run the sync again; if that does "
                "not help, HubSpot's support has to."
            )
            raise PaginationLoopError(message)
        if cursor is not None:
            self._seen.add(cursor)
        return cursor


class Progress:
    """Whether the pages of one walk through a listing bring anything new.

    The memory is 128 kB, however long the listing is and in whatever order. IDs are remembered by
    a hash, so a new ID may count as known, by a chance of a half at most. That this happens to all
    IDs of `PAGES_WITHOUT_NEWS` pages in a row is as good as impossible, even with one row per page.

    Args:
        cursor: The cursor that the walk starts at, if any.
    """

    def __init__(self, cursor: str | None = None) -> None:
        self._cursors = CursorLoopGuard()
        self._cursors.check(cursor)
        self._known: bytearray | None = None
        self._set = 0
        """Bits that are set."""
        self._pages = 0
        """Pages in a row without a new ID."""

    def check(self, page: Page) -> str | None:
        """Return the cursor of the next page; None after the last page.

        Raises:
            NoProgressError: if the cursor came before, or if so many pages in a row had no new ID.
        """
        if page.cursor is None:
            return None
        self._pages = 0 if self._has_news(page.ids) else self._pages + 1
        if self._pages >= PAGES_WITHOUT_NEWS:
            message = (
                f"The listing makes no progress: {self._pages} pages in a row had no new ID. "
                "Run the sync again. If the error persists, contact HubSpot support."
            )
            raise PaginationLoopError(message)
        return self._cursors.check(page.cursor)

    def _has_news(self, ids: Iterable[str]) -> bool:
        """Whether an ID was not on an earlier page; remember all."""
        if self._known is None or self._set > SLOTS // 2:
            self._known, self._set = bytearray(SLOTS // 8), 0
        before = self._set
        for id_ in ids:
            place, bit = divmod(hash(id_) % SLOTS, 8)
            self._set += not self._known[place] & 1 << bit
            self._known[place] |= 1 << bit
        return self._set > before


def walk(
    ask: Callable[[str | None], Page], cursor: str | None = None, *, most: int | None = None
) -> Iterator[Page]:
    """Yield the pages from a cursor on.

    Args:
        ask: Returns the page of a cursor.
        cursor: None: from the first page on.
        most: So many pages at the most.

    Raises:
        RefusedError: if HubSpot does not know the cursor any more.
        NoProgressError: as `Progress.check` does.
    """
    progress = Progress(cursor)
    for _ in count() if most is None else range(most):
        page = ask(cursor)
        cursor = progress.check(page)
        yield page
        if cursor is None:
            return


def timed(ask: Callable[[], Page], clock: Callable[[], float]) -> Page:
    """Return a page with the seconds that it took to come."""
    started = clock()
    page = ask()
    return replace(page, seconds=clock() - started)


def new_rows(page: Page, seen: set[int]) -> list[Row]:
    """Return the rows of threads that are not in `seen`, each once; add them to it."""
    rows = {int(row["id"]): row for row in page.rows}
    new = [row for thread_id, row in rows.items() if thread_id not in seen]
    seen.update(rows)
    return new
