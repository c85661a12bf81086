"""Fakes for the tests of `tap_hubspot_threads.hubspot`: a transport with scripted responses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from requests.structures import CaseInsensitiveDict

from tap_hubspot_threads.hubspot.auth import AccessToken
from tap_hubspot_threads.hubspot.client import Client
from tap_hubspot_threads.hubspot.clock import HubSpotClock
from tap_hubspot_threads.hubspot.limits.rate_limit import RateLimit
from tap_hubspot_threads.hubspot.retry import Retry
from tap_hubspot_threads.hubspot.transport import Connection, Response

if TYPE_CHECKING:
    from tap_hubspot_threads.hubspot.transport import Request

SECRET = "secret-token"


class FakeTransport:
    """Returns or raises the given responses in order; records requests and timeouts."""

    def __init__(self, *responses: Response | Exception) -> None:
        self.responses = list(responses)
        self.sent: list[Request] = []
        self.timeouts: list[float] = []

    def send(self, request: Request, *, timeout: float) -> Response:
        """Implement `Transport`."""
        self.sent.append(request)
        self.timeouts.append(timeout)
        result = self.responses.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    def close(self) -> None:
        """Implement `Transport`."""


CONNECTION = Connection(
    "https://api.example.com",
    conversations_path="",
    user_agent="tests/1.0",
    timeout=60.0,
    max_concurrency=4,
)


class ClientSetup:
    """A client with scripted responses, and a clock that advances only by waiting."""

    def __init__(self, *responses: Response | Exception, **parts: Any) -> None:
        self.transport = FakeTransport(*responses)
        self.waits: list[float] = []
        self.warnings: list[str] = []
        self.limit = RateLimit(clock=lambda: sum(self.waits), wait=self.waits.append)
        arguments: dict[str, Any] = {
            "connection": CONNECTION,
            "transport": self.transport,
            "credentials": AccessToken(SECRET),
            "limit": self.limit,
            "retry": Retry(max_attempts=4, wait=self.waits.append, warn=self.warnings.append),
            "clock": HubSpotClock(),
        }
        self.client = Client(**arguments | parts)


def response(status: int = 200, body: object = None, **headers: str) -> Response:
    """Return a response. `_` in a header's name stands for `-`; only other objects become JSON."""
    if isinstance(body, str):
        body = body.encode()
    sent = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, CaseInsensitiveDict(named), sent)


def refusal(status: int, **fields: str) -> Response:
    """Return a HubSpot error with the same correlation ID in body and header."""
    body = {"status": "error", "message": "reason", "correlationId": "c-0", **fields}
    return response(status, body, X_HubSpot_Correlation_Id="c-0")
