"""Sending one request over the wire, once: connections, proxies, certificates, bounds of an answer.

By the adapter rather than a session: it may be shared by threads, and takes half the time.
Redirects and cookies, which a session is there for, are nothing to follow here.
"""

from __future__ import annotations

import http.client
import io
import time
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import requests
from requests import exceptions
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from typing_extensions import override
from urllib3 import Timeout
from urllib3.exceptions import ReadTimeoutError

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from typing_extensions import Buffer
    from urllib3 import HTTPConnectionPool, PoolManager


class DeadlineAdapter(HTTPAdapter):
    """Sends requests whose timeout, a number of seconds, is for the whole answer.

    Each step of connecting (each address, a proxy's answer, TLS) may take as long, but what they
    took is gone from the answer's time.
    """

    @override
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _set_deadlines(self.poolmanager)

    @override
    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> PoolManager:
        manager: PoolManager = super().proxy_manager_for(proxy, **proxy_kwargs)
        _set_deadlines(manager)
        return manager

    @override
    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> requests.Response:
        whole: Any = Timeout(total=timeout)  # which requests takes, and its types do not know
        return super().send(request, stream, whole, *args, **kwargs)


class _Response(http.client.HTTPResponse):
    """An answer, which has the time that its socket's timeout says when it begins."""

    def __init__(self, sock: socket.socket, debuglevel: int = 0, method: str | None = None) -> None:
        super().__init__(sock, debuglevel, method)
        self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock))


class _TimedReader(io.RawIOBase):
    """What comes from a socket, until its time is over.

    Args:
        file: The socket's file.
        sock: Its timeout is the time that there is from now on.
    """

    def __init__(self, file: io.RawIOBase, sock: socket.socket) -> None:
        self._file, self._sock = file, sock
        self._deadline = time.monotonic() + (sock.gettimeout() or float("inf"))

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._file.readinto(buffer)

    @override
    def close(self) -> None:
        self._file.close()
        super().close()


def _set_deadlines(manager: PoolManager) -> None:
    """Have the connections that a manager makes read answers with a deadline."""
    pools = manager.pool_classes_by_scheme.items()
    manager.pool_classes_by_scheme = {scheme: _with_deadline(pool) for scheme, pool in pools}


@cache
def _with_deadline(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    """Return a class of pools whose answers have a deadline: the same one if they have."""
    connection: Any = pool.ConnectionCls
    if connection.response_class is _Response:
        return pool
    timed = type(connection.__name__, (connection,), {"response_class": _Response})
    return type(pool.__name__, (pool,), {"ConnectionCls": timed})


LARGEST_ANSWER = 64 * 2**20
"""Bytes, unpacked; a page of 500 threads takes half a million."""
_PIECE = 64 * 2**10
"""Bytes that are read, or unpacked, at once."""


@dataclass(frozen=True)
class Request:
    """A request as it leaves."""

    method: str
    url: str
    """Absolute."""
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True)
class Response:
    """An answer, whatever it says, with its whole body."""

    status: int
    headers: Mapping[str, str]
    """Looked up whatever the case of a name."""
    body: bytes


class NoAnswerError(Exception):
    """No whole answer came.

    Args:
        reason: In words that follow what was tried; advice is a sentence of its own.
        is_passing: Whether trying again may help.
    """

    def __init__(self, reason: str, *, is_transient: bool = True) -> None:
        super().__init__(reason)
        self.is_transient = is_transient


@dataclass(frozen=True)
class Connection:
    """What is the same for all requests."""

    api_url: str
    """The base URL."""
    conversations_path: str
    """The path of the Conversations API below it, with its version."""
    user_agent: str
    timeout: float
    """Seconds for one whole response."""
    max_concurrency: int
    """Concurrent requests."""


class Transport(Protocol):
    """The way to one API host, for any number of threads."""

    def send(self, request: Request, *, timeout: float) -> Response:
        """Send a request; return the answer.

        Args:
            request: With a URL of this host.
            timeout: Seconds for the whole answer, from sending on; and for each step of
                connecting.

        Raises:
            NoAnswerError: if no whole answer came in time, or one that is too large.
        """

    def close(self) -> None:
        """Close the connections that are open."""


