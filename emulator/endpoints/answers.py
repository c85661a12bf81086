"""What goes back to a client, before it is on any wire."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

JSON_TYPE = "application/json;charset=utf-8"


@dataclass
class Answer:
    """An HTTP answer; the body is bytes, ready for the wire."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    is_bare: bool = False
    """Whether it lacks HubSpot's headers, as that of another server does."""

    @classmethod
    def of(cls, status: int, body: dict[str, Any] | str, *, is_bare: bool = False) -> Answer:
        """Make an answer of a JSON object or an HTML page."""
        if isinstance(body, str):
            return cls(status, body.encode(), {"Content-Type": "text/html"}, is_bare)
        return cls(status, json.dumps(body).encode(), {"Content-Type": JSON_TYPE}, is_bare)

    @classmethod
    def error(cls, status: int, category: str, message: str, **more: str) -> Answer:
        """Make an error answer in HubSpot's shape; who sends it fills in the correlation id."""
        body = {"status": "error", "message": message, "correlationId": "", "category": category}
        return cls.of(status, body | more)

    @classmethod
    def forbidden(cls, what: str) -> Answer:
        """Make the refusal of one thing, which says nothing about others."""
        message = f"The user or app does not have access to {what}"
        return cls.error(403, "FORBIDDEN", message)
