"""An account whose every string is hard to store."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from emulator.behavior import USUAL, Behavior
from emulator.data.account import Account
from emulator.data.message import Message
from emulator.data.phrases import HOSTILE, LARGE
from emulator.data.thread import HELP_DESK, Thread
from tests.targets.columns import COLUMNS, TEXT
from tests.targets.expected import stored

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = (
    *HOSTILE,
    LARGE + HOSTILE[4],
    "",
    "\0",
    r"\N",
    "\\.\n\\.",
    '"',
    "NULL",
    r"""'"`$$ \x00 \' \" %(id)s :id {{ "a": 1 }} $1 ?""",
    "2026-11-20T12:00:00Z",
    " \t\r\n\x0b\x7f\xa0\u200b ",
)
"""Strings that are hard on a database: as text, as an SQL literal, or as a line of COPY input."""
KEYS = [f"E-{n}:" + re.sub(r"\s", "", text[:60]) for n, text in enumerate(TEXTS)]
"""IDs made from these strings: short enough for an index, and without whitespace, as actor IDs are.
"""
WHEN = datetime(2026, 11, 19, 8, 30, 0, 125_000, tzinfo=timezone.utc)


class HostileAccount(Account):
    """An account with one thread, message, actor and item of each reference list per string."""

    def __init__(self) -> None:
        numbers = range(len(TEXTS))
        super().__init__(
            [_thread(number) for number in numbers],
            behavior=Behavior(wire=replace(USUAL, number_ids="none")),
        )
        # The tap requests an actor by its ID as it is stored.
        ids = [(number, {KEYS[number], stored(KEYS[number])}) for number in numbers]
        self.actor_overrides = {
            one: _actor(number) | {"id": one} for number, both in ids for one in both
        }
        self.lists["inboxes"] = _items("inboxes", lambda _: {"createdAt": ""})
        self.lists["channels"] = _items("channels", lambda text: {text: {text: text}})
        self.lists["channel-accounts"] = _items(
            "channel_accounts",
            lambda text: {"deliveryIdentifier": {"type": text, "value": text, text: text}},
        )

    @override
    def messages(self, thread: Thread, *, archived: bool = False) -> list[Message]:
        number = thread.id - 1000
        text, key = TEXTS[number], KEYS[number]
        more: dict[str, Any] = _columns("messages", text) | {"id": key}
        more |= {"createdBy": key, "assignedTo": key, "assignedFrom": key}
        more["client"] = {"clientType": text, text: text}
        more["conversationsThreadId"] = str(thread.id)
        more["senders"] = [{"actorId": key, "name": text, text: [text]}]
        more["attachments"] = [{"type": text, "name": text, "url": text}]
        more["status"] = {"statusType": text, "failureDetails": {text: text}, text: text}
        more["newInTheApi" + text[:60]] = text
        return [] if archived else [Message(thread.id, 0, "MESSAGE", WHEN, key, more)]


def _thread(number: int) -> Thread:
    """Return a thread with a hostile string in each of its text columns."""
    text, key = TEXTS[number], KEYS[number]
    more = _columns("threads", text) | {"id": str(1000 + number), "assignedTo": key}
    more |= {"threadAssociations": {"associatedTicketId": text, text: [text]}}
    more |= {"newInTheApi" + text[:60]: text}
    return Thread(1000 + number, HELP_DESK, 7, WHEN, WHEN, more=more)


def _actor(number: int) -> dict[str, Any]:
    text = TEXTS[number]
    return _columns("actors", text) | {"said": [text, {text: text}]}


def _columns(stream: str, text: str) -> dict[str, Any]:
    """Return the stream's text columns, each with the same string."""
    return {name: text for name, kind in COLUMNS[stream].items() if kind == TEXT}


def _items(stream: str, more: Callable[[str], dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        _columns(stream, text) | {"archived": False} | more(text) | {"id": str(number)}
        for number, text in enumerate(TEXTS, start=1)
    ]
