"""What a listing has found: which of it is wanted, what is read by id, what goes out as it is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.sync.out import Out, ThreadId

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_hubspot_threads.contract import Row
    from tap_hubspot_threads.sync.kept import Kept
    from tap_hubspot_threads.sync.outcomes import Outcomes
    from tap_hubspot_threads.sync.read import Read
    from tap_hubspot_threads.sync.wanted import Wanted


class Finding:
    """Says what becomes of the rows of a listing.

    Args:
        kept: Says which threads are missed.
        read: Is told what is not wanted.
        outcomes: Says what becomes of a row that is taken as it is.
        wanted: Which threads are wanted.
        is_indexed: Whether what was found goes out as `thread_index` too.
        is_read: Whether a thread with a new message is read by id, rather than taken as listed:
            where its row does not go out, no call is paid for it.
    """

    def __init__(
        self,
        kept: Kept,
        read: Read,
        outcomes: Outcomes,
        *,
        wanted: Wanted,
        is_indexed: bool,
        is_read: bool,
    ) -> None:
        self._kept, self._read, self._outcomes = kept, read, outcomes
        self._wanted, self._is_indexed, self._is_read = wanted, is_indexed, is_read

    def changed(self, row: Row) -> Iterator[ThreadId | Out]:
        """Yield what there is to read of a thread that has a new message."""
        if self._wants(row):
            yield from self._entry(row)
            if self._is_read or row["id"] in self._kept.missed:
                yield ThreadId(row["id"], archived=row["archived"] is True, has_news=True)
            else:
                yield self._outcomes.found(row, has_news=True)

    def ids(self, pages: Iterable[tuple[list[Row], str, Out]]) -> Iterator[ThreadId | Out]:
        """Yield the threads of a listing of all, to be read by id, and what moves it on."""
        for rows, now, advance in pages:
            for row in rows:
                if row["id"] in self._kept.missed:
                    yield Out(then=partial(self._kept.miss_anew, row["id"], now))
                if self._wants(row):
                    yield from self._entry(row)
                    yield ThreadId(row["id"], archived=row["archived"] is True, always=True)
            yield advance

    def rows(self, pages: Iterable[tuple[list[Row], str, Out]]) -> Iterator[Out]:
        """Yield the threads of a listing of all as it has them, and what moves it on."""
        for rows, now, advance in pages:
            for row in rows:
                is_missed = row["id"] in self._kept.missed
                if not (self._wants(row) or is_missed):
                    continue
                if not is_missed:
                    yield from self._entry(row)
                out = self._outcomes.listed(row, now, always=True)
                if out is not None:
                    yield out
            yield advance

    def _entry(self, row: Row) -> Iterator[Out]:
        if self._is_indexed:
            yield Out("thread_index", row)

    def _wants(self, row: Row) -> bool:
        if self._wanted.wants(row):
            return True
        is_of_inbox = self._wanted.has_inbox(row)
        self._read.other_inbox += not is_of_inbox
        self._read.before_start += is_of_inbox
        return False
