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
    from emulator.behavior import Behavior

Position = int | list[float]
"""What a cursor holds: how many items come before it, or the key of the last of them."""
Form = Literal["id", "key", "offset"]
ID = re.compile(rb"[0-9]{1,19}")


@dataclass
class Cursor:
    """Where a page begins, and whether it is an empty one; an ID does not say that."""

    position: Position
    is_empty: bool | None = None

    def write(self, form: Form, behavior: Behavior, now: datetime) -> str:
        """Return its text as a client sends it back."""
        if form == "id" and isinstance(self.position, list):
            return _encode(str(self.position[0]))
        held: list[object] = [self.position, self.is_empty]
        if behavior.cursor_minutes is not None:
            held.append(now.timestamp())
        text = json.dumps(held)
        return _encode(text + " " * (1 - len(text) % 3))  # so that the base64 ends in "="

    @classmethod
    def read(cls, text: str, behavior: Behavior, now: datetime) -> Cursor | None:
        """Read an opaque cursor or an ID that a client sent; None if it is neither, or too old."""
        try:
            held = base64.b64decode(text, validate=True)
            if ID.fullmatch(held):
                return cls([int(held)])
            position, is_empty, *written_at = json.loads(held)
        except (ValueError, TypeError, binascii.Error):
            return None
        if behavior.cursor_minutes is not None:
            ends = (written_at or [0])[0] + behavior.cursor_minutes * 60
            if now.timestamp() >= ends:
                return None
        return cls(position, is_empty)


def is_id_accepted(
    given_at: datetime | None, form: Form, behavior: Behavior, now: datetime
) -> bool:
    """Tell whether an ID is accepted as a cursor in a list of this form.

    `given_at` is when HubSpot returned it as a cursor, if it did: the recorded form does not say.
    """
    if given_at is None:
        return form == "id" and behavior.made_cursors == "accepted"
    minutes = behavior.cursor_minutes
    return minutes is None or now < given_at + timedelta(minutes=minutes)


def as_in_page(text: str, behavior: Behavior) -> str:
    """Encode a cursor as it comes in a page."""
    if behavior.cursor_encoding == "=":
        return text
    return quote(text, safe="").replace("%3D", behavior.cursor_encoding)


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
