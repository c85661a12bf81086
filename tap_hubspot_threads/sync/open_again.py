"""Phase 3: reading open threads again, longest unread first, within a number of calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_hubspot_threads.sync.out import Out
from tap_hubspot_threads.sync.reading import ThreadId

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_hubspot_threads.sync.kept import Kept
    from tap_hubspot_threads.sync.read import Read
    from tap_hubspot_threads.sync.reading import Got

CALLS_PER_THREAD = 3
"""Calls that it takes at the most, retries apart, to read a thread or find that it is gone."""


class OpenAgain:
    """Which open threads a sync reads again.

    Args:
        kept: Has them.
        read: Has what this sync has read already; is told which live ones are read again.
        calls: As many as there are for it.
    """

    def __init__(self, kept: Kept, read: Read, *, calls: int) -> None:
        self._kept, self._read, self._left = kept, read, calls

    def batches(self) -> Iterator[list[ThreadId]]:
        """Yield what to read: as much as can be read in any case, until no calls are left."""
        done = self._read.taken | self._read.seen
        due = [item for item in self._kept.open.ids() if item[0] not in done]
        while due and self._left > 0:
            size = max(1, self._left // CALLS_PER_THREAD)
            batch, due = due[:size], due[size:]
            self._read.watched.update(thread_id for thread_id, archived in batch if not archived)
            yield [ThreadId(thread_id, archived) for thread_id, archived in batch]

    def count(self, results: Iterable[Got | Out]) -> Iterator[Got | Out]:
        """Hand results through; count their calls."""
        for got in results:
            if not isinstance(got, Out):
                self._left -= got.looks
            yield got
