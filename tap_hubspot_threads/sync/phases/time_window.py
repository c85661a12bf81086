"""Lists live and archived threads together, sorted by their latest-message time.

In this module, the *time* of a row is the thread's latest-message time. The *sort time* of a row is
the time by which HubSpot sorted the row. Usually, both are equal.

But HubSpot sorts the rows of a page first, and fills in their columns a moment later (inferred). If
a thread gets a message in between, its row is a *late row*: the time is later than the sort time.
The time of a late row is usually the time of the request. But if the message is an email that
arrives late, the time can be hours before the request (inferred).

The *position* is a time: all threads whose sort time is before the position were listed.
`_Walk.position` computes the position from several rows, because each row can be a late row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from tap_hubspot_threads.models import REPLICATION_KEY, Page, Row
from tap_hubspot_threads.values import shift

if TYPE_CHECKING:
    from collections.abc import Iterable

FRESH_SECONDS = 60.0
"""`_Walk.position` uses only rows whose time is more than this many seconds before the request.
Most late rows are newer, so they are not used."""

AGREEING_ROWS = 3
"""`_Walk.position` computes the position from the times of this many rows."""

LATER_ROWS = 20
"""A list has passed a limit if this many rows, and all rows of the last page, are later than the
limit. Fewer new rows are no proof, because all of them could be late rows (`_Walk.is_past`)."""

FILTER_MARGIN = 0.001
"""Each request asks for threads since the position minus this many seconds. UNKNOWN: whether the
filter by time includes the given time (inferred: yes). If yes, the margin can be removed."""


@dataclass(frozen=True)
class Window:
    """Threads from one or several pages, without the threads of earlier windows."""

    rows: list[Row]
    complete_until: str | None
    """The position after these pages. None: this is the last window, because the list has ended or
    has passed the last time that is needed."""


ListSince: TypeAlias = Callable[[str], Iterator[Page]]
"""Yields the pages of the threads whose time is a given time or later, sorted by time. Each page
after the first is requested with the cursor of the previous page."""

End: TypeAlias = Callable[[], str | None]
"""Returns the time up to which this sync needs threads. None: this time is not known yet."""


def iter_changed_threads(
    list_live: ListSince, list_archived: ListSince | None = None, *, since: str, end: End
) -> Iterator[Window]:
    """Yield windows of the threads whose time is `since` or later.

    Each thread is yielded once. The threads of a window are sorted by time. A window can have later
    times than the next window, because its last page can go beyond `complete_until`.

    For each window, the lists of live and archived threads are read in three steps:
        1. Archived threads, until the position moves. This step is skipped if an earlier window has
           already read beyond the position.
        2. Live threads, until the position moves, but at most up to the position of step 1.
        3. Archived threads again, up to the position of step 2. If the live list has ended, up to
           the position of step 1.

    If a thread is archived or restored during these requests, at least one of the steps shows the
    thread.

    Args:
        list_live: Lists live threads.
        list_archived: Lists archived threads. None: only live threads are yielded.
        since: The start, such as `2026-01-31T09:00:00.000Z`.
        end: Returns the time up to which threads are needed. Reading stops after the page that
            passes this time. Threads on this page with later times are yielded too.
    """
    seen: set[str] = set()
    if list_archived is None:
        for window in iter_by_time(list_live, since, seen, end=end):
            yield Window(sorted(window.rows, key=_time), window.complete_until)
        return
    at: str | None = since
    archived = Window([], since)  # archived threads that are not yielded yet
    while at is not None:
        if archived.complete_until == at:
            further = _next_window(list_archived, at, seen, end=end)
            archived = Window(archived.rows + further.rows, further.complete_until)
        live = _next_window(list_live, at, seen, until=archived.complete_until, end=end)
        until = live.complete_until or archived.complete_until
        again = _rows(iter_by_time(list_archived, at, seen, until=until, end=end))
        within = [row for row in archived.rows if until is None or _time(row) <= until]
        later = [row for row in archived.rows if until is not None and _time(row) > until]
        archived = Window(later, archived.complete_until)
        yield Window(sorted(within + live.rows + again, key=_time), until)
        at = until


def _next_window(
    list_since: ListSince, since: str, seen: set[str], *, until: str | None = None, end: End
) -> Window:
    """Return the threads from `since` on, up to the page at which the position moves."""
    rows: list[Row] = []
    for window in iter_by_time(list_since, since, seen, until=until, end=end):
        rows += window.rows
        if window.complete_until != since:
            return Window(rows, window.complete_until)
    return Window(rows, None)


def _rows(windows: Iterable[Window]) -> list[Row]:
    return [row for window in windows for row in window.rows]


def _time(row: Row) -> str:
    return row[REPLICATION_KEY] or ""


def iter_by_time(
    list_since: ListSince, since: str, seen: set[str], *, until: str | None = None, end: End
) -> Iterator[Window]:
    """Yield windows of the threads of one list from a time on, except the threads in `seen`.

    The IDs of the yielded threads are added to `seen`. If the position has not moved,
    `complete_until` is the same as in the previous window.

    Usually, each page is requested by time, from the position after the previous page. A cursor is
    less reliable, because the cursor might be an offset (a number of rows). If a listed thread gets
    a message, this thread moves to the end of the list. All threads that were after this thread
    move up by one row. So the page at the next offset would skip a thread.

    If the position does not move, the next page is requested by cursor. A *walk* is a sequence of
    pages from one position on, each requested by the cursor of the previous page. A walk of one
    page skips no thread. A walk of several pages is repeated from the same position until two
    consecutive walks show the same threads with the same times. Then the first of these two walks
    has skipped no thread. Reason: a walk skips a thread only if a thread that the walk has shown
    gets a message. That thread then has a later time and is further back in the list. So the next
    walk shows it with the later time, or ends before it. In both cases, the two walks differ.

    UNKNOWN: whether a cursor of the list by time is an offset or a key. If the cursor is a key,
    walks need not be repeated.

    Args:
        list_since: Lists the threads.
        since: The start, such as `2026-01-31T09:00:00.000Z`.
        seen: IDs of the threads that were already yielded.
        until: Reading stops when the list has passed this time. Threads with later times are not
            yielded. None: `end` is the only limit.
        end: Returns another time at which reading stops. Threads with later times on the last page
            are yielded too.
    """
    at, walk, before = since, _Walk(list_since, since), None
    while True:
        page = walk.next_page()
        within = [row for row in page.rows if until is None or _time(row) <= until]
        rows = list({row["id"]: row for row in within if row["id"] not in seen}.values())
        seen.update(row["id"] for row in rows)
        limit = min(filter(None, (until, end())), default=None)
        walk.shown |= {
            (row["id"], _time(row)) for row in within if limit is None or _time(row) <= limit
        }
        position = walk.position(page)
        is_over = page.cursor is None or walk.is_past(page, position, limit)
        if position is None and not is_over:
            yield Window(rows, at)
        elif walk.pages > 1 and walk.shown != before:
            yield Window(rows, at)
            walk, before = _Walk(list_since, at), walk.shown
        elif position is None or is_over:
            yield Window(rows, None)
            return
        else:
            yield Window(rows, position)
            at, walk, before = position, _Walk(list_since, position), None


class _Walk:
    """The pages from one position on, each requested by the cursor of the previous page.

    Args:
        list_since: Lists the threads.
        at: The position.
    """

    def __init__(self, list_since: ListSince, at: str) -> None:
        self._source = list_since(shift(at, seconds=-FILTER_MARGIN))
        self._at = at
        self._last: list[str] = []
        """The times of the last `LATER_ROWS` rows."""
        self._settled: list[str] = []
        """The times from which `position` computes the position: at most `AGREEING_ROWS`."""
        self.pages = 0
        """Number of pages read so far."""
        self.shown: set[tuple[str, str]] = set()
        """IDs and times of the threads on these pages, without threads after the limit (`until` or
        `end`)."""

    def next_page(self) -> Page:
        """Return the next page.

        Raises:
            PaginationLoopError: if the list makes no progress.
        """
        self.pages += 1
        return next(self._source)

    def position(self, page: Page) -> str | None:
        """Return the position after a page; None if the position has not moved.

        Only times that are more than `FRESH_SECONDS` before the request are used. Of these times,
        the last `AGREEING_ROWS` in list order are taken. The earliest of them is the position. A
        thread can be lost only if all of these rows are late rows.

        In 2,500 simulated accounts whose threads changed at random, this rule lost no thread. With
        the latest time on the page as the position, 1 account in 3 lost a thread. With the last
        row's time as the position, 1 account in 11 lost a thread.
        """
        times = [row[REPLICATION_KEY] for row in page.rows if row[REPLICATION_KEY]]
        self._last = [*self._last, *times][-LATER_ROWS:]
        if times:
            fresh = shift(page.now, seconds=-page.seconds - FRESH_SECONDS)
            settled = [moment for moment in times if moment < fresh]
            self._settled = [*self._settled, *settled][-AGREEING_ROWS:]
        moved = min(self._settled, default=self._at)
        return moved if len(self._settled) == AGREEING_ROWS and moved > self._at else None

    def is_past(self, page: Page, position: str | None, limit: str | None) -> bool:
        """Whether only threads later than `limit` follow after a page. False without a limit."""
        if limit is None:
            return False
        times = [row[REPLICATION_KEY] or limit for row in page.rows]
        is_page_later = len(self._last) == LATER_ROWS and min([*times, *self._last]) > limit
        return is_page_later or (position is not None and position > limit)
