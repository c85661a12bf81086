"""The progress of the stream `messages`, which is a part of `SyncState`.

Two phases read messages. The *increment* reads the messages of threads with a new message. The
*backfill* reads the messages that were sent before `messages` was selected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.values import clean_time

if TYPE_CHECKING:
    from collections.abc import Mapping


class MessagesState:
    """The bookmark of `messages`, and the threads whose messages are pending.

    Messages are *pending* if a later sync must read them, for example because reading them failed.

    The backfill reads messages from the bookmark of `messages` to the bookmark of `threads`. The
    two bookmarks differ if `messages` was not selected, or if a backfill was interrupted.

    Args:
        state: The result of `to_dict`. Empty: no messages have been emitted.
        bookmark: The bookmark of `threads`. None: `threads` has no bookmark, or the filters have
            changed. If None, all messages are read, even if earlier syncs have read them.
        is_selected: Whether the stream `messages` is selected.
    """

    def __init__(
        self, state: Mapping[str, Any], *, bookmark: str | None, is_selected: bool
    ) -> None:
        found = clean_time(state.get("replication_key_value") or "")
        self.bookmark = min(found, bookmark) if found and bookmark else None
        """The messages of all threads with a latest-message time before this time are emitted or
        pending. None: the backfill has not begun."""
        self.needs_backfill = self.bookmark is None or self.bookmark != bookmark
        """Whether the bookmark of `messages` is None or earlier than the bookmark of `threads`. If
        so, the backfill moves the bookmark of `messages`. If not, the increment moves both
        bookmarks."""
        self._is_selected = is_selected
        self.pending: dict[str, int] = dict(state.get("failed", ()))
        """IDs of the threads whose messages are pending, each with the number of consecutive syncs
        in which reading the messages failed. A thread stays here until `settle` removes it."""
        self.backfilled_threads: int = state.get("backfilled", 0) if self.bookmark else 0
        """Number of threads that the unfinished backfill has handled."""

    def to_dict(self) -> dict[str, Any]:
        """Return the keys for the state."""
        return {
            "replication_key_value": self.bookmark,
            "failed": [list(item) for item in self.pending.items()],
            "backfilled": self.backfilled_threads,
        }

    def follow(self, bookmark: str) -> None:
        """Move the bookmark of `messages` to the new bookmark of `threads`.

        If `messages` is not selected, or if `needs_backfill` is True, do nothing.
        """
        if self._is_selected and not self.needs_backfill:
            self.bookmark = bookmark

    def set_back(self, moment: str) -> None:
        """Move the bookmark of `messages` back to a time, if the bookmark is later."""
        if self.bookmark is not None:
            self.bookmark = min(self.bookmark, moment)

    def advance(self, moment: str) -> None:
        """Record that the backfill has handled a thread.

        Args:
            moment: The new bookmark of `messages`: the thread's latest-message time or earlier.
        """
        # Only the first thread of a backfill can move the bookmark back, because a new backfill
        # starts `lookback_seconds` before the bookmark.
        self.bookmark = max(self.bookmark or moment, moment) if self.backfilled_threads else moment
        self.backfilled_threads += 1

    def catch_up(self, bookmark: str) -> None:
        """Record that the backfill has reached the bookmark of `threads`."""
        self.bookmark, self.needs_backfill, self.backfilled_threads = bookmark, False, 0

    def add_pending(self, thread_id: str, syncs: int = 0) -> None:
        """Add a thread to `pending`. If the thread is in `pending`, keep the higher `syncs`.

        Args:
            thread_id: The thread.
            syncs: Number of consecutive syncs in which reading the messages failed.
        """
        self.pending[thread_id] = max(syncs, self.pending.get(thread_id, 0))

    def settle(self, thread_id: str) -> None:
        """Remove a thread from `pending`."""
        self.pending.pop(thread_id, None)
