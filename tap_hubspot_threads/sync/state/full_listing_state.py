"""The progress of the full listing, which is a part of `SyncState`.

In this module, a *listing* is a full listing. A listing can take several syncs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.sync.id_ranges import ALL_IDS, IdRange, id_of_cursor, subtract

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_hubspot_threads.sync.phases.range_reader import ListedPart

LIVE, ARCHIVED = "live", "archived"
"""HubSpot's two lists of threads. A variable named `side` has one of these values."""


class FullListingState:
    """The progress of the unfinished full listing, and the numbers of the last completed listing.

    Args:
        state: The keys of `to_dict`. Empty: no listing with the current filters has started yet.
        emits_rows: False if this sync reads threads but does not emit them, because the stream
            `threads` is not selected. The next sync with this stream then lists the whole account.
    """

    def __init__(self, state: Mapping[str, Any], *, emits_rows: bool) -> None:
        self.emits_rows = emits_rows
        self.unread: dict[str, list[IdRange]] = {LIVE: [], ARCHIVED: []}
        """For live and for archived threads: the ranges that the unfinished listing has not read
        yet. Both are empty if there is no unfinished listing. While the listing reads one page
        after another, `cursor` shows its progress instead."""
        for side, after, until in state.get("listing_ranges", ()):
            self.unread[side].append(IdRange(int(after), None if until is None else int(until)))
        self.cursor: str | None = state.get("listing_cursor")
        """The cursor of the next page, if the listing reads one page after another. None: the
        listing is read by ranges, or no page of the current list has been read."""
        self.started_at: str | None = state.get("listing_started_at")
        """HubSpot's time at the start of the unfinished listing. None: there is no such listing."""
        self.is_whole: bool = state.get("listing_is_whole", True) and emits_rows
        """Whether each sync of the unfinished listing has emitted the threads that it listed."""
        self.newest_id: int = int(state.get("listing_newest_id", 0))
        """The highest ID of a live thread in the unfinished listing. 0: the listing has read no
        live thread yet, or reads one page after another."""
        self.rows: int = state.get("listing_rows", 0)
        """Number of rows that the unfinished listing has listed."""
        self.pages: int = state.get("listing_pages", 0)
        """Number of pages that the unfinished listing has read."""
        self.seconds: float = state.get("listing_milliseconds", 0) / 1000
        """Sum of the seconds that the requests for these pages took. If workers read several pages
        at once, the listing itself takes less time."""
        self.full_started_at: str | None = (
            state.get("full_listing_started_at") if emits_rows else None
        )
        """HubSpot's time at the start of the last completed listing. None: no listing has been
        completed, `is_whole` was False for that listing, or `emits_rows` is False. If None, the
        next sync with the stream `threads` runs a listing."""
        self.full_completed_at: str | None = state.get("full_listing_completed_at")
        """HubSpot's time at the end of the last completed listing. None: no listing has been
        completed."""
        self.full_rows: int | None = state.get("full_listing_rows")
        """`rows` of the last completed listing. None: no listing has been completed."""
        self.full_pages: int | None = state.get("full_listing_pages")
        """`pages` of the last completed listing. None: no listing has been completed."""
        self.full_seconds: float = state.get("full_listing_milliseconds", 0) / 1000
        """`seconds` of the last completed listing. 0: no listing has been completed."""
        if not self.is_over and emits_rows and not self.is_whole:
            self._stop()  # start over, because not all listed threads were emitted

    def to_dict(self) -> dict[str, Any]:
        """Return the keys for the state. All numbers are integers (`SyncState.to_bookmarks`)."""
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
        """Whether there is no listing to resume."""
        return not any(self.unread.values())

    @property
    def place(self) -> str:
        """Text for an error message: where the unread part starts, and what to do."""
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
            now: HubSpot's time at the first page.
            sides: The lists to read: `LIVE`, `ARCHIVED` or both.
        """
        self.unread = {side: [ALL_IDS] if side in sides else [] for side in self.unread}
        self.cursor, self.started_at, self.is_whole = None, now, self.emits_rows
        self.rows = self.pages = self.newest_id = 0
        self.seconds = 0.0

    def advance(self, side: str, part: ListedPart) -> None:
        """Record that a part of a list was read and handled.

        Args:
            side: The list: `LIVE` or `ARCHIVED`.
            part: The part of the list.
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
            self.full_seconds = self.seconds
            # A part without any page has no time.
            self.full_completed_at = part.now or self.started_at
            self._stop()

    def _stop(self) -> None:
        self.unread = {side: [] for side in self.unread}
        self.cursor = self.started_at = None
