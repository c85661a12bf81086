"""The expected columns of one conversation, computed by their definitions without SQL.

Times are naive UTC, as in the tables.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from emulator.endpoints.actors import actor_payloads
from emulator.endpoints.threads import thread_payload

if TYPE_CHECKING:
    from emulator.data.account import Account
    from emulator.data.message import Message
    from emulator.data.thread import Thread

Row = dict[str, Any]
KINDS = {
    "A": "agent",
    "V": "visitor",
    "B": "bot",
    "L": "ai",
    "E": "email",
    "I": "integration",
    "S": "system",
}


def naive(moment: datetime | None) -> datetime | None:
    """Return a time as naive UTC, as in the tables."""
    return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment else None


def kind(message: Message) -> str:
    """Return the kind of a message's author."""
    return KINDS[message.created_by[0]]


def key(message: Message) -> tuple[datetime, str]:
    """Return the sort key of messages: time, then ID."""
    return message.created_at, message.id


def is_sent(message: Message) -> bool:
    """Whether the message was sent to the visitor."""
    return message.type == "MESSAGE" and message.more.get("direction") == "OUTGOING"


def has_failed(message: Message) -> bool:
    """Whether the message could not be delivered."""
    return bool(message.more.get("status", {}).get("statusType") == "FAILED")


@dataclass
class Names:
    """The names of an account's actors, inboxes and channels, by ID."""

    actors: dict[str, str | None]
    inboxes: dict[str, str | None]
    channels: dict[str, str | None]
    channel_accounts: dict[str, str | None]

    @classmethod
    def of(cls, account: Account) -> Names:
        """Collect the names of an account."""
        actors = {name: actor.get("name") for name, actor in actor_payloads(account).items()}
        lists = ("inboxes", "channels", "channel-accounts")
        return cls(actors, *({x["id"]: x["name"] for x in account.lists[one]} for one in lists))


def thread_columns(thread: Thread, names: Names) -> Row:
    """Return the columns that depend on the thread alone."""
    sent = thread_payload(thread, associations=["TICKET"], extra=None)
    channel_account = sent.get("originalChannelAccountId")
    return {
        "conversation_id": str(thread.id),
        "created_at": naive(thread.created_at),
        "status": thread.status,
        "closed_at": naive(thread.closed_at),
        "is_spam": sent.get("spam"),
        "is_archived": sent.get("archived"),
        "inbox_id": str(thread.inbox_id),
        "inbox_name": names.inboxes.get(str(thread.inbox_id)),
        "channel_id": sent.get("originalChannelId"),
        "channel_name": names.channels.get(sent.get("originalChannelId", "")),
        "channel_account_id": channel_account,
        "channel_account_name": names.channel_accounts.get(channel_account or ""),
        "contact_id": str(thread.contact_id),
        "ticket_id": str(thread.ticket_id) if thread.ticket_id else None,
        "assigned_to": thread.assigned_to,
        "assigned_to_name": names.actors.get(thread.assigned_to or ""),
        "latest_message_at": naive(thread.latest_message_at),
    }


def message_columns(thread: Thread, entries: list[Message], names: Names) -> Row:
    """Return the columns that depend on the thread's messages."""
    messages = [message for message in entries if message.type == "MESSAGE"]
    incoming = [message for message in messages if message.more.get("direction") == "INCOMING"]
    outgoing = [message for message in messages if is_sent(message)]
    comments = [message for message in entries if message.type == "COMMENT"]
    asked_at = min((message.created_at for message in incoming), default=None)
    row = {
        "has_complete_messages": _has_complete_messages(thread, entries),
        "first_message_at": naive(min((message.created_at for message in messages), default=None)),
        "first_incoming_at": naive(asked_at),
        "started_by": _started_by(incoming, outgoing),
    }
    row |= _responses(asked_at, outgoing, names) | _closings(thread, entries)
    row |= _awaiting_reply(thread, incoming, outgoing, is_known=bool(row["has_complete_messages"]))
    by = Counter(map(kind, messages))
    agents = {one.created_by for one in [*messages, *comments] if kind(one) == "agent"}
    last = max((one for one in outgoing if kind(one) == "agent"), key=key, default=None)
    last_agent = last.created_by if last else None
    counts: Row = {
        "messages": len(messages),
        "messages_incoming": len(incoming),
        "messages_outgoing": len(outgoing),
        "messages_without_direction": len(messages) - len(incoming) - len(outgoing),
        **{f"messages_by_{name}": by[name] for name in [*KINDS.values(), "other"]},
        "messages_failed": sum(map(has_failed, outgoing)),
        "comments": len(comments),
        "agents_involved": len(agents),
    }
    if not entries:
        counts = dict.fromkeys(counts)
    names_last = {"last_agent": last_agent, "last_agent_name": names.actors.get(last_agent or "")}
    return row | counts | names_last


