"""The sample account, with conversations that the metrics differ on.

Each line of a case is an hour after its beginning, an author and what they did.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from emulator.data.account import Account
from emulator.data.thread import CHAT, HELP_DESK

if TYPE_CHECKING:
    from emulator.data.thread import Thread

BEGINS = datetime(2026, 3, 26, 15, 30, tzinfo=timezone.utc)
"""The first case begins on a Thursday before clocks change in Europe; each next one 31 h later."""
VISITOR, AGENT, OTHER_AGENT = "V-1401", "A-2620022", "A-2620108"
BOT, LLM, APP = "B-1001", "L-77", "I-1234567"
MAX_TEXT = 500_000

Line = tuple[float, str, str]
CASES: list[tuple[int | None, list[Line]]] = [
    # A bot, then a person.
    (7001, [(0, VISITOR, "in"), (0.01, BOT, "out"), (2, AGENT, "out"), (3, AGENT, "close")]),
    # A bot alone, then quiet; a person comes after 80 hours.
    (7001, [(0, VISITOR, "in"), (0.5, LLM, "out"), (80.5, AGENT, "out"), (81, VISITOR, "in")]),
    # A person comes in the last hour of the 72.
    (7002, [(0, VISITOR, "in"), (0.5, LLM, "out"), (72.4, AGENT, "out"), (73, AGENT, "close")]),
    # Exactly 72 hours.
    (7002, [(0, VISITOR, "in"), (0.5, BOT, "out"), (72.5, AGENT, "out")]),
    # The visitor's last message is followed by quiet, too.
    (None, [(0, VISITOR, "in"), (0.5, BOT, "out"), (1, VISITOR, "in"), (99, VISITOR, "in")]),
    # A person before the bot: nobody took over.
    (7003, [(0, VISITOR, "in"), (1, AGENT, "out"), (2, BOT, "out"), (3, AGENT, "out")]),
    # A person and a bot at the same moment.
    (None, [(0, VISITOR, "in"), (1, AGENT, "out"), (1, BOT, "out"), (2, VISITOR, "in")]),
    # Answered by a member of staff from a mailbox of their own, in three spellings.
    (7003, [(0, VISITOR, "in"), (5, "V-555", "staff"), (6, VISITOR, "in"), (7, "V-555", "STAFF")]),
    (None, [(0, VISITOR, "in"), (5, "E-bo@example.com", "staff"), (9, VISITOR, "in")]),
    (None, [(0, VISITOR, "in"), (5, "V-556", "support"), (9, VISITOR, "in")]),
    # Somebody with the same public provider, or a similar domain, is no staff.
    (None, [(0, VISITOR, "in"), (5, "V-557", "gmail"), (6, "V-558", "similar")]),
    # A form; a form after a message; a form after a message of ours.
    (7004, [(0, VISITOR, "form"), (1, AGENT, "out"), (2, VISITOR, "in"), (2.5, AGENT, "out")]),
    (None, [(0, VISITOR, "in"), (1, VISITOR, "form")]),
    (None, [(0, AGENT, "out"), (1, VISITOR, "form")]),
    (None, [(0, VISITOR, "form"), (0, AGENT, "out")]),
    # A mail of a customer that staff forwarded; a mail of staff that a customer forwarded.
    (None, [(0, AGENT, "forward of visitor"), (1, AGENT, "out"), (2, VISITOR, "in")]),
    (None, [(0, VISITOR, "in"), (1, VISITOR, "forward of staff"), (2, VISITOR, "in")]),
    # An integration sends to the visitor, although HubSpot says INCOMING.
    (None, [(0, VISITOR, "in"), (1, APP, "in"), (2, VISITOR, "in")]),
    # Assigned late; unassigned in between; the assignment caused by the answer.
    (7005, [(0, VISITOR, "in"), (4, "S-hubspot", f"assign {AGENT}"), (5, AGENT, "out")]),
    (
        None,
        [
            (0, VISITOR, "in"),
            (1, "S-hubspot", f"assign {LLM}"),
            (2, LLM, "out"),
            (3, LLM, "assign"),
            (9, "S-hubspot", f"assign {AGENT}"),
            (20, AGENT, "assign"),
            (26, OTHER_AGENT, f"assign {OTHER_AGENT}"),
            (30, OTHER_AGENT, "out"),
            (31, OTHER_AGENT, "close"),
            (40, VISITOR, "open"),
            (40, VISITOR, "in"),
            (41, OTHER_AGENT, "assign"),
            (50, OTHER_AGENT, "close"),
        ],
    ),
    (None, [(0, VISITOR, "in"), (4, AGENT, "out"), (4.0001, AGENT, f"assign {AGENT}")]),
    (None, [(0, VISITOR, "in"), (1, "S-hubspot", f"assign {AGENT}"), (9, AGENT, "close")]),
    # Several turns; in one the answer failed; the last has none.
    (
        7006,
        [
            (0, VISITOR, "in"),
            (1, VISITOR, "in"),
            (3, AGENT, "out"),
            (3.5, AGENT, "out"),
            (20, VISITOR, "in"),
            (21, AGENT, "fail"),
            (44, BOT, "out"),
            (44, OTHER_AGENT, "out"),
            (50, VISITOR, "in"),
            (50, AGENT, "out"),
            (60, VISITOR, "in"),
            (61, AGENT, "comment"),
        ],
    ),
    (7006, [(0, AGENT, "out"), (1, VISITOR, "in"), (90, AGENT, "out"), (91, AGENT, "close")]),
    (7006, []),
]
ADDRESSES = {
    "staff": "bo@example.com",
    "STAFF": "Bo@EXAMPLE.com",
    "support": "support@example.com",
    "gmail": "ada@gmail.com",
    "similar": "ada@notexample.com",
    "visitor": "ada@example.org",
}


def sample(size: int, **options: Any) -> Account:
    """Return the sample account with its longest text cut, because target-duckdb refuses 2 MB."""
    account = Account.sample(size, **options)
    for thread in account.threads.values():
        for message in account.messages(thread):
            text = message.more.get("text", "")[:MAX_TEXT]
            if text != message.more.get("text", ""):
                message.more = message.more | {"text": text, "richText": f"<p>{text}</p>"}
    return account


def account_with_cases(size: int) -> Account:
    """Return the sample account of `size` threads, and a thread for each case."""
    account = sample(size)
    account.lists["channel-accounts"] = [
        *account.lists["channel-accounts"],
        {
            "id": "151099",
            "channelId": "1002",
            "inboxId": str(HELP_DESK),
            "name": "Our old mailbox",
            "deliveryIdentifier": _email("us.at.example@gmail.com"),
        },
    ]
    for number, (ticket, lines) in enumerate(CASES):
        begins = BEGINS + number * timedelta(hours=31)
        thread = account.create(HELP_DESK if number % 3 else CHAT, created_at=begins)
        thread.ticket_id = ticket
        for hours, by, what in lines:
            when = begins + timedelta(milliseconds=round(hours * 3_600_000))
            _add(account, thread, when, by, what)
    return account


def _add(account: Account, thread: Thread, when: datetime, by: str, what: str) -> None:
    kind, fields = "MESSAGE", _message(by, what)
    if what == "comment":
        kind, fields = "COMMENT", {"text": "Who knows?", "attachments": []}
    elif what.startswith("assign"):
        became, was = what.partition(" ")[2] or None, thread.assigned_to
        kind, fields = "ASSIGNMENT", {"assignedTo": became, "assignedFrom": was}
        fields = {name: value for name, value in fields.items() if value}
        thread.assigned_to = became
    elif what in {"close", "open"}:
        status = {"close": "CLOSED", "open": "OPEN"}[what]
        kind, fields = "THREAD_STATUS_CHANGE", {"newStatus": status}
        thread.closed_at = when if what == "close" else None
    account.conversations.add(thread, kind, when, by, fields)
    if kind == "MESSAGE" and fields["direction"] == "INCOMING":
        thread.received_at = when
    elif kind in {"MESSAGE", "COMMENT"}:
        thread.sent_at = when


def _message(by: str, what: str) -> dict[str, Any]:
    """Return the fields of a message."""
    is_sent = what in {"out", "fail"}
    sender: dict[str, Any] = {"actorId": by}
    if what in ADDRESSES:
        sender |= {"senderField": "FROM", "deliveryIdentifier": _email(ADDRESSES[what])}
    senders = [sender]
    if what.startswith("forward of "):
        address = ADDRESSES[what.rpartition(" ")[2]]
        senders = [
            {**sender, "senderField": "FROM"},
            {"senderField": "ORIGINAL_FROM", "deliveryIdentifiers": [_email(address)]},
        ]
    return {
        "text": "Hello",
        "direction": "OUTGOING" if is_sent else "INCOMING",
        "channelId": "1003" if what == "form" else "1002",
        "channelAccountId": "148662",
        "senders": senders,
        "status": {"statusType": "FAILED" if what == "fail" else "SENT" if is_sent else "RECEIVED"},
    }


def _email(value: str) -> dict[str, str]:
    return {"type": "HS_EMAIL_ADDRESS", "value": value}
