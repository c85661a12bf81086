"""Limits of one response: its time and size, however slowly or much a server sends."""

from __future__ import annotations

import gzip
import itertools
import socket
import ssl
import threading
import time
import tracemalloc
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
import trustme

from tap_hubspot_threads.hubspot import transport as transports
from tap_hubspot_threads.hubspot.transport import HttpTransport, NoResponseError, Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GZIP = b"Content-Encoding: gzip\r\n"
TIMEOUT = 0.2
MB = 2**20


@contextmanager
def server(*responses: Iterable[bytes], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve these responses in order, on one connection if it stays open."""
    remaining = list(responses)

    def serve() -> None:
        while remaining:
            connection, _ = listener.accept()
            with (
                suppress(OSError),
                tls.wrap_socket(connection, server_side=True) if (tls) else connection as client,
            ):
                while remaining and client.recv(65536):
                    for piece in remaining.pop(0):
                        client.sendall(piece)
                client.recv(1)  # until the client closes the connection

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        scheme = "https" if tls else "http"
        yield f"{scheme}://localhost:{listener.getsockname()[1]}"


def drip(*, first: bytes = b"", drop: bytes = b"x") -> Iterator[bytes]:
    """Yield `first`, then `drop` forever, at intervals below every socket timeout."""
    yield first
    while True:
        time.sleep(TIMEOUT / 10)
        yield drop


def fetch(url: str, *, timeout: float = TIMEOUT) -> bytes:
    """Send one request on a new connection; return the body."""
    transport = HttpTransport(url, connections=1)
    try:
        return transport.send(Request("GET", f"{url}/x", {}), timeout=timeout).body
    finally:
        transport.close()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(drip(drop=b"H"), id="status"),
        pytest.param(drip(drop=b"HTTP/1.1 100 Continue\r\n\r\n"), id="continue"),
        pytest.param(drip(first=OK, drop=b"a"), id="headers"),
        pytest.param(drip(first=OK + b"Content-Length: 99999\r\n\r\n"), id="body"),
        pytest.param(drip(first=OK + b"\r\n"), id="no length"),
        pytest.param(drip(first=CHUNKED, drop=b"1\r\nx\r\n"), id="chunks"),
        pytest.param(drip(first=CHUNKED + b"0\r\n", drop=b"a: b\r\n"), id="trailers"),
        pytest.param(drip(first=OK + GZIP + b"\r\n" + gzip.compress(b"x")[:9]), id="gzip"),
        pytest.param([OK + b"Content-Length: 99999999999\r\n\r\n"], id="no body"),
        pytest.param([b""], id="no response"),
    ],
)
def test_timeout(answer: Iterable[bytes]) -> None:
    """A response that is incomplete at the timeout is given up, however often data arrives."""
    started = time.monotonic()
    with server(answer) as url, pytest.raises(NoResponseError) as caught:
        fetch(url)
    assert str(caught.value) == f": no complete response from {url} within 0.2 s"
    assert caught.value.is_transient
    assert TIMEOUT <= time.monotonic() - started < 3 * TIMEOUT


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Return a server context for localhost whose certificate is trusted here."""
    ca = trustme.CA()
    bundle = tmp_path / "company.pem"
    ca.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    return context


def test_timeout_with_tls(tls: ssl.SSLContext) -> None:
    """The timeout also applies if each byte is a TLS record of its own."""
    started = time.monotonic()
    answer = drip(first=OK + b"\r\n")
    with server(answer, tls=tls) as url, pytest.raises(NoResponseError, match=r"within 0\.4 s"):
        fetch(url, timeout=2 * TIMEOUT)
    assert time.monotonic() - started < 6 * TIMEOUT


@pytest.mark.parametrize("mode", ["TLS", "proxy"])
def test_timeout_while_connecting(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """The timeout also applies to a TLS handshake and to a proxy's response."""
    started = time.monotonic()
    first = b"\x16\x03\x03\x3f\xff\x02" if mode == "TLS" else OK + b"a: b"
    with server(drip(first=first)) as url:
        if mode == "proxy":
            monkeypatch.setenv("HTTPS_PROXY", url)
        with pytest.raises(NoResponseError, match=r"within 0\.2 s") as caught:
            fetch(url.replace("http:", "https:"))
    assert caught.value.is_transient
    assert time.monotonic() - started < 4 * TIMEOUT


def gzip_bomb() -> bytes:
    """Return a small gzip body that unpacks to 1 GB."""
    return gzip.compress(bytes(MB)) * 1024


def endless(piece: bytes) -> Iterator[bytes]:
    """Yield a chunked response without an end."""
    yield CHUNKED
    while True:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(endless(bytes(MB)), id="chunks"),
        pytest.param([CHUNKED, b"ffffffff\r\n", *[bytes(MB)] * 70], id="one chunk"),
        pytest.param([OK, b"Content-Length: 9999999999\r\n\r\n", *[bytes(MB)] * 70], id="length"),
        pytest.param(itertools.chain([OK, b"\r\n"], itertools.repeat(bytes(MB))), id="no length"),
        pytest.param([OK, GZIP, b"\r\n", gzip_bomb()], id="bomb"),
        pytest.param(
            [OK, GZIP, b"Content-Length: 1043456\r\n\r\n", gzip_bomb()], id="bomb, length"
        ),
        pytest.param([CHUNKED[:-2], GZIP, b"\r\n", b"ffffff\r\n", gzip_bomb()], id="bomb, chunk"),
    ],
)
def test_too_large(answer: Iterable[bytes]) -> None:
    """A response over 64 MB unpacked is given up, and no more than that is kept in memory."""
    tracemalloc.start()
    try:
        with server(answer) as url, pytest.raises(NoResponseError) as caught:
            fetch(url, timeout=30)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert str(caught.value) == ": the response is larger than 64 MB"
    assert caught.value.is_transient
    assert peak < 80 * MB  # growing buffers are larger than their content