def _has_complete_messages(thread: Thread, entries: list[Message]) -> bool | None:
    if not entries:
        return None
    if thread.latest_message_at is None:
        return True
    until = max(message.created_at for message in entries)
    return until.replace(microsecond=0) >= thread.latest_message_at.replace(microsecond=0)


def _started_by(incoming: list[Message], outgoing: list[Message]) -> str | None:
    if not incoming and not outgoing:
        return None
    if not incoming or not outgoing:
        return "visitor" if incoming else "business"
    theirs, ours = (min(one.created_at for one in side) for side in (incoming, outgoing))
    return "visitor" if theirs <= ours else "business"


def _responses(asked_at: datetime | None, outgoing: list[Message], names: Names) -> Row:
    """Return the columns about the first response, by anyone and by a person."""
    answers = [
        message
        for message in outgoing
        if asked_at and message.created_at >= asked_at and not has_failed(message)
    ]
    people = [message for message in answers if kind(message) == "agent"]
    first = min(answers, key=lambda m: (m.created_at, kind(m) != "agent", m.id), default=None)
    row: Row = {"first_response_by_kind": kind(first) if first else None}
    for name, message in (
        ("response", first),
        ("person_response", min(people, key=key, default=None)),
    ):
        waited = message.created_at - asked_at if message and asked_at else None
        who = message.created_by if message else None
        through = message.more.get("channelAccountId") if message else None
        row |= {
            f"first_{name}_at": naive(message.created_at) if message else None,
            f"first_{name}_seconds": waited.total_seconds() if waited is not None else None,
            f"first_{name}_by": who,
            f"first_{name}_by_name": names.actors.get(who or ""),
            f"first_{name}_channel_account_id": through,
            f"first_{name}_channel_account_name": names.channel_accounts.get(through or ""),
        }
    return row


def _closings(thread: Thread, entries: list[Message]) -> Row:
    """Return the columns about closing and reopening."""
    changes = sorted((one for one in entries if one.type == "THREAD_STATUS_CHANGE"), key=key)
    closed = [one.created_at for one in changes if one.more["newStatus"] == "CLOSED"]
    statuses = [one.more["newStatus"] for one in changes]
    reopened = sum(pair == ("CLOSED", "OPEN") for pair in pairwise(statuses))
    is_known = bool(entries) and thread.status == (statuses[-1] if statuses else "OPEN")
    first = closed[0] if closed else None
    last = thread.closed_at or (closed[-1] if closed else None)
    begins = thread.created_at
    return {
        "first_closed_at": naive(first),
        "seconds_to_first_close": (first - begins).total_seconds() if first else None,
        "last_closed_at": naive(last),
        "seconds_to_last_close": (last - begins).total_seconds() if last else None,
        "reopened_count": reopened if is_known else None,
    }


def _awaiting_reply(
    thread: Thread, incoming: list[Message], outgoing: list[Message], *, is_known: bool
) -> Row:
    """Return the columns about whose reply is awaited, and since when."""
    sent = thread_payload(thread, associations=[], extra=None)
    row: Row = {"awaiting_reply_from": None, "waiting_since": None}
    if thread.closed_at or sent.get("archived") or sent.get("spam"):
        return row
    if not is_known:
        if thread.received_at or thread.sent_at:
            is_ours = thread.received_at and (
                not thread.sent_at or thread.sent_at < thread.received_at
            )
            row["awaiting_reply_from"] = "business" if is_ours else "visitor"
        return row
    theirs = [message.created_at for message in incoming if not has_failed(message)]
    ours = max((one.created_at for one in outgoing if not has_failed(one)), default=None)
    unanswered = [moment for moment in theirs if ours is None or moment > ours]
    if unanswered:
        return {"awaiting_reply_from": "business", "waiting_since": naive(min(unanswered))}
    return {"awaiting_reply_from": "visitor", "waiting_since": naive(ours)} if ours else row
