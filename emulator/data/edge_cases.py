"""Edge cases of conversations; each thread has those of one trait at most."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from emulator.data.attachments import ATTACHMENTS, PICTURE
from emulator.data.phrases import HOSTILE
from emulator.data.thread import CHAT, SALES

if TYPE_CHECKING:
    from datetime import datetime

    from emulator.data.conversation import Conversation
    from emulator.data.message import Message

APP = 1_234_567
MAILER = "E-newsletter@example.net"


def add_edge_cases(conversation: Conversation) -> None:
    """Add the edge cases of the trait; the times of the latest messages stay."""
    add = EDGE_CASES.get(conversation.trait)
    received = conversation.thread.received_at
    if add is None or received is None:
        return
    asked = [one for one in conversation.messages if one.more.get("direction") == "INCOMING"]
    add(conversation, asked[0])


def _attach(conversation: Conversation, first: Message) -> None:
    """Attachments of all kinds, to what the visitor wrote and to what is noted."""
    first.more = first.more | {"attachments": list(ATTACHMENTS)}
    text = "Their files, for the record."
    more: dict[str, Any] = {"text": text, "richText": f"<p>{text}</p>"}
    more["attachments"] = [PICTURE]
    noted = conversation.add("COMMENT", first.created_at, conversation.agent, **more)
    noted.updated_at = _later(first.created_at)


def _let_others_in(conversation: Conversation, first: Message) -> None:
    """A message by an integration, and one by somebody who is an address only."""
    client = {"clientType": "INTEGRATION", "integrationAppId": APP}
    senders: list[dict[str, Any]] = [{"actorId": f"I-{APP}", "name": "Shop connector"}]
    more: dict[str, Any] = {"senders": senders, "recipients": [], "client": client}
    text = "Order 10482 was handed to the carrier."
    conversation.say(first.created_at, f"I-{APP}", text, sent=False, **more)
    mail = {"type": "HS_EMAIL_ADDRESS", "value": MAILER[2:]}
    phone = {"type": "HS_PHONE_NUMBER", "value": "+4915112345678"}
    code = {"type": "HS_SHORT_CODE", "value": "12345"}
    more = {
        "client": {"clientType": "UNKNOWN"},
        "senders": [{"deliveryIdentifier": mail, "senderField": "ORIGINAL_FROM"}, {}],
        "recipients": [
            {"actorId": MAILER, "deliveryIdentifier": mail, "recipientField": "CC"},
            {"name": "The shop", "deliveryIdentifier": phone, "recipientField": "BCC"},
            {"deliveryIdentifier": code},
        ],
    }
    conversation.say(first.created_at, MAILER, "Fwd: your order", sent=False, **more)


def _speak_strangely(conversation: Conversation, first: Message) -> None:
    """Texts that break what is careless with texts, also where a name or a subject is."""
    for text in HOSTILE:
        senders = [{"actorId": conversation.visitor, "name": text}]
        more: dict[str, Any] = {"subject": text, "senders": senders}
        conversation.say(first.created_at, conversation.visitor, text, sent=False, **more)


def _truncate(_: Conversation, first: Message) -> None:
    """A message of which only the beginning is shown; one that is cut to the latest reply."""
    whole = first.more["text"]
    quoted = f"{whole}\n\n> On Monday you wrote:\n> " + "It was a long letter. " * 300
    rich = f"<div>{whole}<blockquote>{'It was a long letter. ' * 300}</blockquote></div>"
    first.original = {"text": quoted, "richText": rich}
    is_reply = first.thread_id % 24 == 3
    how = "TRUNCATED_TO_MOST_RECENT_REPLY" if is_reply else "TRUNCATED"
    first.more = first.more | {"truncationStatus": how}
    if not is_reply:
        first.more = first.more | {"text": whole[:20]}
        first.more.pop("richText", None)


def _fail(conversation: Conversation, first: Message) -> None:
    """An answer that could not be delivered, with reasons and without."""
    tokens = {"recipient": "v-1@example.org", "code": "550"}
    for details in ({"errorMessage": "Mailbox full", "errorMessageTokens": tokens}, None):
        status: dict[str, Any] = {"statusType": "FAILED"}
        if details:
            status["failureDetails"] = details
        if conversation.thread.sent_at:
            more: dict[str, Any] = {"status": status}
            when = min(first.created_at, conversation.thread.sent_at)
            conversation.say(when, conversation.agent, "Trying once more.", sent=True, **more)


def _move(conversation: Conversation, first: Message) -> None:
    """A move here from another inbox."""
    here = conversation.thread.inbox_id
    away = SALES if here == CHAT else CHAT
    more = {"fromInboxId": str(away), "toInboxId": str(here)}
    for by in (conversation.agent, f"I-{APP}"):
        moved = conversation.add("THREAD_INBOX_CHANGE", first.created_at, by, **more)
        more = {"fromInboxId": str(here), "toInboxId": str(here)}
    moved.updated_at = _later(first.created_at)


def _surprise(conversation: Conversation, first: Message) -> None:
    """An event of a type that no documentation knows."""
    more: dict[str, Any] = {"slaStatus": "OVERDUE", "slaMinutes": 240, "goals": [{"id": "1"}]}
    conversation.add("THREAD_SLA_CHANGE", first.created_at, "S-hubspot", **more)


def _edit(conversation: Conversation, first: Message) -> None:
    """Messages of each type that were changed later, and one that is archived."""
    for message in conversation.messages:
        message.updated_at = _later(message.created_at)
    gone = conversation.say(first.created_at, conversation.visitor, "Sent by mistake", sent=False)
    gone.archived = True
    gone.updated_at = _later(gone.created_at)


def _later(moment: datetime) -> datetime:
    return moment + timedelta(hours=2, milliseconds=7)


EDGE_CASES = {
    0: _attach,
    1: _speak_strangely,
    3: _truncate,
    4: _move,
    7: _surprise,
    8: _let_others_in,
    9: _edit,
    10: _fail,
    11: _attach,
}
"""By trait; the conversation itself knows of 2, 5 and 6, whose events are other ones."""