def test_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """A response of the maximum size is returned, packed or not; one more byte is an error."""
    monkeypatch.setattr(transports, "MAX_RESPONSE_BYTES", 300_000)
    for size in (300_000, 300_001):
        body = bytes(size)
        for head, sent in ((b"", body), (GZIP, gzip.compress(body))):
            answer = [OK + head + b"Content-Length: %d\r\n\r\n" % len(sent), sent]
            with server(answer) as url:
                if size == 300_000:
                    assert fetch(url, timeout=5) == body
                else:
                    with pytest.raises(NoResponseError, match="the response is larger than"):
                        fetch(url, timeout=5)


def test_timeout_is_per_response() -> None:
    """Each response on a kept-alive connection has its own timeout."""
    length = b"Content-Length: 2\r\n\r\n"

    def slow() -> Iterator[bytes]:
        for piece in (OK + length, b"o", b"k"):
            time.sleep(TIMEOUT / 4)
            yield piece

    with server(slow(), slow()) as url:
        transport = HttpTransport(url, connections=1)
        for _ in range(2):
            request = Request("GET", f"{url}/x", {})
            assert transport.send(request, timeout=TIMEOUT).body == b"ok"
        transport.close()


def test_connection_is_closed_after_a_timeout() -> None:
    """A connection is closed after its response was given up."""
    good = [OK + b"Content-Length: 2\r\n\r\nok"]
    with server(drip(first=OK + b"Content-Length: 9999\r\n\r\n"), good) as url:
        transport = HttpTransport(url, connections=1)
        request = Request("GET", f"{url}/x", {})
        with pytest.raises(NoResponseError):
            transport.send(request, timeout=TIMEOUT)
        assert transport.send(request, timeout=10 * TIMEOUT).body == b"ok"
        transport.close()


def test_wrong_compression() -> None:
    """A body that is not in its declared compression is a transient failure."""
    answer = [OK, GZIP, b"Content-Length: 2\r\n\r\n{}"]
    with server(answer) as url, pytest.raises(NoResponseError, match="ContentDecoding") as caught:
        fetch(url)
    assert caught.value.is_transient
