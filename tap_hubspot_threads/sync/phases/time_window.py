"""Threads by the time of their latest message: live and archived ones, in one order of time.

HubSpot takes a page's order first and fills in its rows a moment later, so a row can be fresher
than its place; and a late email can give a row any time (inferred, and simulated). So no single
time on a page says how far the list was shown: see `_Walk.position`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from tap_hubspot_threads.models import Page, Row
from tap_hubspot_threads.sync.walk import Progress
from tap_hubspot_threads.values import shift

if TYPE_CHECKING:
    from collections.abc import Iterator

REPLICATION_KEY = "latestMessageTimestamp"
"""What HubSpot sorts a listing by, and the replication key."""

FRESH = 60.0
"""Seconds before a request: a row with a later time may have been filled in after its place."""

WITNESSES = 3
"""Rows that have to agree on how far a list was shown, or that it is past a moment."""

INCLUSIVE = 0.001
"""Seconds before a position at which its page starts: that the filter is inclusive is inferred."""


@dataclass(frozen=True)
class Step:
    """Rows that are new in this sweep; all threads whose place is before `covered` have come."""

    rows: list[Row]
    covered: str | None
    """None: the sweep is at its end."""


Fetch: TypeAlias = Callable[[str, str | None], Page]
"""Returns the page from a moment on, ascending; with a cursor of such a page, the one after it."""

End: TypeAlias = Callable[[], str | None]
"""Returns the moment up to which threads are read; None while that is not known."""


def changes(
    list_live: Fetch, list_archived: Fetch | None = None, *, since: str, end: End
) -> Iterator[Step]:
    """Yield the threads whose latest message is not before `since`, each once, oldest first.

    Live and archived ones in one order of time, from window to window. In each, archived threads
    are listed first, then the live ones up to where those have come, then again the archived ones
    up to where these have: so a thread that is archived or restored meanwhile is seen on one side
    or the other, and after each step it is known up to which moment all have come.

    Args:
        list_live: Lists live threads.
        list_archived: Lists archived threads, if they are wanted.
        since: A cleaned time.
        end: Threads that moved later are left to the next sync, but for those on the last page.
    """
    seen: set[str] = set()
    if list_archived is None:
        for step in sweep(list_live, since, seen, end=end):
            yield Step(sorted(step.rows, key=_time), step.covered)
        return
    at: str | None = since
    archived = Step([], since)  # those that have come, up to a moment
    while at is not None:
        if archived.covered == at:
            further = _window(list_archived, at, seen, end=end)
            archived = Step(archived.rows + further.rows, further.covered)
        live = _window(list_live, at, seen, until=archived.covered, end=end)
        covered = live.covered or archived.covered
        steps = sweep(list_archived, at, seen, until=covered, end=end)
        again = [row for step in steps for row in step.rows]
        within = [row for row in archived.rows if covered is None or _time(row) <= covered]
        later = [row for row in archived.rows if covered is not None and _time(row) > covered]
        archived = Step(later, archived.covered)
        yield Step(sorted(within + live.rows + again, key=_time), covered)
        at = covered


def _window(
    fetch: Fetch, since: str, seen: set[str], *, until: str | None = None, end: End
) -> Step:
    """Return what comes from a moment on until the position has moved: a page, mostly."""
    rows: list[Row] = []
    for step in sweep(fetch, since, seen, until=until, end=end):
        rows += step.rows
        if step.covered != since:
            return Step(rows, step.covered)
    return Step(rows, None)


def _time(row: Row) -> str:
    return row[REPLICATION_KEY] or ""


def sweep(
    fetch: Fetch, since: str, seen: set[str], *, until: str | None = None, end: End
) -> Iterator[Step]:
    """Yield the threads of one list from a moment on that are not in `seen`, and add them to it.

    Each page is requested from the position that the one before has led to: a thread that gets a
    message moves to the end, and a cursor might be an offset that then skips another. A cursor is
    followed only where the position does not move; such a walk is repeated until it shows nothing
    new.

    Args:
        fetch: Lists the threads.
        since: Where to start.
        seen: The IDs that have come already, whatever their time.
        until: Threads after this moment are left alone, and end the sweep.
        end: Threads after this moment end the sweep. Those on its pages come, but are no news.
    """
    at, walk, is_repeat = since, _Walk(since), False
    while True:
        page = fetch(shift(at, seconds=-INCLUSIVE), walk.cursor)
        within = [row for row in page.rows if until is None or _time(row) <= until]
        rows = list({row["id"]: row for row in within if row["id"] not in seen}.values())
        seen.update(row["id"] for row in rows)
        limit = min(filter(None, (until, end())), default=None)
        walk.has_news |= any(limit is None or _time(row) <= limit for row in rows)
        position = walk.position(page)
        is_over = page.cursor is None or walk.is_past(page, position, limit)
        if position is None and not is_over:
            yield Step(rows, at)
            walk.follow(page)
        elif walk.cursor is not None and (walk.has_news or not is_repeat):
            yield Step(rows, at)
            walk, is_repeat = _Walk(at), True
        elif position is None or is_over:
            yield Step(rows, None)
            return
        else:
            yield Step(rows, position)
            at, walk, is_repeat = position, _Walk(position), False


class _Walk:
    """The pages from one position on, by their cursors.

    Args:
        at: The position.
    """

    def __init__(self, at: str) -> None:
        self.cursor: str | None = None
        """The cursor of the page under way; None: the first."""
        self.has_news = False
        """Whether it has shown a thread that had not come, and is not left to the next sync."""
        self._at, self._progress = at, Progress()
        self._last: list[str] = []
        self._settled: list[str] = []

    def position(self, page: Page) -> str | None:
        """Return up to where the list was shown after a page; None: no further than before.

        That is the smallest of the last times, in the order shown, that were a minute old at the
        request: so it is wrong only if as many rows in a row are all fresher than their places. In
        a simulation of 2,500 histories that never lost a thread; the largest time lost one in each
        third history, the last row's in each eleventh.
        """
        times = [row[REPLICATION_KEY] for row in page.rows if row[REPLICATION_KEY]]
        self._last = [*self._last, *times][-WITNESSES:]
        if times:
            fresh = shift(page.now, seconds=-page.seconds - FRESH)
            settled = [moment for moment in times if moment < fresh]
            self._settled = [*self._settled, *settled][-WITNESSES:]
        moved = min(self._settled, default=self._at)
        return moved if len(self._settled) == WITNESSES and moved > self._at else None

    def is_past(self, page: Page, position: str | None, limit: str | None) -> bool:
        """Whether all that comes after a page is later than a moment."""
        if limit is None:
            return False
        times = [row[REPLICATION_KEY] or limit for row in page.rows]
        is_page_later = len(self._last) == WITNESSES and min([*times, *self._last]) > limit
        return is_page_later or (position is not None and position > limit)

    def follow(self, page: Page) -> None:
        """Go to the page after one.

        Raises:
            NoProgressError: if the walk would never end.
        """
        self.cursor = self._progress.check(page)
