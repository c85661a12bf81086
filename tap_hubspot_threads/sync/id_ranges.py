"""Ranges of thread IDs, and the cursors that start them.

When threads are listed in the order of their IDs, a page's cursor is the ID of its last row in
base64 (recorded): it is a *key*. So the tap can make a cursor for any ID (a *self-made cursor*),
and the list can be read from any place. A row is *behind* an ID or another row if the row's ID is
higher.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_hubspot_threads.models import Page

MAX_DIGITS = 19
"""Maximum digits of a thread ID. IDs are positive 64-bit integers."""


class IdRange(NamedTuple):
    """The IDs greater than `after`, up to and including `until`."""

    after: int
    until: int | None = None
    """None: no upper end."""


ALL_IDS = IdRange(0)


def subtract(ranges: Iterable[IdRange], read: IdRange) -> list[IdRange]:
    """Return the ranges without the IDs in `read`, in the same order."""
    parts: list[IdRange] = []
    for after, until in ranges:
        below = read.after if until is None else min(until, read.after)
        parts.append(IdRange(after, below))
        if read.until is not None:
            parts.append(IdRange(max(after, read.until), until))
    return [part for part in parts if part.until is None or part.until > part.after]


def cursor_after(thread_id: int) -> str | None:
    """Return the cursor of the page right behind an ID; None if the ID is 0, for the first page."""
    return b64encode(str(thread_id).encode()).decode() if thread_id else None


def id_of_cursor(cursor: str | None) -> int | None:
    """Return the ID in a cursor; None if the cursor has another form."""
    try:
        text = b64decode(cursor or "", validate=True)
    except ValueError:
        return None
    return int(text) if text.isdigit() and len(text) <= MAX_DIGITS else None


class NotAKeyError(Exception):
    """Cursors are not keys, so self-made cursors cannot be used."""


def check_page(page: Page, after: int) -> list[int]:
    """Check that a page's rows are behind an ID, in ascending order, and that its cursor is a key.

    Observed: the first row of a page can be the last row of the previous page.

    Returns:
        The IDs of the rows that are behind `after`.

    Raises:
        NotAKeyError: if the check fails. Then only cursors that HubSpot returned can be trusted.
    """
    ids = [int(thread_id) for thread_id in page.ids]
    if not after and page.cursor is None:
        return ids  # the page is the whole list
    following = id_of_cursor(page.cursor)
    are_ascending = ids == sorted({*ids})
    is_key = following is not None and following > after and ids[-1:] in ([], [following])
    if not are_ascending or not (page.cursor is None or is_key):
        raise NotAKeyError
    first = bisect_right(ids, after)
    if first > 1:
        raise NotAKeyError
    return ids[first:]
