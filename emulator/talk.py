"""Reading a thread's messages: pages of them, one, and one's whole text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from emulator.answers import JSON_TYPE, Answer
from emulator.missing import not_there
from emulator.paging import Paging, failure_of, limit_problem, paging_text, refusal_of
from emulator.selection import wants_archived

if TYPE_CHECKING:
    from emulator.account import Account
    from emulator.message import Message
    from emulator.selection import Query
    from emulator.thread import Thread


def list_messages(account: Account, thread: Thread, query: Query) -> Answer:
    """Answer with a page of a thread's messages, newest first unless the query says otherwise."""
    ways = account.ways
    if thread.archived and ways.messages_of_archived == "404":
        return not_there(ways.not_found)
    sort = query.get("sort", ["-createdAt"])[0]
    problems = {"sort must be createdAt or -createdAt": sort not in {"createdAt", "-createdAt"}}
    refused = refusal_of(limit_problem(query, ways.max_messages) | problems)
    refused = refused or failure_of(query, ways)
    paging = Paging(account, query)
    after = paging.after()
    if refused:
        return refused
    if isinstance(after, Answer):
        return after
    messages = account.messages(thread, archived=wants_archived(query))
    if thread.archived and ways.messages_of_archived == "empty":
        messages = []
    order = _oldest_first
    if sort == "-createdAt":
        messages, order = messages[::-1], _newest_first
    page, cursor = paging.cut(messages, order, after)
    results = ", ".join([json.dumps(message.payload(rows=ways.rows)) for message in page])
    body = f'{{"results": [{results}]{paging_text(cursor)}}}'
    return Answer(200, body.encode(), {"Content-Type": JSON_TYPE})


def read_message(account: Account, thread: Thread, message_id: str, *, original: bool) -> Answer:
    """Answer with a message, or with its whole text."""
    ways = account.ways
    every = account.messages(thread) + account.messages(thread, archived=True)
    message = next((message for message in every if message.id == message_id), None)
    is_hidden = thread.archived and ways.messages_of_archived != "shown"
    if message is None or is_hidden or (original and message.content is None):
        return not_there(ways.not_found)
    return Answer.of(200, (message.content or {}) if original else message.payload(rows=ways.rows))


def _oldest_first(message: Message) -> tuple[float, ...]:
    return message.order


def _newest_first(message: Message) -> tuple[float, ...]:
    moment, serial = message.order
    return (-moment, -serial)
