"""The streams: `threads`, and `thread_index`, the parent that finds the ids.

`threads` draws from `thread_index` itself rather than by the SDK's `parent_stream_type`: the SDK
syncs a child anew for each parent record, with a SCHEMA, a STATE and one serial request for each
thread. Here the listing's pages feed one sync of `threads`.
"""

from __future__ import annotations

import logging
import threading
from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import FatalAPIError, RetriableAPIError
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib import StateMessage
from singer_sdk.streams.rest import HTTPRequest
from typing_extensions import override

from tap_hubspot_threads.cleaning import RowCleaner, clean_time
from tap_hubspot_threads.client import SCHEMAS, HubSpotStream, Shared
from tap_hubspot_threads.errors import (
    RefusedError,
    ThreadNotFoundError,
    UnreadThreadsError,
    name_ids,
)
from tap_hubspot_threads.pagination import Cursor
from tap_hubspot_threads.rate_limit import DailyQuotaError
from tap_hubspot_threads.stopping import Stopped
from tap_hubspot_threads.thread_ids import InvalidIdError, parse_id, parse_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.streams.rest import PageContext

PAGE_SIZE = 500
"""Threads a page: the most that HubSpot gives. Documented."""

FAILURES_IN_A_ROW = 5
"""After so many threads in a row whose last attempt failed, HubSpot is taken to be down."""


class ThreadStream(HubSpotStream):
    """What both streams share: the resource, and the parameters that shape it."""

    primary_keys = ("id",)
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # RowCleaner guarantees the types

    def __init__(self, tap: Tap, shared: Shared) -> None:
        super().__init__(tap, shared)
        self._cleaner = RowCleaner(SCHEMAS.get_schema(ThreadsStream.name))

    @override
    def get_http_request(self, *, page: PageContext) -> HTTPRequest:
        context = page.stream_context or {}
        return HTTPRequest(
            url=self.get_url(context),
            params={
                "association": list(filter(None, self.config["associations"])),
                "property": self.config.get("property"),
                "archived": "true" if context["archived"] else None,
            },
        )

    @abstractmethod
    def read(self) -> Iterator[Record]:
        """Yield the stream's rows."""

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        """Yield the stream's rows; when that ends early, STATE goes out before the error does."""
        try:
            for row in self.read():
                self._stop.check()
                self._progress.tick()
                yield row
        except (FatalAPIError, RetriableAPIError, DailyQuotaError, Stopped):
            self._tap.write_message(StateMessage(value=self.tap_state))
            self._summarise()
            raise
        self._summarise()

    def _summarise(self) -> None:
        """Log the sync in one line and as the SDK's metrics, if this stream has read anything."""
        if self._progress.calls:
            self.log(self._progress.summary())
            self._progress.log_metrics(self.metrics_logger, stream=self.name)


class ThreadIndexStream(ThreadStream):
    """Lists the account's threads; the rows are whole threads already.

    Selected, it says which threads a listing saw. That goes out while `threads` lists, never by a
    second listing.
    """

    name = "thread_index"
    path = "/threads"
    selected_by_default = False

    @cached_property
    def _inboxes(self) -> list[str]:
        return parse_ids(self.config.get("inbox_ids") or [])

    @cached_property
    def _start(self) -> str | None:
        return clean_time(self.config.get("start_date") or "")

    @override
    def read(self) -> Iterator[Record]:
        listed_anyway = self._tap.streams[ThreadsStream.name].selected
        if not listed_anyway and self.config.get("thread_ids") is None:
            yield from map(self._entry, self.list_threads())

    def list_threads(self) -> Iterator[Record]:
        """Yield the row of each wanted thread of the account: live ones by id, then archived ones.

        A thread that slips from one page to the next comes once. One that is archived while the
        account is listed comes as a live thread, then as an archived one.
        """
        passes = (False, True) if self.config["include_archived"] else (False,)
        for archived in passes:
            previous: set[str] = set()
            for page in self._pages(archived=archived):
                rows = [self._cleaner.clean(thread) for thread in page]
                yield from (row for row in rows if row["id"] not in previous and self._wants(row))
                previous = {row["id"] for row in rows} or previous

    def emit(self, row: Record) -> None:
        """Write the row's entry in the index, if the stream is selected."""
        if self.selected:
            # The SDK's own way out, with selection, stream maps and metadata; it has no public one
            # for a record that another stream's sync comes upon.
            self._write_record_message(self._entry(row))

    def _entry(self, row: Record) -> Record:
        return {name: row[name] for name in self.schema["properties"]}

    def _pages(self, *, archived: bool) -> Iterator[list[dict[str, Any]]]:
        cursor = Cursor()

        def fetch(after: str | None) -> dict[str, Any]:
            return self.fetch({"archived": archived}, after, accept=_is_page)

        while not cursor.finished:
            (page,) = self.each(fetch, [cursor.value])
            yield page["results"]
            cursor.advance(page)

    def _wants(self, row: Record) -> bool:
        if self._inboxes and row["inboxId"] not in self._inboxes:
            return False
        moved = row["latestMessageTimestamp"] or row["createdAt"]
        return self._start is None or moved is None or moved >= self._start

    @override
    def get_http_request(self, *, page: PageContext) -> HTTPRequest:
        request = super().get_http_request(page=page)
        request.params |= {
            "sort": "id",
            "limit": PAGE_SIZE,
            "after": page.next_page_token,
            "inboxId": self._inboxes[0] if len(self._inboxes) == 1 else None,
        }
        return request


