"""The threads that the increment's lookback need not read again; see `SyncState`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_RECENT = 2_000
"""Maximum threads to remember. A forgotten thread costs an API call if the lookback shows it."""


class RecentThreads:
    """What was last emitted for recent threads, and the highest ID listed.

    Args:
        state: The result of `to_dict`.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._times: dict[str, str | None] = dict(state.get("recent_threads", ()))
        """For each thread ID, the time of the latest message in the record last emitted; oldest
        emission first."""
        self._newest: list[tuple[str, int]] = [
            (now, int(thread_id)) for now, thread_id in state.get("newest_ids", ())
        ]
        """At most two entries, earlier one first: a time, and the highest ID listed then."""

    def to_dict(self) -> dict[str, Any]:
        """Return the keys for the state."""
        return {
            "recent_threads": [list(item) for item in self._times.items()],
            "newest_ids": [[now, str(thread_id)] for now, thread_id in self._newest],
        }

    @property
    def newest_id(self) -> int | None:
        """The highest ID listed by the time at which the lookback starts; None if unknown.

        Until the lookback starts after the first sync, it is the highest ID that the first sync
        listed.
        """
        return self._newest[0][1] if self._newest else None

    def is_last_emitted(self, thread_id: str, moment: str | None) -> bool:
        """Whether a thread was last emitted with this time of its latest message."""
        return thread_id in self._times and self._times[thread_id] == moment

    def has_later(self, thread_id: str, moment: str | None) -> bool:
        """Whether a thread was last emitted with a later time of its latest message."""
        return (self._times.get(thread_id) or "") > (moment or "")

    def note(self, thread_id: str, moment: str | None) -> None:
        """Record that a thread was emitted.

        Its messages were emitted with it or by the backfill, are pending, or were never selected.
        """
        self._times.pop(thread_id, None)
        self._times[thread_id] = moment
        if len(self._times) > MAX_RECENT:
            del self._times[next(iter(self._times))]

    def note_newest(self, now: str, thread_id: int | None, *, since: str) -> None:
        """Record the highest ID listed, and forget the threads that the lookback no longer shows.

        Args:
            now: HubSpot's clock when the ID was listed.
            thread_id: The highest ID. None: unknown, because cursors are not keys.
            since: The start of the lookback.
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
        """Forget everything."""
        self._times, self._newest = {}, []
