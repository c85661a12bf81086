"""The API: what HubSpot answers to a request, as far as is documented or was observed.

Pure functions of the account and the request; limits, faults and the wire are the server's.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.account import Account, Thread

Query = dict[str, list[str]]
Position = int | list[float]
"""What a cursor holds: how many threads come before it, or the key of the last of them."""

PATH = re.compile(
    r"/conversations/(?:v3/conversations|conversations/2026-09)/threads(?:/(?P<id>[^/]+))?"
)
MAX_LIMIT = 500
DEFAULT_LIMIT = 100
NOT_FOUND_PAGE = "<html><body><h1>404 Not Found</h1></body></html>"


@dataclass
class Answer:
    """An HTTP answer; the body is bytes, ready for the wire."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, status: int, body: dict[str, Any] | str) -> Answer:
        """Make an answer of a JSON object or an HTML page."""
        if isinstance(body, str):
            return cls(status, body.encode(), {"Content-Type": "text/html"})
        content_type = {"Content-Type": "application/json;charset=utf-8"}
        return cls(status, json.dumps(body).encode(), content_type)

    @classmethod
    def error(cls, status: int, category: str, message: str, **more: str) -> Answer:
        """Make an error answer in HubSpot's shape."""
        body = {"status": "error", "message": message, "correlationId": "", "category": category}
        return cls.of(status, body | more)


def answer(account: Account, path: str, query: Query) -> Answer:
    """Answer a GET with a valid token."""
    match = PATH.fullmatch(path)
    if match is None:
        return Answer.of(404, NOT_FOUND_PAGE)
    if match["id"] is None:
        return _list(account, query)
    return _read(account, match["id"], query)


def _read(account: Account, thread_id: str, query: Query) -> Answer:
    if not re.fullmatch(r"-?[0-9]{1,19}", thread_id):
        message = "Unable to parse value for path parameter: threadId"
        return Answer.of(400, {"status": "error", "message": message, "correlationId": ""})
    thread = account.threads.get(int(thread_id))
    if thread is None or thread.archived != _archived(query):
        return Answer.error(404, "OBJECT_NOT_FOUND", "resource not found")
    return Answer.of(200, _payload(thread, query))


def _list(account: Account, query: Query) -> Answer:
    refused = _refuse(query)
    if refused:
        return refused
    by_time = query.get("sort") == ["latestMessageTimestamp"]
    order = _by_time if by_time else _by_id
    since = _parse_time(query["latestMessageTimestampAfter"][0]) if by_time else None
    threads = sorted(
        (thread for thread in account.threads.values() if _matches(thread, query, since)),
        key=order,
    )
    limit = int(query.get("limit", [str(DEFAULT_LIMIT)])[0])
    after: Position | None = None
    is_empty = False
    if "after" in query:
        try:
            after, is_empty = _read_cursor(query["after"][0])
        except (ValueError, binascii.Error):
            return Answer.error(400, "VALIDATION_ERROR", "UNPARSEABLE_TOKEN")
    start = _find_start(threads, order, after)
    page = [] if is_empty else threads[start : start + limit]
    body: dict[str, Any] = {"results": [_payload(thread, query) for thread in page]}
    end = start + len(page)
    if end < len(threads):
        # An empty page comes before the second one of each listing.
        position: Position = end
        if not account.offset_cursors:
            position = list(order(threads[end - 1])) if end else []
        cursor = _write_cursor(position, is_empty=after is None)
        link = f"https://api.hubapi.com/wrong/path?after={cursor}"
        body["paging"] = {"next": {"after": cursor, "link": link}}
    return Answer.of(200, body)


def _find_start(
    threads: list[Thread],
    order: Callable[[Thread], tuple[float, ...]],
    after: Position | None,
) -> int:
    """Return where the page begins: behind so many threads, or behind a key."""
    if isinstance(after, int):
        return after
    return bisect.bisect_right(threads, tuple(after or []), key=order)


def _refuse(query: Query) -> Answer | None:
    """Return the 400 that HubSpot gives for a listing's parameters, if one is due."""
    limit = query.get("limit", [str(DEFAULT_LIMIT)])[0]
    sort = query.get("sort", ["id"])[0]
    problems = {
        f"limit must be a number from 1 to {MAX_LIMIT}": not (
            limit.isdigit() and 1 <= int(limit) <= MAX_LIMIT
        ),
        "sort must be id or latestMessageTimestamp": sort not in {"id", "latestMessageTimestamp"},
        "latestMessageTimestampAfter is required for this sort": (
            sort == "latestMessageTimestamp" and "latestMessageTimestampAfter" not in query
        ),
        "Only one inboxId filter is allowed for this query": len(query.get("inboxId", [])) > 1,
        "associatedContactId needs threadStatus and excludes inboxId": (
            "associatedContactId" in query and ("threadStatus" not in query or "inboxId" in query)
        ),
    }
    message = next((message for message, is_due in problems.items() if is_due), None)
    return Answer.error(400, "VALIDATION_ERROR", message) if message else None


def _matches(thread: Thread, query: Query, since: datetime | None) -> bool:
    """Tell whether a listing holds a thread; parameters that HubSpot does not know are ignored."""
    wanted: dict[str, Callable[[], int | None]] = {
        "inboxId": lambda: thread.inbox_id,
        "associatedContactId": lambda: thread.contact_id,
        "associatedTicketId": lambda: thread.ticket_id,
    }
    if since is not None and (thread.latest_message_at is None or thread.latest_message_at < since):
        return False
    return thread.archived == _archived(query) and all(
        query[name] == [str(value())] for name, value in wanted.items() if name in query
    )


def _payload(thread: Thread, query: Query) -> dict[str, Any]:
    associations = query.get("association", [])
    return thread.payload(associations=associations, extra=query.get("property", [None])[0])


def _archived(query: Query) -> bool:
    return query.get("archived") == ["true"]


def _by_id(thread: Thread) -> tuple[float, ...]:
    return (thread.id,)


def _by_time(thread: Thread) -> tuple[float, ...]:
    moment = thread.latest_message_at
    return (moment.timestamp() if moment else 0, thread.id)


def _parse_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _write_cursor(position: Position, *, is_empty: bool) -> str:
    """Return an opaque cursor, percent-encoded as HubSpot's were seen to be."""
    text = json.dumps([position, is_empty])
    padded = text + " " * (1 - len(text) % 3)  # so that the base64 ends in "="
    return quote(base64.b64encode(padded.encode()).decode(), safe="")


def _read_cursor(text: str) -> tuple[Position, bool]:
    position, is_empty = json.loads(base64.b64decode(text, validate=True))
    return position, is_empty
