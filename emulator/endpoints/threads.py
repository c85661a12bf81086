"""The thread endpoints: the list and one thread by ID."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from emulator.behavior import USUAL
from emulator.data.thread import CHANNELS
from emulator.endpoints.not_found import not_found
from emulator.endpoints.paging import Paging, failure_of, limit_problem, paging_text, refusal_of
from emulator.endpoints.responses import JSON_TYPE, ApiResponse
from emulator.endpoints.selection import STATUSES, is_by_time, order_of, select, wants_archived
from emulator.endpoints.wire_format import applies, wire_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.behavior import Behavior, WireFormat
    from emulator.data.account import Account
    from emulator.data.thread import Thread
    from emulator.endpoints.selection import Query

SPARSE_BEFORE = datetime(2025, 12, 15, tzinfo=timezone.utc)
"""Threads created before this time may lack LATE_FIELDS."""
LATE_FIELDS = ("spam", "archived", "originalChannelId", "originalChannelAccountId")
THREAD_ID = re.compile(r"-?[0-9]{1,19}")


def list_threads(
    account: Account, query: Query, while_filling: Callable[[], None] | None = None
) -> ApiResponse:
    """Return a page of threads.

    If rows are filled late, the page's threads, their order and the cursor are chosen first. Then
    `while_filling` is called. The rows show the threads as they are after that call. Threads that
    the call deleted are omitted.
    """
    behavior = account.behavior
    error = _refuse(query, behavior) or failure_of(query, behavior)
    if error:
        return error
    paging = Paging(account, query, "by time" if is_by_time(query) else "by id")
    after = paging.after()
    if isinstance(after, ApiResponse):
        return after
    page, cursor = paging.cut(select(account, query), order_of(query), after)
    is_broken = not account.broken_ids.isdisjoint(thread.id for thread in page)
    if is_broken and not is_by_time(query):
        return ApiResponse.error(500, "INTERNAL_ERROR", "internal error")
    if behavior.rows_filled == "late":
        if while_filling:
            while_filling()
        page = [account.threads[thread.id] for thread in page if thread.id in account.threads]
    # The JSON text of each thread is cached.
    results = ", ".join([_text(thread, query, behavior.wire) for thread in page])
    body = f'{{"results": [{results}]{paging_text(cursor)}}}'
    return ApiResponse(200, body.encode(), {"Content-Type": JSON_TYPE})


def read_thread(account: Account, thread_id: str, query: Query) -> ApiResponse:
    """Return a thread by ID."""
    thread = find_thread(account, thread_id)
    if isinstance(thread, ApiResponse):
        return thread
    behavior = account.behavior
    if thread.id in account.refused_threads:
        return ApiResponse.forbidden("this inbox")
    if behavior.sides == "apart" and thread.archived != wants_archived(query):
        return not_found(behavior.not_found)
    text = _text(thread, query, behavior.wire)
    return ApiResponse(200, text.encode(), {"Content-Type": JSON_TYPE})


def find_thread(account: Account, thread_id: str) -> Thread | ApiResponse:
    """Return a thread, live or archived, or the error response if no such thread exists."""
    if not THREAD_ID.fullmatch(thread_id):
        message = "Unable to parse value for path parameter: threadId"
        return ApiResponse.of(400, {"status": "error", "message": message, "correlationId": ""})
    for outage in account.behavior.outages:
        if outage.hides(int(thread_id), account.now()):
            return not_found(outage.answer)
    return account.threads.get(int(thread_id)) or not_found(account.behavior.not_found)


def thread_payload(
    thread: Thread, *, associations: list[str], extra: str | None, wire: WireFormat = USUAL
) -> dict[str, Any]:
    """Return the payload of a thread.

    In the default wire format, most IDs are strings and times have mixed precision. Unset fields
    are omitted, and so are LATE_FIELDS of threads from before SPARSE_BEFORE. Every seventh thread
    has an undocumented field.
    """
    channel, channel_account = CHANNELS[thread.inbox_id]
    variant = thread.id if wire.times == "mixed" else None
    body: dict[str, Any] = {
        "id": str(thread.id),
        "createdAt": wire_time(thread.created_at, variant),
        "closedAt": wire_time(thread.closed_at, variant),
        "status": thread.status,
        "originalChannelId": _reference(thread, channel, 0, wire),
        "originalChannelAccountId": _reference(thread, channel_account, 0, wire),
        "latestMessageTimestamp": wire_time(thread.latest_message_at, variant),
        "latestMessageSentTimestamp": wire_time(thread.sent_at, variant and variant + 1),
        "latestMessageReceivedTimestamp": wire_time(thread.received_at, variant),
        "assignedTo": thread.assigned_to,
        "spam": thread.spam,
        "inboxId": _reference(thread, thread.inbox_id, 5, wire),
        "associatedContactId": _reference(thread, thread.contact_id, 3, wire),
        "archived": thread.archived,
    }
    if "TICKET" in associations and thread.ticket_id:
        ticket = _reference(thread, thread.ticket_id, 0, wire)
        body["threadAssociations"] = {"associatedTicketId": ticket}
    if applies(wire.sparse, to_some=thread.created_at < SPARSE_BEFORE):
        for late in LATE_FIELDS:
            del body[late]
    if wire.unset == "left out":
        body = {name: value for name, value in body.items() if value is not None}
    if applies(wire.unknown_fields, to_some=thread.id % 7 == 0):
        body["customerSentiment"] = {"score": thread.id % 10, "trend": None}
    if extra:
        body[extra] = f"{extra} of {thread.id}"
    return body | thread.more


def _text(thread: Thread, query: Query, wire: WireFormat) -> str:
    """Return the payload as JSON text, which is cached until the thread changes."""
    associations = tuple(query.get("association", ()))
    extra = query.get("property", [None])[0]
    key = (associations, extra, wire)
    if key not in thread.derived:
        payload = thread_payload(thread, associations=[*associations], extra=extra, wire=wire)
        thread.derived[key] = json.dumps(payload)
    text: str = thread.derived[key]
    return text


def _reference(thread: Thread, number: int, divisor: int, wire: WireFormat) -> int | str:
    """Return an ID as a number or a string.

    If only some IDs are numbers, those are the IDs in threads whose own ID is a multiple of
    `divisor` (0: in no thread).
    """
    is_some = bool(divisor) and thread.id % divisor == 0
    return number if applies(wire.number_ids, to_some=is_some) else str(number)


def _refuse(query: Query, behavior: Behavior) -> ApiResponse | None:
    """Return the 400 for the parameters of a list, or None if they are valid."""
    sort = query.get("sort", ["id"])[0]
    status = query.get("threadStatus", ["OPEN"])[0]
    problems = {
        "sort must be id or latestMessageTimestamp": sort not in {"id", "latestMessageTimestamp"},
        "latestMessageTimestampAfter is required for this sort": (
            sort == "latestMessageTimestamp" and "latestMessageTimestampAfter" not in query
        ),
        "archived cannot be combined with this sort": (
            behavior.archived_by_time == "refused" and is_by_time(query) and wants_archived(query)
        ),
        "Only one inboxId filter is allowed for this query": len(query.get("inboxId", [])) > 1,
        "associatedContactId needs threadStatus and excludes inboxId": (
            "associatedContactId" in query and ("threadStatus" not in query or "inboxId" in query)
        ),
        "threadStatus needs associatedContactId": (
            behavior.status_filter == "refused"
            and "threadStatus" in query
            and "associatedContactId" not in query
        ),
        "threadStatus must be OPEN or CLOSED": (
            behavior.status_spelling == "capitals" and status not in STATUSES
        ),
    }
    return refusal_of(limit_problem(query, behavior.max_limit) | problems)
