"""Turns references and listed rows into events.

A *reference* (`ThreadRef`) names a thread to read by ID. A *listed row* is the row of a thread in a
page of a list.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from tap_hubspot_threads.errors import HubSpotError
from tap_hubspot_threads.models import (
    REPLICATION_KEY,
    Event,
    ReadMessages,
    Record,
    StateChange,
    ThreadRef,
)
from tap_hubspot_threads.sync.context import CircuitBreaker
from tap_hubspot_threads.sync.fetch_thread import ReadResult, fetch_thread
from tap_hubspot_threads.sync.lookback import Lookback
from tap_hubspot_threads.sync.state.open_threads import fingerprint_of
from tap_hubspot_threads.values import shift

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_hubspot_threads.hubspot.api import HubSpotApi
    from tap_hubspot_threads.models import Row
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.context import SyncContext
    from tap_hubspot_threads.sync.state.sync_state import SyncState


class ListedPage(NamedTuple):
    """A page of a full listing."""

    rows: Iterable[Row]
    now: str
    """HubSpot's time at the response, such as `2026-01-31T09:00:00.000Z`."""
    advance: StateChange
    """Records in the state that this page was read."""
    failing: ThreadRef | None = None
    """The thread after this page, if HubSpot cannot list this thread. The thread is then read by
    ID. None: there is no such thread."""


class ChildStream(Protocol):
    """Inserts the records of a child stream, such as `messages`, after the records of threads.

    A child stream can read ahead: for example, it can request messages before earlier records are
    written.
    """

    def __call__(self, events: Iterable[Event], /) -> Iterator[Event]:
        """Yield the events, with the records of the child stream inserted.

        The records of `events` stay in their order. A state change with `save_now` keeps its place
        between the records. The other state changes stay in their order, but can be yielded after
        records that follow them in `events`. When the returned iterator ends, no request of the
        child stream is running.
        """


