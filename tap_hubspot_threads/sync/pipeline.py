"""From references to threads, or from listed rows, to events."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from tap_hubspot_threads.errors import HubSpotError, NotFoundError, RefusedError, TransientError
from tap_hubspot_threads.models import (
    CHECKPOINT,
    REPLICATION_KEY,
    Event,
    ReadMessages,
    Record,
    StateChange,
    ThreadRef,
)
from tap_hubspot_threads.sync.context import CircuitBreaker
from tap_hubspot_threads.sync.state.open_threads import fingerprint_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_hubspot_threads.hubspot.api import HubSpotApi
    from tap_hubspot_threads.models import Row
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.context import SyncContext
    from tap_hubspot_threads.sync.state.state import SyncState

MAX_CALLS_PER_THREAD = 2
"""Calls to read a thread, or to find that there is none, retries apart."""


class ReadResult(NamedTuple):
    """What came of reading a thread by ID."""

    ref: ThreadRef
    outcome: Row | HubSpotError | None
    """Its row; None if it was not found; or why it could not be read."""
    calls: int
    """Calls, retries apart."""
    now: str | None = None
    """The `Date` of the last 404, if it was not found and HubSpot sent one."""


class ListedPage(NamedTuple):
    """A page of a listing of all threads."""

    rows: list[Row]
    now: str
    """HubSpot's clock at the page."""
    advance: StateChange
    """Moves the listing behind the page."""


class ChildStream(Protocol):
    """Inserts child records, such as messages, after their parent records.

    Reading may be ahead of the output, but not beyond the end of the events: when they end, nothing
    is under way.
    """

    def __call__(self, events: Iterable[Event], /) -> Iterator[Event]:
        """Yield the same events in their order, and child records among them."""


