"""The expected rows of the models, computed from an account without SQL."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tests.dbt.conversation import (
    KINDS,
    PEOPLE,
    Names,
    Row,
    has_failed,
    key,
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


def of_models(account: Account, zone: str, names: Names) -> dict[str, tuple[str, dict[str, Row]]]:
    """Return each model's key and its rows by that key."""
    return {
        "conversation_messages": ("message_id", messages(account, names)),
        "conversations": ("conversation_id", conversations(account, names)),
        "conversation_events": ("event_id", events(account, names)),
        "conversation_turns": ("turn_id", turns(account, names)),
        "tickets": ("ticket_id", tickets(account, names)),
        "response_times": ("response_time_id", response_times(account, zone, names)),
        "agent_daily_activity": ("agent_day", agent_daily_activity(account, zone, names)),
    }


def differences(found: dict[str, Row], wanted: dict[str, Row]) -> list[str]:
    """Return what differs between the rows of a model and the account's figures."""
    lines = [f"{name}: only in one" for name in found.keys() ^ wanted.keys()]
    for name in found.keys() & wanted.keys():
        columns = found[name].keys() - {"read_at", "messages_read_at"}
        lines += [
            f"{name}: {column} is {found[name].get(column)}, not {wanted[name].get(column)}"
            for column in columns | wanted[name].keys()
            if _rounded(found[name].get(column)) != _rounded(wanted[name].get(column))
        ]
    return lines


