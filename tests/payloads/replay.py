"""Replays recorded answers: a transport without sockets, and a tap that reads through it."""

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
"""The entries whose headers are excerpts of a 404 that is HubSpot's own."""


def entry(number: int) -> Response:
    """Return an entry, counted from 1, as it came.

    Headers that are not recorded are the usual ones, with the body's correlation ID.
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


def answer(body: object, status: int = 200, **headers: str) -> Response:
    """Return a usual answer of HubSpot's with this body."""
    usual = USUAL | {CORRELATION: "0f5a3c52-0000-4000-8000-000000000000"} | headers
    return Response(status, CaseInsensitiveDict(usual), json.dumps(body).encode())


def page_of(number: int) -> Response:
    """Return an entry as a page: a page as it came, a single thing as its only row."""
    content = ENTRIES[number - 1]["json"]
    return answer(content if "results" in content else {"results": [content]})


@dataclass
class Replay:
    """A transport that gives the answers of its rules, and otherwise those of an empty account.

    Args:
        rules: Patterns of a method and a URL, each with its answers. They are given one after the
            other, and the last one again and again; the first pattern that matches counts.
    """

    rules: dict[str, list[Response]]
    requests: list[str] = field(default_factory=list)
    """The method and URL of each request so far."""

    def send(self, request: Request, *, timeout: float) -> Response:  # noqa: ARG002 - none waits
        """As `Transport` says."""
        target = f"{request.method} {request.url}"
        self.requests.append(target)
        for pattern, answers in self.rules.items():
            if re.search(pattern, target):
                return answers.pop(0) if len(answers) > 1 else answers[0]
        return _of_an_empty_account(target)

    def close(self) -> None:
        """As `Transport` says."""


def _of_an_empty_account(target: str) -> Response:
    """Return an answer of an account whose lists are empty, and which has each thread by ID."""
    if "/account-info/" in target:
        return answer({"portalId": 62515})
    thread = re.search(r"/threads/(\d+)(\?|$)", target)
    return answer({"id": thread[1]} if thread else {"results": []})


@dataclass
class Run:
    """How a sync ended, and what it emitted."""

    output: Output
    error: HubSpotError | None

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        return 0 if self.error is None else self.error.exit_code

    def records(self, stream: str = "threads") -> list[Any]:
        """The records of a stream, without what is null."""
        return [without_nulls(record) for record in self.output.records(stream)]


def sync(*streams: str, **settings: Any) -> Run:
    """Run a sync of these streams, by default of threads and deleted threads."""
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
    """Return a value without the keys that are null, at any depth."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value
