"""Phase 2: the threads whose latest message is not before the bookmark less the lookback."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import RefusedError
from tap_hubspot_threads.models import Out, Page
from tap_hubspot_threads.sync.phases.time_window import FRESH, REPLICATION_KEY, changes
from tap_hubspot_threads.sync.walk import timed
from tap_hubspot_threads.values import shift

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator

    from tap_hubspot_threads.models import HubSpot, Row, ThreadRef
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.phases.time_window import End, Fetch, Step
    from tap_hubspot_threads.sync.state.state import SyncState
    from tap_hubspot_threads.sync.stats import Read

UNDATED = 7_260.0
"""Seconds that are read beyond the time of a page that does not tell HubSpot's clock: that time is
our clock less an hour, and our clock may be behind itself."""
WHOLE_SECONDS = 1.0
"""Seconds that are read beyond the time of any other page: a `Date` is rounded down."""
CORRECTION = 60.0
"""Seconds by which a later page may find HubSpot's clock to be behind that of the first one."""
MOSTLY = 2
"""Rows of a page from before its start that show that its filter is ignored: more, and most."""


class Increment:
    """Finds what has a new message; the bookmark moves behind each page.

    Args:
        hubspot: The account.
        workers: Who reads the pages.
        kept: Has the bookmark.
        read: Is told HubSpot's clock at the start.
        find: Yields what a row that was found is taken for.
        sides: What `archived` is to be listed.
        lookback: Seconds before the bookmark to start at: a late index, clocks.
        clock: Monotonic seconds.
        log: Is warned of a bookmark that is ahead of HubSpot's clock, and of an archived side that
            cannot be listed by time.
    """

    def __init__(
        self,
        hubspot: HubSpot,
        workers: WorkerPool,
        kept: SyncState,
        read: Read,
        *,
        find: Callable[[Row], Iterator[ThreadRef | Out]],
        sides: tuple[bool, ...],
        lookback: float,
        clock: Callable[[], float],
        log: logging.Logger,
    ) -> None:
        self._hubspot, self._workers = hubspot, workers
        self._kept, self._read, self._find = kept, read, find
        self._sides, self._lookback = sides, lookback
        self._clock, self._log = clock, log
        self._lists_archived = True

    def run(self) -> Iterator[ThreadRef | Out]:
        """Yield the threads, each once, with what moves the bookmark after them.

        While the first listing is stuck there is no bookmark: then from where that began.
        """
        bookmark = self._kept.bookmark or self._kept.listing.started_at or ""
        try:
            try:
                yield from self._changes_since(bookmark)
            except _BookmarkAheadError:  # one response may be wrong
                yield from self._changes_since(bookmark)
        except _BookmarkAheadError as error:
            self._log.warning(
                "The bookmark %s is ahead of HubSpot's clock, and set back to it: %s. Messages "
                "since the last sync may be missing; a full refresh brings them.",
                self._kept.bookmark,
                error.now,
            )
            yield Out(then=partial(self._kept.set_back, error.now))
            yield from self._changes_since(error.now)

    def before(self, moment: str) -> str:
        """Return the moment less the lookback: where to start, so that nothing late is lost."""
        return shift(moment, seconds=-self._lookback)

    def steps(
        self, since: str, *, end: End, note: Callable[[Page], None] = lambda _: None
    ) -> Iterator[Step]:
        """Yield the threads whose latest message is not before a moment; see `changes`.

        Args:
            since: A cleaned time.
            end: As `changes` wants it.
            note: Called with each page.
        """

        def list_page(since: str, cursor: str | None, *, archived: bool) -> Page:
            def ask() -> Page:
                return self._hubspot.page_by_time(since, cursor, archived=archived)

            page = self._workers.call(lambda: timed(ask, self._clock))
            note(page)
            return replace(page, rows=list(page.rows))  # they are gone through several times

        list_live = partial(list_page, archived=False)
        if True not in self._sides:
            return changes(list_live, since=since, end=end)
        list_archived = self._archived(partial(list_page, archived=True))
        return changes(list_live, list_archived, since=since, end=end)

    def _archived(self, list_page: Fetch) -> Fetch:
        """Return the list of archived threads by time: an empty one if HubSpot has none.

        UNKNOWN: whether HubSpot sorts archived threads by time. If it refuses to, or ignores the
        filter, the full listing shows what has changed in them.
        """
        nothing = Page([], None, "")

        def fetch(since: str, cursor: str | None) -> Page:
            if not self._lists_archived:
                return nothing
            try:
                page = list_page(since, cursor)
            except RefusedError as error:
                if cursor is not None:
                    raise
                reason = str(error)
            else:
                start = shift(since, seconds=-FRESH)
                times = [row[REPLICATION_KEY] or start for row in page.rows]
                early = sum(moment < start for moment in times)
                if early <= max(MOSTLY, len(times) / 2):
                    return page
                reason = "HubSpot ignores the filter by time."
            self._log.warning(
                "Archived threads cannot be listed by time: %s The full listing shows what has "
                "changed in them.",
                reason,
            )
            self._lists_archived = False
            return nothing

        return fetch

    def _changes_since(self, bookmark: str) -> Iterator[ThreadRef | Out]:
        since, began = self.before(bookmark), _Beginning(self._clock)

        def note(page: Page) -> None:
            self._read.listing_seconds += page.seconds
            if not began.at and page.now < since:
                raise _BookmarkAheadError(page.now)
            began.note(page)
            self._read.now = began.at

        for step in self.steps(since, end=lambda: began.end, note=note):
            for row in step.rows:
                yield from self._find(row)
            covered = min(step.covered or began.at, began.at)
            yield Out(then=partial(self._kept.advance, covered))


class _Beginning:
    """HubSpot's clock at the first page of an increment: the increment ends there.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._started = clock, clock()
        self.at = ""
        """A cleaned time; empty before the first page."""
        self.end: str | None = None

    def note(self, page: Page) -> None:
        """Take the time of the first page, or an earlier one if a later page says so."""
        at = shift(page.now, seconds=self._started - self._clock()) if self.at else page.now
        if not self.at or (page.is_dated and at < shift(self.at, seconds=-CORRECTION)):
            self.at = at
            self.end = shift(at, seconds=WHOLE_SECONDS if page.is_dated else UNDATED)


class _BookmarkAheadError(Exception):
    """The bookmark is so far ahead of HubSpot's clock that nothing could be found."""

    def __init__(self, now: str) -> None:
        super().__init__(now)
        self.now = now
