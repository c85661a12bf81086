"""The listing of threads: which parameters are refused, and what its pages hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.answers import JSON_TYPE, Answer
from emulator.paging import Paging, failure_of, limit_problem, paging_text, refusal_of
from emulator.selection import STATUSES, is_by_time, order_of, select, wants_archived

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.account import Account
    from emulator.rows import Rows
    from emulator.selection import Query
    from emulator.thread import Thread
    from emulator.ways import Ways


def list_threads(
    account: Account, query: Query, while_filling: Callable[[], None] | None = None
) -> Answer:
    """Answer with a page.

    Where rows are filled late, its threads, their order and the cursor are of the moment of the
    request, `while_filling` is called, and the rows are of the moment after; a thread deleted
    meanwhile is left out.
    """
    ways = account.ways
    refused = _refuse(query, ways) or failure_of(query, ways)
    if refused:
        return refused
    paging = Paging(account, query, "by time" if is_by_time(query) else "by id")
    after = paging.after()
    if isinstance(after, Answer):
        return after
    page, cursor = paging.cut(select(account, query), order_of(query), after)
    if not account.broken_ids.isdisjoint(thread.id for thread in page):
        return Answer.error(500, "INTERNAL_ERROR", "internal error")
    if ways.rows_filled == "late":
        if while_filling:
            while_filling()
        page = [account.threads[thread.id] for thread in page if thread.id in account.threads]
    # Put together from the threads' texts, which are kept.
    results = ", ".join([thread_text(thread, query, ways.rows) for thread in page])
    body = f'{{"results": [{results}]{paging_text(cursor)}}}'
    return Answer(200, body.encode(), {"Content-Type": JSON_TYPE})


def thread_text(thread: Thread, query: Query, rows: Rows) -> str:
    """Return a thread as JSON, with what the query asks for."""
    associations = tuple(query.get("association", ()))
    return thread.text(associations, query.get("property", [None])[0], rows)


def _refuse(query: Query, ways: Ways) -> Answer | None:
    """Return HubSpot's refusal of a listing's parameters, if there is one."""
    sort = query.get("sort", ["id"])[0]
    status = query.get("threadStatus", ["OPEN"])[0]
    problems = {
        "sort must be id or latestMessageTimestamp": sort not in {"id", "latestMessageTimestamp"},
        "latestMessageTimestampAfter is required for this sort": (
            sort == "latestMessageTimestamp" and "latestMessageTimestampAfter" not in query
        ),
        "archived cannot be combined with this sort": (
            ways.archived_by_time == "refused" and is_by_time(query) and wants_archived(query)
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
    return refusal_of(limit_problem(query, ways.max_limit) | problems)
