"""The HTTP server: token, limits, faults, latency, and a log of the requests for tests."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
import uuid
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from typing_extensions import Self, override

from emulator.api import NOT_FOUND_PAGE, Answer, answer
from emulator.limits import RollingLimit
from emulator.oauth import PATH as TOKEN_PATH
from emulator.oauth import TokenEndpoint

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from types import TracebackType

    from emulator.account import Account
    from emulator.faults import Fault

TOKEN = "pat-na1-emulated-token"


class Emulator:
    """An account behind HTTP on a port of this machine.

    Starts with `with`, and stops with it. `requests` is what was asked: path and query of each
    request, in the order of arrival; `arrivals` is when, in monotonic seconds. `most_in_flight` is
    how many were being answered at once at most. `before_answer` is called with each request before
    it is answered, one at a time: the moment for something to happen to the account.
    """

    def __init__(
        self,
        account: Account,
        *,
        port: int = 0,
        latency: float = 0,
        limit: RollingLimit | None = None,
        faults: list[Fault] | None = None,
        scopes: tuple[str, ...] = ("conversations.read",),
        oauth: TokenEndpoint | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.account = account
        self.latency = latency
        self.limit = limit or RollingLimit()
        self.faults = faults if faults is not None else []
        self.scopes = scopes
        self.oauth = oauth or TokenEndpoint()
        self.requests: list[str] = []
        self.arrivals: list[float] = []
        self.before_answer: Callable[[str], None] | None = None
        self.most_in_flight = 0
        self._in_flight = 0
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"emulator": self})
        self._server = _Server(("127.0.0.1", port), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
            self.url = self.url.replace("http://127.0.0.1", "https://localhost")

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve_forever(self) -> None:
        """Serve on this thread until the process is interrupted."""
        self._server.serve_forever()

    def arrive(self, target: str) -> tuple[Fault | None, bool]:
        """Note a request; return the fault that hits it and whether the limit lets it pass."""
        with self._lock:
            self.requests.append(target)
            self.arrivals.append(time.monotonic())
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
            admitted = self.limit.admit()
            fault = next((fault for fault in self.faults if fault.strikes(target)), None)
        return fault, admitted

    def leave(self) -> None:
        """Note that a request was answered."""
        with self._lock:
            self._in_flight -= 1

    def respond(self, target: str, authorization: str, *, admitted: bool) -> Answer:
        """Return the answer to a GET that no fault hits."""
        if not authorization:
            message = "Authentication credentials not found."
            return Answer.error(401, "INVALID_AUTHENTICATION", message)
        token = authorization.removeprefix("Bearer ")
        if token != TOKEN and not self.oauth.is_valid(token):
            message = "The OAuth token used to make this call expired 20538 day(s) ago."
            return Answer.error(401, "EXPIRED_AUTHENTICATION", message)
        if not admitted:
            message = "You have reached your ten_secondly_rolling limit."
            policy = {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
            return Answer.error(429, "RATE_LIMITS", message, **policy)
        if "conversations.read" not in self.scopes:
            message = "This app hasn't been granted all required scopes to make this call."
            return Answer.error(403, "MISSING_SCOPES", message)
        url = urlsplit(target)
        query = parse_qs(url.query, keep_blank_values=True)
        with self._lock:
            if self.before_answer:
                self.before_answer(target)
            return answer(self.account, url.path, query)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet about clients that hang up."""


class _Handler(BaseHTTPRequestHandler):
    emulator: Emulator
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body leave together: two small packets would wait for each other
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer, or do what the script says."""
        self._answer(
            lambda admitted: self.emulator.respond(
                self.path, self.headers.get("Authorization", ""), admitted=admitted
            )
        )

    def do_POST(self) -> None:
        """Answer at the token endpoint; all else is read only."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        if self.path == TOKEN_PATH:
            content_type = self.headers.get("Content-Type", "")
            self._answer(lambda _: self.emulator.oauth.answer(content_type, body))
        else:
            self._refuse_method()

    def _answer(self, respond: Callable[[bool], Answer]) -> None:
        fault, admitted = self.emulator.arrive(self.path)
        try:
            time.sleep(self.emulator.latency + (fault.delay if fault else 0))
            if fault and (fault.drop or fault.reset):
                self.close_connection = True
                if fault.reset:  # closing with nothing left to linger for sends a reset
                    linger = struct.pack("ii", 1, 0)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    self.connection.close()
                return
            if fault and fault.status is not None:
                reply = Answer(fault.status, fault.body.encode(), dict(fault.headers))
            else:
                reply = respond(admitted)
            if fault and fault.garble:
                reply.headers["Content-Encoding"] = "gzip"
            bare = bool(fault and fault.bare) or reply.body == NOT_FOUND_PAGE.encode()
            self._send(reply, cut=bool(fault and fault.cut), bare=bare)
        finally:
            self.emulator.leave()

    def _refuse_method(self) -> None:
        self._send(Answer.error(405, "METHOD_NOT_ALLOWED", "Only GET is supported here"))

    do_PUT = do_PATCH = do_DELETE = _refuse_method

    def _send(self, reply: Answer, *, cut: bool = False, bare: bool = False) -> None:
        correlation_id = str(uuid.uuid4())
        body = reply.body.replace(
            b'"correlationId": ""', f'"correlationId": {json.dumps(correlation_id)}'.encode()
        )
        self.send_response_only(reply.status)
        headers = {"Content-Length": str(len(body))}
        if not bare:
            headers["Date"] = formatdate(self.emulator.account.now().timestamp(), usegmt=True)
            headers["X-HubSpot-Correlation-Id"] = correlation_id
            headers.update(self.emulator.limit.headers())
        headers.update(reply.headers)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.wfile.flush()
        if cut:
            self.close_connection = True