class HttpTransport:
    """HTTP, by the proxies and certificates that the environment says.

    Args:
        api_url: The base URL.
        connections: Connections that are kept open at the most.
    """

    def __init__(self, api_url: str, *, connections: int) -> None:
        self._api_url = api_url
        self._adapter = DeadlineAdapter(pool_maxsize=connections)

    def send(self, request: Request, *, timeout: float) -> Response:
        """As `Transport` says."""
        prepared = self._blank.copy()
        prepared.method, prepared.url = request.method, request.url
        prepared.headers.update(request.headers)
        if request.body is not None:
            prepared.prepare_body(request.body, None)
        try:
            sent = self._adapter.send(prepared, timeout=timeout, **self._environment)
            with sent as response:  # closes the connection if the body is not read to its end
                return Response(response.status_code, response.headers, _body(response))
        except requests.RequestException as error:
            if _is_late(error):
                reason = f": no whole answer from {self._way} within {timeout:g} s"
                raise NoAnswerError(reason) from error
            raise _no_answer(error, self._way) from error
        except (TypeError, ValueError) as error:  # urllib3's, of what it cannot make sense of
            reason = (
                f": cannot be sent ({type(error).__name__}). Check api_url, user_agent, the "
                "credentials and the proxy's variables."
            )
            raise NoAnswerError(reason, is_transient=False) from None
        except OSError as error:  # such as a file of certificates that is not there
            reason = f": not sent, {error}"
            raise NoAnswerError(reason, is_transient=False) from error

    def close(self) -> None:
        """As `Transport` says."""
        self._adapter.close()

    @cached_property
    def _way(self) -> str:
        """The host, and the proxy that the environment names for it, without its credentials."""
        proxy = select_proxy(self._api_url, self._environment["proxies"])
        if not proxy:
            return self._api_url
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        return f"{self._api_url} through the proxy {parts.netloc.rpartition('@')[2]} (HTTPS_PROXY)"

    @cached_property
    def _blank(self) -> requests.PreparedRequest:
        """A request to copy; preparing each anew would cost more than sending it."""
        return requests.Request("GET", self._api_url).prepare()

    @cached_property
    def _environment(self) -> dict[str, Any]:
        """What the environment says of proxies and certificates for this address."""
        session = requests.Session()
        found = session.merge_environment_settings(self._api_url, {}, None, None, None)
        if self._api_url.startswith("http:"):
            found["proxies"] = {}  # plain http, and the token with it, never leaves this machine
        return {name: found[name] for name in ("proxies", "verify", "cert")}


def _body(response: requests.Response) -> bytes:
    """Return a body, unpacked, and hold no more than is allowed of one that is too large."""
    body = io.BytesIO()  # does not copy what it gives back
    for piece in response.iter_content(_PIECE):
        body.write(piece)
        if body.tell() > LARGEST_ANSWER:
            message = f": its answer is over {LARGEST_ANSWER >> 20} MB"
            raise NoAnswerError(message)
    return body.getvalue()


def _is_late(error: requests.RequestException) -> bool:
    """Whether time ran out; within the body `requests` calls that a connection's error."""
    is_in_body = bool(error.args) and isinstance(error.args[0], ReadTimeoutError)
    return is_in_body or isinstance(error, exceptions.Timeout)


def _no_answer(error: requests.RequestException, way: str) -> NoAnswerError:
    reason = f": no whole answer from {way} ({type(error).__name__})"
    if isinstance(error, exceptions.SSLError):
        advice = (
            ". Its certificate is not trusted here: behind a company's proxy, point the "
            "environment variable REQUESTS_CA_BUNDLE to the proxy's certificates."
        )
        return NoAnswerError(reason + advice, is_transient=False)
    if isinstance(error, (exceptions.InvalidSchema, exceptions.InvalidURL)):
        advice = ". Check the setting api_url and the proxy's variables."
        return NoAnswerError(reason + advice, is_transient=False)
    if isinstance(error, exceptions.InvalidHeader):
        advice = ". Check the credentials and the setting user_agent."
        return NoAnswerError(reason + advice, is_transient=False)
    return NoAnswerError(reason)
