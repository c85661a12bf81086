"""The messages of threads: read for many threads at once, emitted after each thread."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import (
    HubSpotError,
    InconclusiveError,
    NotFoundError,
    PaginationLoopError,
    RefusedError,
    TransientError,
)
from tap_hubspot_threads.models import Page, ReadMessages, Record, StateChange
from tap_hubspot_threads.sync.context import (
    FAILING_SYNCS,
    MAX_CONSECUTIVE_FAILURES,
    CircuitBreaker,
)
from tap_hubspot_threads.sync.pipeline import fetch_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_hubspot_threads.hubspot.api import HubSpotApi
    from tap_hubspot_threads.models import Event, Row, ThreadRef
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.context import SyncContext

WHOLE = {None, "NOT_TRUNCATED", "TRUNCATED_TO_MOST_RECENT_REPLY"}
"""A `truncationStatus` that says nothing is lost but what other messages have."""

CHUNK = 1_000_000
"""Bytes of messages that are handed on together, where whole texts are read one by one."""


class Messages:
    """Reads the messages of threads, many threads at once; a `ChildStream`.

    Args:
        api: The account.
        pool: Reads it.
        context: What is known, and noted.
    """

    def __init__(self, api: HubSpotApi, pool: WorkerPool, context: SyncContext) -> None:
        self._api, self._pool = api, pool
        self._state, self._seen, self._stats = context.state.messages, context.seen, context.stats
        self._failures = context.failures.messages
        self._fetches_original_content = context.settings.fetch_original_content
        self._breaker = CircuitBreaker("threads' messages")
        self._cut_off_in_a_row = 0
        """Full texts that could not be read; after too many none is requested any more."""

    def __call__(self, events: Iterable[Event], /) -> Iterator[Event]:
        """Yield the events, with the records of messages in the place of `ReadMessages`.

        Raises:
            HubSpotError: if `MAX_CONSECUTIVE_FAILURES` threads in a row have messages that cannot
                be read, or as the API does.
        """
        for event, pages in self._pool.prefetch_each(map(self._with_source, events)):
            if isinstance(event, ReadMessages):
                yield from self._records(event.thread, pages)
            else:
                yield event

    def _with_source(self, event: Event) -> tuple[Event, Iterator[Page] | None]:
        if not isinstance(event, ReadMessages):
            return event, None
        id_ = event.thread.id
        self._seen.with_messages.add(id_)
        return event, self._pages(event.thread, once=self._failures.is_quarantined(id_))

    def _records(self, thread: ThreadRef, pages: Iterator[Page]) -> Iterator[Event]:
        """Yield the messages, each once, and the state change behind them."""
        seen: set[str] = set()
        try:
            for page in pages:
                for row in page.rows:
                    if row["id"] not in seen:
                        seen.add(row["id"])
                        yield Record("messages", row)
        except _ThreadNotFoundError:
            self._breaker.reset()
            yield StateChange(self._thread_deleted(thread.id))
            return
        except NotFoundError:
            self._stats.unavailable.append(thread.id)
        except (PaginationLoopError, TransientError, RefusedError) as error:
            yield StateChange(self._failed(thread.id, error))
            return
        else:
            self._stats.threads_with_messages += 1
        self._breaker.reset()
        self._failures.errors.pop(thread.id, None)
        yield StateChange(partial(self._state.settle, thread.id))

    def _thread_deleted(self, thread_id: str) -> Callable[[], None]:
        """Have later syncs look for it too: HubSpot may be wrong for a while. It is no error."""
        if thread_id in self._seen.without_thread:
            return partial(self._state.add_pending, thread_id)
        self._seen.without_thread.append(thread_id)
        syncs = self._failures.syncs(thread_id)
        if syncs >= FAILING_SYNCS:
            return partial(self._state.settle, thread_id)
        return partial(self._state.add_pending, thread_id, syncs)

    def _failed(self, thread_id: str, error: HubSpotError) -> Callable[[], None]:
        is_quarantined = self._failures.is_quarantined(thread_id)
        syncs = self._failures.note(thread_id, error)
        self._breaker.note(thread_id, error, is_quarantined=is_quarantined)
        return partial(self._state.add_pending, thread_id, syncs or 0)

    # On a worker

    def _pages(self, thread: ThreadRef, *, once: bool) -> Iterator[Page]:
        """Yield the pages of a thread's messages.

        Raises:
            NotFoundError: if HubSpot has the thread, but none of its messages.
            _ThreadNotFoundError: if it has not.
        """
        has_come = False
        try:
            for page in self._list(thread, once=once):
                has_come = True
                yield page
        except NotFoundError as error:
            found = fetch_thread(self._api, thread, once=once).outcome
            if found is None:
                raise _ThreadNotFoundError from None
            if isinstance(found, HubSpotError):
                raise found from None
            if has_come:
                message = f"{error} for a page after others"
                raise InconclusiveError(message) from None
            # UNKNOWN: whether HubSpot has the messages of an archived thread there only.
            yield from self._list(thread, archived=True, once=True)

    def _list(self, thread: ThreadRef, *, archived: bool = False, once: bool) -> Iterator[Page]:
        """Yield the pages of a thread's messages, each whole or in parts."""
        for page in self._api.list_messages(thread.id, archived=archived, once=once):
            yield from self._with_whole_texts(thread, page)

    def _with_whole_texts(self, thread: ThreadRef, page: Page) -> Iterator[Page]:
        """Yield a page, or parts of it with the texts that HubSpot truncated.

        The rows are made only once here: the parts hold them as they are.
        """
        if not self._fetches_original_content:
            yield page
            return
        rows: list[Row] = []
        size = 0
        for row in page.rows:
            whole = {} if row["truncationStatus"] in WHOLE else self._whole_text(thread, row["id"])
            rows.append(row | whole)
            size += len(str(rows[-1]))
            if size >= CHUNK:
                yield Page(rows, page.cursor, page.now, size)
                rows, size = [], 0
        page.shrink()
        yield Page(rows, page.cursor, page.now, size)

    def _whole_text(self, thread: ThreadRef, message_id: str) -> Row:
        """Return the columns of the whole text; none, where it cannot be had."""
        if self._cut_off_in_a_row >= MAX_CONSECUTIVE_FAILURES:
            self._stats.truncated.append(message_id)
            return {}
        try:
            whole = self._api.get_original_content(thread.id, message_id)
        except (NotFoundError, TransientError, RefusedError):
            self._stats.truncated.append(message_id)
            self._cut_off_in_a_row += 1
            return {}
        self._cut_off_in_a_row = 0
        return {name: text for name, text in whole.items() if text is not None}


class _ThreadNotFoundError(Exception):
    """The thread is not there any more."""
