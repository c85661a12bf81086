"""What this sync has read so far. Nothing of it is kept for the next one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import UnreadError, name_ids
from tap_hubspot_threads.sync.failures import Failures

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOG = logging.getLogger(__name__)
_NONE: Mapping[str, int] = {}


class Read:
    """What this sync has read; changes at reading, which may be ahead of what is out.

    Args:
        failed: The threads that could not be read before, each in how many syncs in a row.
        owed: The threads whose messages could not be, likewise.
        log: Is told of what fails for long.
    """

    def __init__(
        self,
        failed: Mapping[str, int] = _NONE,
        owed: Mapping[str, int] = _NONE,
        *,
        log: logging.Logger = _LOG,
    ) -> None:
        self.threads = Failures("Thread %s", failed, log=log)
        """Threads that could not be read. Noted by `Outcomes` and `ConfiguredSync`."""
        self.messages = Failures("The messages of thread %s", owed, log=log)
        """Threads whose messages could not be. Noted by `Messages`, like all of theirs below."""
        self.actors = Failures("Actor", _NONE, log=log)
        """Actors that could not be. Noted by `Actors`."""
        self.taken: set[str] = set()
        """Threads that were handed out to be read by id. Written by `Reader`."""
        self.now = ""
        """HubSpot's clock at the start of the increment. Written by `Increment`."""
        self.listing_seconds = 0.0
        """What the increment's pages took to come. Written by `Increment`."""
        self.other_inbox = 0
        """Threads that a listing found in inboxes that are not wanted. Counted by `Finding`."""
        self.before_start = 0
        """Threads that a listing found whose latest message is before `start_date`; likewise."""
        self.withheld = 0
        """Missing threads that are not told deleted yet. Written by `Deletions`."""
        self.backfill: tuple[int, int | None] | None = None
        """Where the backfill of messages has ended for this sync: behind how many threads, and how
        many there are about, where that is known. None: it has come to its end. Written by
        `Backfill`."""

        # Of messages
        self.messages_taken: set[str] = set()
        """Threads that were handed out to have their messages read."""
        self.threads_with_messages = 0
        """Those whose messages were read."""
        self.gone: list[str] = []
        """Those that were not there any more."""
        self.hidden: list[str] = []
        """Those that were, but HubSpot did not show their messages."""
        self.cut_off: list[str] = []
        """Messages whose whole text could not be read."""

        # The rest is written by `Outcomes` and `ConfiguredSync`.
        self.seen: set[str] = set()
        """Threads that were or are open, and that were seen: read by id, or listed."""
        self.known_seen: set[str] = set()
        """Those among them that the given state knew as open."""
        self.missing: dict[str, str | None] = {}
        """Threads that were looked for in vain, each with HubSpot's clock then, where it tells."""
        self.missed = 0
        """How often that was."""
        self.unchanged = 0
        """Open threads that were read again and need not go out."""

    def warn(self, log: logging.Logger) -> None:
        """Tell of messages that HubSpot does not show."""
        if self.hidden:
            message = "HubSpot has %d thread(s), but does not show their messages: %s"
            log.warning(message, len(self.hidden), name_ids(self.hidden))
        if self.cut_off:
            message = "%d message(s) are cut off: HubSpot does not give their whole text"
            log.warning(message, len(self.cut_off))

    def check(self) -> None:
        """Raise an error for what could not be read.

        Raises:
            UnreadError: names it.
        """
        unread = self.threads.unread, self.messages.unread, self.actors.unread
        if any(unread):
            raise UnreadError(*unread)
