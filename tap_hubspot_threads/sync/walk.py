"""Walking through the pages of a listing by their cursors."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import NoProgressError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_hubspot_threads.contract import Page, Row


class Cursors:
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
            raise NoProgressError(message)
        if cursor is not None:
            self._seen.add(cursor)
        return cursor


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
        NoProgressError: if a cursor comes again.
    """
    cursors = Cursors()
    cursors.check(cursor)
    for _ in count() if most is None else range(most):
        page = ask(cursor)
        cursor = cursors.check(page.cursor)
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
