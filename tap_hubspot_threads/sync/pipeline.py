"""What becomes of a thread that was read: whether it goes out, and what is kept of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from tap_hubspot_threads.errors import HubSpotError, NotFoundError, RefusedError, TransientError
from tap_hubspot_threads.models import Out, ThreadRef
from tap_hubspot_threads.sync.failures import CircuitBreaker
from tap_hubspot_threads.sync.phases.time_window import REPLICATION_KEY
from tap_hubspot_threads.sync.state.open_threads import mark_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_hubspot_threads.models import HubSpot, Row
    from tap_hubspot_threads.settings.settings import ThreadFilter
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.state.state import SyncState
    from tap_hubspot_threads.sync.stats import Read


MAX_CALLS_PER_THREAD = 2
"""Calls that it takes at the most, retries apart, to read a thread or find that it is missing."""


class ReadResult(NamedTuple):
    """What became of reading a thread."""

    asked: ThreadRef
    found: Row | HubSpotError | None
    """Its row; None where HubSpot has it on neither side; or why it cannot be read."""
    looks: int
    """How often it was looked for; each took a call, retries apart."""
    now: str | None = None
    """HubSpot's clock at the last look, where it was in vain and HubSpot tells."""


class Reader:
    """Reads threads by id.

    Args:
        hubspot: The account.
        workers: Who does it.
        read: Is told which threads were handed out.
        is_quarantined: Whether a thread has failed so often that it is tried once only, which then says
            nothing of HubSpot.
    """

    def __init__(
        self,
        hubspot: HubSpot,
        workers: WorkerPool,
        read: Read,
        *,
        is_quarantined: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._hubspot, self._workers = hubspot, workers
        self._read_so_far, self._is_suspect = read, is_quarantined
        self._streak = CircuitBreaker("threads")

    def read(
        self, ids: Iterable[ThreadRef | Out], *, are_quarantined: bool = False
    ) -> Iterator[ReadResult | Out]:
        """Yield what became of each thread, in the order of the ids.

        Args:
            ids: What to read. An `Out` among them is handed through, to its place.
            are_quarantined: Whether the ids have failed before, which then says nothing of HubSpot.

        Raises:
            HubSpotError: if `MAX_CONSECUTIVE_FAILURES` threads in a row could not be read.
        """
        self._streak.end()
        for got in self._workers.each(self._read, self._note_taken(ids)):
            yield got
            if isinstance(got, Out):
                continue
            if isinstance(got.found, HubSpotError):
                name = got.asked.id
                is_quarantined = are_quarantined or self._is_suspect(name)
                self._streak.note(name, got.found, is_quarantined=is_quarantined)
            else:
                self._streak.end()

    def _note_taken(self, ids: Iterable[ThreadRef | Out]) -> Iterator[ThreadRef | Out]:
        for item in ids:
            if isinstance(item, ThreadRef):
                self._read_so_far.taken.add(item.id)
            yield item

    def _read(self, item: ThreadRef | Out) -> ReadResult | Out:
        """Read a thread, on a worker."""
        if isinstance(item, Out):
            return item
        return fetch_thread(self._hubspot, item, once=self._is_suspect(item.id))


def fetch_thread(hubspot: HubSpot, thread: ThreadRef, *, once: bool = False) -> ReadResult:
    """Read a thread, on the side where it is thought to be, then on the other.

    Args:
        hubspot: The account.
        thread: The thread.
        once: Whether each call is tried once only.
    """
    now = None
    for looks, archived in enumerate((thread.archived, not thread.archived), start=1):
        try:
            row = hubspot.thread(thread.id, archived=archived, once=once)
        except NotFoundError as error:
            now = error.now
        except (TransientError, RefusedError) as error:
            return ReadResult(thread, error, looks)
        else:
            return ReadResult(thread, row, looks)
    return ReadResult(thread, None, MAX_CALLS_PER_THREAD, now)


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
        kept: SyncState,
        read: Read,
        *,
        is_tracked: Callable[[Row], bool],
        tracks_open_threads: bool,
        with_messages: bool = False,
    ) -> None:
        self._kept, self._read, self._is_watching = kept, read, tracks_open_threads
        self._is_tracked, self._with_messages = is_tracked, with_messages
        self._given = frozenset(thread_id for thread_id, _ in kept.open.ids())
        self._is_doubt_due = False
        """Whether a row is under way before which the state is doubted; the others come behind."""

    def of(self, results: Iterable[ReadResult | Out]) -> Iterator[Out]:
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
            return (
                Out(then=partial(self._kept.restart_grace_period, thread_id, now))
                if always
                else None
            )
        if thread_id in self._read.taken:
            return None
        if always or thread_id in self._kept.open or self._is_tracked(row):
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
        is_known, is_tracked = thread_id in kept.open, self._is_tracked(row)
        if not (is_known or is_tracked or thread_id in kept.failed or thread_id in kept.missed):
            return Out("threads", row, messages_of=self._messages_of(row, "", has_news=has_news))
        self._read.seen.add(thread_id)
        if thread_id in self._given:
            self._read.known_seen.add(thread_id)
        mark = mark_of(row)
        messages_of = self._messages_of(row, mark, has_news=has_news)
        then = partial(kept.settle, thread_id, mark if is_tracked else None)
        if not always and kept.open.is_known(thread_id, mark):
            self._read.unchanged += 1
            return Out(then=then, messages_of=messages_of)
        first = kept.mark_inexact if is_known and not self._is_doubt_due else None
        self._is_doubt_due |= first is not None
        return Out("threads", row, then, first, messages_of)

    def _messages_of(self, row: Row, mark: str, *, has_news: bool) -> ThreadRef | None:
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
            is_due = self._is_tracked(row)
        if has_news or is_due or self._are_owed(thread_id):
            return ThreadRef(thread_id, archived=row["archived"] is True)
        return None

    def _are_owed(self, thread_id: str) -> bool:
        return (
            thread_id in self._kept.messages.failed
            and thread_id not in self._read.messages_taken
            and not self._read.messages.is_quarantined(thread_id)
        )

    def _miss(self, asked: ThreadRef, now: str | None) -> Out:
        self._read.missed += 1
        self._read.missing[asked.id] = now
        self._read.threads.unread.pop(asked.id, None)
        look = now if self._is_watching else None
        then = partial(self._kept.note_not_found, asked.id, look)
        if look is None and asked.id not in self._kept.failed:
            # It may have changed sides between the two requests, and no check is noted: once more.
            then = partial(self._kept.note_failure, asked.id, 0)
        return Out(then=self._owing(asked, then))

    def _failure(self, asked: ThreadRef, error: HubSpotError) -> Out:
        """Keep a thread for the end of this sync and for the next one; count it once a sync."""
        syncs = self._read.threads.note(asked.id, error)
        if syncs is None:
            return Out()
        return Out(then=self._owing(asked, partial(self._kept.note_failure, asked.id, syncs)))

    def _owing(self, asked: ThreadRef, then: Callable[[], None]) -> Callable[[], None]:
        """Have the messages of a thread that could not be read read by a later sync."""
        if not (self._with_messages and asked.has_news):
            return then

        def both() -> None:
            self._kept.messages.add_pending(asked.id)
            then()

        return both


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
        kept: SyncState,
        read: Read,
        outcomes: Outcomes,
        *,
        wanted: ThreadFilter,
        is_indexed: bool,
        is_read: bool,
    ) -> None:
        self._kept, self._read, self._outcomes = kept, read, outcomes
        self._wanted, self._is_indexed, self._is_read = wanted, is_indexed, is_read

    def changed(self, row: Row) -> Iterator[ThreadRef | Out]:
        """Yield what there is to read of a thread that has a new message."""
        if self._wants(row):
            yield from self._entry(row)
            if self._is_read or row["id"] in self._kept.missed:
                yield ThreadRef(row["id"], archived=row["archived"] is True, has_news=True)
            else:
                yield self._outcomes.found(row, has_news=True)

    def ids(self, pages: Iterable[tuple[list[Row], str, Out]]) -> Iterator[ThreadRef | Out]:
        """Yield the threads of a listing of all, to be read by id, and what moves it on."""
        for rows, now, advance in pages:
            for row in rows:
                if row["id"] in self._kept.missed:
                    yield Out(then=partial(self._kept.restart_grace_period, row["id"], now))
                if self._wants(row):
                    yield from self._entry(row)
                    yield ThreadRef(row["id"], archived=row["archived"] is True, always=True)
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
