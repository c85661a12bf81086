"""The listing of threads: pages, their cursors, and which parameters are refused."""

from __future__ import annotations

import bisect
import json
from typing import TYPE_CHECKING

from emulator.answers import JSON_TYPE, Answer
from emulator.cursors import Cursor
from emulator.selection import STATUSES, order_of, select

if TYPE_CHECKING:
    from emulator.account import Account
    from emulator.cursors import Position
    from emulator.selection import Order, Query
    from emulator.thread import Rows, Thread
    from emulator.ways import Ways

DEFAULT_LIMIT = 100


def list_threads(account: Account, query: Query) -> Answer:
    """Answer with a page."""
    ways = account.ways
    refused = _refuse(query, ways)
    if refused:
        return Answer.error(400, "VALIDATION_ERROR", refused)
    after = None
    if "after" in query:
        after = Cursor.read(query["after"][0], ways, account.now())
        if after is None:
            return Answer.error(400, "VALIDATION_ERROR", "UNPARSEABLE_TOKEN")
    is_empty = bool(after and after.is_empty)
    threads, order = select(account, query), order_of(query)
    start = _find_start(threads, order, after.position if after else 0)
    size = 0 if is_empty else min(_limit(query), ways.cap)
    if ways.repeats_rows and start and size > 1:
        start -= 1
    end = start + size
    cursor = None
    if end < len(threads):
        position: Position = end
        if ways.cursors == "key":
            position = list(order(threads[end - 1])) if end else []
        is_next_empty = {"never": False, "once": after is None, "often": not is_empty}
        following = Cursor(position, is_next_empty[ways.empty_pages])
        cursor = following.write(ways, account.now())
    return _write_page(threads[start:end], cursor, query, ways.rows)


def thread_text(thread: Thread, query: Query, rows: Rows) -> str:
    """Return a thread as JSON, with what the query asks for."""
    associations = tuple(query.get("association", ()))
    return thread.text(associations, query.get("property", [None])[0], rows)


def _write_page(page: list[Thread], cursor: str | None, query: Query, rows: Rows) -> Answer:
    """Put the page together from the threads' texts, which are kept."""
    paging = ""
    if cursor is not None:
        link = f"https://api.hubapi.com/wrong/path?after={cursor}"
        paging = f', "paging": {json.dumps({"next": {"after": cursor, "link": link}})}'
    results = ", ".join([thread_text(thread, query, rows) for thread in page])
    body = f'{{"results": [{results}]{paging}}}'
    return Answer(200, body.encode(), {"Content-Type": JSON_TYPE})


def _find_start(threads: list[Thread], order: Order, after: Position) -> int:
    """Return where the page begins: behind so many threads, or behind a key."""
    if isinstance(after, int):
        return after
    return bisect.bisect_right(threads, tuple(after), key=order)


def _limit(query: Query) -> int:
    """Return what is asked for; 0 if that is no number."""
    limit = query["limit"][0] if "limit" in query else str(DEFAULT_LIMIT)
    return int(limit) if limit.isdigit() else 0


def _refuse(query: Query, ways: Ways) -> str | None:
    """Return why HubSpot refuses a listing's parameters, if it does."""
    sort = query.get("sort", ["id"])[0]
    status = query.get("threadStatus", ["OPEN"])[0]
    problems = {
        f"limit must be a number from 1 to {ways.max_limit}": (
            not 1 <= _limit(query) <= ways.max_limit
        ),
        "sort must be id or latestMessageTimestamp": sort not in {"id", "latestMessageTimestamp"},
        "latestMessageTimestampAfter is required for this sort": (
            sort == "latestMessageTimestamp" and "latestMessageTimestampAfter" not in query
        ),
        "Only one inboxId filter is allowed for this query": len(query.get("inboxId", [])) > 1,
        "associatedContactId needs threadStatus and excludes inboxId": (
            "associatedContactId" in query and ("threadStatus" not in query or "inboxId" in query)
        ),
        "threadStatus needs associatedContactId": (
            ways.status_filter == "refused"
            and "threadStatus" in query
            and "associatedContactId" not in query
        ),
        "threadStatus must be OPEN or CLOSED": (
            ways.status_spelling == "capitals" and status not in STATUSES
        ),
    }
    return next((message for message, is_due in problems.items() if is_due), None)