class ThreadPipeline:
    """Reads threads by ID, and decides which records and state changes to yield for each thread.

    Args:
        api: The HubSpot API.
        pool: Runs the API calls on worker threads.
        context: The state, and what this sync has seen, counted and failed to read.
        children: The selected child streams, in the order in which events pass through them.
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
        self._lookback = Lookback(context)
        self.calls = 0
        """Number of API calls so far for reading threads by ID, not counting retries."""
        self.found = 0
        """Number of threads so far that were read by ID."""

    @property
    def _state(self) -> SyncState:
        return self._context.state

    def by_id(
        self, refs: Iterable[ThreadRef | Event], *, have_failed: bool = False
    ) -> Iterator[Event]:
        """Read threads by ID, and yield the resulting events in the order of the references.

        Args:
            refs: The threads to read. Events between the references are yielded unchanged, in
                order.
            have_failed: Whether earlier syncs could not read these threads. If so, failures
                do not count towards `MAX_CONSECUTIVE_FAILURES`.

        Raises:
            HubSpotError: if several failures in a row look like an outage (`CircuitBreaker`), or if
                an error of the API ends the sync.
        """
        return self.with_children(self._events(self.read(refs, have_failed=have_failed)))

    def listed(self, pages: Iterable[ListedPage | StateChange]) -> Iterator[Event]:
        """Yield the events of the pages of a full listing.

        `_listed_page` describes the events of one page.
        """
        items = (
            item
            for page in pages
            for item in (self._listed_page(page) if isinstance(page, ListedPage) else (page,))
        )
        if self._fetches_listed:
            return self.by_id(items)
        return self.with_children(cast("Iterator[Event]", items))  # here, all items are events

    def changed(self, row: Row) -> Iterator[ThreadRef | Event]:
        """If a listed thread has a new message, yield a reference or the events for the thread.

        If `RecentThreads` has the thread with the row's latest-message time, the thread has no new
        message. Exception: if `messages` is selected and the message backfill is unfinished, each
        listed thread counts as having a new message.

        The thread is read by ID if `threads` is selected, or if the thread is in the state's
        `not_found`. In all other cases, the listed row is used, which saves an API call.

        Nothing is yielded for a thread outside `inbox_ids` or older than `start_date`.
        """
        is_known = self._state.recent.is_last_emitted(row["id"], row[REPLICATION_KEY])
        needs_messages = self._selection.messages and self._state.messages.needs_backfill
        if (needs_messages or not is_known) and self._is_in_scope(row):
            yield from self._index_entry(row)
            if self._selection.threads or row["id"] in self._state.not_found:
                yield ThreadRef(row["id"], archived=row["archived"] is True, has_new_message=True)
            else:
                yield from self.emit(row, has_new_message=True)

    def checked(self, rows: Iterable[Row]) -> Iterator[Event]:
        """Yield the events of listed rows whose threads are open in the state or tracked.

        A thread is skipped if the thread is in the state's `not_found`, or if this sync has read
        the thread by ID.
        """
        for row in rows:
            thread_id = row["id"]
            if thread_id in self._state.not_found or thread_id in self._seen.fetched:
                continue
            if thread_id in self._state.open or self._context.is_tracked(row):
                yield from self.emit(row)

    def with_children(self, events: Iterable[Event]) -> Iterator[Event]:
        """Return the events with the records of the child streams inserted."""
        for insert in self._children:
            events = insert(events)
        return iter(events)

    def read(
        self, refs: Iterable[ThreadRef | Event], *, have_failed: bool = False
    ) -> Iterator[ReadResult | Event]:
        """Read threads by ID, and yield the results in the order of the references.

        `by_id` describes the arguments, the events between the references, and the errors.
        """
        self._breaker.reset()
        for result in self._pool.map_ordered(self._read, self._note_fetched(refs)):
            yield result
            if not isinstance(result, ReadResult):
                continue
            self.calls += result.calls
            self.found += isinstance(result.outcome, dict)
            if isinstance(result.outcome, HubSpotError):
                id_ = result.ref.id
                is_quarantined = have_failed or self._failures.threads.is_quarantined(id_)
                self._breaker.note(id_, result.outcome, is_quarantined=is_quarantined)
            else:
                self._breaker.reset()

    def emit(
        self, row: Row, *, always: bool = False, has_new_message: bool = False
    ) -> Iterator[Event]:
        """Yield a thread's record, the request for the thread's messages, and the state changes.

        The record is omitted if the thread is open in the state, and the row has not changed since
        the last emitted record. `_messages_of` decides whether to request the messages.

        Args:
            row: The thread.
            always: Whether to yield the record even if the row has not changed.
            has_new_message: Whether to request the messages even if the row has not changed.
        """
        self._failures.threads.note_success(row["id"])
        self._seen.not_found_at.pop(row["id"], None)
        is_tracked = self._context.is_tracked(row)
        if is_tracked or self._is_in_state(row["id"]):
            yield from self._emit_kept(
                row, is_tracked=is_tracked, always=always, has_new_message=has_new_message
            )
        else:
            yield Record("threads", row)
            yield from self._messages_of(row, "", has_new_message=has_new_message)
        yield from self._lookback.note(row, has_new_message=has_new_message)

    def _emit_kept(
        self, row: Row, *, is_tracked: bool, always: bool, has_new_message: bool
    ) -> Iterator[Event]:
        """Do the work of `emit` for a thread that is in the state or tracked."""
        thread_id, state = row["id"], self._state
        is_first_read = thread_id in self._seen.unseen_open
        self._seen.unseen_open.discard(thread_id)
        fingerprint = fingerprint_of(row)
        messages = self._messages_of(row, fingerprint, has_new_message=has_new_message)
        if always or not state.open.is_last_emitted(thread_id, fingerprint):
            if thread_id in state.open and not self._is_marked_inexact:
                self._is_marked_inexact = True
                yield StateChange(state.mark_inexact, save_now=True)
            yield Record("threads", row)
        else:
            self._stats.unchanged += is_first_read
        yield from messages
        yield StateChange(partial(state.settle, thread_id, fingerprint if is_tracked else None))

    # Turn references into results

    def _note_fetched(self, refs: Iterable[ThreadRef | Event]) -> Iterator[ThreadRef | Event]:
        """Yield the references and events. Record the references in `SeenThreads.fetched`.

        To save memory, a thread that a full listing reads by ID (`always_emit`) is recorded only if
        it is in the state. Later phases of the sync do not need the other threads.
        """
        for item in refs:
            if isinstance(item, ThreadRef) and (not item.always_emit or self._is_in_state(item.id)):
                self._seen.fetched.add(item.id)
            yield item

    def _is_in_state(self, thread_id: str) -> bool:
        """Whether the state has a thread as open, as failed or as not found."""
        state = self._state
        return thread_id in state.open or thread_id in state.failed or thread_id in state.not_found

    def _read(self, item: ThreadRef | Event) -> ReadResult | Event:
        """Return the result of reading a thread, or an event unchanged.

        Called on a worker thread.
        """
        if isinstance(item, ThreadRef):
            once = self._failures.threads.is_quarantined(item.id)
            return fetch_thread(self._api, item, once=once)
        return item

    # Turn results into events

    def _events(self, results: Iterable[ReadResult | Event]) -> Iterator[Event]:
        for result in results:
            if not isinstance(result, ReadResult):
                yield result
            elif result.ref.is_unlisted and not self._is_wanted(result):
                continue
            elif isinstance(result.outcome, HubSpotError):
                yield self._failed(result.ref, result.outcome)
            elif result.outcome is None:
                yield self._not_found(result.ref, result.now)
            else:
                ref = result.ref
                yield from self.emit(
                    result.outcome, always=ref.always_emit, has_new_message=ref.has_new_message
                )

    def _is_wanted(self, result: ReadResult) -> bool:
        """Whether to yield events for a thread that HubSpot cannot list.

        Yield events in any of these cases:
            * The thread is open in the state.
            * The thread was found, and matches `inbox_ids` and `start_date`.
            * The thread could not be read.

        In all other cases, the ID is ignored. It may not be the ID of a thread: `RangeReader`
        finds this ID by a search, and an outage during the search can lead to a wrong ID.
        """
        row = result.outcome
        is_in_scope = row is not None and (not isinstance(row, dict) or self._is_in_scope(row))
        return is_in_scope or result.ref.id in self._state.open

    def _not_found(self, ref: ThreadRef, now: str | None) -> StateChange:
        self._stats.not_found += 1
        self._seen.not_found_at[ref.id] = now
        if ref.id in self._state.open:
            self._seen.unseen_open.add(ref.id)
        self._failures.threads.note_success(ref.id)
        check = now if self._context.tracks_open_threads else None
        change = partial(self._state.note_not_found, ref.id, check)
        if check is None and self._state.failed.get(ref.id) != 0:
            # The thread may have been archived or restored between the live and the archived
            # request. So the next sync must read the thread again. Without a check, `not_found`
            # does not keep the thread, so `failed` keeps it. The count 0 says that one sync has not
            # found the thread. If a second sync does not find it, the state forgets the thread.
            change = partial(self._state.note_failure, ref.id, 0)
        return StateChange(self._pending_messages(ref, change))

    def _failed(self, ref: ThreadRef, error: HubSpotError) -> StateChange:
        """Return the state change for a thread that could not be read. The next sync retries."""
        syncs = self._failures.threads.note(ref.id, error)
        change = partial(self._state.note_failure, ref.id, syncs)
        return StateChange(self._pending_messages(ref, change))

    def _pending_messages(self, ref: ThreadRef, change: Callable[[], None]) -> Callable[[], None]:
        """Extend a state change, if necessary, so that a later sync reads the thread's messages.

        If `messages` is selected, the extension is necessary in these cases:
            * The thread has a new message.
            * `_leaves_messages_to_backfill` is True. The backfill lists only threads with a
              latest-message time, and the latest-message time of this thread is unknown.

        Args:
            ref: The thread, which was not found or could not be read.
            change: The state change to extend.
        """
        is_due = ref.has_new_message or self._leaves_messages_to_backfill
        if not (self._selection.messages and is_due):
            return change

        def both() -> None:
            self._state.messages.add_pending(ref.id)
            change()

        return both

    def _messages_of(
        self, row: Row, fingerprint: str, *, has_new_message: bool
    ) -> Sequence[ReadMessages]:
        """Return the request to read a thread's messages, or nothing if no request is necessary.

        If `messages` is selected, the messages are read in any of these cases:
            * `has_new_message` is True.
            * The messages are pending (`_are_pending`).
            * The thread is open in the state, and its fingerprint has changed.
            * The thread is not open in the state, but is tracked from now on.

        While `_leaves_messages_to_backfill` is True, the last two cases do not apply, because the
        backfill reads these messages. Exception: the backfill does not list a thread without a
        latest-message time. So the messages of such a thread are read now.

        Args:
            row: The thread.
            fingerprint: The fingerprint of the row. Needed only if the thread is open in the state.
            has_new_message: Whether to read the messages in any case.
        """
        if not self._selection.messages:
            return ()
        thread_id, state = row["id"], self._state
        if self._leaves_messages_to_backfill:
            is_due = row[REPLICATION_KEY] is None
        elif thread_id in state.open:
            is_due = not state.open.has_fingerprint(thread_id, fingerprint)
        else:
            is_due = self._context.is_tracked(row)
        if has_new_message or is_due or self._are_pending(thread_id):
            return (ReadMessages(ThreadRef(thread_id, archived=row["archived"] is True)),)
        return ()

    @property
    def _leaves_messages_to_backfill(self) -> bool:
        """Whether the first full listing is unfinished and the message backfill has not begun."""
        return self._state.is_first_listing and self._state.messages.bookmark is None

    def _are_pending(self, thread_id: str) -> bool:
        """Whether to read a thread's pending messages now. Quarantined messages are read later."""
        return (
            thread_id in self._state.messages.pending
            and thread_id not in self._seen.with_messages
            and not self._failures.messages.is_quarantined(thread_id)
        )

    # Turn listed rows into references and events

    @property
    def _fetches_listed(self) -> bool:
        """Whether to read the threads of a full listing by ID, instead of using the listed rows."""
        return self._context.settings.always_fetch_by_id and self._state.listing.emits_rows

    def _listed_page(self, page: ListedPage) -> Iterator[ThreadRef | Event]:
        """Yield the references and events of one page of a full listing.

        Threads that do not match `inbox_ids` and `start_date` are skipped. If `_fetches_listed` is
        True, a reference is yielded for each remaining thread. If not, the listed row is emitted,
        unless the row may be outdated. A row may be outdated in any of these cases:
            * This sync has read the thread by ID.
            * The last emitted record of the thread has a newer message.
            * The thread is in the state's `not_found`.

        A thread that HubSpot cannot list (`ListedPage.failing`) is read by ID.

        The list shows that a thread in `not_found` exists. So the time of the thread's first check
        is replaced by the time of the page (`SyncState.move_first_check`).
        """
        fetches_listed = self._fetches_listed
        for row in page.rows:
            thread_id = row["id"]
            is_not_found = thread_id in self._state.not_found
            if is_not_found:
                move = partial(self._state.move_first_check, thread_id, page.now)
                yield StateChange(move)
            if not self._is_in_scope(row):
                continue
            if fetches_listed:
                yield from self._index_entry(row)
                yield ThreadRef(
                    thread_id,
                    archived=row["archived"] is True,
                    always_emit=True,
                    has_new_message=self._may_have_new_message(row),
                )
            elif not is_not_found:
                yield from self._index_entry(row)
                has_later = self._state.recent.has_later(thread_id, row[REPLICATION_KEY])
                if thread_id not in self._seen.fetched and not has_later:
                    has_new_message = self._may_have_new_message(row)
                    yield from self.emit(row, always=True, has_new_message=has_new_message)
        if page.failing is not None:
            yield from self._events(self.read([page.failing]))
        yield page.advance

    def _may_have_new_message(self, row: Row) -> bool:
        """Whether a listed thread may have a message that no increment has found.

        If HubSpot does not list archived threads by time, increments do not find their messages. So
        the full listing reads the messages of all archived threads with a message since the start
        of the last completed listing, minus `lookback_seconds`. The backfill reads the messages of
        the first listing.
        """
        state, latest = self._state, row[REPLICATION_KEY]
        if self._seen.archived_by_time or state.is_first_listing or row["archived"] is False:
            return False
        started, seconds = state.listing.full_started_at, self._context.settings.lookback_seconds
        since = shift(started, seconds=-seconds) if started else ""
        return latest is not None and latest >= since

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
