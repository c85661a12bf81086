"""The part of the state about messages; see `SyncState`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.values import clean_time

if TYPE_CHECKING:
    from collections.abc import Mapping


class MessagesState:
    """How far messages are emitted, and which threads have pending messages.

    One bookmark is enough to resume after a killed process or a used-up daily quota, and to load
    earlier messages if `messages` was selected late or deselected for a while.

    Args:
        state: The result of `to_dict`. Empty: no messages have been emitted.
        bookmark: The bookmark of threads. None: a listing of all threads is due.
        is_selected: Whether this sync reads messages.
    """

    def __init__(
        self, state: Mapping[str, Any], *, bookmark: str | None, is_selected: bool
    ) -> None:
        found = clean_time(state.get("replication_key_value") or "")
        self.bookmark = min(found, bookmark) if found and bookmark else None
        """If a thread's latest message is not later than this time, the thread's messages are
        emitted or the thread is in `pending`."""
        self.needs_backfill = self.bookmark is None or self.bookmark != bookmark
        """Whether the bookmark of messages is missing or earlier than that of threads. If so,
        `Backfill` moves the bookmark of messages. Otherwise both bookmarks move together."""
        self._is_selected = is_selected
        self.pending: dict[str, int] = dict(state.get("failed", ()))
        """IDs of threads whose messages are still to be read, each with the number of consecutive
        syncs in which reading the messages failed. A thread stays here until `settle`, even if the
        bookmark passes it."""
        self.backfilled_threads: int = state.get("backfilled", 0) if self.bookmark else 0
        """Threads that the backfill has handled so far."""

    def to_dict(self) -> dict[str, Any]:
        """Return the keys for the state."""
        return {
            "replication_key_value": self.bookmark,
            "failed": [list(item) for item in self.pending.items()],
            "backfilled": self.backfilled_threads,
        }

    def follow(self, bookmark: str) -> None:
        """Follow the bookmark of threads, if this sync reads the messages of changed threads."""
        if self._is_selected and not self.needs_backfill:
            self.bookmark = bookmark

    def set_back(self, moment: str) -> None:
        """Follow the bookmark of threads back to an earlier time."""
        if self.bookmark is not None:
            self.bookmark = min(self.bookmark, moment)

    def advance(self, moment: str) -> None:
        """Record that the backfill has handled a thread with this time of its latest message."""
        # Only the first thread can move the bookmark back, because of the lookback.
        self.bookmark = max(self.bookmark or moment, moment) if self.backfilled_threads else moment
        self.backfilled_threads += 1

    def catch_up(self, bookmark: str) -> None:
        """Record that the backfill has reached the bookmark of threads."""
        self.bookmark, self.needs_backfill, self.backfilled_threads = bookmark, False, 0

    def add_pending(self, thread_id: str, syncs: int = 0) -> None:
        """Record that the messages of a thread are still to be read.

        Args:
            thread_id: The thread.
            syncs: Number of consecutive syncs in which reading the messages failed.
        """
        self.pending[thread_id] = max(syncs, self.pending.get(thread_id, 0))

    def settle(self, thread_id: str) -> None:
        """Record that the messages of a thread are emitted, or will never be emitted."""
        self.pending.pop(thread_id, None)
