"""Ranges of thread IDs, and the cursors that start them.

HubSpot returns the list of threads in pages. Each page except the last has a cursor, which is a
parameter of the request for the next page. If the list is sorted by ID, the cursor is the ID of the
page's last row, in base64 (recorded in one account). Such a cursor is a *key*.

The tap can make a cursor for any ID (a *self-made cursor*), and read the list after this ID. For
example, 17 in base64 is `MTc=`. With this cursor, HubSpot returns the page that starts with the
first ID above 17. `sync.phases.thread_list` says what is unknown about keys.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_hubspot_threads.models import Page

MAX_DIGITS = 19
"""Maximum digits of a thread ID, which is a positive 64-bit integer. A cursor that encodes more
digits is not a key."""


class IdRange(NamedTuple):
    """The IDs greater than `after`, up to and including `until`."""

    after: int
    until: int | None = None
    """The last ID of the range. None: the range has no end."""


ALL_IDS = IdRange(0)


def subtract(ranges: Iterable[IdRange], read: IdRange) -> list[IdRange]:
    """Return the ranges, in the same order, without the IDs in the range `read`."""
    parts: list[IdRange] = []
    for after, until in ranges:
        below = read.after if until is None else min(until, read.after)
        parts.append(IdRange(after, below))
        if read.until is not None:
            parts.append(IdRange(max(after, read.until), until))
    return [part for part in parts if part.until is None or part.until > part.after]


def cursor_after(thread_id: int) -> str | None:
    """Return the self-made cursor for the page that starts after an ID.

    Return None for the ID 0, because a request without a cursor returns the first page.
    """
    return b64encode(str(thread_id).encode()).decode() if thread_id else None


def id_of_cursor(cursor: str | None) -> int | None:
    """Return the ID that a key encodes; None if the cursor is not a key or is None."""
    try:
        text = b64decode(cursor or "", validate=True)
    except ValueError:
        return None
    return int(text) if text.isdigit() and len(text) <= MAX_DIGITS else None


class NotAKeyError(Exception):
    """The list's cursors are not keys, or HubSpot does not accept self-made cursors."""


def check_page(page: Page, after: int) -> list[int]:
    """Check that a page continues the list after an ID, and that the page's cursor is a key.

    A page passes the check if all these conditions hold:
        * The IDs of the rows ascend.
        * All IDs except the first are above `after`. The first ID can be lower or equal, because
          HubSpot can repeat the last row of the previous page (observed).
        * If the page has a cursor, the cursor is the ID of the last row, and above `after`. For an
          empty page, any ID above `after` is accepted.

    If the first page of the list has no cursor, the page is the whole list and is not checked.

    Args:
        page: A page of the list sorted by ID.
        after: The ID for which the page was requested; 0 for the first page.

    Returns:
        The IDs of the rows that are above `after`.

    Raises:
        NotAKeyError: if the page does not pass the check.
    """
    ids = [int(thread_id) for thread_id in page.ids]
    if not after and page.cursor is None:
        return ids  # the page is the whole list, so no key is needed
    following = id_of_cursor(page.cursor)
    are_ascending = ids == sorted({*ids})
    is_key = following is not None and following > after and ids[-1:] in ([], [following])
    if not are_ascending or not (page.cursor is None or is_key):
        raise NotAKeyError
    first = bisect_right(ids, after)
    if first > 1:
        raise NotAKeyError
    return ids[first:]
