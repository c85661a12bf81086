"""Sends HTTP requests: connections, proxies, certificates, time limit and size limit.

Requests are sent by `requests.adapters.HTTPAdapter`, not by `requests.Session`. Workers can share
an adapter, and an adapter takes less CPU time than a session. A session would add redirects and
cookies, which the API does not need.
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
    """Applies the timeout to the whole response instead of to each socket read.

    Connecting has several steps: the connection to each IP address, the proxy's response and the
    TLS handshake. Each step may take the full timeout. The response must then arrive within the
    timeout minus the time that all steps took.
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
        total: Any = Timeout(total=timeout)  # requests accepts this type, but does not declare it
        return super().send(request, stream, total, *args, **kwargs)


class _Response(http.client.HTTPResponse):
    """A response that must be complete within the timeout of its socket.

    The timeout counts from the creation of this object.
    """

    def __init__(self, sock: socket.socket, debuglevel: int = 0, method: str | None = None) -> None:
        super().__init__(sock, debuglevel, method)
        self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock))


class _TimedReader(io.RawIOBase):
    """Reads from a socket, and raises `TimeoutError` after a deadline.

    Args:
        file: The socket's file.
        sock: The socket. The socket's timeout at construction sets the deadline.
    """

    def __init__(self, file: io.RawIOBase, sock: socket.socket) -> None:
        self._file, self._sock = file, sock
        self._deadline = time.monotonic() + (sock.gettimeout() or float("inf"))

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer) -> int | None:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        self._sock.settimeout(remaining)
        return self._file.readinto(buffer)

    @override
    def close(self) -> None:
        self._file.close()
        super().close()


def _set_deadlines(manager: PoolManager) -> None:
    """Make all future connections of a pool manager use `_Response`."""
    pools = manager.pool_classes_by_scheme.items()
    manager.pool_classes_by_scheme = {scheme: _with_deadline(pool) for scheme, pool in pools}


@cache
def _with_deadline(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    """Return a pool class like `pool`, but with connections that use `_Response`.

    If the connections of `pool` already use `_Response`, return `pool` itself.
    """
    connection: Any = pool.ConnectionCls
    if connection.response_class is _Response:
        return pool
    timed = type(connection.__name__, (connection,), {"response_class": _Response})
    return type(pool.__name__, (pool,), {"ConnectionCls": timed})


MAX_RESPONSE_BYTES = 64 * 2**20
"""Maximum bytes of a body after decompression. A larger body is an error (`NoResponseError`). For
comparison: the largest thread in `tests/payloads/` has 502 bytes, so 500 such threads have about
250 kB."""
_CHUNK_BYTES = 64 * 2**10
"""Bytes to read or decompress at once."""


@dataclass(frozen=True)
class Request:
    """A request, ready to be sent."""

    method: str
    url: str
    """The absolute URL."""
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True)
class Response:
    """A complete response with any status."""

    status: int
    headers: Mapping[str, str]
    """The headers. Their names are case-insensitive."""
    body: bytes


class NoResponseError(Exception):
    """No complete response was received.

    Args:
        reason: The end of the message, such as `: timeout`. The caller puts the endpoint first.
        is_transient: Whether a retry may help.
    """

    def __init__(self, reason: str, *, is_transient: bool = True) -> None:
        super().__init__(reason)
        self.is_transient = is_transient


@dataclass(frozen=True)
class Connection:
    """The parameters that all requests share."""

    api_url: str
    """The base URL."""
    conversations_path: str
    """The path of the Conversations API, with its version, relative to `api_url`."""
    user_agent: str
    timeout: float
    """Seconds for the whole response."""
    max_concurrency: int
    """Maximum concurrent requests."""


class Transport(Protocol):
    """Sends requests to one API host. Thread-safe."""

    def send(self, request: Request, *, timeout: float) -> Response:
        """Send a request; return the response.

        Args:
            request: A request to this host.
            timeout: Seconds for each step of connecting, and for the whole response.

        Raises:
            NoResponseError: if the request cannot be sent, if no complete response arrives in time,
                or if the body is larger than `MAX_RESPONSE_BYTES`.
        """

    def close(self) -> None:
        """Close the connections that no request uses."""


