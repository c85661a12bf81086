"""What becomes of a thread that was read: whether it goes out, and what is kept of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.contract import HubSpotError
from tap_hubspot_threads.sync.open_threads import mark_of
from tap_hubspot_threads.sync.out import Out

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Iterator

    from tap_hubspot_threads.contract import Row
    from tap_hubspot_threads.sync.kept import Kept
    from tap_hubspot_threads.sync.read import Read
    from tap_hubspot_threads.sync.reading import Got

FAILING_SYNCS = 3
"""From so many syncs in a row on, a thread that cannot be read is a warning and no error."""


class Outcomes:
    """Makes an `Out` of all that was read.

    Args:
        kept: What is changed behind each.
        read: What is noted at once.
        is_watched: Whether a thread is one to read again: changes that no message tells of go on
            in it.
        is_watching: Whether there are any such; else nothing is told deleted either.
        log: Is told of threads that fail for long.
    """

    def __init__(
        self,
        kept: Kept,
        read: Read,
        *,
        is_watched: Callable[[Row], bool],
        is_watching: bool,
        log: logging.Logger,
    ) -> None:
        self._kept, self._read, self._is_watching = kept, read, is_watching
        self._is_watched, self._log = is_watched, log
        self._given = frozenset(thread_id for thread_id, _ in kept.open.ids())

    def of(self, results: Iterable[Got | Out]) -> Iterator[Out]:
        """Yield what becomes of each, in order."""
        for got in results:
            if isinstance(got, Out):
                yield got
            elif isinstance(got.found, HubSpotError):
                yield self._failure(got.asked.id, got.found)
            elif got.found is None:
                yield self._miss(got.asked.id, got.now)
            else:
                yield self._row(got.found, always=got.asked.always)

    def listed(self, row: Row, now: str, *, always: bool) -> Out | None:
        """Return what becomes of a row of a listing, which may be of an index that lags.

        It never goes out over a reading by id of this sync. Nor does that of a missed thread, which
        is read by id first: but it shows that it was there after the look that missed it.

        Args:
            row: A thread as the listing has it.
            now: HubSpot's clock then.
            always: Whether it goes out even if it is known, or nobody watches it. The listing is
                one of all threads then.
        """
        thread_id = row["id"]
        if thread_id in self._kept.missed:
            return Out(then=partial(self._kept.miss_anew, thread_id, now)) if always else None
        if thread_id in self._read.taken:
            return None
        if always or thread_id in self._kept.open or self._is_watched(row):
            return self._row(row, always=always)
        return None

    def _row(self, row: Row, *, always: bool) -> Out:
        """Have a row go out, but one that is known to be the last one that did."""
        thread_id, kept = row["id"], self._kept
        self._read.missing.pop(thread_id, None)
        self._read.unread.pop(thread_id, None)
        is_known, is_watched = thread_id in kept.open, self._is_watched(row)
        if not (is_known or is_watched or thread_id in kept.failed or thread_id in kept.missed):
            return Out("threads", row)
        self._read.seen.add(thread_id)
        if thread_id in self._given:
            self._read.known_seen.add(thread_id)
        mark = mark_of(row)
        then = partial(kept.settle, thread_id, mark if is_watched else None)
        if not always and kept.open.is_known(thread_id, mark):
            self._read.unchanged += 1
            return Out(then=then)
        return Out("threads", row, then, kept.doubt if is_known and kept.is_exact else None)

    def _miss(self, thread_id: str, now: str | None) -> Out:
        self._read.missed += 1
        self._read.missing[thread_id] = now
        self._read.unread.pop(thread_id, None)
        look = now if self._is_watching else None
        return Out(then=partial(self._kept.note_missing, thread_id, look))

    def _failure(self, thread_id: str, error: HubSpotError) -> Out:
        """Keep a thread for the end of this sync and for the next one; count it once a sync."""
        if thread_id in self._read.failed:
            return Out()
        self._read.failed.add(thread_id)
        syncs = self._kept.failed.get(thread_id, 0) + 1
        if syncs < FAILING_SYNCS:
            self._read.unread[thread_id] = error
        else:
            message = "Thread %s could not be read for %d syncs in a row, and is tried again: %s"
            self._log.warning(message, thread_id, syncs, error)
        return Out(then=partial(self._kept.note_failure, thread_id, syncs))
