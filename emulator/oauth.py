"""The token endpoint of OAuth: what it gives, and how long that is good."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from emulator.endpoints.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

PATH = "/oauth/2026-03/token"
CLIENT_ID = "emulated-client"
CLIENT_SECRET = "emulated-client-secret"
REFRESH_TOKEN = "emulated-refresh-token-1"


class TokenEndpoint:
    """Gives tokens for a refresh token.

    Args:
        lifetime: Seconds that a token is good for.
        rotates: Whether each answer brings a new refresh token, and the old one is void.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        lifetime: float = 1800,
        rotates: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lifetime = lifetime
        self.refresh_token = REFRESH_TOKEN
        self.refreshes = 0
        self._rotates = rotates
        self._clock = clock
        self._ends: dict[str, float] = {}
        self._lock = threading.Lock()

    def answer(self, content_type: str, body: str) -> Answer:
        """Answer a POST; errors as HubSpot gives them."""
        if content_type.partition(";")[0] != "application/x-www-form-urlencoded":
            return _refuse("BAD_REQUEST", "invalid_request")
        form = {name: values[0] for name, values in parse_qs(body).items()}
        wanted = {
            "grant_type": ("refresh_token", "BAD_GRANT_TYPE", "unsupported_grant_type"),
            "client_id": (CLIENT_ID, "BAD_CLIENT_ID", "invalid_client"),
            "client_secret": (CLIENT_SECRET, "BAD_CLIENT_SECRET", "invalid_client"),
            "refresh_token": (self.refresh_token, "BAD_REFRESH_TOKEN", "invalid_grant"),
        }
        for name, (value, status, error) in wanted.items():
            if form.get(name) != value:
                return _refuse(status, error)
        with self._lock:
            self.refreshes += 1
            token = f"emulated-token-{self.refreshes}"
            self._ends[token] = self._clock() + self.lifetime
            if self._rotates:
                self.refresh_token = f"emulated-refresh-token-{self.refreshes + 1}"
        given = {"access_token": token, "refresh_token": self.refresh_token}
        return Answer.of(200, given | {"expires_in": self.lifetime, "token_type": "bearer"})

    def is_valid(self, token: str) -> bool:
        """Whether a token is one of these, and has not ended."""
        return self._ends.get(token, float("-inf")) > self._clock()

    def revoke(self) -> None:
        """End all tokens ahead of their time."""
        self._ends.clear()


def _refuse(status: str, error: str) -> Answer:
    body = {"status": status, "error": error, "message": "what was sent is wrong"}
    return Answer(400, json.dumps(body).encode(), {"Content-Type": "application/json"})
