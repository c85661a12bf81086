"""The details of an error response, such as HubSpot's category, message and correlation ID."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_hubspot_threads.hubspot.transport import Response

_MAX_MESSAGE = 300


@dataclass(frozen=True)
class ErrorDetails:
    """The details of an error response.

    HubSpot may omit any detail, and sends some error responses that are not JSON (observed). A
    string is empty if the response omits that detail.
    """

    category: str
    message: str
    """The response's `message`, followed by the messages in its array `errors`. The elements of
    `errors` are objects or strings (both recorded)."""
    correlation_id: str
    policy: str
    """The response's `policyName`: the exceeded limit, such as `DAILY`."""
    is_json: bool
    """Whether the body is a JSON error in HubSpot's format."""
    is_hubspot: bool
    """Whether HubSpot sent the response, rather than another server."""
    is_own_404: bool
    """Whether HubSpot itself, not a gateway, sent this 404. For other statuses, the value has no
    meaning. HubSpot's own 404 has the header `X-HubSpot-Correlation-Id` and one of these signs:

    * the header `X-HubSpot-NotFound: true` (recorded, with an HTML body),
    * a JSON body whose `correlationId` equals `X-HubSpot-Correlation-Id`.
    """
    lacks_scope: bool
    """Whether the category or an element of `errors` says that the token lacks a scope."""

    @classmethod
    def from_response(cls, response: Response, token: str) -> ErrorDetails:
        """Parse an error response, and remove the access token from all strings. Never raises."""
        body = json_object(response.body)

        def text(*names: str) -> str:
            values = (body.get(name) for name in names)
            found = next((value for value in values if isinstance(value, str) and value), "")
            return plain_text(found, token)

        header = plain_text(response.headers.get("X-HubSpot-Correlation-Id", ""))
        if token and token in header:
            header = ""
        message = text("message")
        # The key `message` alone does not prove that HubSpot sent the error: other servers send
        # this key too, together with a number as `status`.
        is_json = (
            body.get("status") == "error"
            or bool({"category", "correlationId", "errorType"} & body.keys())
            or "resource not found" in message.lower()
        )
        category = text("category", "errorType")
        errors = list(_errors(body))
        messages = [plain_text(message, token) for message, _ in errors]
        reasons = dict.fromkeys(filter(None, [message, *messages]))
        not_found_header = response.headers.get("X-HubSpot-NotFound", "").strip().lower() == "true"
        return cls(
            category=category,
            message=" ".join(reasons)[:_MAX_MESSAGE],
            correlation_id=text("correlationId") or header,
            policy=text("policyName"),
            is_json=is_json,
            is_hubspot=is_json or bool(header),
            is_own_404=bool(header) and (not_found_header or body.get("correlationId") == header),
            lacks_scope=category.upper() == "MISSING_SCOPES"
            or any("requiredGranularScopes" in context for _, context in errors),
        )


def json_object(text: bytes) -> dict[str, Any]:
    """Parse a JSON object. Return an empty dict if the text is not a JSON object. Never raises."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def error_list(body: Mapping[str, Any]) -> list[Any]:
    """Return the array `errors` of a response; empty if there is no such array."""
    errors = body.get("errors")
    return errors if isinstance(errors, list) else []


def plain_text(text: str, token: str = "") -> str:
    """Return text from a response as one line that is safe to log.

    Control characters and bidirectional overrides are removed. The token is replaced by `…`. The
    line has at most `_MAX_MESSAGE` characters.
    """
    # A server may repeat the request's headers in its response.
    text = _without(token, text)[: 20 * _MAX_MESSAGE]
    spaced = "".join(" " if char.isspace() else char for char in text)
    visible = "".join(char for char in spaced if not unicodedata.category(char).startswith("C"))
    visible = _without(token, visible)  # the removed characters may have hidden the token
    return " ".join(visible.split())[:_MAX_MESSAGE]


def _without(token: str, text: str) -> str:
    return text.replace(token, "…") if token else text


def _errors(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the message and the context of each element of `errors`."""
    for error in error_list(body):
        if isinstance(error, str):
            yield error, {}
        elif isinstance(error, dict):
            message, context = error.get("message"), error.get("context")
            yield (
                message if isinstance(message, str) else "",
                context if isinstance(context, dict) else {},
            )
