"""Two clients of an emulated account: in memory, and over HTTP."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from emulator.memory_transport import MemoryTransport
from emulator.service import TOKEN
from tap_hubspot_threads.hubspot.transport import NoResponseError, Request, Response

if TYPE_CHECKING:
    from emulator.server import Emulator
    from emulator.service import Service

HOST = "https://api.hubapi.com"
THREADS = "/conversations/v3/conversations/threads"
BEARER = {"authorization": f"Bearer {TOKEN}"}


class Client:
    """Sends requests in memory, like the tap."""

    def __init__(self, service: Service) -> None:
        self._transport = MemoryTransport(service)

    def get(self, path: str, **query: Any) -> Response:
        """Send a GET with a valid token. A list of values repeats the parameter."""
        target = f"{path}?{urlencode(query, doseq=True)}" if query else path
        return self._transport.send(Request("GET", HOST + target, BEARER), timeout=60)

    def json(self, path: str, **query: Any) -> dict[str, Any]:
        """Send a GET that must succeed; return the parsed body."""
        response = self.get(path, **query)
        assert response.status == 200, response
        body: dict[str, Any] = json.loads(response.body)
        return body

    def post(self, path: str, body: object) -> Response:
        """Send a POST with a valid token."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._transport.send(Request("POST", HOST + path, BEARER, sent), timeout=60)

    def pages(self, path: str = THREADS, **query: Any) -> list[list[dict[str, Any]]]:
        """Return all pages of a list. Each cursor is decoded once."""
        pages: list[list[dict[str, Any]]] = []
        while len(pages) < 1_000:
            body = self.json(path, **query)
            pages.append(body["results"])
            if "paging" not in body:
                return pages
            query["after"] = decode(body["paging"]["next"]["after"])
        message = "the listing has no end"
        raise AssertionError(message)

    def rows(self, path: str = THREADS, **query: Any) -> list[dict[str, Any]]:
        """Return the rows of all pages."""
        return [row for page in self.pages(path, **query) for row in page]

    def ids(self, **query: Any) -> list[int]:
        """Return the IDs of all rows of the threads."""
        return [int(row["id"]) for row in self.rows(**query)]


def decode(cursor: str) -> str:
    """Decode a cursor if it is percent-encoded."""
    return cursor.replace("%3D", "=").replace("%3d", "=")


def over_http(emulator: Emulator, request: Request, *, timeout: float) -> Response:
    """Send a request over HTTP with the standard library's client."""
    url = urlsplit(emulator.url)
    connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=timeout)
    target = request.url.removeprefix(HOST)
    try:
        connection.request(request.method, target, request.body, dict(request.headers))
        response = connection.getresponse()
        headers = dict(response.getheaders())
        return Response(response.status, headers, response.read())
    except (OSError, http.client.HTTPException) as error:
        raise NoResponseError(type(error).__name__) from error
    finally:
        connection.close()
