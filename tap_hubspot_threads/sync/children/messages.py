"""Reads the messages of many threads at once, and yields them in the order of their threads.

HubSpot truncates long messages. With the setting `fetch_original_content`, one more request reads
the *full text* of each truncated message.
"""

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
from tap_hubspot_threads.sync.fetch_thread import fetch_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_hubspot_threads.hubspot.api import HubSpotApi
    from tap_hubspot_threads.models import Event, Row, ThreadRef
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.context import SyncContext

COMPLETE_STATUSES = {None, "NOT_TRUNCATED", "TRUNCATED_TO_MOST_RECENT_REPLY"}
"""Values of `truncationStatus` for complete messages. None: HubSpot returned no status. A message
with `TRUNCATED_TO_MOST_RECENT_REPLY` lacks only the quoted messages, which have their own records.
A message with any other status counts as truncated."""

CHUNK_BYTES = 1_000_000
"""With `fetch_original_content`, a page is yielded in parts, to limit the memory. A part ends when
its rows have about this many bytes or more."""


class Messages:
    """Reads the messages of many threads at once. Implements `pipeline.ChildStream`.

    Args:
        api: The HubSpot API.
        pool: Reads ahead on worker threads.
        context: The settings, the state, and what this sync has seen, counted and failed to read.
    """

    def __init__(self, api: HubSpotApi, pool: WorkerPool, context: SyncContext) -> None:
        self._api, self._pool = api, pool
        self._state, self._seen, self._stats = context.state.messages, context.seen, context.stats
        self._failures = context.failures.messages
        self._fetches_original_content = context.settings.fetch_original_content
        self._breaker = CircuitBreaker("threads' messages")
        self._failed_texts_in_a_row = 0
        """Number of consecutive full texts that could not be read. If this number reaches
        `MAX_CONSECUTIVE_FAILURES`, no further full text is requested."""

    def __call__(self, events: Iterable[Event], /) -> Iterator[Event]:
        """Yield the events. Replace each `ReadMessages` by the records of the thread's messages.

        A state change follows the messages of each thread.

        Raises:
            HubSpotError: if several failures in a row look like an outage (`CircuitBreaker`), or if
                an error of the API ends the sync.
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
        """Yield the records of a thread's messages, each message once, and then a state change.

        If a later sync must read the messages, the state change adds the thread to
        `MessagesState.pending`. If not, the state change removes the thread from there. The thread
        is also removed if HubSpot has the thread, but returns a 404 for its messages.
        """
        seen: set[str] = set()
        try:
            for page in pages:
                for row in page.rows:
                    if row["id"] not in seen:
                        seen.add(row["id"])
                        yield Record("messages", row)
        except _ThreadNotFoundError:
            self._breaker.reset()
            yield StateChange(self._thread_not_found(thread.id))
            return
        except NotFoundError:
            self._stats.unavailable.append(thread.id)
        except (PaginationLoopError, TransientError, RefusedError) as error:
            yield StateChange(self._failed(thread.id, error))
            return
        else:
            self._stats.threads_with_messages += 1
        self._breaker.reset()
        self._failures.note_success(thread.id)
        yield StateChange(partial(self._state.settle, thread.id))

    def _thread_not_found(self, thread_id: str) -> Callable[[], None]:
        """Return the state change for messages whose thread HubSpot does not have.

        Such a thread is not an error. But a 404 can be wrong for a while, so the next syncs request
        the messages again. After `FAILING_SYNCS` consecutive syncs that could not read the
        messages, the messages are not requested again.
        """
        self._seen.without_thread.append(thread_id)
        syncs = self._failures.syncs(thread_id)
        if syncs >= FAILING_SYNCS:
            return partial(self._state.settle, thread_id)
        return partial(self._state.add_pending, thread_id, syncs)

    def _failed(self, thread_id: str, error: HubSpotError) -> Callable[[], None]:
        syncs = self._failures.note(thread_id, error)
        is_quarantined = self._failures.is_quarantined(thread_id)
        self._breaker.note(thread_id, error, is_quarantined=is_quarantined)
        return partial(self._state.add_pending, thread_id, syncs)

    # Methods that run on worker threads

    def _pages(self, thread: ThreadRef, *, once: bool) -> Iterator[Page]:
        """Yield the pages of a thread's messages.

        If the first page gets a 404, but HubSpot has the thread, request the messages again with
        `archived=True`.

        Raises:
            _ThreadNotFoundError: if HubSpot does not have the thread.
            NotFoundError: if HubSpot has the thread, but returns a 404 with `archived=True` too.
            InconclusiveError: if HubSpot has the thread, but returns a 404 for a later page.
        """
        for archived in (False, True):
            has_page = False
            try:
                for page in self._list(thread, archived=archived, once=once):
                    has_page = True
                    yield page
            except NotFoundError as error:
                if archived and not has_page:
                    raise
                found = fetch_thread(self._api, thread, once=once).outcome
                if found is None:
                    raise _ThreadNotFoundError from None
                if isinstance(found, HubSpotError):
                    raise found from None
                if has_page:
                    message = f"{error} for a page after the first"
                    raise InconclusiveError(message) from None
                # UNKNOWN: whether the messages of an archived thread need `archived=true`.
            else:
                return

    def _list(self, thread: ThreadRef, *, archived: bool, once: bool) -> Iterator[Page]:
        """Yield the pages of a thread's messages, with full texts (`_with_full_texts`)."""
        for page in self._api.list_messages(thread.id, archived=archived, once=once):
            yield from self._with_full_texts(thread, page)

    def _with_full_texts(self, thread: ThreadRef, page: Page) -> Iterator[Page]:
        """Yield a page in parts (`CHUNK_BYTES`), with the full texts of truncated messages.

        Without `fetch_original_content`, yield the page unchanged.
        """
        if not self._fetches_original_content:
            yield page
            return
        # Full texts cannot be added to `page.rows`, because each iteration builds the rows again.
        rows: list[Row] = []
        size = 0
        for row in page.rows:
            full = (
                {}
                if row["truncationStatus"] in COMPLETE_STATUSES
                else self._full_text(thread, row["id"])
            )
            rows.append(row | full)
            size += len(str(rows[-1]))
            if size >= CHUNK_BYTES:
                yield Page(rows, page.cursor, page.now, size)
                rows, size = [], 0
        page.shrink()
        yield Page(rows, page.cursor, page.now, size)

    def _full_text(self, thread: ThreadRef, message_id: str) -> Row:
        """Return the columns of a message's full text; an empty row if the text cannot be read."""
        if self._failed_texts_in_a_row >= MAX_CONSECUTIVE_FAILURES:
            self._stats.truncated.append(message_id)
            return {}
        try:
            full = self._api.get_original_content(thread.id, message_id)
        except (NotFoundError, TransientError, RefusedError):
            self._stats.truncated.append(message_id)
            self._failed_texts_in_a_row += 1
            return {}
        self._failed_texts_in_a_row = 0
        return {name: text for name, text in full.items() if text is not None}


class _ThreadNotFoundError(Exception):
    """HubSpot has no such thread, neither live nor archived."""
