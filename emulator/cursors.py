"""A listing's cursors: the recorded form, and opaque ones."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

if TYPE_CHECKING:
    from emulator.ways import Ways

Position = int | list[float]
"""What a cursor holds: how many items come before it, or the key of the last of them."""
Form = Literal["id", "key", "offset"]
ID = re.compile(rb"[0-9]{1,19}")


@dataclass
class Cursor:
    """Where a page begins, and whether it is an empty one; an ID does not say that."""

    position: Position
    is_empty: bool | None = None

    def write(self, form: Form, ways: Ways, now: datetime) -> str:
        """Return its text as a client sends it back."""
        if form == "id" and isinstance(self.position, list):
            return _encode(str(self.position[0]))
        held: list[object] = [self.position, self.is_empty]
        if ways.cursor_minutes is not None:
            held.append(now.timestamp())
        text = json.dumps(held)
        return _encode(text + " " * (1 - len(text) % 3))  # so that the base64 ends in "="

    @classmethod
    def read(cls, text: str, ways: Ways, now: datetime) -> Cursor | None:
        """Read an opaque cursor or an ID that a client sent; None if it is neither, or too old."""
        try:
            held = base64.b64decode(text, validate=True)
            if ID.fullmatch(held):
                return cls([int(held)])
            position, is_empty, *written_at = json.loads(held)
        except (ValueError, TypeError, binascii.Error):
            return None
        if ways.cursor_minutes is not None:
            ends = (written_at or [0])[0] + ways.cursor_minutes * 60
            if now.timestamp() >= ends:
                return None
        return cls(position, is_empty)


class GivenCursors:
    """The IDs that an account gave as cursors, and when: the recorded form holds neither."""

    def __init__(self) -> None:
        self._given: dict[str, datetime] = {}

    def note(self, text: str, now: datetime) -> None:
        """Note that a cursor is given now."""
        self._given[text] = now

    def is_good(self, text: str, form: Form, ways: Ways, now: datetime) -> bool:
        """Tell whether an ID is accepted as a cursor in a listing of this form."""
        given_at = self._given.get(text)
        if given_at is None:
            return form == "id" and ways.made_cursors == "accepted"
        minutes = ways.cursor_minutes
        return minutes is None or now < given_at + timedelta(minutes=minutes)


def as_in_page(text: str, ways: Ways) -> str:
    """Encode a cursor as it comes in a page."""
    if ways.cursor_encoding == "=":
        return text
    return quote(text, safe="").replace("%3D", ways.cursor_encoding)


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
