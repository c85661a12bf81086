"""`threads`: HubSpot's conversation threads, each as it is now.

Draws from `thread_index` itself rather than by the SDK's `parent_stream_type`: the SDK syncs a
child anew for each parent record, with a SCHEMA, a STATE and one serial request for each thread.
Here the listing's pages feed one sync of `threads`.
"""

from __future__ import annotations

import logging
from collections import deque
from copy import deepcopy
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE
from typing_extensions import override

from tap_hubspot_threads.cleaning import clean_time, parse_time
from tap_hubspot_threads.errors import UnreadThreadsError, name_ids
from tap_hubspot_threads.increment import changes
from tap_hubspot_threads.listing import list_account
from tap_hubspot_threads.state import DONE, REPLICATION_KEY, ThreadsState
from tap_hubspot_threads.thread_stream import ENDS
from tap_hubspot_threads.watching import WatchingStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk import Stream, Tap
    from singer_sdk.helpers.types import Context, Record

    from tap_hubspot_threads.by_id import Checkpoint, ThreadId
    from tap_hubspot_threads.client import Shared
    from tap_hubspot_threads.configured_ids import ConfiguredIds
    from tap_hubspot_threads.pagination import Page
    from tap_hubspot_threads.thread_index import ThreadIndexStream


class ThreadsStream(WatchingStream):
    """Reads configured ids; or the account: what has changed, what may have, and at times all."""

    name = "threads"
    replication_key = REPLICATION_KEY

    def __init__(self, tap: Tap, shared: Shared, *, index: ThreadIndexStream) -> None:
        super().__init__(tap, shared)
        self._index = index
        self._is_watching: bool = self.config["refresh_open_calls"] > 0

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
            if self.state and self.state.open.is_known(row):
                self._progress.unchanged += 1
            else:
                if self.state and self.state.is_exact and row["id"] in self.state.open:
                    self.state.is_exact = False
                    self.write_state()
                self._progress.threads += 1
                self._progress.archived += row["archived"] is True
                # The SDK takes columns that are not selected out of it.
                yield row if self.is_whole else deepcopy(row)
            if self.state:
                self.missing.pop(row["id"], None)
                self.state.open.note(row, is_open=self._is_watched(row))
        if self.unread:
            raise UnreadThreadsError(self.unread)

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        try:
            yield from super().get_records(context)
        except ENDS:
            if self._deleted.selected and self.has_deleted:
                self._deleted.sync()  # the SDK does not go on to that stream
            raise

    @property
    def _deleted(self) -> Stream:
        return self._tap.streams["deleted_threads"]

    def _rows(self) -> Iterator[Record]:
        if self._ids is not None:
            yield from self._read_configured(self._ids)
            return
        self.state = state = self._load_state()
        yield from self.check_account(state)
        failed = [(thread_id, False) for thread_id in state.failed]
        yield from self.read_each(failed, are_suspect=True)
        if not self.is_account_known:
            self.drop_missing()
        if state.bookmark is None:
            yield from self._list(state)
        yield from self.read_each(self._changes(state))
        yield from self.read_open(state)
        self.check_missing()
        if self._is_listing_due(state):
            state.start_listing()
        if state.listing != DONE:
            yield from self._list(state, calls=self.config["full_listing_calls"])
        if not self._deleted.selected:
            deque(self.pop_deleted(), maxlen=0)

    @override
    def pack_state(self) -> None:
        if self.state:
            self.state.is_exact = True
            self.state.pack()
            self._progress.full_listing = self.state.full_listing_completed_at

    def _read_configured(self, ids: ConfiguredIds) -> Iterator[Record]:
        self._progress.total = ids.total
        yield from self.read_each((thread_id, False) for thread_id in ids)
        if self.missing:
            message = "%d thread(s) not found, neither live nor archived: %s"
            count = self._progress.missing
            names = name_ids(list(self.missing), count)
            self.log(message, count, names, level=logging.WARNING)

    def _load_state(self) -> ThreadsState:
        if self.replication_method == REPLICATION_FULL_TABLE:
            self.stream_state.clear()  # somebody wants all of it, each time
        state = ThreadsState(self.stream_state, wanted=self._index.wanted)
        if state.is_reset:
            names = ", ".join(self._index.wanted)
            self.log("One of %s has changed: the account is listed anew", names)
        elif state.bookmark is None:
            self.log("There is no bookmark yet: the whole account is listed first")
        return state

    # Everything

    def _is_listing_due(self, state: ThreadsState) -> bool:
        started = state.full_listing_started_at
        hours = self.config["full_listing_hours"]
        return state.listing == DONE and (
            started is None or not started <= self.now < _shift(started, seconds=hours * 3600)
        )

    def _list(self, state: ThreadsState, *, calls: int | None = None) -> Iterator[Record]:
        """Take the listing's rows as they are, or read each by id, as `thread_fetch` says."""
        steps = self._list_pages(state, calls)
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

    def _list_pages(self, state: ThreadsState, calls: int | None) -> Iterator[Record | Checkpoint]:
        # Of two readings that are under way at once, the later row may be the older one.
        seen: set[int] | None = set() if self.config["thread_fetch"] == "by_id" else None

        def list_side(cursor: str | None, *, archived: bool) -> Iterator[Page]:
            return self._index.pages_by_id(archived=archived, cursor=cursor, seen=seen)

        def warn(message: str) -> None:
            self.log(message, level=logging.WARNING)

        live, archived = (partial(list_side, archived=side) for side in (False, True))
        sides = (live, archived if self.config["include_archived"] else None)
        for page, checkpoint in islice(list_account(state, *sides, warn=warn), calls):
            for row in self._wanted(page.rows):
                state.open.doubt(row["id"])  # a listing brings all, whatever the state has of it
                yield row
            yield checkpoint

    # Open threads

    def _is_watched(self, row: Record) -> bool:
        """Whether a thread is one to read again: changes that no message tells of go on in it."""
        return row["status"] != "CLOSED" and self._is_watching and self._index.wants(row)

    # What has changed

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
            self.now = began[0]
            if began[0] < since and len(began) == 1:
                raise _BookmarkAheadError(began[0])
            return page

        list_live, list_archived = (partial(list_page, archived=side) for side in (False, True))
        sides = (list_live, list_archived if self.config["include_archived"] else None)
        for step in changes(*sides, since=since):
            for row in self._wanted(step.rows):
                if (row["id"], row[REPLICATION_KEY]) not in self.just_read:
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
