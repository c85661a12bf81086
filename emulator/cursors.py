"""A listing's cursors: opaque to clients, and encoded already, as HubSpot's were seen to be."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from datetime import datetime

    from emulator.ways import Ways

Position = int | list[float]
"""What a cursor holds: how many threads come before it, or the key of the last of them."""


@dataclass
class Cursor:
    """Where a page begins, and whether it is an empty one."""

    position: Position
    is_empty: bool

    def write(self, ways: Ways, now: datetime) -> str:
        """Return its text as it comes in a page."""
        held: list[object] = [self.position, self.is_empty]
        if ways.cursor_minutes is not None:
            held.append(now.timestamp())
        text = json.dumps(held)
        padded = text + " " * (1 - len(text) % 3)  # so that the base64 ends in "="
        plain = base64.b64encode(padded.encode()).decode()
        if ways.cursor_encoding == "=":
            return plain
        return quote(plain, safe="").replace("%3D", ways.cursor_encoding)

    @classmethod
    def read(cls, text: str, ways: Ways, now: datetime) -> Cursor | None:
        """Read one that a client sent; None if it is none, or too old."""
        try:
            position, is_empty, *written_at = json.loads(base64.b64decode(text, validate=True))
        except (ValueError, binascii.Error):
            return None
        if ways.cursor_minutes is not None:
            ends = (written_at or [0])[0] + ways.cursor_minutes * 60
            if now.timestamp() >= ends:
                return None
        return cls(position, is_empty)
