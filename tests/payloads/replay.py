"""Replaying recorded responses: a transport without sockets, and a sync that uses it."""

from __future__ import annotations

import io
import json
import re
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from requests.structures import CaseInsensitiveDict

from tap_hubspot_threads.errors import HubSpotError
from tap_hubspot_threads.hubspot.transport import Response
from tap_hubspot_threads.tap import TapHubSpotThreads
from tests.conftest import Output, select

if TYPE_CHECKING:
    from tap_hubspot_threads.hubspot.transport import Request

FOLDER = Path(__file__).parent
ENTRIES: list[dict[str, Any]] = json.loads((FOLDER / "payloads.json").read_text("utf-8"))
CORRELATION = "X-HubSpot-Correlation-Id"
USUAL = {
    "Content-Type": "application/json;charset=utf-8",
    "Date": "Tue, 31 Mar 2026 15:40:00 GMT",
}
EXCERPTS = {37, 38, 57}
"""Entries with incomplete headers, whose 404 is HubSpot's own."""


def entry(number: int) -> Response:
    """Return an entry, counted from 1, as a response.

    Headers that were not recorded are the usual ones, with the body's correlation ID.
    """
    found = ENTRIES[number - 1]
    body = found.get("text") or json.dumps(found["json"])
    headers = found.get("headers")
    if headers is None or number in EXCERPTS:
        content = found["json"] if isinstance(found["json"], dict) else {}
        identifier = content.get("correlationId", "0f5a3c52-0000-4000-8000-000000000000")
        headers = USUAL | (headers or {}) | {CORRELATION: identifier}
        if number == 57:
            headers |= {"X-HubSpot-NotFound": "true", "Content-Type": "text/html"}
    return Response(found.get("status", 200), CaseInsensitiveDict(headers), body.encode())


def response(body: object, status: int = 200, **headers: str) -> Response:
    """Return a response with this body and HubSpot's usual headers."""
    usual = USUAL | {CORRELATION: "0f5a3c52-0000-4000-8000-000000000000"} | headers
    return Response(status, CaseInsensitiveDict(usual), json.dumps(body).encode())


def page_of(number: int) -> Response:
    """Return an entry as a page; a single item is its only row."""
    content = ENTRIES[number - 1]["json"]
    return response(content if "results" in content else {"results": [content]})


@dataclass
class Replay:
    """A transport with scripted responses; all others are those of an empty account.

    Args:
        rules: Responses by the pattern of a method and URL. The first matching pattern applies.
            Its responses are returned in order, and the last one is repeated.
    """

    rules: dict[str, list[Response]]
    requests: list[str] = field(default_factory=list)
    """The method and URL of each request so far."""

    def send(self, request: Request, *, timeout: float) -> Response:  # noqa: ARG002 - sends nothing
        """Implement `Transport`."""
        target = f"{request.method} {request.url}"
        self.requests.append(target)
        for pattern, responses in self.rules.items():
            if re.search(pattern, target):
                return responses.pop(0) if len(responses) > 1 else responses[0]
        return _empty_account_response(target)

    def close(self) -> None:
        """Implement `Transport`."""


def _empty_account_response(target: str) -> Response:
    """Return the response of an account whose lists are empty and which has every thread ID."""
    if "/account-info/" in target:
        return response({"portalId": 62515})
    thread = re.search(r"/threads/(\d+)(\?|$)", target)
    return response({"id": thread[1]} if thread else {"results": []})


@dataclass
class Run:
    """The output of a sync and the error that it ended with."""

    output: Output
    error: HubSpotError | None

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        return 0 if self.error is None else self.error.exit_code

    def records(self, stream: str = "threads") -> list[Any]:
        """Return the records of a stream, without null values."""
        return [without_nulls(record) for record in self.output.records(stream)]


def sync(*streams: str, **settings: Any) -> Run:
    """Run a sync of these streams, by default `threads` and `deleted_threads`."""
    config = {"access_token": "pat-na1-0000", "max_concurrency": 1, **settings}
    out, ended = io.StringIO(), None
    with redirect_stdout(out):
        try:
            catalog = select(*(streams or ("threads", "deleted_threads")))
            TapHubSpotThreads(config=config, catalog=catalog).sync_all()
        except HubSpotError as error:
            ended = error
    return Run(Output(out.getvalue()), ended)


def without_nulls(value: Any) -> Any:
    """Return a value without null values, at any depth."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value
