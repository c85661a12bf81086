"""What has changed since a moment: pages of threads by the time of their latest message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from tap_hubspot_threads.contract import Page, Row
from tap_hubspot_threads.sync.walk import Cursors

if TYPE_CHECKING:
    from collections.abc import Iterator

REPLICATION_KEY = "latestMessageTimestamp"
"""What HubSpot sorts a listing by, and the replication key."""


@dataclass(frozen=True)
class Step:
    """Rows that are new in this sweep; all threads whose time is before `covered` have come."""

    rows: list[Row]
    covered: str | None
    """None: the sweep is at its end."""


Fetch: TypeAlias = Callable[[str, str | None], Page]


def changes(list_live: Fetch, list_archived: Fetch | None = None, *, since: str) -> Iterator[Step]:
    """Yield the threads whose latest message is not before `since`, each once, oldest first.

    Live and archived ones in one order of time, from window to window. In each, archived threads
    are listed first, then the live ones up to where those have come, then again the archived ones
    up to where these have: so a thread that is archived or restored meanwhile is seen on one side
    or the other, and after each step it is known up to which moment all have come.

    Args:
        list_live: Returns the page of live threads from a moment on, inclusive, ascending; with a
            cursor of such a page, the one behind it.
        list_archived: Does the same for archived threads, where they are wanted.
        since: A cleaned time.
    """
    seen: set[str] = set()
    if list_archived is None:
        for step in sweep(list_live, since, seen):
            yield Step(sorted(step.rows, key=_time), step.covered)
        return
    at: str | None = since
    archived = Step([], since)  # those that have come, up to a moment
    while at is not None:
        if archived.covered == at:
            further = _window(list_archived, at, seen)
            archived = Step(archived.rows + further.rows, further.covered)
        live = _window(list_live, at, seen, until=archived.covered)
        covered = live.covered or archived.covered
        again = [row for step in sweep(list_archived, at, seen, until=covered) for row in step.rows]
        within = [row for row in archived.rows if covered is None or _time(row) <= covered]
        later = [row for row in archived.rows if covered is not None and _time(row) > covered]
        archived = Step(later, archived.covered)
        yield Step(sorted(within + live.rows + again, key=_time), covered)
        at = covered


def _window(fetch: Fetch, since: str, seen: set[str], *, until: str | None = None) -> Step:
    """Return what comes from a moment on until time has moved: a page, mostly."""
    rows: list[Row] = []
    for step in sweep(fetch, since, seen, until=until):
        rows += step.rows
        if step.covered != since:
            return Step(rows, step.covered)
    return Step(rows, None)


def _time(row: Row) -> str:
    return row[REPLICATION_KEY] or ""


def sweep(
    fetch: Fetch,
    since: str,
    seen: set[str],
    *,
    until: str | None = None,
) -> Iterator[Step]:
    """Yield the threads of one listing from a moment on that are not in `seen`, and add them to it.

    Each page is asked for from the last time of the one before, inclusive: a thread that gets a
    message moves to the end, and a cursor might be an offset that then skips another. A cursor is
    followed only through empty pages and inside one millisecond that fills a page; such a walk is
    gone through again until nothing new comes up in it.

    Args:
        fetch: Returns the page from a moment on, or the one behind a cursor.
        since: Where to start.
        seen: The ids that have come already, whatever their time.
        until: Threads after this moment are left alone, and end the sweep.
    """
    cursor, cursors = None, Cursors()
    is_again = has_news = False
    while True:
        page = fetch(since, cursor)
        found = list(page.rows)
        within = [row for row in found if until is None or _time(row) <= until]
        rows = list({row["id"]: row for row in within if row["id"] not in seen}.values())
        seen.update(row["id"] for row in rows)
        last = max((row[REPLICATION_KEY] for row in found if row[REPLICATION_KEY]), default=since)
        is_end = page.cursor is None or (until is not None and last > until)
        if is_again:
            has_news |= bool(rows)
        if not is_end and last <= since:
            yield Step(rows, since)
            cursor = cursors.check(page.cursor)
        elif cursor is not None and (has_news or not is_again):
            yield Step(rows, since)
            cursor, cursors = None, Cursors()
            is_again, has_news = True, False
        elif is_end:
            yield Step(rows, None)
            return
        else:
            yield Step(rows, last)
            since, cursor, cursors = last, None, Cursors()
            is_again = has_news = False