class ThreadsStream(ThreadStream):
    """HubSpot's conversation threads, each as it is now."""

    name = "threads"
    path = "/threads/{threadId}"

    def __init__(self, tap: Tap, shared: Shared, *, index: ThreadIndexStream) -> None:
        super().__init__(tap, shared)
        self._index = index
        self._failures_in_a_row = 0
        self._lock = threading.Lock()

    @override
    def read(self) -> Iterator[Record]:
        for row in self._rows():
            self._progress.threads += 1
            self._progress.archived += row["archived"] is True
            yield row

    def _rows(self) -> Iterator[Record]:
        ids = self.config.get("thread_ids")
        if ids is not None:
            wanted = parse_ids(ids)
            self._progress.total = len(wanted)
            yield from self._read_each((thread_id, False) for thread_id in wanted)
        elif self.config["thread_fetch"] == "by_id":
            yield from self._read_each((row["id"], row["archived"] is True) for row in self._list())
        else:
            yield from self._list()

    def _list(self) -> Iterator[Record]:
        for row in self._index.list_threads():
            self._index.emit(row)
            yield row

    def _read_each(self, ids: Iterable[tuple[str, bool]]) -> Iterator[Record]:
        """Yield the rows of the threads that exist, in the order of the ids.

        Args:
            ids: Each with whether the thread is thought to be archived.

        Raises:
            UnreadThreadsError: at the end, if some threads could not be read.
        """
        missing: list[str] = []
        failed: list[str] = []
        last_error: Exception | None = None
        for thread_id, result in self.each(self._read_one, ids):
            if isinstance(result, Exception):
                failed.append(thread_id)
                last_error = result
                self._progress.failed += 1
            elif result is None:
                missing.append(thread_id)
                self._progress.missing += 1
            else:
                yield result
        if missing:
            message = "%d thread(s) not found, neither live nor archived: %s"
            self.log(message, len(missing), name_ids(missing), level=logging.WARNING)
        if last_error:
            raise UnreadThreadsError(failed, last_error)

    def _read_one(self, item: tuple[str, bool]) -> tuple[str, Record | Exception | None]:
        """Read a thread where it is thought to be, live or archived, else on the other side.

        Returns:
            The id with the row; with None where HubSpot has no such thread; with the error where
            only this thread cannot be read.
        """
        thread_id, archived = item
        try:
            row = self._find(thread_id, archived=archived)
        except (RetriableAPIError, RefusedError) as error:
            self._count_failure(error)
            return thread_id, error
        with self._lock:
            self._failures_in_a_row = 0
        return thread_id, row

    def _find(self, thread_id: str, *, archived: bool) -> Record | None:
        for side in (archived, not archived):
            try:
                thread = self.fetch(
                    {"threadId": thread_id, "archived": side},
                    accept=lambda body: _id_of(body) == thread_id,
                )
            except ThreadNotFoundError:
                continue
            return self._cleaner.clean(thread)
        return None

    def _count_failure(self, error: Exception) -> None:
        with self._lock:
            self._failures_in_a_row += 1
            if self._failures_in_a_row >= FAILURES_IN_A_ROW:
                message = (
                    f"{error} {FAILURES_IN_A_ROW} threads in a row could not be read, so the sync "
                    "ends here. Run it again later."
                )
                raise FatalAPIError(message)


def _id_of(thread: dict[str, Any]) -> str | None:
    try:
        return parse_id(thread.get("id"))
    except InvalidIdError:
        return None


def _is_page(body: dict[str, Any]) -> bool:
    """Whether an answer is a page of threads, with or without a cursor."""
    threads, paging = body.get("results"), body.get("paging") or {}
    return (
        isinstance(threads, list)
        and all(isinstance(thread, dict) and _id_of(thread) for thread in threads)
        and isinstance(paging, dict)
        and isinstance(paging.get("next") or {}, dict)
    )
