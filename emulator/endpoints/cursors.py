"""The cursors of a list: the recorded form and opaque forms."""

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
    from emulator.behavior import Behavior

Position = int | list[float]
"""The content of a cursor: the number of items before the page, or the key of the last of them."""
Form = Literal["id", "key", "offset"]
ID = re.compile(rb"[0-9]{1,19}")


@dataclass
class Cursor:
    """The start of a page."""

    position: Position
    is_empty: bool | None = None
    """Whether the page is empty. None if the cursor is an ID, because an ID cannot express this."""

    def write(self, form: Form, behavior: Behavior, now: datetime) -> str:
        """Return the text that a client sends back."""
        if form == "id" and isinstance(self.position, list):
            return _encode(str(self.position[0]))
        content: list[object] = [self.position, self.is_empty]
        if behavior.cursor_minutes is not None:
            content.append(now.timestamp())
        text = json.dumps(content)
        return _encode(text + " " * (1 - len(text) % 3))  # so that the base64 ends in "="

    @classmethod
    def read(cls, text: str, behavior: Behavior, now: datetime) -> Cursor | None:
        """Parse an opaque cursor or an ID. Return None if it is neither, or if it has expired."""
        try:
            content = base64.b64decode(text, validate=True)
            if ID.fullmatch(content):
                return cls([int(content)])
            position, is_empty, *written_at = json.loads(content)
        except (ValueError, TypeError, binascii.Error):
            return None
        if behavior.cursor_minutes is not None:
            expires_at = (written_at or [0])[0] + behavior.cursor_minutes * 60
            if now.timestamp() >= expires_at:
                return None
        return cls(position, is_empty)


def is_id_accepted(
    returned_at: datetime | None, form: Form, behavior: Behavior, now: datetime
) -> bool:
    """Return whether a list with cursors of this form accepts an ID as a cursor.

    `returned_at` is the time when HubSpot last returned the ID as a cursor, or None if HubSpot
    never did. A cursor in the recorded form does not contain that time.
    """
    if returned_at is None:
        return form == "id" and behavior.made_cursors == "accepted"
    minutes = behavior.cursor_minutes
    return minutes is None or now < returned_at + timedelta(minutes=minutes)


def as_in_page(text: str, behavior: Behavior) -> str:
    """Return a cursor in the encoding that pages use."""
    if behavior.cursor_encoding == "=":
        return text
    return quote(text, safe="").replace("%3D", behavior.cursor_encoding)


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
