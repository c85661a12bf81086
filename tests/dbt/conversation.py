"""The expected columns of one conversation, computed by their definitions without SQL.

Knows neither SQL nor the database. Times are naive UTC, as the tables have them.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from emulator.endpoints.actors import actor_payloads
from emulator.endpoints.messages import message_payload
from emulator.endpoints.threads import thread_payload
from tests.targets.expected import stored

if TYPE_CHECKING:
    from emulator.data.account import Account
    from emulator.data.message import Message
    from emulator.data.thread import Thread
    from tests.dbt.working_time import WorkingTime

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


@overload
def naive(moment: datetime) -> datetime: ...


@overload
def naive(moment: datetime | None) -> datetime | None: ...


def naive(moment: datetime | None) -> datetime | None:
    """Return a time as naive UTC, as in the tables."""
    return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment else None


def key(message: Message) -> tuple[datetime, str]:
    """Return the sort key of messages: time, then ID."""
    return message.created_at, message.id


def has_failed(message: Message) -> bool:
    """Whether the message could not be delivered."""
    return bool(message.more.get("status", {}).get("statusType") == "FAILED")


PEOPLE, BOTS = {"agent", "staff"}, {"bot", "ai"}
QUIET = timedelta(hours=72)


def email_addresses(parties: list[dict[str, Any]]) -> list[str | None]:
    """Return the address of each sender or recipient, from the singular or the plural field."""
    return [
        next(
            (
                one["value"]
                for one in [party.get("deliveryIdentifier"), *party.get("deliveryIdentifiers", [])]
                if one
            ),
            None,
        )
        for party in parties
    ]


class Writer(NamedTuple):
    """Who wrote a message."""

    id: str | None
    kind: str
    name: str | None
    address: str | None


class Names:
    """What the account knows its parts by, and what the metrics are configured with.

    Attributes:
        synced_at: When the last sync loaded a thread.
        hours: The working time, if it is configured.
    """

    def __init__(
        self, account: Account, synced_at: datetime, hours: WorkingTime | None = None
    ) -> None:
        self.actors = {name: actor.get("name") for name, actor in actor_payloads(account).items()}
        self.inboxes, self.channels, self.channel_accounts = (
            {one["id"]: one["name"] for one in account.lists[name]}
            for name in ("inboxes", "channels", "channel-accounts")
        )
        self.synced_at = synced_at.replace(microsecond=synced_at.microsecond // 1000 * 1000)
        self.hours = hours
        addresses = email_addresses(account.lists["channel-accounts"])
        own = {address.lower() for address in addresses if address}
        domains = {address.partition("@")[2] for address in own}
        self._own = own | domains - {"", "gmail.com"}

    def seconds(self, begins: datetime | None, ends: datetime | None) -> float | None:
        """Return the time from one moment to another."""
        return (ends - begins).total_seconds() if begins and ends else None

    def working_seconds(self, begins: datetime | None, ends: datetime | None) -> float | None:
        """Return the working time from one moment to another."""
        if begins is None or ends is None or self.hours is None:
            return None
        return self.hours.seconds(naive(begins), naive(ends))

    def writer(self, message: Message) -> Writer:
        """Return who wrote a message; if it was forwarded, who wrote the original."""
        senders = message_payload(message)["senders"]
        by_field = {one.get("senderField"): one for one in reversed(senders)}
        first = by_field.get("ORIGINAL_FROM") or by_field.get("FROM") or (senders or [{}])[0]
        (address,) = email_addresses([first])
        author: str | None = message.created_by
        if "ORIGINAL_FROM" in by_field:
            author = first.get("actorId")
        what = KINDS[author[0]] if author else "email" if "@" in (address or "") else "other"
        is_own = address and not self._own.isdisjoint(
            {address.lower(), address.lower().partition("@")[2]}
        )
        if is_own and what in {"visitor", "email", "other"}:
            what = "staff"
        name = self.actors.get(author or "") or stored(first.get("name"))
        return Writer(author, what, name, address)

    def kind(self, message: Message) -> str:
        """Return the kind of a message's author."""
        return self.writer(message).kind

    def direction(self, message: Message) -> str | None:
        """Return whether a message is incoming or outgoing."""
        if message.type != "MESSAGE":
            return None
        if self.kind(message) in {"agent", "staff", "bot", "ai", "integration"}:
            return "outgoing"
        direction: str = message.more["direction"]
        return direction.lower()


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


