"""Decides which emitted threads the lookback of the next increment may skip."""

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
    """Records the emitted threads that the next lookback may skip.

    The lookback may skip a thread if the thread's messages are emitted with it, are pending, or
    were never selected. If the backfill reads the messages later in this sync, the backfill records
    the thread instead.

    Args:
        context: The bookmarks, the recent threads, and the setting `lookback_seconds`.
    """

    def __init__(self, context: SyncContext) -> None:
        self._state, self._seen = context.state, context.seen
        self._with_messages = context.selection.messages
        self._seconds = context.settings.lookback_seconds
        self._bookmark: str | None = None
        """The bookmark from which `_start` was computed."""
        self._start = ""
        """The start of the next lookback, if the bookmark does not move again."""

    def note(self, row: Row, *, has_new_message: bool) -> Sequence[StateChange]:
        """Return the state change that records a thread, if the next lookback may skip the thread.

        Args:
            row: The thread, which is emitted now.
            has_new_message: Whether the messages are read even if the record has not changed.
        """
        bookmark = self._state.bookmark
        if bookmark != self._bookmark:
            self._bookmark, self._start = bookmark, shift(bookmark or "", seconds=-self._seconds)
        moment = row[REPLICATION_KEY]
        is_shown = bookmark is not None and (moment or "") >= self._start
        if not (has_new_message or is_shown):
            return ()
        thread_id, messages = row["id"], self._state.messages
        record = StateChange(partial(self._state.recent.note, thread_id, moment))
        if (has_new_message and self._with_messages) or thread_id in messages.pending:
            return (record,)
        if messages.bookmark is not None:
            return ()
        is_settled = is_shown and moment <= bookmark
        if self._with_messages:
            if is_settled and len(self._seen.listed_recently) < MAX_RECENT:
                self._seen.listed_recently[thread_id] = moment
            return ()
        return (record,) if has_new_message or is_settled else ()
