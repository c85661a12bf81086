"""The streams: `threads`, and `thread_index`, the parent that finds the ids.

`threads` draws from `thread_index` itself rather than by the SDK's `parent_stream_type`: the SDK
syncs a child anew for each parent record, with a SCHEMA, a STATE and one serial request for each
thread. Here the listing's pages feed one sync of `threads`.
"""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.streams.rest import HTTPRequest
from typing_extensions import override

from tap_hubspot_threads.cleaning import RowCleaner, clean_time
from tap_hubspot_threads.client import SCHEMAS, HubSpotStream
from tap_hubspot_threads.concurrency import ordered_map
from tap_hubspot_threads.errors import ThreadNotFoundError
from tap_hubspot_threads.pagination import Cursor
from tap_hubspot_threads.thread_ids import InvalidIdError, parse_id, parse_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.streams.rest import PageContext

PAGE_SIZE = 500
"""Threads a page: the most that HubSpot gives. Documented."""

NAMED_IDS = 20
"""At most so many missing ids are named in the log."""


class ThreadStream(HubSpotStream):
    """What both streams share: the resource, and the parameters that shape it."""

    primary_keys = ("id",)
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # RowCleaner guarantees the types

    def __init__(self, tap: Tap) -> None:
        super().__init__(tap)
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
    def get_records(self, context: Context | None) -> Iterable[Record]:
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
        while not cursor.finished:
            page = self.fetch({"archived": archived}, cursor.value, accept=_is_page)
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

    def __init__(self, tap: Tap, *, index: ThreadIndexStream) -> None:
        super().__init__(tap)
        self._index = index

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        ids = self.config.get("thread_ids")
        if ids is not None:
            yield from self._read((thread_id, False) for thread_id in parse_ids(ids))
        elif self.config["thread_fetch"] == "by_id":
            yield from self._read((row["id"], row["archived"] is True) for row in self._listed())
        else:
            yield from self._listed()

    def _listed(self) -> Iterator[Record]:
        for row in self._index.list_threads():
            self._index.emit(row)
            yield row

    def _read(self, ids: Iterable[tuple[str, bool]]) -> Iterator[Record]:
        """Yield the rows of the threads that exist, in the order of the ids."""
        missing: list[str] = []
        results = ordered_map(self._read_one, ids, workers=self.config["max_concurrency"])
        for thread_id, row in results:
            if row is None:
                missing.append(thread_id)
            else:
                yield row
        if missing:
            rest = len(missing) - NAMED_IDS
            self.log(
                "%d thread(s) not found, neither live nor archived; deleted, or a typing error? %s",
                len(missing),
                ", ".join(missing[:NAMED_IDS]) + (f" and {rest} more" if rest > 0 else ""),
                level=logging.WARNING,
            )

    def _read_one(self, item: tuple[str, bool]) -> tuple[str, Record | None]:
        """Read a thread where it is thought to be, live or archived, else on the other side."""
        thread_id, archived = item
        for side in (archived, not archived):
            try:
                thread = self.fetch(
                    {"threadId": thread_id, "archived": side},
                    accept=lambda body: _id_of(body) == thread_id,
                )
            except ThreadNotFoundError:
                continue
            return thread_id, self._cleaner.clean(thread)
        return thread_id, None


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
