"""What this sync has read so far. Nothing of it is kept for the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_hubspot_threads.contract import HubSpotError


class Read:
    """What this sync has read; changes at reading, which may be ahead of what is out."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        """Threads that were handed out to be read by id. Written by `Reader`."""
        self.now = ""
        """HubSpot's clock at the start of the increment. Written by `Increment`."""
        self.listing_seconds = 0.0
        """What the increment's pages took to come. Written by `Increment`."""
        self.other_inbox = 0
        """Threads that a listing found in inboxes that are not wanted. Counted by `AccountSync`."""
        self.before_start = 0
        """Threads that a listing found whose latest message is before `start_date`; likewise."""
        self.withheld = 0
        """Missing threads that are not told deleted yet. Written by `Deletions`."""
        # The rest is written by `Outcomes`.
        self.seen: set[str] = set()
        """Threads that were or are open, and that were seen: read by id, or listed."""
        self.known_seen: set[str] = set()
        """Those among them that the given state knew as open."""
        self.missing: dict[str, str | None] = {}
        """Threads that were looked for in vain, each with HubSpot's clock then, where it tells."""
        self.missed = 0
        """How often that was."""
        self.unread: dict[str, HubSpotError] = {}
        """Threads that could not be read, for which the sync is to end in an error."""
        self.failed: set[str] = set()
        """Those, and others that could not be read at first, or have failed for long."""
        self.unchanged = 0
        """Open threads that were read again and need not go out."""
