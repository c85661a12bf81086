"""Details of an error response: any body is parsed, and text from it is safe to log."""

from __future__ import annotations

import pytest

from tap_hubspot_threads.hubspot.error_details import ErrorDetails, json_object, plain_text
from tap_hubspot_threads.hubspot.transport import Response
from tests.hubspot.fakes import SECRET, refusal


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'"x"', b"\xff", b"[" * 100_000, b'{"message": 17, "status": []}']
)
def test_any_body(body: bytes) -> None:
    """Any error body can be parsed, and values of a wrong type are ignored."""
    details = ErrorDetails.from_response(Response(500, {}, body), SECRET)
    assert (details.message, details.category, details.policy) == ("", "", "")


def test_long_message() -> None:
    """A long message is truncated to one line of 300 characters."""
    message = ErrorDetails.from_response(
        refusal(400, message="many\n words " * 1_000), SECRET
    ).message
    assert len(message) == 300
    assert "\n" not in message


@pytest.mark.parametrize(("text", "parsed"), [(b'{"a": 1}', {"a": 1}), (b"[1]", {}), (b"{", {})])
def test_json_object(text: bytes, parsed: dict[str, int]) -> None:
    """A text that is not a JSON object is parsed as an empty one."""
    assert json_object(text) == parsed


def test_plain_text() -> None:
    """White space of any kind becomes one space."""
    assert plain_text("a\n\u2028 b\t") == "a b"


def test_token_in_a_text() -> None:
    """Wherever the token is in a text, no part of it remains."""
    assert plain_text(f"a {'pat-1' * 2000}", "pat-1") == f"a {'…' * 298}"
    assert plain_text(" " * 5_997 + "pat-1 b", "pat-1") == "… b"
    assert plain_text("pat\x00-1", "pat-1") == "…"
