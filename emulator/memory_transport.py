"""Calls the emulated API in memory: no thread, no socket, no waiting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from typing_extensions import override

from emulator.service import Call
from tap_hubspot_threads.hubspot.transport import NoResponseError, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emulator.service import Outcome, Service
    from tap_hubspot_threads.hubspot.transport import Request


class MemoryTransport:
    """Returns the responses that the service would send over HTTP. Ignores the URL's host.

    Args:
        service: The emulated API. It needs no running server.
        pass_time: Called before each response with the seconds that the response takes, at most the
            request's timeout. Tests use it to advance a clock.
    """

    def __init__(
        self, service: Service, *, pass_time: Callable[[float], None] | None = None
    ) -> None:
        self._service = service
        self._pass_time = pass_time

    def send(self, request: Request, *, timeout: float) -> Response:
        """Return the response.

        Raises:
            NoResponseError: if an HTTP client would not receive a complete response.
        """
        duration = 0.0

        def wait(seconds: float) -> None:
            nonlocal duration
            duration = seconds
            if self._pass_time and seconds:
                self._pass_time(min(seconds, timeout))

        outcome = self._service.handle(_call(request), wait)
        reason = "ReadTimeout" if duration >= timeout else _error_name(outcome)
        if reason:
            message = f": no complete response from memory ({reason})"
            raise NoResponseError(message)
        return Response(outcome.status, Headers(outcome.headers), outcome.body)

    def close(self) -> None:
        """Do nothing: no connection is open."""


class Headers(Mapping[str, str]):
    """Response headers. Lookup ignores case; iteration keeps the original case and order."""

    def __init__(self, headers: dict[str, str]) -> None:
        self._headers = headers
        self._values = {name.lower(): value for name, value in headers.items()}

    @override
    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._headers)

    @override
    def __len__(self) -> int:
        return len(self._headers)


def _call(request: Request) -> Call:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Call(
        request.method,
        "/" + request.url.partition("://")[2].partition("/")[2],
        headers.get("authorization", ""),
        headers.get("content-type", ""),
        request.body or b"",
    )


def _error_name(outcome: Outcome) -> str | None:
    """Return the name of the error that `requests` would raise, if any."""
    if outcome.is_dropped:
        return "ConnectionError"
    if outcome.is_cut:
        return "ChunkedEncodingError"
    # The emulator compresses no body, so a body that is declared as compressed cannot be decoded.
    return "ContentDecodingError" if "Content-Encoding" in outcome.headers else None