class ThreadPipeline:
    """Reads threads by ID, decides what is emitted and what the state keeps, and adds children.

    Args:
        api: The account.
        pool: Reads it.
        context: What is known, and noted.
        children: The selected child streams, in the order in which they follow a thread.
    """

    def __init__(
        self,
        api: HubSpotApi,
        pool: WorkerPool,
        context: SyncContext,
        children: Sequence[ChildStream] = (),
    ) -> None:
        self._api, self._pool, self._children = api, pool, children
        self._context, self._selection = context, context.selection
        self._seen, self._stats, self._failures = context.seen, context.stats, context.failures
        self._breaker = CircuitBreaker("threads")
        self._is_marked_inexact = False
        self.calls = 0
        """Calls for reading threads by ID so far, retries apart."""
        self.found = 0
        """Threads that were read by ID so far."""

    @property
    def _state(self) -> SyncState:
        return self._context.state

    @cached_property
    def _initially_open(self) -> frozenset[str]:
        """The open threads of the given state."""
        return frozenset(thread_id for thread_id, _ in self._state.open.ids())

    def by_id(
        self, refs: Iterable[ThreadRef | Event], *, are_quarantined: bool = False
    ) -> Iterator[Event]:
        """Read threads by ID, and yield what follows from each, in the order of the references.

        Args:
            refs: What to read. An event among them keeps its place.
            are_quarantined: Whether they have failed in earlier syncs, so that a failure shows
                nothing of HubSpot.

        Raises:
            HubSpotError: if `MAX_CONSECUTIVE_FAILURES` threads in a row could not be read.
        """
        return self.with_children(self._events(self.read(refs, are_quarantined=are_quarantined)))

    def listed(self, pages: Iterable[ListedPage]) -> Iterator[Event]:
        """Yield what follows from a listing of all threads: every thread in scope is emitted.

        The threads are read by ID if the settings say so, else their rows are taken as they are.
        """
        items = (item for page in pages for item in self._listed_page(page))
        if self._fetches_listed:
            return self.by_id(items)
        return self.with_children(cast("Iterator[Event]", items))  # no reference is among them

    def changed(self, row: Row) -> Iterator[ThreadRef | Event]:
        """Yield what there is to read of a listed thread that has a new message.

        If only its messages are selected, its row is taken as it is: no call for a record that is
        not emitted.
        """
        if self._is_in_scope(row):
            yield from self._index_entry(row)
            if self._selection.threads or row["id"] in self._state.not_found:
                yield ThreadRef(row["id"], archived=row["archived"] is True, has_new_message=True)
            else:
                yield from self.emit(row, has_new_message=True)

    def checked(self, rows: Iterable[Row]) -> Iterator[Event]:
        """Yield what follows from listed rows for the known open threads and new ones."""
        for row in rows:
            thread_id = row["id"]
            if thread_id in self._state.not_found or thread_id in self._seen.fetched:
                continue
            if thread_id in self._state.open or self._context.is_tracked(row):
                yield from self.emit(row)

    def with_children(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield the events, with the messages and actors that belong to them."""
        for insert in self._children:
            events = insert(events)
        return iter(events)

    def read(
        self, refs: Iterable[ThreadRef | Event], *, are_quarantined: bool = False
    ) -> Iterator[ReadResult | Event]:
        """Read threads by ID; yield the results in their order. See `by_id`."""
        self._breaker.reset()
        for result in self._pool.map_ordered(self._read, self._note_fetched(refs)):
            yield result
            if not isinstance(result, ReadResult):
                continue
            self.calls += result.calls
            self.found += isinstance(result.outcome, dict)
            if isinstance(result.outcome, HubSpotError):
                id_ = result.ref.id
                is_quarantined = are_quarantined or self._failures.threads.is_quarantined(id_)
                self._breaker.note(id_, result.outcome, is_quarantined=is_quarantined)
            else:
                self._breaker.reset()

    def emit(
        self, row: Row, *, always: bool = False, has_new_message: bool = False
    ) -> Iterator[Event]:
        """Yield the record of a thread, unless it is the last one that was emitted, and the rest.

        Args:
            row: The thread.
            always: Whether it is emitted even then.
            has_new_message: Whether its messages are read in any case.
        """
        thread_id, state = row["id"], self._state
        self._failures.threads.errors.pop(thread_id, None)
        self._seen.not_found_at.pop(thread_id, None)
        is_known, is_tracked = thread_id in state.open, self._context.is_tracked(row)
        if not (
            is_known or is_tracked or thread_id in state.failed or thread_id in state.not_found
        ):
            yield Record("threads", row)
            yield from self._messages_of(row, "", has_new_message=has_new_message)
            return
        self._seen.tracked.add(thread_id)
        if thread_id in self._initially_open:
            self._seen.known_open.add(thread_id)
        fingerprint = fingerprint_of(row)
        messages = self._messages_of(row, fingerprint, has_new_message=has_new_message)
        if always or not state.open.is_last_emitted(thread_id, fingerprint):
            if is_known and not self._is_marked_inexact:
                self._is_marked_inexact = True
                yield StateChange(state.mark_inexact, save_now=True)
            yield Record("threads", row)
        else:
            self._stats.unchanged += 1
        yield from messages
        yield StateChange(partial(state.settle, thread_id, fingerprint if is_tracked else None))

    # References to results

    def _note_fetched(self, refs: Iterable[ThreadRef | Event]) -> Iterator[ThreadRef | Event]:
        for item in refs:
            if isinstance(item, ThreadRef):
                self._seen.fetched.add(item.id)
            yield item

    def _read(self, item: ThreadRef | Event) -> ReadResult | Event:
        """Read a thread, on a worker."""
        if isinstance(item, ThreadRef):
            once = self._failures.threads.is_quarantined(item.id)
            return fetch_thread(self._api, item, once=once)
        return item

    # Results to events

    def _events(self, results: Iterable[ReadResult | Event]) -> Iterator[Event]:
        for result in results:
            if not isinstance(result, ReadResult):
                yield result
            elif isinstance(result.outcome, HubSpotError):
                yield self._failed(result.ref, result.outcome)
            elif result.outcome is None:
                yield self._not_found(result.ref, result.now)
            else:
                ref = result.ref
                yield from self.emit(
                    result.outcome, always=ref.always_emit, has_new_message=ref.has_new_message
                )

    def _not_found(self, ref: ThreadRef, now: str | None) -> StateChange:
        self._stats.not_found += 1
        self._seen.not_found_at[ref.id] = now
        self._failures.threads.errors.pop(ref.id, None)
        check = now if self._context.tracks_open_threads else None
        change = partial(self._state.note_not_found, ref.id, check)
        if check is None and ref.id not in self._state.failed:
            # It may have changed sides between the two requests, and no check is noted: once more.
            change = partial(self._state.note_failure, ref.id, 0)
        return StateChange(self._pending_messages(ref, change))

    def _failed(self, ref: ThreadRef, error: HubSpotError) -> StateChange:
        """Keep a thread for the end of this sync and for the next one; count it once per sync."""
        syncs = self._failures.threads.note(ref.id, error)
        if syncs is None:
            return CHECKPOINT
        change = partial(self._state.note_failure, ref.id, syncs)
        return StateChange(self._pending_messages(ref, change))

    def _pending_messages(self, ref: ThreadRef, change: Callable[[], None]) -> Callable[[], None]:
        """Have a later sync read the messages of a thread that could not be read."""
        if not (self._selection.messages and ref.has_new_message):
            return change

        def both() -> None:
            self._state.messages.add_pending(ref.id)
            change()

        return both

    def _messages_of(
        self, row: Row, fingerprint: str, *, has_new_message: bool
    ) -> Sequence[ReadMessages]:
        """Return whose messages are read: the thread's, if it has changed since they were emitted.

        That its record is emitted is no change. During a first listing all of them are left to the
        backfill, which comes to every thread that has a message.

        Args:
            row: The thread.
            fingerprint: Its fingerprint, if it is or was tracked.
            has_new_message: Whether they are read in any case.
        """
        if not self._selection.messages:
            return ()
        thread_id, state = row["id"], self._state
        if state.bookmark is None:
            is_due = row[REPLICATION_KEY] is None
        elif thread_id in state.open:
            is_due = not state.open.has_fingerprint(thread_id, fingerprint)
        else:
            is_due = self._context.is_tracked(row)
        if has_new_message or is_due or self._are_pending(thread_id):
            return (ReadMessages(ThreadRef(thread_id, archived=row["archived"] is True)),)
        return ()

    def _are_pending(self, thread_id: str) -> bool:
        return (
            thread_id in self._state.messages.pending
            and thread_id not in self._seen.with_messages
            and not self._failures.messages.is_quarantined(thread_id)
        )

    # Listed rows to references and events

    @property
    def _fetches_listed(self) -> bool:
        return self._context.settings.always_fetch_by_id and self._state.listing.emits_rows

    def _listed_page(self, page: ListedPage) -> Iterator[ThreadRef | Event]:
        """Yield what follows from a page; see `listed`.

        A row of a listing may come from an index that lags. So it is not emitted over a reading by
        ID of this sync, nor if the thread was not found; but it shows that the thread was there
        after that check.
        """
        fetches_listed = self._fetches_listed
        for row in page.rows:
            thread_id = row["id"]
            is_not_found = thread_id in self._state.not_found
            if is_not_found:
                restart = partial(self._state.restart_grace_period, thread_id, page.now)
                yield StateChange(restart)
            if not self._is_in_scope(row):
                continue
            if fetches_listed:
                yield from self._index_entry(row)
                yield ThreadRef(thread_id, archived=row["archived"] is True, always_emit=True)
            elif not is_not_found:
                yield from self._index_entry(row)
                if thread_id not in self._seen.fetched:
                    yield from self.emit(row, always=True)
        yield page.advance

    def _index_entry(self, row: Row) -> Iterator[Record]:
        if self._selection.thread_index:
            yield Record("thread_index", row)

    def _is_in_scope(self, row: Row) -> bool:
        threads = self._context.settings.threads
        if threads.matches(row):
            return True
        has_inbox = threads.has_inbox(row)
        self._stats.other_inbox += not has_inbox
        self._stats.before_start_date += has_inbox
        return False


def fetch_thread(api: HubSpotApi, ref: ThreadRef, *, once: bool = False) -> ReadResult:
    """Read a thread, from the list in which it is thought to be, then from the other.

    Args:
        api: The account.
        ref: The thread.
        once: Whether each call is attempted once only.
    """
    now = None
    for calls, archived in enumerate((ref.archived, not ref.archived), start=1):
        try:
            row = api.get_thread(ref.id, archived=archived, once=once)
        except NotFoundError as error:
            now = error.now
        except (TransientError, RefusedError) as error:
            return ReadResult(ref, error, calls)
        else:
            return ReadResult(ref, row, calls)
    return ReadResult(ref, None, MAX_CALLS_PER_THREAD, now)