class HttpTransport:
    """Sends HTTP requests with the proxies and certificates that the environment configures.

    Args:
        api_url: The base URL.
        connections: Maximum connections to keep open.
    """

    def __init__(self, api_url: str, *, connections: int) -> None:
        self._api_url = api_url
        self._adapter = DeadlineAdapter(pool_maxsize=connections)

    def send(self, request: Request, *, timeout: float) -> Response:
        """Implement `Transport`."""
        prepared = self._template.copy()
        prepared.method, prepared.url = request.method, request.url
        prepared.headers.update(request.headers)
        if request.body is not None:
            prepared.prepare_body(request.body, None)
        try:
            sent = self._adapter.send(prepared, timeout=timeout, **self._environment)
            with sent as response:  # closes the connection of an incompletely read response
                return Response(response.status_code, response.headers, _body(response))
        except requests.RequestException as error:
            if _is_timeout(error):
                reason = f": no complete response from {self._route} within {timeout:g} s"
                raise NoResponseError(reason) from error
            raise _no_response(error, self._route) from error
        except (TypeError, ValueError) as error:  # such as for an invalid header value
            reason = (
                f": the request could not be sent ({type(error).__name__}). Check api_url, "
                "user_agent, the credentials and the proxy environment variables."
            )
            raise NoResponseError(reason, is_transient=False) from None
        except OSError as error:  # such as a missing CA certificate file
            reason = f": the request could not be sent: {error}"
            raise NoResponseError(reason, is_transient=False) from error

    def close(self) -> None:
        """Implement `Transport`."""
        self._adapter.close()

    @cached_property
    def _route(self) -> str:
        """The API's URL and the proxy, as text for messages, without the proxy's credentials."""
        proxy = select_proxy(self._api_url, self._environment["proxies"])
        if not proxy:
            return self._api_url
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        return f"{self._api_url} through the proxy {parts.netloc.rpartition('@')[2]} (HTTPS_PROXY)"

    @cached_property
    def _template(self) -> requests.PreparedRequest:
        """A prepared request for `send` to copy. A copy takes less time than a new preparation."""
        return requests.Request("GET", self._api_url).prepare()

    @cached_property
    def _environment(self) -> dict[str, Any]:
        """The proxies and certificates that the environment configures for `api_url`."""
        session = requests.Session()
        found = session.merge_environment_settings(self._api_url, {}, None, None, None)
        if self._api_url.startswith("http:"):
            # With plain HTTP, a proxy could read the token. The settings allow plain HTTP for
            # localhost only, where no proxy is needed.
            found["proxies"] = {}
        return {name: found[name] for name in ("proxies", "verify", "cert")}


def _body(response: requests.Response) -> bytes:
    """Return the decompressed body.

    Raises:
        NoResponseError: as soon as the body is larger than `MAX_RESPONSE_BYTES`.
    """
    body = io.BytesIO()  # takes less memory than a list of chunks and their joined copy
    for chunk in response.iter_content(_CHUNK_BYTES):
        body.write(chunk)
        if body.tell() > MAX_RESPONSE_BYTES:
            message = f": the response is larger than {MAX_RESPONSE_BYTES >> 20} MB"
            raise NoResponseError(message)
    return body.getvalue()


def _is_timeout(error: requests.RequestException) -> bool:
    """Whether an error is a timeout.

    For a timeout while the body is read, `requests` raises a `ConnectionError` that contains a
    `ReadTimeoutError`.
    """
    is_in_body = bool(error.args) and isinstance(error.args[0], ReadTimeoutError)
    return is_in_body or isinstance(error, exceptions.Timeout)


def _no_response(error: requests.RequestException, route: str) -> NoResponseError:
    reason = f": no complete response from {route} ({type(error).__name__})"
    if isinstance(error, exceptions.SSLError):
        advice = (
            ". The server's certificate is not trusted. If a proxy inspects TLS, set the "
            "environment variable REQUESTS_CA_BUNDLE to a file with the proxy's CA certificate."
        )
        return NoResponseError(reason + advice, is_transient=False)
    if isinstance(error, (exceptions.InvalidSchema, exceptions.InvalidURL)):
        advice = ". Check the setting api_url and the proxy environment variables."
        return NoResponseError(reason + advice, is_transient=False)
    if isinstance(error, exceptions.InvalidHeader):
        advice = ". Check the credentials and the setting user_agent."
        return NoResponseError(reason + advice, is_transient=False)
    return NoResponseError(reason)
