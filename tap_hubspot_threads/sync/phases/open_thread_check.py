"""Phase 3: what may have happened silently to open threads.

A cascade in which each step only sees what the one before left, and which remembers nothing of what
worked: whether HubSpot's filter by status works is unknown, and so is how much a page holds.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import HubSpotError
from tap_hubspot_threads.models import Out, ThreadRef
from tap_hubspot_threads.sync.pipeline import MAX_CALLS_PER_THREAD
from tap_hubspot_threads.sync.state.open_threads import mark_of
from tap_hubspot_threads.sync.walk import timed, walk

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Iterator

    from tap_hubspot_threads.models import ChildStream, HubSpot, Page, Row
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.pipeline import Outcomes, Reader, ReadResult
    from tap_hubspot_threads.sync.state.state import SyncState
    from tap_hubspot_threads.sync.stats import Read

LISTING_SECONDS = 54.0
"""What the listings of a sync that has nothing to do may take together, the increment's pages
among them."""


class OpenThreadCheck:
    """Looks at open threads again.

    Args:
        hubspot: The account.
        workers: Who reads it.
        reader: Reads by id.
        outcomes: Makes an `Out` of what was read.
        kept: Has the open threads, and the missed ones.
        read: Has what this sync has read already.
        behind: What hangs on the threads.
        sides: What `archived` is to be listed.
        calls: As many as there are for it, all steps together.
        are_listed: Whether there are steps that list.
        clock: Monotonic seconds.
        log: Is told what it came to.
    """

    def __init__(
        self,
        hubspot: HubSpot,
        workers: WorkerPool,
        reader: Reader,
        outcomes: Outcomes,
        kept: SyncState,
        *,
        read: Read,
        behind: ChildStream,
        sides: tuple[bool, ...],
        calls: int,
        are_listed: bool,
        clock: Callable[[], float],
        log: logging.Logger,
    ) -> None:
        self._hubspot, self._workers = hubspot, workers
        self._reader, self._outcomes = reader, outcomes
        self._kept, self._read, self._sides = kept, read, sides
        self._behind = behind
        self._calls, self._are_listed = calls, are_listed
        self._clock, self._log = clock, log
        self._by_id = self._listed = 0
        """Calls so far."""
        self._found = 0
        """Threads that were found by id."""
        self._seen = 0
        """Known open threads that the listings showed."""
        self._seconds = 0.0
        """What the listings' pages took so far."""

    def run(self, full_listing: Iterator[Out] | None = None) -> Iterator[Out]:
        """Yield what has changed, and what is kept of the rest.

        Args:
            full_listing: A listing of everything that is due, and takes the place of this phase's.
        """
        known = len(self._kept.open)
        if self._calls:
            yield from self._once_missed()
            if self._are_listed and self._listable() > len(self._sides):
                yield from self._listing(self._list_open())
        if full_listing is not None:
            yield from full_listing
        elif self._calls and self._are_listed and self._pays():
            yield from self._listing(self._list_all())
        if self._calls:
            yield from self._read_rest()
        if self._calls and known:
            message = "Open threads: %d known; %d seen in %d listing calls, %d by id"
            self._log.info(message, known, self._seen, self._listed, self._found)

    def _unseen(self) -> list[ThreadRef]:
        """Return the known open threads that this sync has not seen yet, longest unread first.

        Those that were missed had their turn.
        """
        done = self._read.taken | self._read.seen | self._kept.missed.keys()
        return [ThreadRef(*item) for item in self._kept.open.ids() if item[0] not in done]

    def _listable(self) -> int:
        """Return how many of them a listing can show."""
        return sum(item.archived in self._sides for item in self._unseen())

    # By id

    def _once_missed(self) -> Iterator[Out]:
        """Read the once missed ones, whatever listings show, with a quarter of the calls."""
        sides = dict(self._kept.open.ids())
        most = max(1, self._calls // 4 // MAX_CALLS_PER_THREAD)
        missed = [name for name in self._kept.missed if name not in self._read.taken][:most]
        ids = [ThreadRef(name, archived=sides.get(name, False)) for name in missed]
        yield from self._behind(self._outcomes.of(self._count(self._reader.read(ids))))

    def _read_rest(self) -> Iterator[Out]:
        """Read as many of the rest as calls are left for in any case, until none are left."""
        due, most = self._unseen(), max(self._calls, MAX_CALLS_PER_THREAD)
        while due and (size := (most - self._by_id - self._listed) // MAX_CALLS_PER_THREAD) > 0:
            batch, due = due[:size], due[size:]
            yield from self._behind(self._outcomes.of(self._count(self._reader.read(batch))))

    def _count(self, results: Iterable[ReadResult | Out]) -> Iterator[ReadResult | Out]:
        for got in results:
            if not isinstance(got, Out):
                self._by_id += got.looks
                self._found += isinstance(got.found, dict)
            yield got

    # By listings

    def _listing(self, steps: Iterator[Out]) -> Iterator[Out]:
        """Take a step that lists."""
        before = len(self._read.known_seen)
        yield from self._behind(self._without_harm(steps))
        self._seen += len(self._read.known_seen) - before

    def _without_harm(self, steps: Iterator[Out]) -> Iterator[Out]:
        """Let a failure of a listing end it, and nothing else: nothing hangs on it."""
        try:
            yield from steps
        except HubSpotError as error:
            if error.ends_sync:
                raise
            self._log.debug("A listing of open threads has ended early: %s", error)

    def _list_open(self) -> Iterator[Out]:
        """List what HubSpot's filter takes for open, each page tried once.

        A page that is mostly closed shows that it does not filter, and ends this step. An index of
        statuses may hold for ever what is no more: it is believed where it says that nothing has
        changed, and what it has otherwise is left to the steps behind this one.
        """
        for archived in self._sides:
            for page in self._pages(partial(self._hubspot.page_of_open, archived=archived)):
                rows = list(page.rows)
                if 2 * sum(row["status"] == "CLOSED" for row in rows) > len(rows):
                    return
                known = [row for row in rows if self._kept.open.is_known(row["id"], mark_of(row))]
                yield from self._take(known, page.now)

    def _pays(self) -> bool:
        """Whether a listing of everything takes less calls than reading the rest, and fits."""
        listing = self._kept.listing
        pages = listing.full_pages
        if pages is None or self._listable() <= pages:
            return False
        fits_calls = pages <= self._calls // 2 - self._listed
        return fits_calls and listing.full_seconds <= self._seconds_left()

    def _list_all(self) -> Iterator[Out]:
        for archived in self._sides:
            for page in self._pages(partial(self._hubspot.page_by_id, archived=archived)):
                yield from self._take(page.rows, page.now)

    def _pages(self, ask: Callable[[str | None], Page]) -> Iterator[Page]:
        """Walk through a listing, as long as there are calls and seconds for it."""

        def call(cursor: str | None) -> Page:
            self._listed += 1
            page = self._workers.call(lambda: timed(partial(ask, cursor), self._clock))
            self._seconds += page.seconds
            return page

        left = min(self._calls // 2, self._calls - self._by_id) - self._listed
        for page in walk(call, most=max(0, left)):
            yield page
            if page.seconds > self._seconds_left():
                return

    def _seconds_left(self) -> float:
        return LISTING_SECONDS - self._read.listing_seconds - self._seconds

    def _take(self, rows: Iterable[Row], now: str) -> Iterator[Out]:
        for row in rows:
            out = self._outcomes.listed(row, now, always=False)
            if out is not None:
                yield out
        yield Out()
