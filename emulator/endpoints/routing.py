"""Which endpoint answers a request, and what else depends on the path alone.

Pure functions of the account and the request; token, limit and faults are the service's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from emulator.endpoints import account_info
from emulator.endpoints.actors import read_actor, read_actors
from emulator.endpoints.messages import read_messages
from emulator.endpoints.not_found import no_route
from emulator.endpoints.reference_lists import list_all
from emulator.endpoints.threads import list_threads, read_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.data.account import Account
    from emulator.endpoints.answers import Answer
    from emulator.endpoints.selection import Query

ROOT = r"/conversations/(?:v3/conversations|conversations/2026-09)"
THREADS = re.compile(ROOT + r"/threads(?:/(?P<id>[^/]+))?")
MESSAGES = re.compile(
    ROOT + r"/threads/(?P<id>[^/]+)/messages"
    r"(?:/(?P<message>[^/]+)(?P<original>/original-content)?)?"
)
ACTOR = re.compile(ROOT + r"/actors/(?P<id>[^/]+)")
BATCH = re.compile(ROOT + r"/actors/batch/read")
LIST = re.compile(ROOT + r"/(?P<name>inboxes|channels|channel-accounts)")


def needed_scope(path: str) -> str | None:
    """Return the scope that a token needs for a path; None where any token will do."""
    return None if account_info.PATH.fullmatch(path) else "conversations.read"


def is_read_by_post(path: str) -> bool:
    """Tell whether a path is read by POST."""
    return bool(BATCH.fullmatch(path))


def seconds_for(account: Account, path: str) -> float:
    """Return how long this HubSpot takes for a path, beyond what it takes for all."""
    is_silent = account.behavior.account_info == "silent" and account_info.PATH.fullmatch(path)
    return account_info.SILENCE if is_silent else 0


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
        return (
            read_thread(account, one, query) if one else list_threads(account, query, while_filling)
        )
    if match := MESSAGES.fullmatch(path):
        is_original = bool(match["original"])
        return read_messages(account, match["id"], match["message"], query, original=is_original)
    if match := ACTOR.fullmatch(path):
        return read_actor(account, unquote(match["id"]))
    if match := LIST.fullmatch(path):
        return list_all(account, match["name"], query)
    is_known = account_info.PATH.fullmatch(path)
    return account_info.read_account_info(account) if is_known else no_route(account.behavior)
