"""An adapter of `requests` whose answers have a deadline, and not only each read of them.

A socket's timeout starts anew with each byte that comes, so an answer that drips would never end.
Here the timeout is set before each read to what is left of the answer's. That takes no thread that
watches, and works for headers and body, through TLS and for what a proxy says before it.
"""

from __future__ import annotations

import http.client
import io
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from typing_extensions import override
from urllib3 import Timeout

if TYPE_CHECKING:
    import socket

    import requests
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
