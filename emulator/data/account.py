"""The account: its threads, and the changes that can happen to them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Literal

from emulator.behavior import Behavior
from emulator.data.actors import ACTOR_ID, is_gone
from emulator.data.history import Threads
from emulator.data.messages import Messages, message_fields
from emulator.data.sample import AGENTS, SAMPLE_LISTS, sample_threads
from emulator.data.thread import HELP_DESK, Thread

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from emulator.data.message import Message


class Account:
    """One HubSpot account: its threads by ID, and the changes that can happen to them.

    Args:
        threads: The initial threads.
        clock: HubSpot's clock, which gives the times of messages and of the `Date` header.
        offset_cursors: Whether the cursors of every list are offsets.
        behavior: How the emulated HubSpot behaves. The attribute may be replaced later.
        conversations: The messages of another account with the same threads. By default, messages
            are generated to match the threads.

    Attributes:
        portal_id: The account ID.
        time_zone: Determines, with `utc_offset_ms`, when the account's day begins.
        lists: The reference lists by name.
        gone_actors: IDs of actors that do not exist. A visitor whose number is a multiple of 23
            does not exist either. An actor with any other valid ID exists.
        poisoned_actors: IDs that make a batch fail.
        actor_overrides: Payloads by ID that are returned unchanged.
        refused_threads: IDs of threads that return a 403 FORBIDDEN when read by ID.
        refused_messages: IDs of threads whose messages return a 403 FORBIDDEN.
        refuses_actors: The status of every actor batch, or None for regular responses.
        broken_ids: IDs of threads with a broken row. If a page of the list by ID contains such a
            row, the whole page is a 500. (?)
    """

    def __init__(
        self,
        threads: list[Thread],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
        offset_cursors: bool = False,
        behavior: Behavior | None = None,
        conversations: Messages | None = None,
    ) -> None:
        self.clock = clock
        self.threads = Threads(threads, self.now)
        self._last_id = max(self.threads, default=9_336_126_000)
        self.id_step = 11
        """Difference between the IDs of consecutive new threads. Empty pages need gaps between
        IDs."""
        self.behavior = behavior or Behavior()
        if offset_cursors:
            self.offset_cursors = True
        self.conversations = conversations or Messages()
        self.lists = {name: list(items) for name, items in SAMPLE_LISTS.items()}
        self.returned_cursors: dict[str, datetime] = {}
        """When each cursor was last returned to a client."""
        self.gone_actors: set[str] = set()
        self.poisoned_actors: set[str] = set()
        self.actor_overrides: dict[str, dict[str, Any]] = {}
        self.refused_threads: set[int] = set()
        self.refused_messages: set[int] = set()
        self.refuses_actors: Literal[400, 403] | None = None
        self.broken_ids: set[int] = set()
        self.details_asked = 0
        self.portal_id = 62515
        self.time_zone = "US/Eastern"
        self.utc_offset_ms = -5 * 3_600_000

    @property
    def offset_cursors(self) -> bool:
        """Whether the cursors of every list are offsets. Setting it to False restores defaults."""
        return self.behavior.cursors == self.behavior.cursors_by_time == "offset"

    @offset_cursors.setter
    def offset_cursors(self, are_offsets: bool) -> None:
        self.behavior.cursors = "offset" if are_offsets else "id"
        self.behavior.cursors_by_time = "offset" if are_offsets else "key"

    def simulate_workday(self, chance: random.Random) -> None:
        """Add the activity of a workday.

        Create two threads, and add a message to each and to five others. Close one of the five.
        """
        for thread in [
            self.create(),
            self.create(),
            *chance.sample(list(self.threads.values()), 5),
        ]:
            self.message(thread, sent=chance.random() < 0.5)
        self.close(thread)

    def now(self) -> datetime:
        """Return the time of HubSpot's clock, truncated to milliseconds."""
        now = self.clock()
        return now - timedelta(microseconds=now.microsecond % 1000)

    def create(self, inbox_id: int = HELP_DESK, *, created_at: datetime | None = None) -> Thread:
        """Create a thread without messages. IDs ascend with gaps and are never reused.

        A thread that an email creates has the email's date (O). Such a thread has the highest ID,
        although its `created_at` is in the past.
        """
        self._last_id += self.id_step
        thread = Thread(self._last_id, inbox_id, 1_401, created_at or self.now())
        self.threads[thread.id] = thread
        return thread

    def message(
        self, thread: Thread, *, sent: bool, text: str | None = None, **more: Any
    ) -> Message:
        """Send a message to the visitor, or receive one. Add `more` to the message's payload."""
        default = "We are looking into it." if sent else "Is there any news?"
        fields = message_fields(thread, default if text is None else text, sent=sent) | more
        by = (thread.assigned_to or AGENTS[0]) if sent else f"V-{thread.contact_id}"
        message = self._add(thread, "MESSAGE", by, fields)
        if sent:
            thread.sent_at = message.created_at
        else:
            thread.received_at = message.created_at
        return message

    def mail(self, thread: Thread, *, sent_at: datetime, **more: Any) -> Message:
        """Receive an email now. The sender dates the email, in whole seconds.

        The email's `createdAt` is the sender's date, and its `updatedAt` is the time of arrival
        (recorded). The thread's received time advances to the sender's date, but never moves back.
        """
        sent_at = sent_at.replace(microsecond=0)
        fields = message_fields(thread, "Is there any news?", sent=False)
        fields |= {"status": {"statusType": "RECEIVED"}} | more
        by = f"V-{thread.contact_id}"
        mail = self.conversations.add(thread, "MESSAGE", sent_at, by, fields)
        mail.updated_at = self.now()
        thread.received_at = max(sent_at, thread.received_at or sent_at)
        return mail

    def comment(self, thread: Thread, text: str = "Has anybody called them?") -> Message:
        """Add an internal comment. By default, a comment also updates the thread's sent time."""
        by = thread.assigned_to or AGENTS[0]
        fields = {"text": text, "richText": f"<p>{text}</p>", "attachments": []}
        comment = self._add(thread, "COMMENT", by, fields)
        if self.behavior.latest_message != "messages":
            thread.sent_at = comment.created_at
        return comment

    def close(self, thread: Thread) -> Message:
        """Close a thread. By default this is a silent change."""
        message = self._event(thread, "THREAD_STATUS_CHANGE", newStatus="CLOSED")
        thread.closed_at = message.created_at
        return message

    def reopen(self, thread: Thread) -> Message:
        """Reopen a thread. By default this is a silent change."""
        message = self._event(thread, "THREAD_STATUS_CHANGE", newStatus="OPEN")
        thread.closed_at = None
        return message

    def assign(self, thread: Thread, actor_id: str | None) -> Message:
        """Assign a thread to an agent, or unassign it."""
        both = {"assignedTo": actor_id, "assignedFrom": thread.assigned_to}
        fields = {name: value for name, value in both.items() if value}
        message = self._event(thread, "ASSIGNMENT", **fields)
        thread.assigned_to = actor_id
        return message

    def move(self, thread: Thread, inbox_id: int) -> Message:
        """Move a thread to another inbox."""
        both = {"fromInboxId": str(thread.inbox_id), "toInboxId": str(inbox_id)}
        message = self._event(thread, "THREAD_INBOX_CHANGE", **both)
        thread.inbox_id = inbox_id
        return message

    def edit(self, message: Message, text: str) -> None:
        """Change the text of a message. The message's thread does not change."""
        message.more = message.more | {"text": text}
        message.updated_at = self.now()

    def archive_message(self, message: Message) -> None:
        """Archive a message. The message's thread does not change."""
        message.archived = True
        message.updated_at = self.now()

    def delete(self, thread: Thread) -> None:
        """Permanently delete a thread and its messages, as a privacy deletion does."""
        self.conversations.drop(thread)
        del self.threads[thread.id]

    def messages(self, thread: Thread, *, archived: bool = False) -> list[Message]:
        """Return the live or the archived messages that HubSpot returns for a thread, oldest first.

        Messages of unknown types are omitted unless the wire format has unknown values.
        """
        return [
            message
            for message in self.conversations.of(thread)
            if message.archived == archived
            and (message.is_known or self.behavior.wire.unknown_values == "some")
        ]

    def has_actor(self, actor_id: str) -> bool:
        """Return whether an actor with this ID exists."""
        is_deleted = actor_id in self.gone_actors or is_gone(actor_id)
        return bool(ACTOR_ID.fullmatch(actor_id)) and not is_deleted

    def actor_ids(self, *threads: Thread) -> set[str]:
        """Return the IDs of the actors in these threads (by default all) and their messages."""
        selected = threads or tuple(self.threads.values())
        agents = {thread.assigned_to for thread in selected if thread.assigned_to}
        messages = (message for thread in selected for message in self.messages(thread))
        return agents.union(*(message.actor_ids() for message in messages))

    def _event(self, thread: Thread, kind: str, **more: str) -> Message:
        event = self._add(thread, kind, thread.assigned_to or AGENTS[0], more)
        if self.behavior.latest_message == "and events":
            thread.moved_at = event.created_at
        return event

    def _add(self, thread: Thread, kind: str, by: str, more: dict[str, Any]) -> Message:
        return self.conversations.add(thread, kind, self.now(), by, more)

    @classmethod
    def sample(cls, size: int, *, seed: int = 7) -> Account:
        """Return an account of `size` threads from `sample_threads`.

        In an account of more than 50 threads, one thread has a message with 1 MB of text.
        """
        account = cls(sample_threads(size, seed=seed))
        if size > 50:
            with_messages = (one.id for one in account.threads.values() if one.received_at)
            account.conversations.large.add(next(with_messages))
        return account
