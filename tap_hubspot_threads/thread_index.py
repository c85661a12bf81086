"""`thread_index`, the parent that finds the ids: the account's listings."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_hubspot_threads.cleaning import clean_time
from tap_hubspot_threads.pagination import Cursors, Page, next_cursor
from tap_hubspot_threads.thread_ids import parse_ids
from tap_hubspot_threads.thread_stream import ThreadStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Record
    from singer_sdk.streams.rest import HTTPRequest, PageContext

PAGE_SIZE = 500
"""Threads a page: the most that HubSpot gives. Documented."""


class ThreadIndexStream(ThreadStream):
    """Lists the account's threads; the rows are whole threads already.

    Selected, it says which threads a listing saw. That goes out while `threads` lists, never by a
    second listing.
    """

    name = "thread_index"
    path = "/threads"
    selected_by_default = False

    @override
    def read(self) -> Iterator[Record]:
        listed_anyway = self._tap.streams["threads"].selected
        if listed_anyway or self._ids is not None:
            return
        for archived in (False, True) if self.config["include_archived"] else (False,):
            for page in self.pages_by_id(archived=archived):
                for row in filter(self.wants, page.rows):
                    self._progress.threads += 1
                    yield self._entry(row)

    def pages_by_id(
        self, *, archived: bool, cursor: str | None = None, seen: set[int] | None = None
    ) -> Iterator[Page]:
        """Yield the pages of a listing by id, from a cursor on.

        Each thread comes once, whatever pages it is on, and not at all if its id is in `seen`, to
        which all of them are added.

        Raises:
            RefusedError: if HubSpot does not know the cursor any more.
            NoProgressError: if a cursor comes again.
        """
        cursors = Cursors()
        cursors.check(cursor)
        seen = set() if seen is None else seen
        while True:
            page = self._page({"archived": archived}, cursor)
            cursor = cursors.check(page.cursor)
            new = {row["id"]: row for row in page.rows if int(row["id"]) not in seen}
            seen.update(map(int, new))
            yield Page(list(new.values()), page.cursor, page.now)
            if cursor is None:
                return

    def page_by_time(self, since: str, cursor: str | None, *, archived: bool) -> Page:
        """Return the page of threads whose latest message is not before a moment, oldest first.

        Args:
            since: A cleaned time. The filter is inclusive (observed).
            cursor: Of such a page from the same moment, for the one behind it.
            archived: Whether to list archived threads rather than live ones.
        """
        return self._page({"archived": archived, "since": since}, cursor)

    def emit(self, row: Record) -> None:
        """Write the row's entry in the index, for when the stream is selected."""
        # The SDK's own way out, with selection, stream maps and metadata; it has no public one for
        # a record that another stream's sync comes upon.
        self._write_record_message(self._entry(row))

    def _entry(self, row: Record) -> Record:
        return {name: row[name] for name in self.schema["properties"]}

    def _page(self, context: dict[str, Any], cursor: str | None) -> Page:
        def fetch(after: str | None) -> Page:
            answer = self.fetch(context, after, accept=_is_page)
            threads = answer.body["results"]
            rows = [row for row in map(self.row, threads) if row["id"]]
            if len(rows) < len(threads):
                message = "%d of a page's %d threads have no usable id and are left out"
                count = len(threads) - len(rows)
                self.log(message, count, len(threads), level=logging.WARNING)
            return Page(rows, next_cursor(answer.body), answer.now)

        (page,) = self.each(fetch, [cursor])
        return page

    @cached_property
    def _inboxes(self) -> list[str]:
        return parse_ids(self.config.get("inbox_ids") or [])

    @cached_property
    def _start(self) -> str | None:
        return clean_time(self.config.get("start_date") or "")

    @property
    def wanted(self) -> dict[str, Any]:
        """The settings that decide which threads a listing is to find, in one form each."""
        return {
            "inbox_ids": sorted(self._inboxes),
            "include_archived": self.config["include_archived"],
            "start_date": self._start,
        }

    def wants(self, row: Record) -> bool:
        """Whether the settings want a thread that a listing found."""
        if self._inboxes and row["inboxId"] not in self._inboxes:
            return False
        moved = row["latestMessageTimestamp"] or row["createdAt"]
        return self._start is None or moved is None or moved >= self._start

    @override
    def get_http_request(self, *, page: PageContext) -> HTTPRequest:
        request = super().get_http_request(page=page)
        since = (page.stream_context or {}).get("since")
        request.params |= {
            # Without this sort HubSpot ignores the filter, without the filter it refuses the sort.
            "sort": "latestMessageTimestamp" if since else "id",
            "latestMessageTimestampAfter": since,
            "limit": PAGE_SIZE,
            "after": page.next_page_token,
            # Several inboxes are refused, although the specification has an array.
            "inboxId": self._inboxes[0] if len(self._inboxes) == 1 else None,
        }
        return request


def _is_page(body: dict[str, Any]) -> bool:
    """Whether an answer is a page of threads, with or without a cursor."""
    threads, paging = body.get("results"), body.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else paging
    return (
        isinstance(threads, list)
        and all(isinstance(thread, dict) for thread in threads)
        and (following is None or isinstance(following, dict))
    )
