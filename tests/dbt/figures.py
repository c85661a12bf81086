"""The expected rows of the models, computed from an account without SQL."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timezone
from statistics import median
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tests.dbt.conversation import (
    Names,
    Row,
    is_sent,
    key,
    kind,
    message_columns,
    naive,
    thread_columns,
)

if TYPE_CHECKING:
    from emulator.data.account import Account
    from emulator.data.message import Message

EVENTS = {
    "THREAD_STATUS_CHANGE": ("status", None, "newStatus"),
    "ASSIGNMENT": ("assignment", "assignedFrom", "assignedTo"),
    "THREAD_INBOX_CHANGE": ("inbox", "fromInboxId", "toInboxId"),
}


def conversations(account: Account) -> dict[str, Row]:
    """Return the rows of `conversations` by ID, without `messages_read_at`."""
    names = Names.of(account)
    return {
        str(thread.id): thread_columns(thread, names)
        | message_columns(thread, account.messages(thread), names)
        for thread in account.threads.values()
    }


def events(account: Account) -> dict[str, Row]:
    """Return the rows of `conversation_events` by ID."""
    names = Names.of(account)
    rows: dict[str, Row] = {}
    for thread in account.threads.values():
        by_type: defaultdict[str, list[Message]] = defaultdict(list)
        for message in sorted(account.messages(thread), key=key):
            if message.type in EVENTS:
                by_type[message.type].append(message)
        for kind_of_event, history in by_type.items():
            for place, message in enumerate(history):
                later = history[place + 1] if place + 1 < len(history) else None
                before = history[place - 1] if place else None
                rows[message.id] = _event(message, EVENTS[kind_of_event], before, later, names)
    return rows


def agent_daily_activity(account: Account, zone: str) -> dict[str, Row]:
    """Return the rows of `agent_daily_activity` by key, with the days of a time zone."""
    names, figures = Names.of(account), conversations(account)

    def agent_day(moment: datetime, agent: str) -> str:
        local = moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(ZoneInfo(zone))
        return f"{local.date()} {agent}"

    handled: defaultdict[str, list[int]] = defaultdict(list)
    closed: defaultdict[str, set[int]] = defaultdict(set)
    responses: defaultdict[str, list[float]] = defaultdict(list)
    for thread in account.threads.values():
        row = figures[str(thread.id)]
        if row["is_spam"]:
            continue
        for message in account.messages(thread):
            day = agent_day(message.created_at, message.created_by)
            if kind(message) == "agent" and is_sent(message):
                handled[day].append(thread.id)
            if kind(message) == "agent" and message.more.get("newStatus") == "CLOSED":
                closed[day].add(thread.id)
        if row["first_person_response_at"]:
            day = agent_day(row["first_person_response_at"], row["first_person_response_by"])
            responses[day].append(row["first_person_response_seconds"])
    return {
        day: {
            "agent_day": day,
            "day": datetime.fromisoformat(day.split()[0]).date(),
            "agent_id": day.split()[1],
            "agent_name": names.actors.get(day.split()[1]),
            "conversations_handled": len(set(handled[day])),
            "messages_sent": len(handled[day]),
            "conversations_closed": len(closed[day]),
            "first_responses": len(responses[day]),
            "median_first_response_seconds": median(responses[day]) if responses[day] else None,
        }
        for day in {*handled, *closed}
    }


def _event(
    message: Message,
    fields: tuple[str, str | None, str],
    before: Message | None,
    later: Message | None,
    names: Names,
) -> Row:
    """Return the row of one change."""
    what, was, became = fields
    new = message.more.get(became)
    known = {"assignment": names.actors, "inbox": names.inboxes}.get(what, {})
    old = message.more.get(was) if was else before and before.more.get(became)
    return {
        "event_id": message.id,
        "conversation_id": str(message.thread_id),
        "event_type": what,
        "old_value": old,
        "new_value": new,
        "new_name": known.get(new or ""),
        "valid_from": naive(message.created_at),
        "valid_until": naive(later.created_at) if later else None,
        "is_current": later is None,
        "author_id": message.created_by,
        "author_kind": kind(message),
    }
