"""Listing the whole account by id, from where the last sync left off.

Knows nothing of Singer or HTTP.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from tap_hubspot_threads.errors import RefusedError
from tap_hubspot_threads.state import ARCHIVED, DONE, LIVE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_hubspot_threads.pagination import Page
    from tap_hubspot_threads.state import ThreadsState

    ListPages: TypeAlias = Callable[[str | None], Iterator[Page]]


def list_account(
    state: ThreadsState,
    list_live: ListPages,
    list_archived: ListPages | None,
    *,
    warn: Callable[[str], None],
) -> Iterator[tuple[Page, Callable[[], None]]]:
    """Yield the pages that are left of a listing, each with what to run when its rows are out.

    Live threads come first, then archived ones.

    Args:
        state: Says where to go on.
        list_live: Yields the pages of live threads from a cursor on.
        list_archived: Does the same for archived threads, where they are wanted.
        warn: Is told of a cursor that HubSpot refuses; its side is then listed from the start.
    """
    begun, begun_at = state.listing, state.listing_cursor

    def restart(error: RefusedError) -> None:
        warn(f"{error}. The {begun} threads are listed from the start; the cursor was too old.")
        if begun == LIVE:
            state.start_listing()

    sides = {LIVE: list_live, ARCHIVED: list_archived}
    for side, following in ((LIVE, ARCHIVED if list_archived else DONE), (ARCHIVED, DONE)):
        list_pages = sides[side]
        if list_pages is None or (side == LIVE and begun == ARCHIVED):
            continue
        for page in _pages(list_pages, begun_at if side == begun else None, restart):
            state.begin_listing(page.now)
            goes_on_at = side if page.cursor else following
            yield page, partial(state.advance_listing, goes_on_at, page.cursor, page.now)


def _pages(
    list_pages: ListPages, cursor: str | None, restart: Callable[[RefusedError], None]
) -> Iterator[Page]:
    try:
        yield from list_pages(cursor)
    except RefusedError as error:
        if cursor is None:
            raise
        restart(error)
        yield from list_pages(None)
