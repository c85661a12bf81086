"""The part of the state about the full listing; see `SyncState`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.sync.id_ranges import ALL_IDS, IdRange, id_of_cursor, subtract

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_hubspot_threads.sync.phases.range_reader import ListedPart

LIVE, ARCHIVED = "live", "archived"
"""The two sides of the list of threads."""


class FullListingState:
    """The progress of the current full listing, and figures of the last completed listing.

    Args:
        state: The result of `to_dict`.
        emits_rows: Whether this sync emits threads. If not, the next sync that emits threads lists
            the whole account.
    """

    def __init__(self, state: Mapping[str, Any], *, emits_rows: bool) -> None:
        self.emits_rows = emits_rows
        self.unread: dict[str, list[IdRange]] = {LIVE: [], ARCHIVED: []}
        """The ranges to read, by side. If both sides are empty, no listing is unfinished."""
        for side, after, until in state.get("listing_ranges", ()):
            self.unread[side].append(IdRange(int(after), None if until is None else int(until)))
        self.cursor: str | None = state.get("listing_cursor")
        """The cursor of the next page of the first unread side, if cursors are not keys."""
        self.started_at: str | None = state.get("listing_started_at")
        """HubSpot's clock at the start of the unfinished listing."""
        self.is_whole: bool = state.get("listing_is_whole", True) and emits_rows
        """Whether all rows of the listing so far were emitted."""
        self.newest_id: int = int(state.get("listing_newest_id", 0))
        """The highest ID of a live thread listed so far. 0: no live thread was listed, or cursors
        are not keys."""
        self.rows: int = state.get("listing_rows", 0)
        """Rows listed so far."""
        self.pages: int = state.get("listing_pages", 0)
        """Pages listed so far."""
        self.seconds: float = state.get("listing_milliseconds", 0) / 1000
        """Sum of the times that these pages took, including pages that were read concurrently."""
        self.full_started_at: str | None = (
            state.get("full_listing_started_at") if emits_rows else None
        )
        """The start of the last completed listing, by HubSpot's clock. None: a listing is due."""
        self.full_completed_at: str | None = state.get("full_listing_completed_at")
        """The end of the last completed listing, by HubSpot's clock. None: there is none yet."""
        self.full_rows: int | None = state.get("full_listing_rows")
        """`rows` of the last completed listing."""
        self.full_pages: int | None = state.get("full_listing_pages")
        """`pages` of the last completed listing."""
        self.full_seconds: float = state.get("full_listing_milliseconds", 0) / 1000
        """`seconds` of the last completed listing."""
        if not self.is_over and emits_rows and not self.is_whole:
            self._stop()  # start over, because some rows of the listing were not emitted

    def to_dict(self) -> dict[str, Any]:
        """Return the keys for the state. All numbers are integers; see `SyncState.to_bookmarks`."""
        return {
            "listing_ranges": [
                [side, str(after), None if until is None else str(until)]
                for side, ranges in self.unread.items()
                for after, until in ranges
            ],
            "listing_cursor": self.cursor,
            "listing_started_at": self.started_at,
            "listing_is_whole": self.is_whole,
            "listing_newest_id": str(self.newest_id),
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
    def is_over(self) -> bool:
        """Whether no listing is unfinished."""
        return not any(self.unread.values())

    @property
    def place(self) -> str:
        """Where the listing is stuck, as text for an error."""
        side, ranges = next(
            ((side, ranges) for side, ranges in self.unread.items() if ranges), (LIVE, [ALL_IDS])
        )
        after, cursor = ranges[0].after, self.cursor
        if cursor is not None:
            after = id_of_cursor(cursor) or 0
        where = f"after thread {after}" if after else f"after the cursor {cursor!r}"
        if cursor is None and not after:
            where = "at the first page"
        return (
            f"The full listing is stuck at {side} threads, {where}. All other phases ran. "
            "Run the sync again later."
        )

    def start(self, now: str, sides: Sequence[str]) -> None:
        """Start a listing.

        Args:
            now: HubSpot's clock at the first page.
            sides: The sides to list.
        """
        self.unread = {side: [ALL_IDS] if side in sides else [] for side in self.unread}
        self.cursor, self.started_at, self.is_whole = None, now, self.emits_rows
        self.rows = self.pages = self.newest_id = 0
        self.seconds = 0.0

    def advance(self, side: str, part: ListedPart) -> None:
        """Record that the rows of a part were emitted.

        Args:
            side: The side of the part.
            part: A page, a failing row, or both.
        """
        if part.covered is not None:
            self.unread[side], self.cursor = subtract(self.unread[side], part.covered), None
            if side == LIVE:
                self.newest_id = max([self.newest_id, *part.ids])
        else:
            self.cursor, self.newest_id = part.cursor, 0
            if part.cursor is None:
                self.unread[side] = []
        self.rows += len(part.ids)
        self.pages += part.page is not None
        self.seconds += part.page.seconds if part.page else 0
        if self.is_over:
            self.full_started_at = self.started_at if self.is_whole else None
            self.full_rows, self.full_pages = self.rows, self.pages
            self.full_seconds, self.full_completed_at = self.seconds, part.now
            self._stop()

    def _stop(self) -> None:
        self.unread = {side: [] for side in self.unread}
        self.cursor = self.started_at = None
