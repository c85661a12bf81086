"""Routes requests to endpoints. Defines the required scope and the extra latency of each path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from emulator.endpoints import account_info
from emulator.endpoints.actors import read_actor, read_actors
from emulator.endpoints.messages import read_messages
from emulator.endpoints.not_found import unknown_route
from emulator.endpoints.reference_lists import list_all
from emulator.endpoints.threads import list_threads, read_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.data.account import Account
    from emulator.endpoints.responses import ApiResponse
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
    """Return the scope that a path requires, or None if any token is enough."""
    return None if account_info.PATH.fullmatch(path) else "conversations.read"


def is_read_by_post(path: str) -> bool:
    """Return whether a path is read with POST."""
    return bool(BATCH.fullmatch(path))


def seconds_for(account: Account, path: str) -> float:
    """Return the seconds that a path takes on top of the general latency."""
    is_silent = account.behavior.account_info == "silent" and account_info.PATH.fullmatch(path)
    return account_info.SILENCE if is_silent else 0


def respond(
    account: Account,
    path: str,
    query: Query,
    body: bytes | None = None,
    *,
    while_filling: Callable[[], None] | None = None,
) -> ApiResponse:
    """Return the response to a GET, or to a POST if `body` is given.

    `list_threads` explains `while_filling`.
    """
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
    return account_info.read_account_info(account) if is_known else unknown_route(account.behavior)
