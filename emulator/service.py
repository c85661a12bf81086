"""The emulated API without a transport: tokens, limits, faults and a log of requests."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache, partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from emulator.endpoints.responses import ApiResponse
from emulator.endpoints.routing import is_read_by_post, needed_scope, respond, seconds_for
from emulator.limits import RollingLimit
from emulator.oauth import PATH as TOKEN_PATH
from emulator.oauth import TokenEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.data.account import Account
    from emulator.endpoints.selection import Query
    from emulator.faults import Fault

TOKEN = "pat-na1-emulated-token"


@dataclass
class Call:
    """The parts of a request that the service reads; `target` is path and query."""

    method: str
    target: str
    authorization: str = ""
    content_type: str = ""
    body: bytes = b""


@dataclass
class Outcome:
    """A complete response, and how the connection fails, if it fails."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_dropped: bool = False
    """Whether the connection closes before the first byte."""
    is_reset: bool = False
    """Whether a dropped connection is reset instead of closed."""
    is_cut: bool = False
    """Whether the connection closes in the middle of the body."""


class Service:
    """An account and its API.

    Attributes:
        requests: Path and query of each request, in order of arrival.
        arrivals: When each request arrived, in monotonic seconds.
        posted: Bodies of the batch requests that passed the token, limit and fault checks.
        most_in_flight: Maximum number of concurrent requests so far.
        before_answer: Called with the path and query of each request before the response is built.
            Calls are serialized, so this function may change the account.
        while_filling: Called with the path and query of each request for a page of threads, if rows
            are filled late (`Behavior.rows_filled`): after the page's threads are chosen, but
            before its rows are built. Calls hold the same lock as those of `before_answer`.
    """

    def __init__(
        self,
        account: Account,
        *,
        latency: float = 0,
        limit: RollingLimit | None = None,
        faults: list[Fault] | None = None,
        scopes: tuple[str, ...] = ("conversations.read",),
        oauth: TokenEndpoint | None = None,
    ) -> None:
        self.account = account
        self.latency = latency
        self.limit = limit or RollingLimit()
        self.faults = faults if faults is not None else []
        self.scopes = scopes
        self.oauth = oauth or TokenEndpoint()
        self.requests: list[str] = []
        self.arrivals: list[float] = []
        self.posted: list[bytes] = []
        self.before_answer: Callable[[str], None] | None = None
        self.while_filling: Callable[[str], None] | None = None
        self.most_in_flight = 0
        self._in_flight = 0
        self._responses = itertools.count(1)
        self._lock = threading.Lock()

    def handle(self, call: Call, wait: Callable[[float], None]) -> Outcome:
        """Return the response, after calling `wait` once with the seconds that a response takes."""
        is_for_token = call.method == "POST" and call.target == TOKEN_PATH
        is_batch = call.method == "POST" and is_read_by_post(call.target.partition("?")[0])
        if call.method != "GET" and not is_for_token and not is_batch:
            refusal = ApiResponse.error(405, "METHOD_NOT_ALLOWED", "Only GET is supported here")
            return self._finish(refusal, None)
        fault, admitted = self._arrive(call.target)
        try:
            wait(self._seconds(call) + (fault.delay if fault else 0))
            if fault and (fault.drop or fault.reset):
                return Outcome(is_dropped=True, is_reset=fault.reset)
            if fault and fault.status is not None:
                reply = ApiResponse(fault.status, fault.body.encode(), dict(fault.headers))
            elif is_for_token:
                reply = self.oauth.answer(call.content_type, call.body.decode())
            else:
                reply = self._respond(call, admitted=admitted)
            return self._finish(reply, fault)
        finally:
            with self._lock:
                self._in_flight -= 1

    def _seconds(self, call: Call) -> float:
        return self.latency + seconds_for(self.account, call.target.partition("?")[0])

    def _arrive(self, target: str) -> tuple[Fault | None, bool]:
        """Log a request, and return the fault that applies and whether the limit allows it."""
        with self._lock:
            self.requests.append(target)
            self.arrivals.append(time.monotonic())
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
            admitted = self.limit.admit()
            fault = next((fault for fault in self.faults if fault.applies_to(target)), None)
        return fault, admitted

    def _respond(self, call: Call, *, admitted: bool) -> ApiResponse:
        """Return the response to a GET or batch request without a fault."""
        if not call.authorization:
            message = "Authentication credentials not found."
            return ApiResponse.error(401, "INVALID_AUTHENTICATION", message)
        token = call.authorization.removeprefix("Bearer ")
        if token != TOKEN and not self.oauth.is_valid(token):
            message = "The OAuth token used to make this call expired 20538 day(s) ago."
            return ApiResponse.error(401, "EXPIRED_AUTHENTICATION", message)
        if not admitted:
            message = "You have reached your ten_secondly_rolling limit."
            policy = {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
            return ApiResponse.error(429, "RATE_LIMITS", message, **policy)
        path, query = _parse(call.target)
        scope = needed_scope(path)
        if scope and scope not in self.scopes:
            message = "This app hasn't been granted all required scopes to make this call."
            return ApiResponse.error(403, "MISSING_SCOPES", message)
        with self._lock:
            if self.before_answer:
                self.before_answer(call.target)
            if call.method == "POST":
                self.posted.append(call.body)
                return respond(self.account, path, query, call.body)
            filling = self.while_filling
            hook = partial(filling, call.target) if filling else None
            return respond(self.account, path, query, while_filling=hook)

    def _finish(self, reply: ApiResponse, fault: Fault | None) -> Outcome:
        """Add the common headers and the effects of a fault."""
        # IDs are sequential, because generating a random ID takes as long as a small response.
        number = next(self._responses)
        correlation_id = f"00000000-0000-4000-8000-{number:012x}"
        body = reply.body
        if reply.status >= 400:
            field_with_id = f'"correlationId": "{correlation_id}"'.encode()
            body = body.replace(b'"correlationId": ""', field_with_id)
        headers = {"Content-Length": str(len(body))}
        if not (reply.is_bare or (fault and fault.bare)):
            dates = self.account.behavior.dates
            if dates == "all" or (dates == "some" and number % 3):
                headers["Date"] = _http_date(int(self.account.now().timestamp()))
            headers["X-HubSpot-Correlation-Id"] = correlation_id
            headers.update(self.limit.headers())
        headers.update(reply.headers)
        if fault and fault.garble:
            headers["Content-Encoding"] = "gzip"
        return Outcome(reply.status, headers, body, is_cut=bool(fault and fault.cut))


@lru_cache(maxsize=10_000)
def _parse(target: str) -> tuple[str, Query]:
    """Return path and query. The query is cached: do not modify it."""
    url = urlsplit(target)
    return url.path, parse_qs(url.query, keep_blank_values=True)


@lru_cache
def _http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)
