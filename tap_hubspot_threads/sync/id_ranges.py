"""Ranges of thread IDs, and the cursors that start them.

A cursor of the list by ID is the last row's ID in base64 (recorded). So a cursor for any ID can be
made, and the list can be read from any place.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_hubspot_threads.models import Page

MAX_DIGITS = 19
"""Digits of the longest thread ID, a positive 64-bit integer."""


class IdRange(NamedTuple):
    """The IDs greater than `after`, up to and including `until`."""

    after: int
    until: int | None = None
    """None: no upper end."""


ALL_IDS = IdRange(0)


def subtract(ranges: Iterable[IdRange], read: IdRange) -> list[IdRange]:
    """Return what is left of the ranges without the IDs that were read, in the same order."""
    parts: list[IdRange] = []
    for after, until in ranges:
        below = read.after if until is None else min(until, read.after)
        parts.append(IdRange(after, below))
        if read.until is not None:
            parts.append(IdRange(max(after, read.until), until))
    return [part for part in parts if part.until is None or part.until > part.after]


def cursor_after(thread_id: int) -> str | None:
    """Return the cursor of the page that starts after an ID; None for the first page."""
    return b64encode(str(thread_id).encode()).decode() if thread_id else None


def id_of_cursor(cursor: str | None) -> int | None:
    """Return the ID in a cursor; None if it has another form."""
    try:
        text = b64decode(cursor or "", validate=True)
    except ValueError:
        return None
    return int(text) if text.isdigit() and len(text) <= MAX_DIGITS else None


class NotAKeyError(Exception):
    """A cursor of the list by ID is not the last row's ID, so no cursor can be made."""


def check_page(page: Page, after: int) -> None:
    """Check that a page continues after an ID, and that its cursor is the last row's ID.

    Observed: a page can begin with the last row of the page before.

    Raises:
        NotAKeyError: if not. Then only the cursors that HubSpot returned can be trusted.
    """
    ids = [int(thread_id) for thread_id in page.ids]
    following = id_of_cursor(page.cursor)
    does_continue = ids == sorted({*ids}) and all(thread_id > after for thread_id in ids[1:])
    is_key = following is not None and following > after and ids[-1:] in ([], [following])
    if not does_continue or not (page.cursor is None or is_key):
        raise NotAKeyError
