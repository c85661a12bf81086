"""Decides which emitted threads the next sync need not read again.

The increment starts `lookback_seconds` before the bookmark. The period from this start to the
bookmark is the *lookback*. Earlier syncs have already emitted most threads whose latest-message
time is in the lookback. If `RecentThreads` has such a thread with this time, the increment skips
the thread.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.models import REPLICATION_KEY, StateChange
from tap_hubspot_threads.sync.state.recent_threads import MAX_RECENT
from tap_hubspot_threads.values import shift

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_hubspot_threads.models import Row
    from tap_hubspot_threads.sync.context import SyncContext


class Lookback:
    """Records emitted threads in `RecentThreads`, so that the next increment skips these threads.

    A thread is recorded only if the next increment would list the thread again. The increment does
    not read the messages of a skipped thread. So one of these conditions must also be true:
        * This sync reads the thread's messages right after the thread's record.
        * The thread is in `MessagesState.pending`, so a later sync reads the messages.
        * The stream `messages` is not selected, and the message backfill has not begun
          (`MessagesState.bookmark` is None). If `messages` is selected later, the backfill reads
          the messages.

    If the message backfill of this sync reads the thread's messages, `Backfill` records the thread
    after the messages.

    Args:
        context: The selected streams, the state, and the setting `lookback_seconds`.
    """

    def __init__(self, context: SyncContext) -> None:
        self._state, self._seen = context.state, context.seen
        self._with_messages = context.selection.messages
        self._seconds = context.settings.lookback_seconds
        self._bookmark: str | None = None
        """The bookmark from which `_start` was computed. None: there was no bookmark."""
        self._start = ""
        """The bookmark minus `lookback_seconds`. If the bookmark stays the same, the next increment
        starts here."""

    def note(self, row: Row, *, has_new_message: bool) -> Sequence[StateChange]:
        """Return the state change that records a thread, or nothing if the thread is not recorded.

        Args:
            row: The thread, which this sync emits now.
            has_new_message: Whether the increment has listed the thread with a new message. If so,
                and if `messages` is selected, this sync reads the thread's messages.
        """
        bookmark = self._state.bookmark
        if bookmark != self._bookmark:
            self._bookmark, self._start = bookmark, shift(bookmark or "", seconds=-self._seconds)
        moment = row[REPLICATION_KEY]
        is_recent = bookmark is not None and (moment or "") >= self._start
        if not (has_new_message or is_recent):
            return ()
        thread_id, messages = row["id"], self._state.messages
        record = StateChange(partial(self._state.recent.note, thread_id, moment))
        if (has_new_message and self._with_messages) or thread_id in messages.pending:
            return (record,)
        if messages.bookmark is not None:
            return ()
        is_in_lookback = is_recent and moment <= bookmark
        if self._with_messages:
            if is_in_lookback and len(self._seen.recent_without_messages) < MAX_RECENT:
                self._seen.recent_without_messages[thread_id] = moment
            return ()
        return (record,) if has_new_message or is_in_lookback else ()
