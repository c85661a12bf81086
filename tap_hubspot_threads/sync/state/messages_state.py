"""The progress of the stream `messages`, which is a part of `SyncState`.

The *increment* is the phase that reads threads with a new message. The *backfill* is the phase that
reads the messages that were sent before `messages` was selected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.values import clean_time

if TYPE_CHECKING:
    from collections.abc import Mapping


class MessagesState:
    """The bookmark of `messages`, and the threads whose messages are pending.

    Messages are *pending* if a later sync must read them, for example because reading them failed.

    The bookmark of `messages` has two uses. After a killed process or a used-up daily quota, the
    next sync resumes reading messages there. If earlier syncs did not select `messages`, this
    bookmark stayed at an earlier time. The backfill then reads the messages sent after that time.

    Args:
        state: The result of `to_dict`. Empty: no messages have been emitted.
        bookmark: The bookmark of `threads`. None: `threads` has no bookmark, or the filters have
            changed. All messages are then read, including those that earlier syncs have read.
        is_selected: Whether this sync reads messages.
    """

    def __init__(
        self, state: Mapping[str, Any], *, bookmark: str | None, is_selected: bool
    ) -> None:
        found = clean_time(state.get("replication_key_value") or "")
        self.bookmark = min(found, bookmark) if found and bookmark else None
        """If a thread's latest message is before this time, the thread's messages are emitted or
        pending. None: the backfill has not begun."""
        self.needs_backfill = self.bookmark is None or self.bookmark != bookmark
        """Whether the bookmark of `messages` is None or earlier than the bookmark of `threads`. If
        so, `Backfill` moves the bookmark of `messages`. If not, the increment moves both
        bookmarks."""
        self._is_selected = is_selected
        self.pending: dict[str, int] = dict(state.get("failed", ()))
        """IDs of the threads whose messages are pending, each with the number of consecutive syncs
        in which reading the messages failed. A thread stays here until `settle`, even if the
        bookmark passes the time of the thread's latest message."""
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

        Do nothing if this sync does not read messages, or if `needs_backfill` is True.
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
            moment: The time of the thread's latest message, or an earlier time.
        """
        # A new backfill starts `lookback_seconds` before the bookmark. So the first thread can move
        # the bookmark back.
        self.bookmark = max(self.bookmark or moment, moment) if self.backfilled_threads else moment
        self.backfilled_threads += 1

    def catch_up(self, bookmark: str) -> None:
        """Record that the backfill has reached the bookmark of `threads`."""
        self.bookmark, self.needs_backfill, self.backfilled_threads = bookmark, False, 0

    def add_pending(self, thread_id: str, syncs: int = 0) -> None:
        """Add a thread to `pending`. If the thread is already there, keep the higher `syncs`.

        Args:
            thread_id: The thread.
            syncs: Number of consecutive syncs in which reading the messages failed.
        """
        self.pending[thread_id] = max(syncs, self.pending.get(thread_id, 0))

    def settle(self, thread_id: str) -> None:
        """Remove a thread from `pending`."""
        self.pending.pop(thread_id, None)
