"""The recently emitted threads, which the next increment need not read again.

The increment starts `lookback_seconds` before the bookmark. The period from this start to the
bookmark is the *lookback*. Earlier syncs have already emitted most threads whose latest-message
time is in the lookback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_RECENT = 2_000
"""Maximum threads to remember. Beyond this number, the least recently recorded thread is forgotten.
If the increment lists a forgotten thread, the tap reads the thread again, which costs an API call.
"""


class RecentThreads:
    """The recently emitted threads, and the ID after which the next increment lists new threads.

    Args:
        state: The state's entry of `threads`, with the keys of `to_dict`. Empty: a first sync.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._times: dict[str, str | None] = dict(state.get("recent_threads", ()))
        """For each thread ID: the latest-message time in the thread's last emitted record. None:
        the thread has no message. The most recently recorded thread is at the end."""
        self._newest: list[tuple[str, int]] = [
            (now, int(thread_id)) for now, thread_id in state.get("newest_ids", ())
        ]
        """At most two pairs, the older one first. A pair is the start time of an increment or full
        listing, and the highest thread ID that was listed. The first pair is in use (`newest_id`).
        When the second pair's time is before the lookback, the second pair replaces the first."""

    def to_dict(self) -> dict[str, Any]:
        """Return the keys for the state."""
        return {
            "recent_threads": [list(item) for item in self._times.items()],
            "newest_ids": [[now, str(thread_id)] for now, thread_id in self._newest],
        }

    @property
    def newest_id(self) -> int | None:
        """The ID after which the increment lists new threads; None if unknown.

        This is the highest ID listed by an increment that started before the lookback. Shortly
        after the first full listing, this is the highest ID of that listing.
        """
        return self._newest[0][1] if self._newest else None

    def is_last_emitted(self, thread_id: str, moment: str | None) -> bool:
        """Whether a thread's last emitted record has this latest-message time."""
        return thread_id in self._times and self._times[thread_id] == moment

    def has_later(self, thread_id: str, moment: str | None) -> bool:
        """Whether a thread's last emitted record has a later latest-message time than `moment`."""
        return (self._times.get(thread_id) or "") > (moment or "")

    def note(self, thread_id: str, moment: str | None) -> None:
        """Record that a thread was emitted with this latest-message time.

        Call this method only if the thread's messages are emitted, are in `MessagesState.pending`,
        or were never selected. The next increment then need not read these messages.
        """
        self._times.pop(thread_id, None)
        self._times[thread_id] = moment
        if len(self._times) > MAX_RECENT:
            del self._times[next(iter(self._times))]

    def note_newest(self, now: str, thread_id: int | None, *, since: str) -> None:
        """Record the highest ID listed, and forget the threads that are no longer needed.

        A thread is needed if the next increment can list the thread again. If the time of a pair in
        `_newest` is in the lookback, the new ID is not recorded.

        Args:
            now: HubSpot's time at the start of the increment or full listing.
            thread_id: The highest ID that was listed. None: unknown, for example because cursors
                are not keys.
            since: The start of the lookback. After a full listing: empty.
        """
        if thread_id is None:
            self._newest = []
        else:
            earlier = [entry for entry in self._newest if entry[0] <= since][-1:]
            later = [entry for entry in self._newest if entry[0] > since][:1]
            self._newest = [*earlier, *(later or [(now, thread_id)])]
        above = self.newest_id
        self._times = {
            name: moment
            for name, moment in self._times.items()
            if (moment or "") >= since or (above is not None and int(name) > above)
        }

    def clear(self) -> None:
        """Forget all threads and IDs."""
        self._times, self._newest = {}, []
