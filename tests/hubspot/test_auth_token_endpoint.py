"""Responses of the token endpoint, and the errors that they lead to."""

from __future__ import annotations

import json

import pytest

from tap_hubspot_threads.errors import HubSpotError, TransientError
from tap_hubspot_threads.hubspot.auth import parse_token_response
from tap_hubspot_threads.hubspot.transport import Response


def response(status: int, body: object) -> Response:
    """Return a response of the token endpoint."""
    return Response(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "body", "error_type", "text"),
    [
        (400, {"error": "invalid_grant"}, HubSpotError, "refresh_token"),
        (400, {"status": "BAD_SOMETHING"}, HubSpotError, "400 BAD_SOMETHING.* client_id, client"),
        (
            400,
            {"status": "a secret", "message": "a secret"},
            HubSpotError,
            "token: 400. The response",
        ),
        (400, {"error": "secret1"}, HubSpotError, "token: 400. The response"),
        (401, {"error": "invalid_client"}, HubSpotError, "client_id and client_secret"),
        (403, b"<html>", HubSpotError, "Check api_url"),
        (404, b"<html>", HubSpotError, "Check api_url"),
        (302, b"", HubSpotError, "Check api_url"),
        (423, {}, TransientError, "423"),
        (477, {}, TransientError, "477"),
        (429, {}, TransientError, "429"),
        (503, b"", TransientError, "503"),
        (200, b"<html>", TransientError, "no token"),
        (200, [1], TransientError, "no token"),
        (200, {"access_token": ""}, TransientError, "no token"),
        (200, {"access_token": "a\nb"}, TransientError, "no token"),
    ],
)
def test_responses(status: int, body: object, error_type: type[Exception], text: str) -> None:
    """A response without a token is an error with advice, which quotes no text of the response."""
    with pytest.raises(error_type, match=text) as error:
        parse_token_response(response(status, body))
    assert "secret" not in str(error.value).replace("client_secret", "")
