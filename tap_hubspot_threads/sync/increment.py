"""Phase 2: the threads whose latest message is not before the bookmark less the lookback."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.sync.out import Out
from tap_hubspot_threads.sync.sweep import changes
from tap_hubspot_threads.sync.walk import timed
from tap_hubspot_threads.values import shift

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator

    from tap_hubspot_threads.contract import HubSpot, Page, Row
    from tap_hubspot_threads.sync.kept import Kept
    from tap_hubspot_threads.sync.out import ThreadId
    from tap_hubspot_threads.sync.read import Read
    from tap_hubspot_threads.sync.sweep import Step
    from tap_hubspot_threads.sync.workers import Workers

AHEAD = 7_260
"""Seconds of changes since the sync began, after which the rest is left to the next one. More than
two hours: where an answer does not tell HubSpot's clock, it is taken to be an hour behind the clock
here, which may be behind itself."""


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
        log: Is told of a bookmark that is ahead of HubSpot's clock.
    """

    def __init__(
        self,
        hubspot: HubSpot,
        workers: Workers,
        kept: Kept,
        read: Read,
        *,
        find: Callable[[Row], Iterator[ThreadId | Out]],
        sides: tuple[bool, ...],
        lookback: float,
        clock: Callable[[], float],
        log: logging.Logger,
    ) -> None:
        self._hubspot, self._workers = hubspot, workers
        self._kept, self._read, self._find = kept, read, find
        self._sides, self._lookback = sides, lookback
        self._clock, self._log = clock, log

    def run(self) -> Iterator[ThreadId | Out]:
        """Yield the threads, each once, with what moves the bookmark behind them."""
        try:
            yield from self._changes_since(self._kept.bookmark or "")
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

    def steps(self, since: str, *, note: Callable[[Page], None] = lambda _: None) -> Iterator[Step]:
        """Yield the threads whose latest message is not before a moment; see `changes`.

        Args:
            since: A cleaned time.
            note: Is told of each page.
        """

        def list_page(since: str, cursor: str | None, *, archived: bool) -> Page:
            def ask() -> Page:
                return self._hubspot.page_by_time(since, cursor, archived=archived)

            page = self._workers.call(lambda: timed(ask, self._clock))
            note(page)
            return page

        return changes(
            *(partial(list_page, archived=archived) for archived in self._sides), since=since
        )

    def _changes_since(self, bookmark: str) -> Iterator[ThreadId | Out]:
        since = self.before(bookmark)
        began: list[str] = []  # HubSpot's clock, from the first answer on

        def note(page: Page) -> None:
            self._read.listing_seconds += page.seconds
            began.append(page.now)
            self._read.now = began[0]
            if began[0] < since and len(began) == 1:
                raise _BookmarkAheadError(began[0])

        for step in self.steps(since, note=note):
            for row in step.rows:
                yield from self._find(row)
            yield Out(then=partial(self._kept.advance, min(step.covered or began[0], began[0])))
            if step.covered and step.covered > shift(began[0], seconds=AHEAD):
                return  # an account can change faster than it is read; the rest comes next time


class _BookmarkAheadError(Exception):
    """The bookmark is so far ahead of HubSpot's clock that nothing could be found."""

    def __init__(self, now: str) -> None:
        super().__init__(now)
        self.now = now
