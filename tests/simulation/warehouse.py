"""A simulated target: a pipe from the tap, and the loaded tables and state."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from typing_extensions import override

if TYPE_CHECKING:
    import random

Row = dict[str, Any]


class Killed(BaseException):
    """The process was killed."""


class Pipe(io.StringIO):
    """A pipe that breaks after a number of messages, or `more` messages after a thread's record.

    SCHEMA messages do not count: a sync that is killed among them has written nothing.
    """

    def __init__(self, messages: float = float("inf"), *, last_id: str = "", more: int = 0) -> None:
        super().__init__()
        self._left, self._last_id, self._more = messages, last_id, more
        self._message = ""

    @override
    def write(self, text: str) -> int:
        self._message += text
        if not text.endswith("\n"):
            return len(text)
        message, self._message = self._message, ""
        self._left -= '"SCHEMA"' not in message
        if self._left < 0:
            raise Killed
        if self._last_id and self._last_id in message and '"RECORD"' in message:
            self._left, self._last_id = self._more, ""
        super().write(message)
        return len(text)

    def messages(self) -> list[dict[str, Any]]:
        """Return the messages that were written."""
        return [json.loads(line) for line in self.getvalue().splitlines()]


class Warehouse:
    """The last row of each key, and the state for the next sync."""

    def __init__(self) -> None:
        self.tables: defaultdict[str, dict[str, Row]] = defaultdict(dict)
        """The rows of each stream, by ID."""
        self.state: dict[str, Any] = {}
        self.states: list[dict[str, Any]] = []
        """The states that syncs started from, oldest first."""
        self.deleted: list[str] = []
        """The IDs in `deleted_threads`, in the order of their records."""
        self.last_id = ""
        """The thread whose record came last."""
        self._keys: dict[str, set[str]] = {}

    @property
    def rows(self) -> dict[str, Row]:
        """The rows of threads, by ID."""
        return self.tables["threads"]

    def empty(self) -> None:
        """Delete all tables and the state."""
        self.tables.clear()
        self.state, self.states = {}, []

    @property
    def kept(self) -> dict[str, Any]:
        """The state's bookmark of threads."""
        return state_of(self.state)

    @property
    def tracked(self) -> set[str]:
        """The IDs of the threads that the state has as open."""
        return {entry.partition(":")[0] for entry in open_entries(self.kept)}

    def load(
        self, messages: list[dict[str, Any]], chance: random.Random, *, is_cut: bool
    ) -> list[str]:
        """Load messages as a target does. Cut output is mostly loaded up to the last STATE only.

        Returns:
            The IDs in `deleted_threads`.
        """
        states = [place for place, message in enumerate(messages) if message["type"] == "STATE"]
        if is_cut and chance.random() < 0.6:
            messages = messages[: states[-1] + 1] if states else []
        deleted = []
        for message in messages:
            if message["type"] == "STATE":
                self.state = message["value"]
                self._check_keys()
            elif message["type"] == "RECORD":
                stream, row = message["stream"], message["record"]
                self.tables[stream][row["id"]] = row
                if stream == "threads":
                    self.last_id = row["id"]
                elif stream == "deleted_threads":
                    deleted.append(row["id"])
        self.deleted += deleted
        return deleted

    def _check_keys(self) -> None:
        """Check that every STATE has every key. A merge keeps the old value of a missing key."""
        bookmarks = self.state["bookmarks"]
        for stream in ("threads", "messages") if self.kept else ():
            keys = set(bookmarks.get(stream, ()))
            known = self._keys.setdefault(stream, keys)
            assert keys, f"STATE has other keys: nothing of {stream}"
            assert keys == known, f"STATE has other keys: {sorted(keys ^ known)}"
            numbers = [value for value in bookmarks[stream].values() if isinstance(value, float)]
            assert not numbers, f"STATE has fractional numbers: {numbers}"
        if self.kept:
            of_threads, of_messages = (
                state_of(self.state, name)["replication_key_value"]
                for name in ("threads", "messages")
            )
            is_ahead = of_messages and (not of_threads or of_messages > of_threads)
            assert not is_ahead, f"the bookmark of messages {of_messages} is ahead of threads'"


def open_entries(bookmark: dict[str, Any]) -> list[str]:
    """Return the entries of the open threads in a bookmark of threads."""
    return " ".join(bookmark.get("open_threads", ())).split()


def state_of(state: dict[str, Any], stream: str = "threads") -> dict[str, Any]:
    """Return a stream's bookmark in a state."""
    kept: dict[str, Any] = state.get("bookmarks", {}).get(stream, {})
    return kept
