"""The messages of threads, read many threads at a time, and put behind each thread's row."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import (
    HubSpotError,
    NotFoundError,
    PaginationLoopError,
    RefusedError,
    TransientError,
    UnbelievedError,
)
from tap_hubspot_threads.models import Out, Page
from tap_hubspot_threads.sync.failures import (
    FAILING_SYNCS,
    MAX_CONSECUTIVE_FAILURES,
    CircuitBreaker,
)
from tap_hubspot_threads.sync.pipeline import fetch_thread
from tap_hubspot_threads.sync.walk import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from tap_hubspot_threads.models import HubSpot, Row, ThreadRef
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.state.messages_state import MessagesState
    from tap_hubspot_threads.sync.stats import Read

WHOLE = {None, "NOT_TRUNCATED", "TRUNCATED_TO_MOST_RECENT_REPLY"}
"""A `truncationStatus` that says nothing is lost but what other messages have."""

CHUNK = 1_000_000
"""Bytes of messages that are handed on together, where whole texts are read one by one."""


class Messages:
    """Reads messages; a `ChildStream`.

    Args:
        hubspot: The account.
        workers: Who reads it.
        kept: Is told, behind each thread, whether its messages are out.
        read: What is noted at once.
        with_originals: Whether the whole text is read of those that HubSpot cut off.
    """

    def __init__(
        self,
        hubspot: HubSpot,
        workers: WorkerPool,
        kept: MessagesState,
        read: Read,
        *,
        with_originals: bool,
    ) -> None:
        self._hubspot, self._workers = hubspot, workers
        self._kept, self._read, self._with_originals = kept, read, with_originals
        self._streak = CircuitBreaker("threads' messages")
        self._cut_off_in_a_row = 0
        """Whole texts that could not be had; after too many none is asked for any more."""

    def __call__(self, outs: Iterable[Out], /) -> Iterator[Out]:
        """As `ChildStream` says: messages come behind their thread's row, before what is done then.

        Raises:
            HubSpotError: what the account raises, and if `MAX_CONSECUTIVE_FAILURES` threads in a row
                have messages that cannot be read.
        """
        for out, pages in self._workers.prefetch_each(map(self._with_source, outs)):
            thread = out.messages_of
            if thread is None:
                yield out
                continue
            if out.row is not None or out.first is not None:
                yield out._replace(then=None, messages_of=None)
            settle = yield from self._rows(thread, pages)
            yield Out(then=settle)
            if out.then is not None:
                yield Out(then=out.then)

    def _with_source(self, out: Out) -> tuple[Out, Iterator[Page] | None]:
        thread = out.messages_of
        if thread is None:
            return out, None
        self._read.messages_taken.add(thread.id)
        return out, self._pages(thread, once=self._read.messages.is_quarantined(thread.id))

    def _rows(
        self, thread: ThreadRef, pages: Iterator[Page]
    ) -> Generator[Out, None, Callable[[], None]]:
        """Yield the messages, each once; return what is to be done behind them."""
        seen: set[str] = set()
        try:
            for page in pages:
                for row in page.rows:
                    if row["id"] not in seen:
                        seen.add(row["id"])
                        yield Out("messages", row)
        except _GoneError:
            self._streak.end()
            return self._goneness(thread.id)
        except NotFoundError:
            self._read.hidden.append(thread.id)
        except (PaginationLoopError, TransientError, RefusedError) as error:
            return self._failure(thread.id, error)
        else:
            self._read.threads_with_messages += 1
        self._streak.end()
        self._read.messages.unread.pop(thread.id, None)
        return partial(self._kept.settle, thread.id)

    def _goneness(self, thread_id: str) -> Callable[[], None]:
        """Have later syncs look for it too: HubSpot may be wrong for a while. It is no error."""
        if thread_id in self._read.gone:
            return partial(self._kept.add_pending, thread_id)
        self._read.gone.append(thread_id)
        syncs = self._read.messages.syncs(thread_id)
        if syncs >= FAILING_SYNCS:
            return partial(self._kept.settle, thread_id)
        return partial(self._kept.add_pending, thread_id, syncs)

    def _failure(self, thread_id: str, error: HubSpotError) -> Callable[[], None]:
        is_quarantined = self._read.messages.is_quarantined(thread_id)
        syncs = self._read.messages.note(thread_id, error)
        self._streak.note(thread_id, error, is_quarantined=is_quarantined)
        return partial(self._kept.add_pending, thread_id, syncs or 0)

    # On a worker

    def _pages(self, thread: ThreadRef, *, once: bool) -> Iterator[Page]:
        """Yield the pages of a thread's messages.

        Raises:
            MissingError: if HubSpot has the thread, but none of its messages.
            _GoneError: if it has not.
        """
        has_come = False
        try:
            for page in self._walk(thread, once=once):
                has_come = True
                yield from page
        except NotFoundError as error:
            found = fetch_thread(self._hubspot, thread, once=once).found
            if found is None:
                raise _GoneError from None
            if isinstance(found, HubSpotError):
                raise found from None
            if has_come:
                message = f"{error} for a page after others"
                raise UnbelievedError(message) from None
            # UNKNOWN: whether HubSpot has the messages of an archived thread there only.
            for page in self._walk(thread, archived=True, once=True):
                yield from page

    def _walk(
        self, thread: ThreadRef, *, archived: bool = False, once: bool
    ) -> Iterator[Iterator[Page]]:
        """Yield each page of a thread's messages, whole or in parts."""

        def ask(cursor: str | None) -> Page:
            return self._hubspot.page_of_messages(thread.id, cursor, archived=archived, once=once)

        for page in walk(ask):
            yield self._with_whole_texts(thread, page)

    def _with_whole_texts(self, thread: ThreadRef, page: Page) -> Iterator[Page]:
        """Yield a page, or parts of it with the texts that HubSpot truncated.

        The rows are made only once here: the parts hold them as they are.
        """
        if not self._with_originals:
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
            self._read.cut_off.append(message_id)
            return {}
        try:
            whole = self._hubspot.original_content(thread.id, message_id)
        except (NotFoundError, TransientError, RefusedError):
            self._read.cut_off.append(message_id)
            self._cut_off_in_a_row += 1
            return {}
        self._cut_off_in_a_row = 0
        return {name: text for name, text in whole.items() if text is not None}


class _GoneError(Exception):
    """The thread is not there any more."""
