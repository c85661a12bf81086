"""Edge cases of conversations. A thread has the edge cases of at most one trait."""

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
    """Add the edge cases of the conversation's trait. No event is later than the latest message."""
    add = EDGE_CASES.get(conversation.trait)
    received = conversation.thread.received_at
    if add is None or received is None:
        return
    incoming = [one for one in conversation.messages if one.more.get("direction") == "INCOMING"]
    add(conversation, incoming[0])


def _add_attachments(conversation: Conversation, first: Message) -> None:
    """Add every type of attachment to the visitor's message, and one to a comment."""
    first.more = first.more | {"attachments": list(ATTACHMENTS)}
    text = "Their files, for the record."
    more: dict[str, Any] = {"text": text, "richText": f"<p>{text}</p>"}
    more["attachments"] = [PICTURE]
    comment = conversation.add("COMMENT", first.created_at, conversation.agent, **more)
    comment.updated_at = _later(first.created_at)


def _add_other_senders(conversation: Conversation, first: Message) -> None:
    """Add a message from an integration, and one from an email address without a contact."""
    client = {"clientType": "INTEGRATION", "integrationAppId": APP}
    senders: list[dict[str, Any]] = [{"actorId": f"I-{APP}", "name": "Shop connector"}]
    more: dict[str, Any] = {"senders": senders, "recipients": [], "client": client}
    text = "Order 10482 has been handed to the carrier."
    conversation.add_message(first.created_at, f"I-{APP}", text, sent=False, **more)
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
    conversation.add_message(first.created_at, MAILER, "Fwd: your order", sent=False, **more)


def _add_hostile_texts(conversation: Conversation, first: Message) -> None:
    """Add messages with hostile strings as text, subject and sender name."""
    for text in HOSTILE:
        senders = [{"actorId": conversation.visitor, "name": text}]
        more: dict[str, Any] = {"subject": text, "senders": senders}
        conversation.add_message(first.created_at, conversation.visitor, text, sent=False, **more)


def _truncate(_: Conversation, first: Message) -> None:
    """Truncate the visitor's message: to its beginning, or to the most recent reply."""
    text = first.more["text"]
    quoted = f"{text}\n\n> On Monday you wrote:\n> " + "It was a long letter. " * 300
    rich = f"<div>{text}<blockquote>{'It was a long letter. ' * 300}</blockquote></div>"
    first.original = {"text": quoted, "richText": rich}
    is_reply = first.thread_id % 24 == 3
    status = "TRUNCATED_TO_MOST_RECENT_REPLY" if is_reply else "TRUNCATED"
    first.more = first.more | {"truncationStatus": status}
    if not is_reply:
        first.more = first.more | {"text": text[:20]}
        first.more.pop("richText", None)


def _fail(conversation: Conversation, first: Message) -> None:
    """Add replies that could not be delivered, with and without a reason."""
    tokens = {"recipient": "v-1@example.org", "code": "550"}
    for details in ({"errorMessage": "Mailbox full", "errorMessageTokens": tokens}, None):
        status: dict[str, Any] = {"statusType": "FAILED"}
        if details:
            status["failureDetails"] = details
        if conversation.thread.sent_at:
            more: dict[str, Any] = {"status": status}
            when = min(first.created_at, conversation.thread.sent_at)
            conversation.add_message(when, conversation.agent, "Trying again.", sent=True, **more)


def _move(conversation: Conversation, first: Message) -> None:
    """Add two moves into the thread's inbox: from another inbox and from that inbox itself."""
    here = conversation.thread.inbox_id
    away = SALES if here == CHAT else CHAT
    more = {"fromInboxId": str(away), "toInboxId": str(here)}
    for by in (conversation.agent, f"I-{APP}"):
        moved = conversation.add("THREAD_INBOX_CHANGE", first.created_at, by, **more)
        more = {"fromInboxId": str(here), "toInboxId": str(here)}
    moved.updated_at = _later(first.created_at)


def _add_unknown_type(conversation: Conversation, first: Message) -> None:
    """Add an event of an undocumented type."""
    more: dict[str, Any] = {"slaStatus": "OVERDUE", "slaMinutes": 240, "goals": [{"id": "1"}]}
    conversation.add("THREAD_SLA_CHANGE", first.created_at, "S-hubspot", **more)


def _edit(conversation: Conversation, first: Message) -> None:
    """Mark all messages as edited, and add an archived one."""
    for message in conversation.messages:
        message.updated_at = _later(message.created_at)
    archived = conversation.add_message(
        first.created_at, conversation.visitor, "Sent by mistake", sent=False
    )
    archived.archived = True
    archived.updated_at = _later(archived.created_at)


def _later(moment: datetime) -> datetime:
    return moment + timedelta(hours=2, milliseconds=7)


EDGE_CASES = {
    0: _add_attachments,
    1: _add_hostile_texts,
    3: _truncate,
    4: _move,
    7: _add_unknown_type,
    8: _add_other_senders,
    9: _edit,
    10: _fail,
    11: _add_attachments,
}
"""The function that adds the edge cases of each trait. `Conversation.add_events` handles traits 2,
5 and 6."""
