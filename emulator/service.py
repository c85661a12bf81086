"""An account behind its API, reached by no wire yet: token, limits, faults, a log of requests."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache, partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from emulator.endpoints.answers import Answer
from emulator.endpoints.routing import answer, is_read_by_post, needed_scope, seconds_for
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
    """A request, as far as the service looks at it; `target` is path and query."""

    method: str
    target: str
    authorization: str = ""
    content_type: str = ""
    body: bytes = b""


@dataclass
class Outcome:
    """What is to go over the wire: an answer with all its headers, and what the wire does to it."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_dropped: bool = False
    """The connection ends before a byte is sent."""
    is_reset: bool = False
    """It does so with a reset."""
    is_cut: bool = False
    """It ends in the middle of the body."""


class Service:
    """An account, and how its API behaves to clients.

    `requests` is what was asked: path and query of each request, in the order of arrival;
    `arrivals` is when, in monotonic seconds; `posted` is the bodies of the batches that were
    answered. `most_in_flight` is how many were being answered at
    once at most. `before_answer` is called with each request before it is answered, one at a time:
    the moment for something to happen to the account. `while_filling` is called with each request
    for a page of threads whose rows are filled late (`Behavior.rows_filled`), between the choice of
    its threads and the making of its rows, under the same lock.
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
        self._answers = itertools.count(1)
        self._lock = threading.Lock()

    def handle(self, call: Call, wait: Callable[[float], None]) -> Outcome:
        """Return what goes back; `wait` is called once with the seconds that come before it."""
        is_for_token = call.method == "POST" and call.target == TOKEN_PATH
        is_batch = call.method == "POST" and is_read_by_post(call.target.partition("?")[0])
        if call.method != "GET" and not is_for_token and not is_batch:
            refusal = Answer.error(405, "METHOD_NOT_ALLOWED", "Only GET is supported here")
            return self._finish(refusal, None)
        fault, admitted = self._arrive(call.target)
        try:
            wait(self._seconds(call) + (fault.delay if fault else 0))
            if fault and (fault.drop or fault.reset):
                return Outcome(is_dropped=True, is_reset=fault.reset)
            if fault and fault.status is not None:
                reply = Answer(fault.status, fault.body.encode(), dict(fault.headers))
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
        """Note a request; return the fault that hits it and whether the limit lets it pass."""
        with self._lock:
            self.requests.append(target)
            self.arrivals.append(time.monotonic())
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
            admitted = self.limit.admit()
            fault = next((fault for fault in self.faults if fault.strikes(target)), None)
        return fault, admitted

    def _respond(self, call: Call, *, admitted: bool) -> Answer:
        """Return the answer to a GET or a batch that no fault hits."""
        if not call.authorization:
            message = "Authentication credentials not found."
            return Answer.error(401, "INVALID_AUTHENTICATION", message)
        token = call.authorization.removeprefix("Bearer ")
        if token != TOKEN and not self.oauth.is_valid(token):
            message = "The OAuth token used to make this call expired 20538 day(s) ago."
            return Answer.error(401, "EXPIRED_AUTHENTICATION", message)
        if not admitted:
            message = "You have reached your ten_secondly_rolling limit."
            policy = {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
            return Answer.error(429, "RATE_LIMITS", message, **policy)
        path, query = _parse(call.target)
        scope = needed_scope(path)
        if scope and scope not in self.scopes:
            message = "This app hasn't been granted all required scopes to make this call."
            return Answer.error(403, "MISSING_SCOPES", message)
        with self._lock:
            if self.before_answer:
                self.before_answer(call.target)
            if call.method == "POST":
                self.posted.append(call.body)
                return answer(self.account, path, query, call.body)
            filling = self.while_filling
            hook = partial(filling, call.target) if filling else None
            return answer(self.account, path, query, while_filling=hook)

    def _finish(self, reply: Answer, fault: Fault | None) -> Outcome:
        """Add the headers that come with every answer, and what a fault does to it."""
        # Not random: that would take as long as the rest of a small answer.
        number = next(self._answers)
        correlation_id = f"00000000-0000-4000-8000-{number:012x}"
        body = reply.body
        if reply.status >= 400:
            filled_in = f'"correlationId": "{correlation_id}"'.encode()
            body = body.replace(b'"correlationId": ""', filled_in)
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
    """Return path and query; the query is shared, and not to be changed."""
    url = urlsplit(target)
    return url.path, parse_qs(url.query, keep_blank_values=True)


@lru_cache
def _http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)
