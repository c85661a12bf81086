"""Serves the emulated API over HTTP on a local port."""

from __future__ import annotations

import socket
import struct
import threading
import time
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from typing_extensions import Self, override

from emulator.service import TOKEN, Call, Outcome, Service

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

    from emulator.data.account import Account

__all__ = ["TOKEN", "Emulator"]


class Emulator(Service):
    """An emulated API on a local port.

    The `with` statement starts and stops the server. The port is bound when the server starts or
    when `url` is first read. `options` are parameters of `Service`.
    """

    def __init__(
        self,
        account: Account,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        **options: Any,
    ) -> None:
        super().__init__(account, **options)
        self._port = port
        self._tls = tls

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

    @cached_property
    def url(self) -> str:
        """The base URL."""
        port = self._server.server_address[1]
        return f"https://localhost:{port}" if self._tls else f"http://127.0.0.1:{port}"

    def serve_forever(self) -> None:
        """Serve on this thread until the process is interrupted."""
        self._server.serve_forever()

    @cached_property
    def _server(self) -> _Server:
        handler = type("Handler", (_Handler,), {"service": self})
        server = _Server(("127.0.0.1", self._port), handler)
        if self._tls:
            server.socket = self._tls.wrap_socket(server.socket, server_side=True)
        return server


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that close the connection."""


class _Handler(BaseHTTPRequestHandler):
    service: Service
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet for headers and body: delayed ACKs would slow down two packets
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Pass a request to the service, and send its response."""
        call = Call(
            self.command,
            self.path,
            self.headers.get("Authorization", ""),
            self.headers.get("Content-Type", ""),
            self.rfile.read(int(self.headers.get("Content-Length", "0"))),
        )
        outcome = self.service.handle(call, time.sleep)
        if outcome.is_dropped:
            self._drop(is_reset=outcome.is_reset)
        else:
            self._send(outcome)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _drop(self, *, is_reset: bool) -> None:
        self.close_connection = True
        if is_reset:  # closing with a linger time of 0 sends a reset
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()

    def _send(self, outcome: Outcome) -> None:
        self.send_response_only(outcome.status)
        for name, value in outcome.headers.items():
            self.send_header(name, value)
        self.end_headers()
        body = outcome.body
        self.wfile.write(body[: len(body) // 2] if outcome.is_cut else body)
        self.wfile.flush()
        if outcome.is_cut:
            self.close_connection = True
