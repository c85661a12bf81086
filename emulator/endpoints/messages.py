"""The message endpoints: the list, one message by ID and its original content."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from emulator.behavior import USUAL
from emulator.data.message import OPTIONAL
from emulator.endpoints.not_found import not_found
from emulator.endpoints.paging import Paging, failure_of, limit_problem, paging_text, refusal_of
from emulator.endpoints.responses import JSON_TYPE, ApiResponse
from emulator.endpoints.selection import wants_archived
from emulator.endpoints.threads import find_thread
from emulator.endpoints.wire_format import apply_wire_format, wire_time

if TYPE_CHECKING:
    from emulator.behavior import WireFormat
    from emulator.data.account import Account
    from emulator.data.message import Message
    from emulator.data.thread import Thread
    from emulator.endpoints.selection import Query

IDS = ("conversationsThreadId", "channelId", "channelAccountId", "fromInboxId", "toInboxId")
UNKNOWN_ATTACHMENT = {"type": "VOICE_TRANSCRIPT", "segments": [{"at": 0.5, "said": "Hello?"}]}


def read_messages(
    account: Account, thread_id: str, message_id: str | None, query: Query, *, original: bool
) -> ApiResponse:
    """Return a page of a thread's messages, or one message or its original content."""
    thread = find_thread(account, thread_id)
    if isinstance(thread, ApiResponse):
        return thread
    if thread.id in account.refused_messages:
        return ApiResponse.forbidden("this inbox")
    if message_id is None:
        return _list(account, thread, query)
    return _read(account, thread, message_id, original=original)


def message_payload(message: Message, *, wire: WireFormat = USUAL) -> dict[str, Any]:
    """Return the payload of a message. The default wire format omits unset fields."""
    number = message.thread_id + message.serial
    variant = number if wire.times == "mixed" else None
    body: dict[str, Any] = {
        "type": message.type,
        "id": message.id,
        "conversationsThreadId": str(message.thread_id),
        "createdAt": wire_time(message.created_at, variant),
        "updatedAt": wire_time(message.updated_at, variant),
        "createdBy": message.created_by,
        "client": {"clientType": "HUBSPOT"},
        "senders": [{"actorId": message.created_by}],
        "recipients": [],
        "archived": message.archived,
    }
    if message.updated_at is None:
        del body["updatedAt"]
    if message.type == "MESSAGE":
        body |= {"attachments": [], "truncationStatus": "NOT_TRUNCATED"}
    body |= message.more
    if wire.unknown_values == "some":
        _add_unknown_values(body, number)
    return apply_wire_format(body, wire, number, ids=IDS, optional=OPTIONAL.get(message.type, ()))


def _list(account: Account, thread: Thread, query: Query) -> ApiResponse:
    """Return a page of a thread's messages, by default newest first."""
    behavior = account.behavior
    if thread.archived and behavior.messages_of_archived == "404":
        return not_found(behavior.not_found)
    sort = query.get("sort", ["-createdAt"])[0]
    problems = {"sort must be createdAt or -createdAt": sort not in {"createdAt", "-createdAt"}}
    error = refusal_of(limit_problem(query, behavior.max_messages) | problems)
    error = error or failure_of(query, behavior)
    paging = Paging(account, query)
    after = paging.after()
    if error:
        return error
    if isinstance(after, ApiResponse):
        return after
    messages = account.messages(thread, archived=wants_archived(query))
    if thread.archived and behavior.messages_of_archived == "empty":
        messages = []
    order = _oldest_first
    if sort == "-createdAt":
        messages, order = messages[::-1], _newest_first
    page, cursor = paging.cut(messages, order, after)
    results = ", ".join(
        [json.dumps(message_payload(message, wire=behavior.wire)) for message in page]
    )
    body = f'{{"results": [{results}]{paging_text(cursor)}}}'
    return ApiResponse(200, body.encode(), {"Content-Type": JSON_TYPE})


def _read(account: Account, thread: Thread, message_id: str, *, original: bool) -> ApiResponse:
    """Return a message, or its original content."""
    behavior = account.behavior
    every = account.messages(thread) + account.messages(thread, archived=True)
    message = next((message for message in every if message.id == message_id), None)
    is_hidden = thread.archived and behavior.messages_of_archived != "shown"
    if message is None or is_hidden or (original and message.content is None):
        return not_found(behavior.not_found)
    if original:
        return ApiResponse.of(200, message.content or {})
    return ApiResponse.of(200, message_payload(message, wire=behavior.wire))


def _add_unknown_values(body: dict[str, Any], number: int) -> None:
    """Give some messages an undocumented status or attachment type."""
    if body.get("status") == {"statusType": "SENT"} and number % 2:
        body["status"] = {"statusType": "DELIVERED"}
    if body.get("attachments") and number % 4 == 0:
        body["attachments"] = [*body["attachments"], UNKNOWN_ATTACHMENT]


def _oldest_first(message: Message) -> tuple[float, ...]:
    return message.order


def _newest_first(message: Message) -> tuple[float, ...]:
    moment, serial = message.order
    return (-moment, -serial)
