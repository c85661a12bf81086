"""The changes that can happen to a thread."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from emulator.data.sample import AGENTS
from emulator.data.thread import CHAT, HELP_DESK, SALES

if TYPE_CHECKING:
    import random

    from emulator.data.account import Account
    from emulator.data.thread import Thread
    from tests.simulation.thread_history import ThreadHistory

INBOXES = (HELP_DESK, SALES, CHAT)
KINDS = (
    "new",
    "message",
    "message",
    "message",
    "mail",
    "close",
    "reopen",
    "assign",
    "spam",
    "move",
    "undo",
    "comment",
    "edit",
    "drop",
    "flood",
)
LATEST_MAILS = {False: 5, True: 3_500}
"""Maximum delay of an email in seconds, without and with late emails. It is less than a sync's
lookback."""
KINDS_THAT_SHIFT = ("archive", "restore", "delete")


class Actions:
    """Changes a thread, and records what the checks need to know about the change.

    Args:
        chance: The source of randomness.
        account: The thread's account.
        may_shift: Whether a cursor may be an offset. If so, nothing leaves a listing during a sync.
        has_late_mails: Whether emails may arrive up to an hour late.
    """

    def __init__(
        self, chance: random.Random, account: Account, *, may_shift: bool, has_late_mails: bool
    ) -> None:
        self._chance, self._account, self._may_shift = chance, account, may_shift
        self._latest_mail = LATEST_MAILS[has_late_mails]
        self.undo: dict[int, tuple[str, object]] = {}
        """The field and the old value of each thread's last silent change."""

    def do(
        self, what: str, thread: Thread, past: ThreadHistory, moment: int, *, is_quiet: bool
    ) -> None:
        """Change a thread.

        Args:
            what: The kind of change, except `new`.
            thread: The thread to change.
            past: The thread's history.
            moment: The moment of the change.
            is_quiet: Whether no sync is running. Only then are messages inserted between others.
        """
        before = thread.latest_message_at
        if what in {"message", "mail", "comment", "edit", "drop", "flood"}:
            self._change_messages(what, thread, past, moment, is_quiet=is_quiet)
        elif what == "undo":
            setattr(thread, *self.undo.pop(thread.id, ("spam", thread.spam)))
        elif what in {"close", "reopen"}:
            self._note(thread, "closed_at")
            (self._account.close if what == "close" else self._account.reopen)(thread)
        elif what == "assign":
            self._note(thread, "assigned_to")
            self._account.assign(thread, self._chance.choice([None, *AGENTS]))
        elif what == "spam":
            self._note(thread, "spam")
            thread.spam = not thread.spam
        elif what == "move":
            self._account.move(thread, self._chance.choice(INBOXES))
        if what in {"message", "flood"} or thread.latest_message_at != before:
            past.increment_due_at = past.message_due_at = moment
        past.note_messages(moment, self._account.conversations.of(thread))

    def _change_messages(
        self, what: str, thread: Thread, past: ThreadHistory, moment: int, *, is_quiet: bool
    ) -> None:
        account, chance = self._account, self._chance
        known = account.messages(thread)
        if what == "comment":
            account.comment(thread)
        elif what == "message":
            account.message(thread, sent=chance.random() < 0.5)
        elif what == "mail":
            late = timedelta(milliseconds=chance.randrange(self._latest_mail * 1_000))
            account.mail(thread, sent_at=max(thread.created_at, account.now() - late))
        elif what == "flood":
            if is_quiet and len(known) < 100:
                is_cheap = account.behavior.cap >= 100 and chance.random() < 0.05
                account.conversations.fill(thread, 700 if is_cheap else chance.randrange(9))
            account.message(thread, sent=True)
        elif known:
            message = chance.choice(known)
            if what == "edit":
                account.edit(message, f"At {moment} it was said otherwise.")
            elif is_quiet or not self._may_shift:
                account.archive_message(message)
            past.messages[message.id].note(message, moment)

    def _note(self, thread: Thread, name: str) -> None:
        """Record the field that is about to change, as the thread's last silent change."""
        self.undo.pop(thread.id, None)
        self.undo[thread.id] = (name, getattr(thread, name))
