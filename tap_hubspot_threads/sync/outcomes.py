"""What becomes of a thread that was read: whether it goes out, and what is kept of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import HubSpotError
from tap_hubspot_threads.sync.open_threads import mark_of
from tap_hubspot_threads.sync.out import Out, ThreadId
from tap_hubspot_threads.sync.sweep import REPLICATION_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_hubspot_threads.contract import Row
    from tap_hubspot_threads.sync.kept import Kept
    from tap_hubspot_threads.sync.read import Read
    from tap_hubspot_threads.sync.reading import Got


class Outcomes:
    """Makes an `Out` of all that was read.

    Args:
        kept: What is changed behind each.
        read: What is noted at once.
        is_watched: Whether a thread is one to read again: changes that no message tells of go on
            in it.
        is_watching: Whether there are any such; else nothing is told deleted either.
        with_messages: Whether messages are read too.
    """

    def __init__(
        self,
        kept: Kept,
        read: Read,
        *,
        is_watched: Callable[[Row], bool],
        is_watching: bool,
        with_messages: bool = False,
    ) -> None:
        self._kept, self._read, self._is_watching = kept, read, is_watching
        self._is_watched, self._with_messages = is_watched, with_messages
        self._given = frozenset(thread_id for thread_id, _ in kept.open.ids())
        self._is_doubt_due = False
        """Whether a row is under way before which the state is doubted; the others come behind."""

    def of(self, results: Iterable[Got | Out]) -> Iterator[Out]:
        """Yield what becomes of each, in order."""
        for got in results:
            if isinstance(got, Out):
                yield got
            elif isinstance(got.found, HubSpotError):
                yield self._failure(got.asked, got.found)
            elif got.found is None:
                yield self._miss(got.asked, got.now)
            else:
                yield self.found(got.found, always=got.asked.always, has_news=got.asked.has_news)

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
            return self.found(row, always=always)
        return None

    def found(self, row: Row, *, always: bool = False, has_news: bool = False) -> Out:
        """Have a row go out, but one that is known to be the last one that did.

        Args:
            row: A thread.
            always: Whether it goes out even then.
            has_news: Whether its messages are to be read in any case.
        """
        thread_id, kept = row["id"], self._kept
        self._read.threads.unread.pop(thread_id, None)
        self._read.missing.pop(thread_id, None)
        is_known, is_watched = thread_id in kept.open, self._is_watched(row)
        if not (is_known or is_watched or thread_id in kept.failed or thread_id in kept.missed):
            return Out("threads", row, messages_of=self._messages_of(row, "", has_news=has_news))
        self._read.seen.add(thread_id)
        if thread_id in self._given:
            self._read.known_seen.add(thread_id)
        mark = mark_of(row)
        messages_of = self._messages_of(row, mark, has_news=has_news)
        then = partial(kept.settle, thread_id, mark if is_watched else None)
        if not always and kept.open.is_known(thread_id, mark):
            self._read.unchanged += 1
            return Out(then=then, messages_of=messages_of)
        first = kept.doubt if is_known and not self._is_doubt_due else None
        self._is_doubt_due |= first is not None
        return Out("threads", row, then, first, messages_of)

    def _messages_of(self, row: Row, mark: str, *, has_news: bool) -> ThreadId | None:
        """Return whose messages are to be read, if they are: what has changed since they were out.

        That its row goes out is no change. In a first listing a backfill is yet to come, which
        meets all that have a message.

        Args:
            row: The thread.
            mark: Its mark, if it is or was one to read again.
            has_news: Whether they are in any case.
        """
        if not self._with_messages:
            return None
        thread_id, kept = row["id"], self._kept
        if kept.bookmark is None:
            is_due = row[REPLICATION_KEY] is None
        elif thread_id in kept.open:
            is_due = not kept.open.is_settled(thread_id, mark)
        else:
            is_due = self._is_watched(row)
        if has_news or is_due or self._are_owed(thread_id):
            return ThreadId(thread_id, archived=row["archived"] is True)
        return None

    def _are_owed(self, thread_id: str) -> bool:
        return (
            thread_id in self._kept.messages.failed
            and thread_id not in self._read.messages_taken
            and not self._read.messages.is_suspect(thread_id)
        )

    def _miss(self, asked: ThreadId, now: str | None) -> Out:
        self._read.missed += 1
        self._read.missing[asked.id] = now
        self._read.threads.unread.pop(asked.id, None)
        look = now if self._is_watching else None
        then = partial(self._kept.note_missing, asked.id, look)
        if look is None and asked.id not in self._kept.failed:
            # It may have changed sides between the two requests, and no check is noted: once more.
            then = partial(self._kept.note_failure, asked.id, 0)
        return Out(then=self._owing(asked, then))

    def _failure(self, asked: ThreadId, error: HubSpotError) -> Out:
        """Keep a thread for the end of this sync and for the next one; count it once a sync."""
        syncs = self._read.threads.note(asked.id, error)
        if syncs is None:
            return Out()
        return Out(then=self._owing(asked, partial(self._kept.note_failure, asked.id, syncs)))

    def _owing(self, asked: ThreadId, then: Callable[[], None]) -> Callable[[], None]:
        """Have the messages of a thread that could not be read read by a later sync."""
        if not (self._with_messages and asked.has_news):
            return then

        def both() -> None:
            self._kept.messages.owe(asked.id)
            then()

        return both