def _rounded(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value


def messages(account: Account, names: Names) -> dict[str, Row]:
    """Return the rows of `conversation_messages` by ID, but for `read_at`."""
    return {
        message.id: _message(message, names)
        for thread in account.threads.values()
        for message in account.messages(thread)
    }


def conversations(account: Account, names: Names) -> dict[str, Row]:
    """Return the rows of `conversations` by ID, but for `messages_read_at`."""
    return {
        str(thread.id): thread_columns(thread, names)
        | message_columns(thread, account.messages(thread), names)
        for thread in account.threads.values()
    }


def turns(account: Account, names: Names) -> dict[str, Row]:
    """Return the rows of `conversation_turns` by key."""
    rows: dict[str, Row] = {}
    for thread in account.threads.values():
        said = [
            message
            for message in account.messages(thread)
            if names.direction(message) and not has_failed(message)
        ]
        said.sort(key=lambda m: (m.created_at, _place(m, names), m.id))
        number, is_answered = 0, True
        for message in said:
            row_id = f"{thread.id} {number}"
            if names.direction(message) == "outgoing":
                if not is_answered:
                    rows[row_id] |= _reply(rows[row_id]["asked_at"], message, names)
                is_answered = True
            elif is_answered:
                number, is_answered = number + 1, False
                row_id = f"{thread.id} {number}"
                rows[row_id] = {
                    "turn_id": row_id,
                    "conversation_id": str(thread.id),
                    "turn_number": number,
                    "asked_at": naive(message.created_at),
                    "messages_incoming": 1,
                    **_reply(None, None, names),
                }
            else:
                rows[row_id]["messages_incoming"] += 1
    return rows


def _place(message: Message, names: Names) -> int:
    """Return which comes first at one moment: the visitor, then people."""
    if names.direction(message) == "incoming":
        return 0
    return 1 if names.kind(message) in PEOPLE else 2


def _reply(asked_at: datetime | None, message: Message | None, names: Names) -> Row:
    at = naive(message.created_at) if message else None
    writer = names.writer(message) if message else None
    return {
        "replied_at": at,
        "replied_by": writer.id if writer else None,
        "replied_by_kind": writer.kind if writer else None,
        "replied_by_name": names.actors.get((writer and writer.id) or ""),
        "seconds_to_reply": names.seconds(asked_at, at),
        "working_seconds_to_reply": names.working_seconds(asked_at, at),
    }


def tickets(account: Account, names: Names) -> dict[str, Row]:
    """Return the rows of `tickets` by ID."""
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    for row in conversations(account, names).values():
        if row["ticket_id"]:
            groups[row["ticket_id"]].append(row)
    return {ticket: _ticket(ticket, rows, names) for ticket, rows in groups.items()}


def _ticket(ticket: str, rows: list[Row], names: Names) -> Row:
    """Return the row of a ticket with these conversations."""

    def known(name: str) -> list[Any]:
        return [row[name] for row in rows if row[name] is not None]

    still_open = sum(row["status"] != "CLOSED" for row in rows)
    is_complete = all(row["has_complete_messages"] for row in rows)
    waiting: Row = {"awaiting_reply_from": None, "waiting_since": None}
    for side, choose in (("visitor", max), ("business", min)):
        since = [row["waiting_since"] for row in rows if row["awaiting_reply_from"] == side]
        if since and is_complete:
            waiting = {"awaiting_reply_from": side, "waiting_since": choose(since)}
    created_at = min(known("created_at"))
    asked_at = min(known("first_incoming_at"), default=None)
    response = min(known("first_response_at"), default=None)
    person = min(known("first_person_response_at"), default=None)
    last = None if still_open else max(known("last_closed_at"), default=None)
    counts: Row = {
        name: sum(known(name)) if len(known(name)) == len(rows) else None
        for name in ("messages", "messages_incoming", "messages_outgoing")
    }
    return waiting | {
        "ticket_id": ticket,
        "conversations": len(rows),
        "conversations_open": still_open,
        "created_at": created_at,
        "has_complete_messages": is_complete,
        "first_incoming_at": asked_at,
        "first_response_at": response,
        "first_response_seconds": names.seconds(asked_at, response),
        "first_response_working_seconds": names.working_seconds(asked_at, response),
        "first_person_response_at": person,
        "first_person_response_seconds": names.seconds(asked_at, person),
        "first_person_response_working_seconds": names.working_seconds(asked_at, person),
        "first_closed_at": min(known("first_closed_at"), default=None),
        "last_closed_at": last,
        "seconds_to_last_close": names.seconds(created_at, last),
        "working_seconds_to_last_close": names.working_seconds(created_at, last),
        "reopened_count": sum(known("reopened_count")) if known("reopened_count") else None,
        **counts,
    }


METRICS = {
    "first_response": ("first_response_seconds", "first_response_working_seconds"),
    "first_person_response": (
        "first_person_response_seconds",
        "first_person_response_working_seconds",
    ),
    "agent_first_response": (
        "agent_first_response_seconds",
        "agent_first_response_working_seconds",
    ),
    "first_close": ("seconds_to_first_close", "working_seconds_to_first_close"),
    "last_close": ("seconds_to_last_close", "working_seconds_to_last_close"),
    "unassigned": ("seconds_unassigned", "working_seconds_unassigned"),
}


def response_times(account: Account, zone: str, names: Names) -> dict[str, Row]:
    """Return the rows of `response_times` by key, with months of that zone."""
    figures = conversations(account, names)
    measured: defaultdict[tuple[date, str, str], list[tuple[str, float, float | None]]]
    measured = defaultdict(list)

    def add(row: Row, metric: str, seconds: float | None, working: float | None) -> None:
        if seconds is None or row["is_spam"]:
            return
        month = _local(row["created_at"], zone).replace(day=1)
        for inbox in (row["inbox_id"], "all"):
            measured[month, inbox, metric].append((row["conversation_id"], seconds, working))

    for row in figures.values():
        for metric, columns in METRICS.items():
            add(row, metric, *(row[column] for column in columns))
    for turn in turns(account, names).values():
        if turn["turn_number"] > 1:
            row = figures[turn["conversation_id"]]
            add(row, "next_reply", turn["seconds_to_reply"], turn["working_seconds_to_reply"])
    rows: dict[str, Row] = {}
    for (month, inbox, metric), values in measured.items():
        count = len({name for name, _, _ in values})
        calendar = [seconds for _, seconds, _ in values]
        working = [seconds for _, _, seconds in values if seconds is not None]
        rows[f"{month} {inbox} {metric}"] = {
            "response_time_id": f"{month} {inbox} {metric}",
            "month": month,
            "inbox_id": inbox,
            "inbox_name": names.inboxes.get(inbox),
            "metric": metric,
            "conversations": count,
            "is_too_few": count < 5,
            "median_seconds": percentile(calendar, 0.5),
            "p90_seconds": percentile(calendar, 0.9),
            "median_working_seconds": percentile(working, 0.5),
            "p90_working_seconds": percentile(working, 0.9),
        }
    return rows


def percentile(values: list[float], share: float) -> float | None:
    """Return the value that a share of the others is below, between two if it falls there."""
    if not values:
        return None
    place = share * (len(values) - 1)
    below, above = sorted(values)[int(place)], sorted(values)[-int(-place // 1)]
    return below + (above - below) * (place % 1)


def _local(moment: datetime, zone: str) -> date:
    """Return the day in a zone on which a moment falls."""
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(ZoneInfo(zone)).date()


def events(account: Account, names: Names) -> dict[str, Row]:
    """Return the rows of `conversation_events` by ID."""
    rows: dict[str, Row] = {}
    for thread in account.threads.values():
        changes: defaultdict[str, list[Message]] = defaultdict(list)
        for message in sorted(account.messages(thread), key=key):
            if message.type in EVENTS:
                changes[message.type].append(message)
        for kind_of_event, history in changes.items():
            for place, message in enumerate(history):
                later = history[place + 1] if place + 1 < len(history) else None
                before = history[place - 1] if place else None
                rows[message.id] = _event(message, EVENTS[kind_of_event], before, later, names)
    return rows


def agent_daily_activity(account: Account, zone: str, names: Names) -> dict[str, Row]:
    """Return the rows of `agent_daily_activity` by key, with the days of a time zone."""
    figures = conversations(account, names)
    handled: defaultdict[str, list[int]] = defaultdict(list)
    closed: defaultdict[str, set[int]] = defaultdict(set)
    responses: defaultdict[str, list[float]] = defaultdict(list)
    for thread in account.threads.values():
        row = figures[str(thread.id)]
        if row["is_spam"]:
            continue
        for message in account.messages(thread):
            if names.kind(message) != "agent":
                continue
            day = f"{_local(message.created_at, zone)} {message.created_by}"
            if names.direction(message) == "outgoing":
                handled[day].append(thread.id)
            if message.more.get("newStatus") == "CLOSED":
                closed[day].add(thread.id)
        if row["first_person_response_at"]:
            day = (
                f"{_local(row['first_person_response_at'], zone)} {row['first_person_response_by']}"
            )
            responses[day].append(row["first_person_response_seconds"])
    return {
        day: {
            "agent_day": day,
            "day": date.fromisoformat(day.split()[0]),
            "agent_id": day.split()[1],
            "agent_name": names.actors.get(day.split()[1]),
            "conversations_handled": len(set(handled[day])),
            "messages_sent": len(handled[day]),
            "conversations_closed": len(closed[day]),
            "first_responses": len(responses[day]),
            "has_too_few_responses": len(responses[day]) < 5,
            "median_first_response_seconds": percentile(responses[day], 0.5),
            "p90_first_response_seconds": percentile(responses[day], 0.9),
        }
        for day in {*handled, *closed}
    }


def _message(message: Message, names: Names) -> Row:
    """Return the row of a message."""
    writer = names.writer(message)
    classes = {"MESSAGE": "message", "COMMENT": "comment", "WELCOME_MESSAGE": "welcome"}
    return {
        "message_id": message.id,
        "conversation_id": str(message.thread_id),
        "created_at": naive(message.created_at),
        "message_class": "archived" if message.archived else classes.get(message.type, "event"),
        "direction": names.direction(message),
        "hubspot_direction": message.more.get("direction"),
        "is_form": message.more.get("channelId") == "1003",
        "author_id": writer.id,
        "author_kind": writer.kind,
        "author_name": writer.name,
        "author_address": writer.address,
        "has_failed": has_failed(message),
        "channel_account_id": message.more.get("channelAccountId"),
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
    writer = names.writer(message)
    return {
        "event_id": message.id,
        "conversation_id": str(message.thread_id),
        "event_type": what,
        "old_value": old,
        "new_value": new,
        "new_name": known.get(new or ""),
        "new_kind": KINDS[new[0]] if what == "assignment" and new else None,
        "valid_from": naive(message.created_at),
        "valid_until": naive(later.created_at) if later else None,
        "is_current": later is None,
        "author_id": writer.id,
        "author_kind": writer.kind,
    }
