"""The API: what HubSpot answers to a request, as far as is documented or was observed.

Pure functions of the account and the request; token, limit and faults are the service's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from emulator import details
from emulator.actors import read_actor, read_actors
from emulator.answers import JSON_TYPE, Answer
from emulator.listing import list_threads, thread_text
from emulator.lists import list_all
from emulator.missing import no_route, not_there
from emulator.selection import wants_archived
from emulator.talk import list_messages, read_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.account import Account
    from emulator.selection import Query
    from emulator.thread import Thread

ROOT = r"/conversations/(?:v3/conversations|conversations/2026-09)"
THREADS = re.compile(ROOT + r"/threads(?:/(?P<id>[^/]+))?")
MESSAGES = re.compile(
    ROOT + r"/threads/(?P<id>[^/]+)/messages"
    r"(?:/(?P<message>[^/]+)(?P<original>/original-content)?)?"
)
ACTOR = re.compile(ROOT + r"/actors/(?P<id>[^/]+)")
BATCH = re.compile(ROOT + r"/actors/batch/read")
LIST = re.compile(ROOT + r"/(?P<name>inboxes|channels|channel-accounts)")
THREAD_ID = re.compile(r"-?[0-9]{1,19}")


def needed_scope(path: str) -> str | None:
    """Return the scope that a token needs for a path; None where any token will do."""
    return None if details.PATH.fullmatch(path) else "conversations.read"


def is_read_by_post(path: str) -> bool:
    """Tell whether a path is read by POST."""
    return bool(BATCH.fullmatch(path))


def seconds_for(account: Account, path: str) -> float:
    """Return how long this HubSpot takes for a path, beyond what it takes for all."""
    is_silent = account.ways.account_info == "silent" and details.PATH.fullmatch(path)
    return details.SILENCE if is_silent else 0


def answer(
    account: Account,
    path: str,
    query: Query,
    body: bytes | None = None,
    *,
    while_filling: Callable[[], None] | None = None,
) -> Answer:
    """Answer a GET, or a POST if there is a body, with a valid token; see `list_threads`."""
    if body is not None:
        return read_actors(account, body)
    if match := THREADS.fullmatch(path):
        one = match["id"]
        return _read(account, one, query) if one else list_threads(account, query, while_filling)
    if match := MESSAGES.fullmatch(path):
        return _read_messages(account, match, query)
    if match := ACTOR.fullmatch(path):
        return read_actor(account, unquote(match["id"]))
    if match := LIST.fullmatch(path):
        return list_all(account, match["name"], query)
    is_details = details.PATH.fullmatch(path)
    return details.read_details(account) if is_details else no_route(account.ways)


def _read(account: Account, thread_id: str, query: Query) -> Answer:
    thread = _find(account, thread_id)
    if isinstance(thread, Answer):
        return thread
    ways = account.ways
    if thread.id in account.refused_threads:
        return Answer.forbidden("this inbox")
    if ways.sides == "apart" and thread.archived != wants_archived(query):
        return not_there(ways.not_found)
    text = thread_text(thread, query, ways.rows)
    return Answer(200, text.encode(), {"Content-Type": JSON_TYPE})


def _read_messages(account: Account, match: re.Match[str], query: Query) -> Answer:
    thread = _find(account, match["id"])
    if isinstance(thread, Answer):
        return thread
    if thread.id in account.refused_messages:
        return Answer.forbidden("this inbox")
    if match["message"] is None:
        return list_messages(account, thread, query)
    return read_message(account, thread, match["message"], original=bool(match["original"]))


def _find(account: Account, thread_id: str) -> Thread | Answer:
    """Return a thread, of either side, or how HubSpot says that it is not there."""
    if not THREAD_ID.fullmatch(thread_id):
        message = "Unable to parse value for path parameter: threadId"
        return Answer.of(400, {"status": "error", "message": message, "correlationId": ""})
    for outage in account.ways.outages:
        if outage.hits(int(thread_id), account.now()):
            return not_there(outage.answer)
    return account.threads.get(int(thread_id)) or not_there(account.ways.not_found)
