"""The way to HubSpot: a proxy, a company's own certificates."""

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
    """Serve an account by TLS, with the certificate of an authority that only a file knows."""
    authority = trustme.CA()
    bundle = tmp_path / "company.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with open_lab(tls=context) as lab:
        yield lab


class Proxy(BaseHTTPRequestHandler):
    """A proxy that lets one through to any server, and notes to which."""

    asked: list[str]

    def do_CONNECT(self) -> None:
        """Connect both ends until one hangs up."""
        assert self.headers["Proxy-Authorization"] == LOGIN
        self.asked.append(self.path)
        host, _, port = self.path.partition(":")
        with closing(socket.create_connection((host, int(port)))) as server:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=self._copy, args=(server, self.connection), daemon=True)
            back.start()
            self._copy(self.connection, server)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            return


@pytest.mark.parametrize("how", ["token", "OAuth"])
def test_private_certificates(private: Lab, how: str) -> None:
    """REQUESTS_CA_BUNDLE names the certificates that are trusted, for tokens too."""
    settings = OAUTH if how == "OAuth" else {}
    assert private.sync(thread_ids=private.live_ids[:20], **settings).ids == private.live_ids[:20]


def test_unknown_certificates(private: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates that nobody vouches for end the sync at once, with what to do."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(HubSpotError, match="REQUESTS_CA_BUNDLE"):
        private.sync(thread_ids=private.live_ids, max_concurrency=1)
    assert private.calls() == []


@pytest.mark.parametrize("how", ["token", "OAuth"])
def test_proxy(private: Lab, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """HTTPS_PROXY names the proxy that all requests go through, and the login for it."""
    asked: list[str] = []
    handler = type("Handler", (Proxy,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as proxy:
        proxy.daemon_threads = True
        threading.Thread(target=proxy.serve_forever, args=(0.01,), daemon=True).start()
        address = f"user:p%40ss@127.0.0.1:{proxy.server_address[1]}"
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        settings = OAUTH if how == "OAuth" else {}
        output = private.sync(thread_ids=private.live_ids[:20], **settings)
        proxy.shutdown()
    assert output.ids == private.live_ids[:20]
    assert set(asked) == {private.emulator.url.removeprefix("https://")}
    assert len(private.calls(PATH)) == (how == "OAuth")


def test_proxy_that_hangs_up(private: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that closes the connection at once is named in the error, without its login."""
    with closing(socket.create_server(("127.0.0.1", 0))) as proxy:
        address = f"127.0.0.1:{proxy.getsockname()[1]}"
        hang_up = threading.Thread(target=_hang_up, args=(proxy,), daemon=True)
        hang_up.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:secret@{address}")
        with pytest.raises(HubSpotError, match=f"through the proxy {address}") as raised:
            private.sync(thread_ids=private.live_ids[:1], max_attempts=1, max_concurrency=1)
    assert "secret" not in str(raised.value)


def _hang_up(proxy: socket.socket) -> None:
    """Close each connection as it comes."""
    try:
        while True:
            proxy.accept()[0].close()
    except OSError:
        return


def test_past_a_proxy(private: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What NO_PROXY names is reached directly."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "localhost,.internal.example.com")
    assert private.sync(thread_ids=private.live_ids[:3]).ids == private.live_ids[:3]


def test_plain_http_never_goes_through_a_proxy(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http is for this machine, and the token stays here whatever the environment says."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert lab.sync(thread_ids=lab.live_ids[:3]).ids == lab.live_ids[:3]
