"""The part of the state about the full listing; see `SyncState`."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_hubspot_threads.models import Page

LIVE, ARCHIVED, DONE = "live", "archived", "done"


class ListingState:
    """How far the current full listing has come, and figures of the last completed one.

    Args:
        state: The result of `to_dict`.
        emits_rows: Whether this sync emits threads. If not, the next sync that does lists the whole
            account.
    """

    def __init__(self, state: Mapping[str, Any], *, emits_rows: bool) -> None:
        self.emits_rows = emits_rows
        self.part: str = state.get("listing", DONE)
        """What the listing reads next: `live` or `archived` threads, or `done`."""
        self.cursor: str | None = state.get("listing_cursor")
        """The cursor of the next page, decoded; None: the first page."""
        self.started_at: str | None = state.get("listing_started_at")
        """HubSpot's clock at the start of the listing."""
        self.is_whole: bool = state.get("listing_is_whole", True) and emits_rows
        """Whether all rows of the listing so far were emitted."""
        self.rows: int = state.get("listing_rows", 0)
        """Rows listed so far."""
        self.pages: int = state.get("listing_pages", 0)
        """Pages listed so far."""
        self.seconds: float = state.get("listing_milliseconds", 0) / 1000
        """Total time that these pages took."""
        # The last completed listing
        self.full_started_at: str | None = (
            state.get("full_listing_started_at") if emits_rows else None
        )
        """HubSpot's clock at its start; None: a new listing is due."""
        self.full_completed_at: str | None = state.get("full_listing_completed_at")
        """HubSpot's clock at its end."""
        self.full_rows: int | None = state.get("full_listing_rows")
        self.full_pages: int | None = state.get("full_listing_pages")
        self.full_seconds: float = state.get("full_listing_milliseconds", 0) / 1000

    def to_dict(self) -> dict[str, Any]:
        """Return the keys for the state; with integers only, see `SyncState.to_bookmarks`."""
        return {
            "listing": self.part,
            "listing_cursor": self.cursor,
            "listing_started_at": self.started_at,
            "listing_is_whole": self.is_whole,
            "listing_rows": self.rows,
            "listing_pages": self.pages,
            "listing_milliseconds": round(self.seconds * 1000),
            "full_listing_started_at": self.full_started_at,
            "full_listing_completed_at": self.full_completed_at,
            "full_listing_rows": self.full_rows,
            "full_listing_pages": self.full_pages,
            "full_listing_milliseconds": round(self.full_seconds * 1000),
        }

    @property
    def place(self) -> str:
        """Where the listing is stuck, as text for an error."""
        where = "at the first page"
        if self.cursor is not None:
            thread_id = _id_of(self.cursor)
            where = (
                f"after thread {thread_id}" if thread_id else f"after the cursor {self.cursor!r}"
            )
        return (
            f"The full listing is stuck at {self.part} threads, {where}. All other phases ran. "
            "Run the sync again later."
        )

    def start(self) -> None:
        """Start over with the first page of live threads."""
        self.part, self.cursor, self.started_at = LIVE, None, None
        self.is_whole = self.emits_rows

    def advance(self, part: str, page: Page, *, is_first: bool) -> None:
        """Record that the rows of a page were emitted.

        Args:
            part: Where the listing continues.
            page: The page.
            is_first: Whether it is the first page of the listing.
        """
        self.part, self.cursor = part, page.cursor
        if is_first:
            self.started_at, self.rows, self.pages, self.seconds = page.now, 0, 0, 0.0
        self.rows += len(page.rows)
        self.pages += 1
        self.seconds += page.seconds
        if part == DONE:
            self.full_started_at = self.started_at if self.is_whole else None
            self.full_completed_at, self.started_at = page.now, None
            self.full_rows, self.full_pages = self.rows, self.pages
            self.full_seconds = self.seconds


def _id_of(cursor: str) -> str | None:
    """Return the thread ID in a cursor, None if it has another form.

    A cursor is the last row's ID in base64. Recorded.
    """
    try:
        text = b64decode(cursor, validate=True)
    except ValueError:
        return None
    return text.decode() if text.isdigit() else None
