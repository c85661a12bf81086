"""The OAuth token endpoint."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from emulator.endpoints.responses import ApiResponse

if TYPE_CHECKING:
    from collections.abc import Callable

PATH = "/oauth/2026-03/token"
CLIENT_ID = "emulated-client"
CLIENT_SECRET = "emulated-client-secret"
REFRESH_TOKEN = "emulated-refresh-token-1"


class TokenEndpoint:
    """Issues access tokens in exchange for a refresh token.

    Args:
        lifetime: Seconds until an access token expires.
        rotates: Whether each response has a new refresh token, which invalidates the old one.
        clock: Returns monotonic seconds.
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
        self._expires_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def answer(self, content_type: str, body: str) -> ApiResponse:
        """Return the response to a POST, with HubSpot's errors."""
        if content_type.partition(";")[0] != "application/x-www-form-urlencoded":
            return _refuse("BAD_REQUEST", "invalid_request")
        form = {name: values[0] for name, values in parse_qs(body).items()}
        expected = {
            "grant_type": ("refresh_token", "BAD_GRANT_TYPE", "unsupported_grant_type"),
            "client_id": (CLIENT_ID, "BAD_CLIENT_ID", "invalid_client"),
            "client_secret": (CLIENT_SECRET, "BAD_CLIENT_SECRET", "invalid_client"),
            "refresh_token": (self.refresh_token, "BAD_REFRESH_TOKEN", "invalid_grant"),
        }
        for name, (value, status, error) in expected.items():
            if form.get(name) != value:
                return _refuse(status, error)
        with self._lock:
            self.refreshes += 1
            token = f"emulated-token-{self.refreshes}"
            self._expires_at[token] = self._clock() + self.lifetime
            if self._rotates:
                self.refresh_token = f"emulated-refresh-token-{self.refreshes + 1}"
        tokens = {"access_token": token, "refresh_token": self.refresh_token}
        return ApiResponse.of(200, tokens | {"expires_in": self.lifetime, "token_type": "bearer"})

    def is_valid(self, token: str) -> bool:
        """Return whether this endpoint issued the token and the token has not expired."""
        return self._expires_at.get(token, float("-inf")) > self._clock()

    def revoke(self) -> None:
        """Invalidate all access tokens before they expire."""
        self._expires_at.clear()


def _refuse(status: str, error: str) -> ApiResponse:
    body = {"status": status, "error": error, "message": "invalid request"}
    return ApiResponse(400, json.dumps(body).encode(), {"Content-Type": "application/json"})
