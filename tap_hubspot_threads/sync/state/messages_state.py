"""What a sync keeps of messages for the next one; see `SyncState`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.values import clean_time

if TYPE_CHECKING:
    from collections.abc import Mapping


class MessagesState:
    """How far messages are out, and which threads' are owed.

    One moment covers all: a process that was killed, a quota of days, a selection that came later
    or went for a week.

    Args:
        state: What `pack` gave. Empty: none are out.
        bookmark: That of threads; None: all threads are to be listed, or listed anew.
        is_selected: Whether messages are read in this sync.
    """

    def __init__(
        self, state: Mapping[str, Any], *, bookmark: str | None, is_selected: bool
    ) -> None:
        found = clean_time(state.get("replication_key_value") or "")
        self.bookmark = min(found, bookmark) if found and bookmark else None
        """The messages of all threads whose latest one is not later are out, but of `pending`."""
        self.needs_backfill = self.bookmark is None or self.bookmark != bookmark
        """Whether that is behind the bookmark of threads: then `Backfill` moves it, else both move
        together."""
        self._is_selected = is_selected
        self.pending: dict[str, int] = dict(state.get("failed", ()))
        """The threads whose messages are owed, or could not be read, each with in how many syncs in
        a row. Only reading them takes a thread out."""
        self.backfilled_threads: int = state.get("backfilled", 0) if self.bookmark else 0
        """The threads that a backfill has gone through so far."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as the state has it."""
        return {
            "replication_key_value": self.bookmark,
            "failed": [list(item) for item in self.pending.items()],
            "backfilled": self.backfilled_threads,
        }

    def follow(self, bookmark: str) -> None:
        """Move with the bookmark of threads, in a sync that reads the messages of what it finds."""
        if self._is_selected and not self.needs_backfill:
            self.bookmark = bookmark

    def set_back(self, moment: str) -> None:
        """Move back with the bookmark of threads."""
        if self.bookmark is not None:
            self.bookmark = min(self.bookmark, moment)

    def advance(self, moment: str) -> None:
        """Note that a backfill has gone through a thread whose latest message is of a moment."""
        # The first thread may be before it, by the lookback.
        self.bookmark = max(self.bookmark or moment, moment) if self.backfilled_threads else moment
        self.backfilled_threads += 1

    def catch_up(self, bookmark: str) -> None:
        """Note that a backfill has come to the bookmark of threads."""
        self.bookmark, self.needs_backfill, self.backfilled_threads = bookmark, False, 0

    def add_pending(self, thread_id: str, syncs: int = 0) -> None:
        """Note that the messages of a thread are yet to be read.

        Args:
            thread_id: The thread.
            syncs: In how many syncs in a row that was tried.
        """
        self.pending[thread_id] = max(syncs, self.pending.get(thread_id, 0))

    def settle(self, thread_id: str) -> None:
        """Note that the messages of a thread are out, or never will be."""
        self.pending.pop(thread_id, None)
