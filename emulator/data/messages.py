"""The messages of an account's threads."""

from __future__ import annotations

import bisect
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from emulator.data.conversation import Conversation
from emulator.data.edge_cases import add_edge_cases
from emulator.data.message import Message
from emulator.data.phrases import CHATTER
from emulator.data.thread import CHANNELS

if TYPE_CHECKING:
    from datetime import datetime

    from emulator.data.thread import Thread


class Messages:
    """The messages of each thread.

    When a thread's messages are first read, they are generated to match the thread's columns. After
    that, only the methods of this class change them.
    """

    def __init__(self) -> None:
        self.large: set[int] = set()
        """IDs of threads whose first message will have 1 MB of text."""
        self._kept: dict[int, list[Message]] = {}
        self._made: dict[int, int] = {}
        """How many messages each thread has ever had, because an ID is never reused."""

    def of(self, thread: Thread) -> list[Message]:
        """Return a thread's messages of every type, oldest first. Do not modify the list."""
        messages = self._kept.get(thread.id)
        if messages is None:
            messages = make_conversation(thread, is_large=thread.id in self.large)
            self._kept[thread.id] = messages
            self._made[thread.id] = len(messages)
        return messages

    def add(
        self, thread: Thread, kind: str, when: datetime, by: str, more: dict[str, Any]
    ) -> Message:
        """Add a message.

        Call this before the thread's columns change, because older messages are generated to match
        the columns.
        """
        messages = self.of(thread)
        message = Message(thread.id, self._made[thread.id], kind, when, by, more)
        self._made[thread.id] += 1
        bisect.insort(messages, message, key=lambda one: one.order)
        return message

    def fill(self, thread: Thread, count: int) -> None:
        """Add `count` plain messages between the thread's creation and its latest message."""
        begins = thread.created_at
        step = ((thread.latest_message_at or begins) - begins) / (count + 1)
        visitor, agent = f"V-{thread.contact_id}", thread.assigned_to or "A-2620022"
        # All messages share these dicts, because some threads have 10,000 messages.
        incoming = [message_fields(thread, text, sent=False) for text in CHATTER]
        outgoing = [message_fields(thread, text, sent=True) for text in CHATTER]
        messages = self.of(thread)
        for number in range(count):
            when = begins + step * (number + 1)
            when -= timedelta(microseconds=when.microsecond % 1000)
            is_sent = bool(number % 2 and thread.sent_at)
            by, choices = (agent, outgoing) if is_sent else (visitor, incoming)
            more = choices[number % len(choices)]
            messages.append(Message(thread.id, self._made[thread.id], "MESSAGE", when, by, more))
            self._made[thread.id] += 1
        messages.sort(key=lambda one: one.order)

    def drop(self, thread: Thread) -> None:
        """Permanently delete a thread's messages."""
        self._kept[thread.id] = []
        self._made.setdefault(thread.id, 0)


def message_fields(thread: Thread, text: str, *, sent: bool) -> dict[str, Any]:
    """Return the fields that are specific to the type MESSAGE."""
    channel, channel_account = CHANNELS[thread.inbox_id]
    return {
        "text": text,
        "direction": "OUTGOING" if sent else "INCOMING",
        "channelId": str(channel),
        "channelAccountId": str(channel_account),
    }


def make_conversation(thread: Thread, *, is_large: bool = False) -> list[Message]:
    """Generate a thread's messages and events, oldest first; the same for the same columns.

    The latest incoming message is at `received_at`, and the latest outgoing message at `sent_at`.
    No message is before `created_at`. The last status event and the last assignment event match the
    thread. In most threads, a visitor asks, a bot or an AI greets and an agent answers. Each
    `Conversation.trait` adds its own edge cases.
    """
    if thread.latest_message_at is None and not (thread.assigned_to or thread.closed_at):
        return []
    conversation = Conversation(thread)
    conversation.add_messages(is_large=is_large)
    conversation.add_events()
    if thread.received_at:
        add_edge_cases(conversation)
    return sorted(conversation.messages, key=lambda message: message.order)
