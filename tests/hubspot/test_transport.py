"""The transport: proxies and private CA certificates."""

from __future__ import annotations

import socket
import ssl
import threading
from base64 import b64encode
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
import trustme

from emulator.oauth import PATH
from tap_hubspot_threads.errors import HubSpotError
from tests.conftest import Lab, open_lab
from tests.hubspot.test_auth import OAUTH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


LOGIN = f"Basic {b64encode(b'user:p@ss').decode()}"


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """Serve an account over TLS with a certificate from a CA that only a bundle file has."""
    ca = trustme.CA()
    bundle = tmp_path / "company.pem"
    ca.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    with open_lab(tls=context) as lab:
        yield lab


class Proxy(BaseHTTPRequestHandler):
    """A proxy that connects to any server and records its address."""

    addresses: list[str]

    def do_CONNECT(self) -> None:
        """Connect both ends until one closes the connection."""
        assert self.headers["Proxy-Authorization"] == LOGIN
        self.addresses.append(self.path)
        host, _, port = self.path.partition(":")
        with closing(socket.create_connection((host, int(port)))) as server:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=self._copy, args=(server, self.connection), daemon=True)
            back.start()
            self._copy(self.connection, server)

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            return


@pytest.mark.parametrize("mode", ["token", "OAuth"])
def test_private_certificates(private: Lab, mode: str) -> None:
    """`REQUESTS_CA_BUNDLE` sets the trusted CA certificates, also for OAuth tokens."""
    settings = OAUTH if mode == "OAuth" else {}
    assert private.sync(thread_ids=private.live_ids[:20], **settings).ids == private.live_ids[:20]


def test_untrusted_certificates(private: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrusted certificate ends the sync at once, with advice."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(HubSpotError, match="REQUESTS_CA_BUNDLE"):
        private.sync(thread_ids=private.live_ids, max_concurrency=1)
    assert private.calls() == []


@pytest.mark.parametrize("mode", ["token", "OAuth"])
def test_proxy(private: Lab, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """`HTTPS_PROXY` sets the proxy and its login for all requests."""
    addresses: list[str] = []
    handler = type("Handler", (Proxy,), {"addresses": addresses})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as proxy:
        proxy.daemon_threads = True
        threading.Thread(target=proxy.serve_forever, args=(0.01,), daemon=True).start()
        address = f"user:p%40ss@127.0.0.1:{proxy.server_address[1]}"
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        settings = OAUTH if mode == "OAuth" else {}
        output = private.sync(thread_ids=private.live_ids[:20], **settings)
        proxy.shutdown()
    assert output.ids == private.live_ids[:20]
    assert set(addresses) == {private.emulator.url.removeprefix("https://")}
    assert len(private.calls(PATH)) == (mode == "OAuth")


def test_proxy_that_hangs_up(private: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error for a proxy that closes the connection names the proxy, without its login."""
    with closing(socket.create_server(("127.0.0.1", 0))) as proxy:
        address = f"127.0.0.1:{proxy.getsockname()[1]}"
        hang_up = threading.Thread(target=_hang_up, args=(proxy,), daemon=True)
        hang_up.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:secret@{address}")
        with pytest.raises(HubSpotError, match=f"through the proxy {address}") as raised:
            private.sync(thread_ids=private.live_ids[:1], max_attempts=1, max_concurrency=1)
    assert "secret" not in str(raised.value)


def _hang_up(proxy: socket.socket) -> None:
    """Close each connection at once."""
    try:
        while True:
            proxy.accept()[0].close()
    except OSError:
        return


def test_no_proxy(private: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts in `NO_PROXY` are reached directly."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "localhost,.internal.example.com")
    assert private.sync(thread_ids=private.live_ids[:3]).ids == private.live_ids[:3]


def test_plain_http_never_goes_through_a_proxy(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain HTTP, which is for localhost only, never uses a proxy."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert lab.sync(thread_ids=lab.live_ids[:3]).ids == lab.live_ids[:3]
