"""The same account without a wire: no thread, no socket, and nobody waits."""

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
    """Answers as the service would over HTTP, whatever the host of the URL.

    Args:
        service: The account behind its API; no server needs to run, and one may.
        pass_time: Called with the seconds that an answer takes, before it is made: the moment to
            put a clock forward. Never more than the request's timeout.
    """

    def __init__(
        self, service: Service, *, pass_time: Callable[[float], None] | None = None
    ) -> None:
        self._service = service
        self._pass_time = pass_time

    def send(self, request: Request, *, timeout: float) -> Response:
        """Return the response; raise NoResponseError if a client would not get a complete one."""
        taken = 0.0

        def wait(seconds: float) -> None:
            nonlocal taken
            taken = seconds
            if self._pass_time and seconds:
                self._pass_time(min(seconds, timeout))

        outcome = self._service.handle(_call(request), wait)
        reason = "ReadTimeout" if taken >= timeout else _what_broke(outcome)
        if reason:
            message = f": no complete response from memory ({reason})"
            raise NoResponseError(message)
        return Response(outcome.status, Headers(outcome.headers), outcome.body)

    def close(self) -> None:
        """Do nothing: nothing is open."""


class Headers(Mapping[str, str]):
    """Headers of an answer, looked up whatever the case of a name; listed as they came."""

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


def _what_broke(outcome: Outcome) -> str | None:
    """Name what a client would make of it, as `requests` does."""
    if outcome.is_dropped:
        return "ConnectionError"
    if outcome.is_cut:
        return "ChunkedEncodingError"
    # No body here is compressed, so what says that it is cannot be unpacked.
    return "ContentDecodingError" if "Content-Encoding" in outcome.headers else None
