"""Reading threads by id, many at a time: in order, each at most once, none silently lost."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from singer_sdk.exceptions import FatalAPIError, RetriableAPIError

from tap_hubspot_threads.errors import MAX_NAMED_IDS, RefusedError, ThreadNotFoundError
from tap_hubspot_threads.thread_stream import ThreadStream, id_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Record

    from tap_hubspot_threads.client import Shared
    from tap_hubspot_threads.state import ThreadsState

FAILURES_IN_A_ROW = 5
"""After so many neighbours that could not be read, HubSpot is taken to be down."""

FAILING_SYNCS = 3
"""From so many syncs in a row on, a thread that cannot be read is a warning and no error."""

STATE_INTERVAL = 5.0
"""Seconds between two STATE messages, but for the last."""

LINES_PER_ROW = 8
"""Open threads in the state that take less than half of the room of a row in the output."""

ThreadId: TypeAlias = tuple[str, bool]
"""An id, and whether the thread is thought to be archived."""

Checkpoint: TypeAlias = Callable[[], None]
"""Changes the state; runs when all rows before it have gone out."""

Result: TypeAlias = "Record | Exception | None"
"""What became of reading a thread."""


class ByIdStream(ThreadStream):
    """Reads threads by id; which, its subclass says."""

    path = "/threads/{threadId}"

    def __init__(self, tap: Tap, shared: Shared) -> None:
        super().__init__(tap, shared)
        self.state: ThreadsState | None = None
        """What the next sync is told of threads that cannot be read; None: nothing."""
        self.unread: dict[str, Exception] = {}
        """The threads that could not be read, for which the sync is to end in an error."""
        self.missing: dict[str, None] = {}
        """Threads that HubSpot does not have, neither live nor archived: of found ones all, of
        configured ones so many as a message names."""
        self._failed: set[str] = set()
        self._last_state = self._progress.clock()
        self._rows_at_last_state = 0

    def read_each(
        self, ids: Iterable[ThreadId | Checkpoint], *, are_suspect: bool = False
    ) -> Iterator[Record]:
        """Yield the rows of the threads that exist, in the order of the ids.

        Args:
            ids: What to read; checkpoints among them run when the rows before them have gone out.
            are_suspect: Whether the ids are known to fail, which then says nothing of HubSpot.

        Raises:
            FatalAPIError: if `FAILURES_IN_A_ROW` threads one after the other could not be read.
        """
        in_a_row = 0
        for result in self.each(self._read_one, ids):
            if callable(result):
                self.pass_checkpoint(result)
                continue
            thread_id, row = result
            if isinstance(row, Exception):
                in_a_row += not are_suspect and thread_id not in self._failed
                self._note_failure(thread_id, row)
                if in_a_row >= FAILURES_IN_A_ROW:
                    message = (
                        f"{row} {in_a_row} threads in a row could not be read, so the sync ends "
                        "here. Run it again later."
                    )
                    raise FatalAPIError(message)
                continue
            in_a_row = 0
            if row is None:
                self._progress.missing += 1
                if self.state:
                    self.state.open.note_missing(thread_id)
                if self.state or len(self.missing) < MAX_NAMED_IDS:
                    self.missing[thread_id] = None
            else:
                yield row
            self._forget_failure(thread_id)

    def pass_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Run a checkpoint; let STATE go out, if that is due.

        The last one has to be `STATE_INTERVAL` old. And it has a line for each open thread: so that
        STATE is not most of what goes out, rows have to have gone out for those lines.
        """
        checkpoint()
        lines = len(self.state.open) if self.state else 0
        if (
            self._progress.clock() - self._last_state >= STATE_INTERVAL
            and (self._progress.threads - self._rows_at_last_state) * LINES_PER_ROW >= lines
        ):
            self.write_state()

    def write_state(self) -> None:
        """Let STATE go out in the middle of a sync."""
        if self.state:
            self.state.pack()
        self._last_state, self._rows_at_last_state = self._progress.clock(), self._progress.threads
        self._tap.state_writer.write_state(self.tap_state)

    def _read_one(self, item: ThreadId | Checkpoint) -> Checkpoint | tuple[str, Result]:
        """Read a thread; runs on a worker.

        Returns:
            The id with the row; with None where HubSpot has no such thread; with the error where
            only this thread cannot be read. A checkpoint is handed through, to its place.
        """
        if callable(item):
            return item
        thread_id, archived = item
        try:
            row = self._find(thread_id, archived=archived)
        except (RetriableAPIError, RefusedError) as error:
            return thread_id, error
        return thread_id, row

    def _find(self, thread_id: str, *, archived: bool) -> Record | None:
        """Return the row from where the thread is thought to be, else from the other side.

        One that was found once is looked for a third time before it is told deleted: it may have
        changed sides between the first two.
        """
        sides = (archived, not archived, archived) if self.state else (archived, not archived)
        for side in sides:
            try:
                answer = self.fetch(
                    {"threadId": thread_id, "archived": side},
                    accept=lambda body: id_of(body) == thread_id,
                )
            except ThreadNotFoundError:
                continue
            return self.row(answer.body)
        return None

    def _note_failure(self, thread_id: str, error: Exception) -> None:
        """Keep a thread for the end of this sync and for the next one; count it once a sync."""
        if thread_id in self._failed:
            return
        self._failed.add(thread_id)
        self._progress.failed += 1
        syncs = 1
        if self.state:
            syncs = self.state.note_failure(thread_id)
            self.state.open.postpone(thread_id)
        if syncs < FAILING_SYNCS:
            self.unread[thread_id] = error
            return
        message = "Thread %s could not be read for %d syncs in a row, and is tried again: %s"
        self.log(message, thread_id, syncs, error, level=logging.WARNING)

    def _forget_failure(self, thread_id: str) -> None:
        self.unread.pop(thread_id, None)
        if self.state:
            self.state.forget_failure(thread_id)
