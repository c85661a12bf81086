"""What a target has made of the messages, and the pipe that they come through."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from typing_extensions import override

if TYPE_CHECKING:
    import random

Row = dict[str, Any]


class Killed(BaseException):
    """The process is gone."""


class Pipe(io.StringIO):
    """A pipe to a target, that breaks after so many messages, or behind the row of a thread."""

    def __init__(self, messages: float = float("inf"), *, last_id: str = "") -> None:
        super().__init__()
        self._left, self._last_id = messages, last_id

    @override
    def write(self, text: str) -> int:
        self._left -= 1
        if self._left < 0:
            raise Killed
        if self._last_id and self._last_id in text and '"RECORD"' in text:
            self._left = 0
        return super().write(text)

    def messages(self) -> list[dict[str, Any]]:
        """Return what came through."""
        return [json.loads(line) for line in self.getvalue().splitlines()]


class Warehouse:
    """The rows of each thread as they came last, and the state to go on from."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.state: dict[str, Any] = {}
        self.states: list[dict[str, Any]] = []
        """The states that syncs began with, oldest first."""
        self.deleted: list[str] = []
        """The ids that were told deleted, in their order."""
        self.last_id = ""
        """The thread whose row came last."""
        self._keys: set[str] = set()

    @property
    def kept(self) -> dict[str, Any]:
        """What the state has under bookmarks.threads."""
        return kept_in(self.state)

    @property
    def watched(self) -> set[str]:
        """The ids of the threads that the state knows as open, or misses."""
        return {entry.partition(":")[0] for entry in self.kept.get("open_threads", [])}

    def load(
        self, messages: list[dict[str, Any]], chance: random.Random, *, is_cut: bool
    ) -> list[str]:
        """Load messages as a target does; if they are cut, mostly those up to the last STATE.

        Returns: the ids that were told deleted.
        """
        states = [place for place, message in enumerate(messages) if message["type"] == "STATE"]
        if is_cut and chance.random() < 0.6:
            messages = messages[: states[-1] + 1] if states else []
        deleted = []
        for message in messages:
            if message["type"] == "STATE":
                self.state = message["value"]
                self._check_keys()
            elif message["type"] == "RECORD" and message["stream"] == "threads":
                self.last_id = message["record"]["id"]
                self.rows[self.last_id] = message["record"]
            elif message["type"] == "RECORD" and message["stream"] == "deleted_threads":
                deleted.append(message["record"]["id"])
        self.deleted += deleted
        return deleted

    def _check_keys(self) -> None:
        """Every STATE has every key: where states are merged, a missing one brings an old value."""
        keys = set(self.kept)
        self._keys = self._keys or keys
        if keys:
            assert keys == self._keys, f"STATE has other keys: {sorted(keys ^ self._keys)}"


def kept_in(state: dict[str, Any]) -> dict[str, Any]:
    """Return what a state has under bookmarks.threads."""
    kept: dict[str, Any] = state.get("bookmarks", {}).get("threads", {})
    return kept