def message_columns(thread: Thread, read: list[Message], names: Names) -> Row:
    """Return the columns that depend on the thread's messages."""
    said = [message for message in read if message.type == "MESSAGE"]
    incoming = [message for message in said if names.direction(message) == "incoming"]
    outgoing = [message for message in said if names.direction(message) == "outgoing"]
    comments = [message for message in read if message.type == "COMMENT"]
    asked_at = min((message.created_at for message in incoming), default=None)
    is_complete = _has_complete_messages(thread, read)
    row = {
        "has_complete_messages": is_complete,
        "first_message_at": naive(min((message.created_at for message in said), default=None)),
        "first_incoming_at": naive(asked_at),
        "started_by": _started_by(incoming, outgoing),
    }
    answers = [
        message
        for message in outgoing
        if asked_at and message.created_at >= asked_at and not has_failed(message)
    ]
    closings = _closings(thread, read, names)
    row |= _responses(asked_at, answers, names)
    row |= _assignments(thread, read, answers, closings, names, is_complete=bool(is_complete))
    row |= _bots(said, answers, names, is_complete=is_complete)
    row |= closings | _awaiting_reply(thread, incoming, outgoing, is_known=bool(is_complete))
    by = Counter(map(names.kind, said))
    writers = map(names.writer, [*said, *comments])
    last = max((one for one in outgoing if names.kind(one) == "agent"), key=key, default=None)
    last_agent = last.created_by if last else None
    counts: Row = {
        "messages": len(said),
        "messages_incoming": len(incoming),
        "messages_outgoing": len(outgoing),
        "messages_without_direction": len(said) - len(incoming) - len(outgoing),
        **{f"messages_by_{name}": by[name] for name in [*KINDS.values(), "staff", "other"]},
        "messages_failed": sum(map(has_failed, outgoing)),
        "comments": len(comments),
        "agents_involved": len({one.id for one in writers if one.kind == "agent"}),
    }
    if not read:
        counts = dict.fromkeys(counts)
    names_last = {"last_agent": last_agent, "last_agent_name": names.actors.get(last_agent or "")}
    return row | counts | names_last


def _has_complete_messages(thread: Thread, read: list[Message]) -> bool | None:
    if not read:
        return None
    if thread.latest_message_at is None:
        return True
    until = max(message.created_at for message in read)
    return until.replace(microsecond=0) >= thread.latest_message_at.replace(microsecond=0)


def _started_by(incoming: list[Message], outgoing: list[Message]) -> str | None:
    if not incoming:
        return "business" if outgoing else None
    theirs = min(one.created_at for one in incoming)
    if any(one.created_at < theirs for one in outgoing):
        return "business"
    first = [one for one in incoming if one.created_at == theirs]
    return "form" if any(one.more.get("channelId") == "1003" for one in first) else "visitor"


def _first(answers: list[Message], kinds: set[str], names: Names) -> Message | None:
    """Return the first answer by an author of some kinds."""
    return min((one for one in answers if names.kind(one) in kinds), key=key, default=None)


def _responses(asked_at: datetime | None, answers: list[Message], names: Names) -> Row:
    """Return the columns about the first response, by anyone and by a person."""
    first = min(
        answers, key=lambda m: (m.created_at, names.kind(m) not in PEOPLE, m.id), default=None
    )
    row: Row = {"first_response_by_kind": names.kind(first) if first else None}
    for name, message in (
        ("response", first),
        ("person_response", _first(answers, PEOPLE, names)),
    ):
        at = message.created_at if message else None
        who = names.writer(message).id if message else None
        through = message.more.get("channelAccountId") if message else None
        row |= {
            f"first_{name}_at": naive(at),
            f"first_{name}_seconds": names.seconds(asked_at, at),
            f"first_{name}_working_seconds": names.working_seconds(asked_at, at),
            f"first_{name}_by": who,
            f"first_{name}_by_name": names.actors.get(who or ""),
            f"first_{name}_channel_account_id": through,
            f"first_{name}_channel_account_name": names.channel_accounts.get(through or ""),
        }
    return row


