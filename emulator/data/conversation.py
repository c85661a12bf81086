"""Generates the messages and events of a thread to match its columns."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from emulator.data.actors import name_of
from emulator.data.attachments import QUICK_REPLIES
from emulator.data.message import Message
from emulator.data.phrases import BOT_ASKS, GREETING, LARGE, LLM_ANSWERS, SCENES, URGENT
from emulator.data.thread import CHANNELS, CHAT, HELP_DESK, SALES

if TYPE_CHECKING:
    from emulator.data.thread import Thread

BOT, LLM, SYSTEM = "B-1001", "L-77", "S-hubspot"
ADDRESSES = {HELP_DESK: "support@example.com", SALES: "sales@example.com"}


class Conversation:
    """A conversation that is being generated. `trait` determines its edge cases."""

    def __init__(self, thread: Thread) -> None:
        self.thread = thread
        self.chance = random.Random(thread.id)
        self.trait = thread.id % 12
        self.visitor = f"V-{thread.contact_id}"
        self.agent = thread.assigned_to or "A-2620022"
        self.messages: list[Message] = []
        self.subject, self.questions, self.replies, self.note = self.chance.choice(SCENES)

    def add(self, kind: str, when: datetime, by: str, **more: Any) -> Message:
        """Add a message or event."""
        number = len(self.messages)
        message = Message(self.thread.id, number, kind, when, by, more)
        if self.chance.random() < 0.1:
            message.updated_at = when + timedelta(minutes=self.chance.randrange(1, 60))
        self.messages.append(message)
        return message

    def add_message(
        self, when: datetime, by: str, text: str, *, sent: bool, **more: Any
    ) -> Message:
        """Add a message from or to the visitor."""
        channel, channel_account = CHANNELS[self.thread.inbox_id]
        if self.thread.inbox_id in ADDRESSES:
            more = self._email_fields(by, text, sent=sent) | more
        else:
            sender = {"actorId": by, "name": name_of(by)} if name_of(by) else {"actorId": by}
            to = [{"actorId": self.visitor, "deliveryIdentifier": opaque(self.visitor)}]
            more = {"senders": [sender], "recipients": to if sent else []} | more
        status = "SENT" if sent and self.chance.random() < 0.6 else "READ"
        more.setdefault("status", {"statusType": status if sent else "RECEIVED"})
        fields = {"text": text, "direction": "OUTGOING" if sent else "INCOMING"}
        channels = {"channelId": str(channel), "channelAccountId": str(channel_account)}
        return self.add("MESSAGE", when, by, **fields, **channels, **more)

    def add_messages(self, *, is_large: bool) -> None:
        """Add the messages of the visitor, the agent and the bots, and a comment."""
        thread, texts = self.thread, list(self.questions)
        if not (thread.received_at and thread.sent_at and thread.received_at > thread.sent_at):
            texts[1] = URGENT
        if is_large:
            texts[0] = LARGE
        if thread.inbox_id == CHAT:
            self._greet()
        incoming, outgoing = self._times()
        for when, text in zip(incoming, texts, strict=False):
            self.add_message(when, self.visitor, text, sent=False, **self._in_reply())
        for when, text in zip(outgoing, self.replies[-len(outgoing) :], strict=False):
            self.add_message(when, self.agent, text, sent=True, **self._in_reply())
        if outgoing[1:]:
            self._auto_reply(between(incoming[0] if incoming else None, outgoing[0], 0.1))
        if thread.sent_at and self.chance.random() < 0.4:
            when = between(thread.created_at, thread.sent_at, 0.8)
            rich = f"<p>{self.note}</p>"
            self.add("COMMENT", when, self.agent, text=self.note, richText=rich, attachments=[])

    def add_events(self) -> None:
        """Add the assignment and status events."""
        thread = self.thread
        ends = min(filter(None, (thread.latest_message_at, thread.closed_at)), default=None)
        if thread.assigned_to:
            when = between(thread.created_at, thread.sent_at or ends, 0.3)
            previous = {"assignedFrom": "A-2620108"} if self.trait in {2, 5} else {}
            if previous:
                self.add("ASSIGNMENT", thread.created_at, SYSTEM, assignedTo="A-2620108")
            self.add("ASSIGNMENT", when, SYSTEM, assignedTo=thread.assigned_to, **previous)
        elif self.trait in {2, 5, 8}:
            when = between(thread.created_at, ends, 0.3)
            self.add("ASSIGNMENT", thread.created_at, SYSTEM, assignedTo=self.agent)
            self.add("ASSIGNMENT", when, self.agent, assignedFrom=self.agent)
        if self.trait in {2, 6}:
            for share, status in ((0.5, "CLOSED"), (0.6, "OPEN")):
                when = between(thread.created_at, thread.closed_at or ends, share)
                self.add("THREAD_STATUS_CHANGE", when, SYSTEM, newStatus=status)
        if thread.closed_at:
            by = self.agent if self.chance.random() < 0.7 else SYSTEM
            self.add("THREAD_STATUS_CHANGE", thread.closed_at, by, newStatus="CLOSED")

    def _times(self) -> tuple[list[datetime], list[datetime]]:
        """Draw the times of incoming and of outgoing messages."""
        created, received, sent = (
            self.thread.created_at,
            self.thread.received_at,
            self.thread.sent_at,
        )
        incoming = [received] if received else []
        if received and ((sent and received > sent) or self.chance.random() < 0.4):
            incoming = [between(created, min(received, sent or received), 0.1), received]
        outgoing = [sent] if sent else []
        if sent and incoming and self.chance.random() < 0.6:
            outgoing = [between(incoming[0], sent, 0.5), sent]
        return incoming, outgoing

    def _in_reply(self) -> dict[str, str]:
        """Return the reference to the previous message, if any."""
        ids = [message.id for message in self.messages if message.type == "MESSAGE"]
        return {"inReplyToId": ids[-1]} if ids else {}

    def _greet(self) -> None:
        """Add the chat's welcome message."""
        more: dict[str, Any] = (
            {"richText": f"<p>{GREETING}</p>"} if self.chance.random() < 0.5 else {}
        )
        channel, channel_account = CHANNELS[CHAT]
        more |= {"channelId": str(channel), "channelAccountId": str(channel_account)}
        more |= {"client": {"clientType": "SYSTEM"}, "senders": [{"actorId": BOT}]}
        self.add("WELCOME_MESSAGE", self.thread.created_at, BOT, text=GREETING, **more)

    def _auto_reply(self, when: datetime) -> None:
        """Add a reply by a bot or an AI, before the agent's reply."""
        if self.thread.inbox_id == CHAT and self.chance.random() < 0.5:
            self.add_message(when, BOT, BOT_ASKS, sent=True, attachments=[QUICK_REPLIES])
        else:
            self.add_message(when, LLM, LLM_ANSWERS, sent=True)

    def _email_fields(self, by: str, text: str, *, sent: bool) -> dict[str, Any]:
        """Return the fields that an email has in addition to a chat message."""
        inbox_address = address(ADDRESSES[self.thread.inbox_id])
        visitor_address = address(f"{self.visitor.lower()}@example.org")
        agent = {"actorId": by, "deliveryIdentifier": inbox_address, "name": name_of(by)}
        visitor: dict[str, Any] = {"actorId": self.visitor, "deliveryIdentifier": visitor_address}
        if name_of(self.visitor):
            visitor["name"] = name_of(self.visitor)
        sender = agent if sent else visitor
        recipient = visitor if sent else {"deliveryIdentifier": inbox_address}
        return {
            "subject": self.subject if not self.messages else f"Re: {self.subject}",
            "richText": f"<div><p>{text}</p></div>",
            "senders": [sender | {"senderField": "FROM"}],
            "recipients": [recipient | {"recipientField": "TO"}],
        }


def between(begins: datetime | None, ends: datetime | None, share: float) -> datetime:
    """Return the moment at `share` of a period, truncated to milliseconds; never after its end."""
    if begins is None or ends is None or begins > ends:
        moment = ends or begins
        if moment is None:
            message = "The period has neither a beginning nor an end."
            raise ValueError(message)
        return moment
    moment = begins + (ends - begins) * share
    return moment - timedelta(microseconds=moment.microsecond % 1000)


def address(value: str) -> dict[str, str]:
    """Return the delivery identifier of an email address."""
    return {"type": "HS_EMAIL_ADDRESS", "value": value}


def opaque(value: str) -> dict[str, str]:
    """Return the delivery identifier of a visitor in HubSpot's chat."""
    return {"type": "CHANNEL_SPECIFIC_OPAQUE_ID", "value": f"opaque-{value}"}
