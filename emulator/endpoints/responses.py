"""A response, independent of the transport."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

JSON_TYPE = "application/json;charset=utf-8"


@dataclass
class ApiResponse:
    """The response of an endpoint, with its encoded body."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    is_bare: bool = False
    """Whether the response lacks HubSpot's headers, as another server's response does."""

    @classmethod
    def of(cls, status: int, body: dict[str, Any] | str, *, is_bare: bool = False) -> ApiResponse:
        """Build a response from a JSON object or an HTML page."""
        if isinstance(body, str):
            return cls(status, body.encode(), {"Content-Type": "text/html"}, is_bare)
        return cls(status, json.dumps(body).encode(), {"Content-Type": JSON_TYPE}, is_bare)

    @classmethod
    def error(cls, status: int, category: str, message: str, **more: str) -> ApiResponse:
        """Build an error in HubSpot's format. The service fills in the correlation ID."""
        body = {"status": "error", "message": message, "correlationId": "", "category": category}
        return cls.of(status, body | more)

    @classmethod
    def forbidden(cls, subject: str) -> ApiResponse:
        """Build the 403 for one object, which says nothing about other objects."""
        message = f"The user or app does not have access to {subject}"
        return cls.error(403, "FORBIDDEN", message)