def _assignments(
    thread: Thread,
    read: list[Message],
    answers: list[Message],
    closings: Row,
    names: Names,
    *,
    is_complete: bool,
) -> Row:
    """Return how long an agent took from assignment, and how long nobody was assigned."""
    changes = sorted((one for one in read if one.type == "ASSIGNMENT"), key=key)
    to_agents = (one for one in changes if (one.more.get("assignedTo") or "").startswith("A-"))
    assigned_at = min((one.created_at for one in to_agents), default=None)
    answer = _first(answers, PEOPLE, names)
    is_after = answer and assigned_at and answer.created_at >= assigned_at
    answered_at = answer.created_at if answer and is_after else None
    row: Row = {
        "first_assigned_at": naive(assigned_at),
        "agent_first_response_seconds": names.seconds(assigned_at, answered_at),
        "agent_first_response_working_seconds": names.working_seconds(assigned_at, answered_at),
        "seconds_unassigned": None,
        "working_seconds_unassigned": None,
    }
    last = changes[-1].more.get("assignedTo") if changes else None
    if not is_complete or last != thread.assigned_to:
        return row
    ends: datetime = closings["first_closed_at"] or closings["last_closed_at"] or names.synced_at
    assignee = changes[0].more.get("assignedFrom") if changes else None
    begins = naive(thread.created_at)
    spans: list[tuple[datetime, datetime]] = []
    for moment, becomes in [
        *((naive(one.created_at), one.more.get("assignedTo")) for one in changes),
        (ends, None),
    ]:
        if assignee is None and min(moment, ends) > begins:
            spans.append((begins, min(moment, ends)))
        begins, assignee = moment, becomes
    row["seconds_unassigned"] = sum((until - since).total_seconds() for since, until in spans)
    if names.hours:
        worked = [names.hours.seconds(since, until) for since, until in spans]
        row["working_seconds_unassigned"] = sum(worked)
    return row


def _bots(
    said: list[Message], answers: list[Message], names: Names, *, is_complete: bool | None
) -> Row:
    """Return what bots and AI agents did alone, and when a person took over."""
    bot, person = (_first(answers, kinds, names) for kinds in (BOTS, PEOPLE))
    bot_at, person_at = (naive(one.created_at) if one else None for one in (bot, person))
    row: Row = {
        "first_bot_response_at": bot_at,
        "person_took_over_at": person_at if bot_at and person_at and bot_at < person_at else None,
        "is_handled_by_bot_only": None,
        "is_deflected": None,
    }
    if is_complete is None:
        return row
    if person or is_complete:
        row["is_handled_by_bot_only"] = bool(bot and not person)
    moments = sorted(naive(one.created_at) for one in said)
    ends = [*moments[1:], names.synced_at if is_complete else None]
    quiet = [
        since
        for since, until in zip(moments, ends, strict=False)
        if bot_at and since >= bot_at and until and until - since >= QUIET
    ]
    if quiet:
        row["is_deflected"] = person_at is None or person_at > quiet[0]
    elif person or (is_complete and not bot):
        row["is_deflected"] = False
    return row


def _closings(thread: Thread, read: list[Message], names: Names) -> Row:
    """Return the columns about closing and reopening."""
    changes = sorted((one for one in read if one.type == "THREAD_STATUS_CHANGE"), key=key)
    closed = [one.created_at for one in changes if one.more["newStatus"] == "CLOSED"]
    statuses = [one.more["newStatus"] for one in changes]
    reopened = sum(pair == ("CLOSED", "OPEN") for pair in pairwise(statuses))
    is_known = bool(read) and thread.status == (statuses[-1] if statuses else "OPEN")
    first = closed[0] if closed else None
    last = thread.closed_at or (closed[-1] if closed else None)
    begins = thread.created_at
    return {
        "first_closed_at": naive(first),
        "seconds_to_first_close": names.seconds(begins, first),
        "working_seconds_to_first_close": names.working_seconds(begins, first),
        "last_closed_at": naive(last),
        "seconds_to_last_close": names.seconds(begins, last),
        "working_seconds_to_last_close": names.working_seconds(begins, last),
        "reopened_count": reopened if is_known else None,
    }


def _awaiting_reply(
    thread: Thread, incoming: list[Message], outgoing: list[Message], *, is_known: bool
) -> Row:
    """Return the columns about whose reply is awaited, and since when."""
    sent = thread_payload(thread, associations=[], extra=None)
    turn: Row = {"awaiting_reply_from": None, "waiting_since": None}
    if thread.closed_at or sent.get("archived") or sent.get("spam") or not is_known:
        return turn
    theirs = [message.created_at for message in incoming if not has_failed(message)]
    ours = max((one.created_at for one in outgoing if not has_failed(one)), default=None)
    unanswered = [moment for moment in theirs if ours is None or moment > ours]
    if unanswered:
        return {"awaiting_reply_from": "business", "waiting_since": naive(min(unanswered))}
    return {"awaiting_reply_from": "visitor", "waiting_since": naive(ours)} if ours else turn
