"""The account: its threads, and what can happen to them."""

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
    """The threads of one HubSpot account, by id, and what can happen to them.

    Args:
        threads: What there is at first.
        clock: HubSpot's clock; messages and the `Date` header go by it.
        offset_cursors: Whether the cursors of every listing are offsets.
        behavior: How its HubSpot behaves where that is unknown; may be changed later.
        conversations: What was said and done in the threads, as another account had it; else it is
            made up to fit them.

    `portal_id` is the account's number, `time_zone` and `utc_offset_ms` say where its days begin.
    `lists` is what is listed as a whole. Any id can be an actor's, but for those in `gone_actors`,
    and visitors whose number 23 divides; a batch with one of `poisoned_actors` goes wrong. Those in
    `odd_actors` are sent as they are there.

    A 403 FORBIDDEN refuses each of `refused_threads` by ID, and the messages of each of
    `refused_messages`. `refuses_actors` is the status of every batch of actors, 400 or 403. A page
    of threads that would hold one of `broken_ids` is a 500, whatever its size. (?)
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
        """How far the next thread's ID is from the highest one; gaps let empty pages stand between
        two threads."""
        self.behavior = behavior or Behavior()
        if offset_cursors:
            self.offset_cursors = True
        self.conversations = conversations or Messages()
        self.lists = {name: list(items) for name, items in SAMPLE_LISTS.items()}
        self.given_cursors: dict[str, datetime] = {}
        """When each cursor was last returned."""
        self.gone_actors: set[str] = set()
        self.poisoned_actors: set[str] = set()
        self.odd_actors: dict[str, dict[str, Any]] = {}
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
        """Whether the cursors of every listing are offsets, or else as usual."""
        return self.behavior.cursors == self.behavior.cursors_by_time == "offset"

    @offset_cursors.setter
    def offset_cursors(self, are_offsets: bool) -> None:
        self.behavior.cursors = "offset" if are_offsets else "id"
        self.behavior.cursors_by_time = "offset" if are_offsets else "key"

    def go_on(self, chance: random.Random) -> None:
        """Let a working day pass: two new threads, messages in five, one of them closed."""
        for thread in [
            self.create(),
            self.create(),
            *chance.sample(list(self.threads.values()), 5),
        ]:
            self.message(thread, sent=chance.random() < 0.5)
        self.close(thread)

    def now(self) -> datetime:
        """Return the time by HubSpot's clock, in milliseconds."""
        now = self.clock()
        return now - timedelta(microseconds=now.microsecond % 1000)

    def create(self, inbox_id: int = HELP_DESK, *, created_at: datetime | None = None) -> Thread:
        """Begin a thread, without a message; IDs rise, with gaps, and are never used twice.

        A thread that a mail opens is dated by the mail (O): its ID is the highest, its time past.
        """
        self._last_id += self.id_step
        thread = Thread(self._last_id, inbox_id, 1_401, created_at or self.now())
        self.threads[thread.id] = thread
        return thread

    def message(
        self, thread: Thread, *, sent: bool, text: str | None = None, **more: Any
    ) -> Message:
        """Send a message to the visitor, or receive one; `more` is what else goes over the wire."""
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
        """Receive a mail that arrives now and is dated by its sender, in whole seconds.

        As recorded, its `createdAt` is that date and its `updatedAt` the arrival. The thread's
        received time moves to that date too, but never back.
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
        """Write what only the colleagues see; by default the thread's sent time moves too."""
        by = thread.assigned_to or AGENTS[0]
        fields = {"text": text, "richText": f"<p>{text}</p>", "attachments": []}
        comment = self._add(thread, "COMMENT", by, fields)
        if self.behavior.latest_message != "messages":
            thread.sent_at = comment.created_at
        return comment

    def close(self, thread: Thread) -> Message:
        """Close a thread; no listing by time shows that."""
        message = self._event(thread, "THREAD_STATUS_CHANGE", newStatus="CLOSED")
        thread.closed_at = message.created_at
        return message

    def reopen(self, thread: Thread) -> Message:
        """Open a thread again, as silently."""
        message = self._event(thread, "THREAD_STATUS_CHANGE", newStatus="OPEN")
        thread.closed_at = None
        return message

    def assign(self, thread: Thread, actor_id: str | None) -> Message:
        """Assign a thread to an agent, or to nobody."""
        both = {"assignedTo": actor_id, "assignedFrom": thread.assigned_to}
        told = {name: value for name, value in both.items() if value}
        message = self._event(thread, "ASSIGNMENT", **told)
        thread.assigned_to = actor_id
        return message

    def move(self, thread: Thread, inbox_id: int) -> Message:
        """Move a thread to another inbox."""
        both = {"fromInboxId": str(thread.inbox_id), "toInboxId": str(inbox_id)}
        message = self._event(thread, "THREAD_INBOX_CHANGE", **both)
        thread.inbox_id = inbox_id
        return message

    def edit(self, message: Message, text: str) -> None:
        """Change the text of a message; nothing of its thread shows that."""
        message.more = message.more | {"text": text}
        message.updated_at = self.now()

    def archive_message(self, message: Message) -> None:
        """Archive a message; nothing of its thread shows that."""
        message.archived = True
        message.updated_at = self.now()

    def delete(self, thread: Thread) -> None:
        """Delete a thread for good, and all its messages, as a privacy deletion does."""
        self.conversations.drop(thread)
        del self.threads[thread.id]

    def messages(self, thread: Thread, *, archived: bool = False) -> list[Message]:
        """Return a thread's messages of one side, oldest first; those that HubSpot would show."""
        return [
            message
            for message in self.conversations.of(thread)
            if message.archived == archived
            and (message.is_known or self.behavior.wire.unknown_values == "some")
        ]

    def has_actor(self, actor_id: str) -> bool:
        """Whether there is an actor with this ID."""
        is_gone_for_good = actor_id in self.gone_actors or is_gone(actor_id)
        return bool(ACTOR_ID.fullmatch(actor_id)) and not is_gone_for_good

    def actor_ids(self, *threads: Thread) -> set[str]:
        """Return the IDs of the actors that these threads, or all, and their messages name."""
        every = threads or tuple(self.threads.values())
        named = {thread.assigned_to for thread in every if thread.assigned_to}
        return named.union(*(said.actor_ids() for one in every for said in self.messages(one)))

    def _event(self, thread: Thread, kind: str, **more: str) -> Message:
        event = self._add(thread, kind, thread.assigned_to or AGENTS[0], more)
        if self.behavior.latest_message == "and events":
            thread.moved_at = event.created_at
        return event

    def _add(self, thread: Thread, kind: str, by: str, more: dict[str, Any]) -> Message:
        return self.conversations.add(thread, kind, self.now(), by, more)

    @classmethod
    def sample(cls, size: int, *, seed: int = 7) -> Account:
        """Make an account of `size` threads; see `sample_threads` and `make_conversation`.

        With more than 50 threads, one has a message of a megabyte.
        """
        account = cls(sample_threads(size, seed=seed))
        if size > 50:
            with_messages = (one.id for one in account.threads.values() if one.received_at)
            account.conversations.large.add(next(with_messages))
        return account
