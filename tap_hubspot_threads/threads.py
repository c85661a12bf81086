"""`threads`: HubSpot's conversation threads, each as it is now.

Draws from `thread_index` itself rather than by the SDK's `parent_stream_type`: the SDK syncs a
child anew for each parent record, with a SCHEMA, a STATE and one serial request for each thread.
Here the listing's pages feed one sync of `threads`.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE
from typing_extensions import override

from tap_hubspot_threads.by_id import ByIdStream, Checkpoint, ThreadId
from tap_hubspot_threads.cleaning import clean_time, parse_time
from tap_hubspot_threads.errors import RefusedError, UnreadThreadsError
from tap_hubspot_threads.increment import changes
from tap_hubspot_threads.state import ARCHIVED, DONE, LIVE, REPLICATION_KEY, ThreadsState
from tap_hubspot_threads.thread_ids import parse_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record

    from tap_hubspot_threads.client import Shared
    from tap_hubspot_threads.pagination import Page
    from tap_hubspot_threads.thread_index import ThreadIndexStream


class ThreadsStream(ByIdStream):
    """Reads configured ids, or the account: first all of it, then what has changed."""

    name = "threads"
    replication_key = REPLICATION_KEY

    def __init__(self, tap: Tap, shared: Shared, *, index: ThreadIndexStream) -> None:
        super().__init__(tap, shared)
        self._index = index

    # What the SDK would do with bookmarks, which are set here by checkpoints alone.

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        return None

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Leave the state alone: a record's own time says nothing of those still to come.

        Private to the SDK; its own would set progress markers from records and promote them.
        """

    # The phases of a sync

    @override
    def read(self) -> Iterator[Record]:
        for row in self._rows():
            self._progress.threads += 1
            self._progress.archived += row["archived"] is True
            yield row
        if self.unread:
            raise UnreadThreadsError(self.unread)

    def _rows(self) -> Iterator[Record]:
        if self.config.get("thread_ids") is not None:
            ids = parse_ids(self.config["thread_ids"])
            self._progress.total = len(ids)
            yield from self.read_each((thread_id, False) for thread_id in ids)
            return
        self.state = state = self._load_state()
        failed = [(thread_id, False) for thread_id in state.failed]
        yield from self.read_each(failed, are_suspect=True)
        if state.listing != DONE:
            yield from self._list(state)
        yield from self.read_each(self._changes(state))

    def _load_state(self) -> ThreadsState:
        if self.replication_method == REPLICATION_FULL_TABLE:
            self.stream_state.clear()  # somebody wants all of it, each time
        state = ThreadsState(self.stream_state, wanted=self._index.wanted)
        if state.is_reset:
            names = ", ".join(self._index.wanted)
            self.log("One of %s has changed: the account is listed anew", names)
        return state

    def _list(self, state: ThreadsState) -> Iterator[Record]:
        """Take the listing's rows as they are, or read each by id, as `thread_fetch` says."""
        steps = self._list_parts(state)
        if self.config["thread_fetch"] == "by_id":
            yield from self.read_each(
                step if callable(step) else (step["id"], step["archived"] is True) for step in steps
            )
            return
        for step in steps:
            if callable(step):
                self.pass_checkpoint(step)
            else:
                yield step

    def _list_parts(self, state: ThreadsState) -> Iterator[Record | Checkpoint]:
        """List all threads by id, live and then archived ones, from where the state says."""
        parts = [LIVE, ARCHIVED] if self.config["include_archived"] else [LIVE]
        for part, following in zip(parts, [*parts[1:], DONE], strict=True):
            if part == LIVE and state.listing == ARCHIVED:
                continue
            for page in self._pages_from(state, part):
                state.begin_listing(page.now)
                yield from self._wanted(page.rows)
                if page.cursor:
                    yield partial(state.advance_listing, part, page.cursor)
            yield partial(state.advance_listing, following, None)

    def _pages_from(self, state: ThreadsState, part: str) -> Iterator[Page]:
        """Yield the pages of a part of the listing; from its start if the cursor is refused."""
        cursor = state.listing_cursor if state.listing == part else None
        list_pages = partial(self._index.pages_by_id, archived=part == ARCHIVED)
        try:
            yield from list_pages(cursor=cursor)
        except RefusedError as error:
            if cursor is None:
                raise
            message = "%s. The %s threads are listed from the start; the cursor may be too old."
            self.log(message, error, part, level=logging.WARNING)
            yield from list_pages()

    def _changes(self, state: ThreadsState) -> Iterator[ThreadId | Checkpoint]:
        """Find the threads whose latest message is not before the bookmark less the lookback."""
        try:
            yield from self._changes_since(state, state.bookmark or "")
        except _BookmarkAheadError as error:
            self.log(
                "The bookmark %s is ahead of HubSpot's clock, and set back to it: %s. Messages "
                "since the last sync may be missing; a full refresh brings them.",
                state.bookmark,
                error.now,
                level=logging.WARNING,
            )
            state.set_back(error.now)
            yield from self._changes_since(state, error.now)

    def _changes_since(self, state: ThreadsState, bookmark: str) -> Iterator[ThreadId | Checkpoint]:
        since = _shift(bookmark, seconds=-self.config["lookback_seconds"])
        began: list[str] = []  # HubSpot's clock, from the first answer on

        def list_page(since: str, cursor: str | None, *, archived: bool) -> Page:
            page = self._index.page_by_time(since, cursor, archived=archived)
            began.append(page.now)
            if began[0] < since and len(began) == 1:
                raise _BookmarkAheadError(began[0])
            return page

        list_live, list_archived = (partial(list_page, archived=side) for side in (False, True))
        sides = (list_live, list_archived if self.config["include_archived"] else None)
        for step in changes(*sides, since=since):
            for row in self._wanted(step.rows):
                yield row["id"], row["archived"] is True
            yield partial(state.advance, min(step.covered or began[0], began[0]))
            if step.covered and step.covered > _shift(began[0], seconds=60):
                return  # an account can change faster than it is read; the rest comes next time

    def _wanted(self, rows: Iterable[Record]) -> Iterator[Record]:
        is_index_selected = self._index.selected
        for row in rows:
            if self._index.wants(row):
                if is_index_selected:
                    self._index.emit(row)
                yield row


def _shift(moment: str, *, seconds: float) -> str:
    """Return a cleaned time so many seconds later."""
    return clean_time((parse_time(moment) + timedelta(seconds=seconds)).isoformat()) or ""


class _BookmarkAheadError(Exception):
    """The bookmark is so far ahead of HubSpot's clock that nothing could be found."""

    def __init__(self, now: str) -> None:
        super().__init__(now)
        self.now = now
