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
        self.watched: set[str] = set()
        """Live threads that were open and are read again. Written by `OpenAgain`."""
        # The rest is written by `Outcomes`.
        self.seen: set[str] = set()
        """Threads that were or are open, and that were seen: read by id, or listed."""
        self.missing: dict[str, None] = {}
        """Threads that HubSpot does not have, neither live nor archived."""
        self.unread: dict[str, HubSpotError] = {}
        """Threads that could not be read, for which the sync is to end in an error."""
        self.failed: set[str] = set()
        """Those, and others that could not be read at first, or have failed for long."""
        self.unchanged = 0
        """Open threads that were read again and need not go out."""
        self.missed = 0
        """How often a thread was missing."""
        self.has_seen_known = False
        """Whether a thread was seen that the state knew."""
