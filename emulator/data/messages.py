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
    """Messages by thread; a thread's are made up when somebody first asks, to fit its columns.

    Until then they cost nothing. From then on they are kept, and only what is done to them here
    changes them. `large` are threads whose first message will be of a megabyte.
    """

    def __init__(self) -> None:
        self.large: set[int] = set()
        self._kept: dict[int, list[Message]] = {}
        self._made: dict[int, int] = {}
        """How many messages each thread ever had: an id is never used twice."""

    def of(self, thread: Thread) -> list[Message]:
        """Return a thread's messages of every kind, oldest first; not to be changed."""
        kept = self._kept.get(thread.id)
        if kept is None:
            kept = make_conversation(thread, is_large=thread.id in self.large)
            self._kept[thread.id] = kept
            self._made[thread.id] = len(kept)
        return kept

    def add(
        self, thread: Thread, kind: str, when: datetime, by: str, more: dict[str, Any]
    ) -> Message:
        """Add a message; before the thread's columns change, so that those made up fit them."""
        kept = self.of(thread)
        message = Message(thread.id, self._made[thread.id], kind, when, by, more)
        self._made[thread.id] += 1
        bisect.insort(kept, message, key=lambda one: one.order)
        return message

    def fill(self, thread: Thread, count: int) -> None:
        """Add so many plain messages between the thread's beginning and its latest message."""
        begins = thread.created_at
        step = ((thread.latest_message_at or begins) - begins) / (count + 1)
        visitor, agent = f"V-{thread.contact_id}", thread.assigned_to or "A-2620022"
        # Shared by all: some hold ten thousand.
        incoming = [message_fields(thread, text, sent=False) for text in CHATTER]
        outgoing = [message_fields(thread, text, sent=True) for text in CHATTER]
        kept = self.of(thread)
        for number in range(count):
            when = begins + step * (number + 1)
            when -= timedelta(microseconds=when.microsecond % 1000)
            who, said = (agent, outgoing) if number % 2 and thread.sent_at else (visitor, incoming)
            more = said[number % len(said)]
            kept.append(Message(thread.id, self._made[thread.id], "MESSAGE", when, who, more))
            self._made[thread.id] += 1
        kept.sort(key=lambda one: one.order)

    def drop(self, thread: Thread) -> None:
        """Delete a thread's messages for good."""
        self._kept[thread.id] = []
        self._made.setdefault(thread.id, 0)


def message_fields(thread: Thread, text: str, *, sent: bool) -> dict[str, Any]:
    """Return what the type MESSAGE adds to a plain one."""
    channel, channel_account = CHANNELS[thread.inbox_id]
    return {
        "text": text,
        "direction": "OUTGOING" if sent else "INCOMING",
        "channelId": str(channel),
        "channelAccountId": str(channel_account),
    }


def make_conversation(thread: Thread, *, is_large: bool = False) -> list[Message]:
    """Return what was said and done, oldest first; always the same for the same columns.

    The latest incoming message is at `received_at`, the latest outgoing one at `sent_at`, nothing
    before `created_at`; the last event of status and of assignment say what the thread does. In
    most a visitor asks, a bot or an AI greets and an agent answers; each twelfth has edge cases of
    its own.
    """
    if thread.latest_message_at is None and not (thread.assigned_to or thread.closed_at):
        return []
    conversation = Conversation(thread)
    conversation.talk(is_large=is_large)
    conversation.note_events()
    if thread.received_at:
        add_edge_cases(conversation)
    return sorted(conversation.messages, key=lambda message: message.order)
