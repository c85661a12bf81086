"""Reading open threads again, and noticing which threads are gone."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from tap_hubspot_threads.by_id import ByIdStream, ThreadId
from tap_hubspot_threads.errors import WrongAccountError, name_ids
from tap_hubspot_threads.state import REPLICATION_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Record

    from tap_hubspot_threads.client import Shared
    from tap_hubspot_threads.state import ThreadsState

MANY = 20
"""So many threads tell which account they are of: not all of them are deleted at once."""

CALLS_PER_THREAD = 3
"""Calls that it takes at the most, retries apart, to read a thread or find that it is gone."""


class WatchingStream(ByIdStream):
    """Reads threads by id that the state knows; when and which others, its subclass says."""

    def __init__(self, tap: Tap, shared: Shared) -> None:
        super().__init__(tap, shared)
        self.now = ""
        """HubSpot's clock at the start of the increment."""
        self.is_account_known = False
        """Whether there was a thread to know the account by."""
        self._is_checked = False
        self._calls_again = 0
        """Calls that this sync has spent on reading open threads again."""
        self._known: set[str] = set()
        """The threads that it has read again, but for archived ones: those may be purged."""
        self.just_read: set[tuple[str, str | None]] = set()
        """What the increment need not read: ids, each with the latest message that is known."""

    def check_account(self, state: ThreadsState) -> Iterator[Record]:
        """Read a thread that the state knows, to see that the token is of the same account.

        Raises:
            WrongAccountError: if that thread is gone, and so are all others that are tried.
        """
        due = state.open.due()[:MANY] if self.config["refresh_open_calls"] else []
        witnesses = [(thread_id, False) for thread_id in state.open.witnesses]
        known = [*due[:1], *witnesses, *due[1:]] if due else []
        self.is_account_known = bool(known)
        for start, end in ((0, 1), (1, 2), (2, 4), (4, 8), (8, None)):
            batch = known[start:end]
            for row in self._read_again(batch):
                if row["id"] in state.open:
                    self.just_read.add((row["id"], row[REPLICATION_KEY]))
                    yield row
            if any(thread_id not in self.missing for thread_id, _ in batch):
                return
        if len(known) >= MANY:
            raise WrongAccountError(gone=len(known), known=len(known))

    def read_open(self, state: ThreadsState) -> Iterator[Record]:
        """Read open threads again, as many as `refresh_open_calls` leaves calls for."""
        due = iter(state.open.due())
        while (left := self.config["refresh_open_calls"] - self._calls_again) > 0:
            batch = list(islice(due, max(1, left // CALLS_PER_THREAD)))
            if not batch:
                return
            yield from self._read_again(batch)
            self.pass_checkpoint(lambda: None)

    def _read_again(self, ids: list[ThreadId]) -> Iterator[Record]:
        before = self._progress.calls
        self._known.update(thread_id for thread_id, archived in ids if not archived)
        yield from self.read_each(ids)
        self._calls_again += self._progress.calls - before

    def check_missing(self) -> None:
        """Hold it against the account if most of its open threads are gone.

        Raises:
            WrongAccountError: if they are, and none is told deleted.
        """
        gone, known = len(self._known & self.missing.keys()), len(self._known)
        if known >= MANY and 2 * gone > known:
            raise WrongAccountError(gone=gone, known=known)
        self._is_checked = True

    def drop_missing(self) -> None:
        """Take nothing of what is missing for deleted: it may be another account's."""
        for thread_id in self.missing:
            if self.state:
                self.state.open.forget(thread_id)
        self.missing.clear()

    @property
    def has_deleted(self) -> bool:
        """Whether there are threads to tell deleted, as far as this sync has come."""
        return self.state is not None and self._is_checked and bool(self.missing)

    def pop_deleted(self) -> Iterator[Record]:
        """Yield a row for each thread that is gone; it is forgotten when the row has gone out."""
        if self.state is None or not self.has_deleted:
            return
        names = name_ids(list(self.missing))
        self.log("%d thread(s) are gone from HubSpot: %s", len(self.missing), names)
        for thread_id in list(self.missing):
            yield {"id": thread_id, "noticedAt": self.now}
            del self.missing[thread_id]
            self.state.open.forget(thread_id)
        self.pack_state()
