"""The API: what HubSpot answers to a request, as far as is documented or was observed.

Pure functions of the account and the request; token, limit and faults are the service's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emulator import details
from emulator.answers import JSON_TYPE, Answer
from emulator.listing import list_threads, thread_text
from emulator.missing import no_route, not_there
from emulator.selection import wants_archived

if TYPE_CHECKING:
    from emulator.account import Account
    from emulator.selection import Query

THREADS = re.compile(
    r"/conversations/(?:v3/conversations|conversations/2026-09)/threads(?:/(?P<id>[^/]+))?"
)
THREAD_ID = re.compile(r"-?[0-9]{1,19}")


def needed_scope(path: str) -> str | None:
    """Return the scope that a token needs for a path; None where any token will do."""
    return None if details.PATH.fullmatch(path) else "conversations.read"


def seconds_for(account: Account, path: str) -> float:
    """Return how long this HubSpot takes for a path, beyond what it takes for all."""
    is_silent = account.ways.account_info == "silent" and details.PATH.fullmatch(path)
    return details.SILENCE if is_silent else 0


def answer(account: Account, path: str, query: Query) -> Answer:
    """Answer a GET with a valid token."""
    match = THREADS.fullmatch(path)
    if match is None:
        is_details = details.PATH.fullmatch(path)
        return details.read_details(account) if is_details else no_route(account.ways)
    if match["id"] is None:
        return list_threads(account, query)
    return _read(account, match["id"], query)


def _read(account: Account, thread_id: str, query: Query) -> Answer:
    if not THREAD_ID.fullmatch(thread_id):
        message = "Unable to parse value for path parameter: threadId"
        return Answer.of(400, {"status": "error", "message": message, "correlationId": ""})
    ways = account.ways
    for outage in ways.outages:
        if outage.hits(int(thread_id), account.now()):
            return not_there(outage.answer)
    thread = account.threads.get(int(thread_id))
    if thread is None or (ways.sides == "apart" and thread.archived != wants_archived(query)):
        return not_there(ways.not_found)
    text = thread_text(thread, query, ways.rows)
    return Answer(200, text.encode(), {"Content-Type": JSON_TYPE})
