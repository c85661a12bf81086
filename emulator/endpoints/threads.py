"""The endpoints of threads: the list, one thread by ID, and the payload of a thread."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from emulator.behavior import USUAL
from emulator.data.thread import CHANNELS
from emulator.endpoints.answers import JSON_TYPE, Answer
from emulator.endpoints.not_found import not_there
from emulator.endpoints.paging import Paging, failure_of, limit_problem, paging_text, refusal_of
from emulator.endpoints.selection import STATUSES, is_by_time, order_of, select, wants_archived
from emulator.endpoints.wire_format import is_so, wire_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.behavior import Behavior, WireFormat
    from emulator.data.account import Account
    from emulator.data.thread import Thread
    from emulator.endpoints.selection import Query

SPARSE_BEFORE = datetime(2025, 12, 15, tzinfo=timezone.utc)
LATE_FIELDS = ("spam", "archived", "originalChannelId", "originalChannelAccountId")
THREAD_ID = re.compile(r"-?[0-9]{1,19}")


def list_threads(
    account: Account, query: Query, while_filling: Callable[[], None] | None = None
) -> Answer:
    """Answer with a page.

    Where rows are filled late, its threads, their order and the cursor are of the moment of the
    request, `while_filling` is called, and the rows are of the moment after; a thread deleted
    meanwhile is left out.
    """
    behavior = account.behavior
    refused = _refuse(query, behavior) or failure_of(query, behavior)
    if refused:
        return refused
    paging = Paging(account, query, "by time" if is_by_time(query) else "by id")
    after = paging.after()
    if isinstance(after, Answer):
        return after
    page, cursor = paging.cut(select(account, query), order_of(query), after)
    if not account.broken_ids.isdisjoint(thread.id for thread in page):
        return Answer.error(500, "INTERNAL_ERROR", "internal error")
    if behavior.rows_filled == "late":
        if while_filling:
            while_filling()
        page = [account.threads[thread.id] for thread in page if thread.id in account.threads]
    # Put together from the threads' texts, which are kept.
    results = ", ".join([_text(thread, query, behavior.wire) for thread in page])
    body = f'{{"results": [{results}]{paging_text(cursor)}}}'
    return Answer(200, body.encode(), {"Content-Type": JSON_TYPE})


def read_thread(account: Account, thread_id: str, query: Query) -> Answer:
    """Answer with a thread."""
    thread = find_thread(account, thread_id)
    if isinstance(thread, Answer):
        return thread
    behavior = account.behavior
    if thread.id in account.refused_threads:
        return Answer.forbidden("this inbox")
    if behavior.sides == "apart" and thread.archived != wants_archived(query):
        return not_there(behavior.not_found)
    text = _text(thread, query, behavior.wire)
    return Answer(200, text.encode(), {"Content-Type": JSON_TYPE})


def find_thread(account: Account, thread_id: str) -> Thread | Answer:
    """Return a thread, archived or not, or the answer if there is none."""
    if not THREAD_ID.fullmatch(thread_id):
        message = "Unable to parse value for path parameter: threadId"
        return Answer.of(400, {"status": "error", "message": message, "correlationId": ""})
    for outage in account.behavior.outages:
        if outage.hits(int(thread_id), account.now()):
            return not_there(outage.answer)
    return account.threads.get(int(thread_id)) or not_there(account.behavior.not_found)


def thread_payload(
    thread: Thread, *, associations: list[str], extra: str | None, wire: WireFormat = USUAL
) -> dict[str, Any]:
    """Return a thread as HubSpot sends it.

    In the usual wire format, most IDs are strings and times have mixed precision. Unset fields are
    left out, and a thread from before SPARSE_BEFORE lacks the fields that the API got later. Every
    seventh thread has an undocumented field.
    """
    channel, channel_account = CHANNELS[thread.inbox_id]
    quirk = thread.id if wire.times == "mixed" else None
    body: dict[str, Any] = {
        "id": str(thread.id),
        "createdAt": wire_time(thread.created_at, quirk),
        "closedAt": wire_time(thread.closed_at, quirk),
        "status": thread.status,
        "originalChannelId": _reference(thread, channel, 0, wire),
        "originalChannelAccountId": _reference(thread, channel_account, 0, wire),
        "latestMessageTimestamp": wire_time(thread.latest_message_at, quirk),
        "latestMessageSentTimestamp": wire_time(thread.sent_at, quirk and quirk + 1),
        "latestMessageReceivedTimestamp": wire_time(thread.received_at, quirk),
        "assignedTo": thread.assigned_to,
        "spam": thread.spam,
        "inboxId": _reference(thread, thread.inbox_id, 5, wire),
        "associatedContactId": _reference(thread, thread.contact_id, 3, wire),
        "archived": thread.archived,
    }
    if "TICKET" in associations and thread.ticket_id:
        ticket = _reference(thread, thread.ticket_id, 0, wire)
        body["threadAssociations"] = {"associatedTicketId": ticket}
    if is_so(wire.sparse, of_some=thread.created_at < SPARSE_BEFORE):
        for late in LATE_FIELDS:
            del body[late]
    if wire.unset == "left out":
        body = {name: value for name, value in body.items() if value is not None}
    if is_so(wire.unknown_fields, of_some=thread.id % 7 == 0):
        body["customerSentiment"] = {"score": thread.id % 10, "trend": None}
    if extra:
        body[extra] = f"{extra} of {thread.id}"
    return body | thread.more


def _text(thread: Thread, query: Query, wire: WireFormat) -> str:
    """Return the payload that the query asks for in JSON; it is kept until the thread changes."""
    associations = tuple(query.get("association", ()))
    extra = query.get("property", [None])[0]
    key = (associations, extra, wire)
    if key not in thread.derived:
        payload = thread_payload(thread, associations=[*associations], extra=extra, wire=wire)
        thread.derived[key] = json.dumps(payload)
    text: str = thread.derived[key]
    return text


def _reference(thread: Thread, number: int, quirk: int, wire: WireFormat) -> int | str:
    """Return an ID as a number or a string; if "some" are numbers, every `quirk`-th thread's is."""
    is_some = bool(quirk) and thread.id % quirk == 0
    return number if is_so(wire.number_ids, of_some=is_some) else str(number)


def _refuse(query: Query, behavior: Behavior) -> Answer | None:
    """Return HubSpot's refusal of a listing's parameters, if there is one."""
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
