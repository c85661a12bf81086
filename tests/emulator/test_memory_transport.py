"""The in-memory transport responds exactly like the server over HTTP."""

from __future__ import annotations

import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from emulator.data.account import Account
from emulator.faults import Fault
from emulator.limits import RollingLimit
from emulator.memory_transport import MemoryTransport
from emulator.oauth import CLIENT_ID, CLIENT_SECRET, PATH, REFRESH_TOKEN
from emulator.server import Emulator
from emulator.service import Service
from tap_hubspot_threads.hubspot.transport import NoResponseError, Request, Response
from tests.emulator.clients import BEARER, HOST, THREADS, over_http

if TYPE_CHECKING:
    from tap_hubspot_threads.hubspot.transport import Transport

NOON = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
FORM = {"content-type": "application/x-www-form-urlencoded"}
FIRST = next(iter(Account.sample(9).threads))


def get(target: str, headers: dict[str, str] | None = None) -> Request:
    """Return a GET request, with a valid token unless other headers are given."""
    return Request("GET", HOST + target, BEARER if headers is None else headers)


REQUESTS = (
    get(f"{THREADS}?limit=4"),
    get(f"{THREADS}?limit=500&archived=true&association=TICKET&property=x"),
    get(f"{THREADS}?sort=latestMessageTimestamp"),
    get(f"{THREADS}?after=nonsense"),
    get(f"{THREADS}/{FIRST}"),
    get(f"{THREADS}/{FIRST}?archived=true"),
    get(f"{THREADS}/nonsense"),
    get("/no/such/route"),
    get(THREADS, {}),
    get(THREADS, {"AUTHORIZATION": "Bearer nonsense"}),
    Request("POST", HOST + THREADS, BEARER, b"{}"),
    Request("DELETE", f"{HOST}{THREADS}/{FIRST}", BEARER),
    Request("POST", HOST + PATH, FORM, b"grant_type=nonsense"),
    Request(
        "POST",
        HOST + PATH,
        FORM,
        f"grant_type=refresh_token&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}"
        f"&refresh_token={REFRESH_TOKEN}".encode(),
    ),
    get(f"{THREADS}/{FIRST}", {"Authorization": "Bearer emulated-token-1"}),
)


def account() -> Account:
    """Return a small account with a fixed clock."""
    return Account(list(Account.sample(9).threads.values()), clock=lambda: NOON)


def visible_parts(response: Response) -> tuple[int, dict[str, str], bytes]:
    """Return everything that a client can see of a response."""
    return response.status, dict(response.headers.items()), response.body


def test_same_as_over_http() -> None:
    """Each request gets the same response, to the last byte of a header."""
    transport = MemoryTransport(Service(account()))
    with Emulator(account()) as emulator:
        for request in REQUESTS:
            expected = visible_parts(over_http(emulator, request, timeout=5))
            assert visible_parts(transport.send(request, timeout=5)) == expected


def test_refusals_same_as_over_http() -> None:
    """A request beyond the rate limit or the scopes gets the same error response."""
    transport = MemoryTransport(Service(account(), limit=RollingLimit(1), scopes=()))
    with Emulator(account(), limit=RollingLimit(1), scopes=()) as emulator:
        for status in (403, 429):
            expected = over_http(emulator, REQUESTS[0], timeout=5)
            assert expected.status == status
            assert visible_parts(transport.send(REQUESTS[0], timeout=5)) == visible_parts(expected)


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503, "body": "down", "headers": {"Retry-After": "3"}},
        {"status": 404, "bare": True},
        {"status": 400, "body": '{"correlationId": ""}'},
        {"drop": True},
        {"reset": True},
        {"cut": True},
    ],
)
def test_faults_same_as_over_http(fault: dict[str, Any]) -> None:
    """A scripted fault has the same effect on a client, once; the next request succeeds."""
    transport = MemoryTransport(Service(account(), faults=[Fault(**fault)]))
    with Emulator(account(), faults=[Fault(**fault)]) as emulator:
        for _ in range(2):
            try:
                expected = visible_parts(over_http(emulator, REQUESTS[0], timeout=5))
            except NoResponseError:
                with pytest.raises(NoResponseError):
                    transport.send(REQUESTS[0], timeout=5)
            else:
                assert visible_parts(transport.send(REQUESTS[0], timeout=5)) == expected


def test_garbled_body() -> None:
    """A body that is not in its declared compression counts as an incomplete response."""
    transport = MemoryTransport(Service(account(), faults=[Fault(garble=True)]))
    with pytest.raises(NoResponseError) as caught:
        transport.send(REQUESTS[0], timeout=5)
    assert caught.value.is_transient


def test_delay() -> None:
    """A delay advances the clock instead of waiting; one as long as the timeout is a timeout."""
    passed: list[float] = []
    faults = [Fault(delay=5), Fault(delay=3)]
    service = Service(account(), latency=1, faults=faults)
    transport = MemoryTransport(service, pass_time=passed.append)
    with pytest.raises(NoResponseError):
        transport.send(REQUESTS[0], timeout=6)
    for _ in range(2):
        assert transport.send(REQUESTS[0], timeout=6).status == 200
    assert passed == [6, 4, 1]
    assert len(service.requests) == 3


def test_late_response() -> None:
    """A request whose response is too late still takes effect on the account."""
    service = Service(account(), latency=1)
    happened: list[str] = []
    service.before_answer = happened.append
    with pytest.raises(NoResponseError):
        MemoryTransport(service).send(REQUESTS[0], timeout=1)
    assert happened == [f"{THREADS}?limit=4"]


def test_headers() -> None:
    """Header names are case-insensitive."""
    headers = MemoryTransport(Service(account())).send(REQUESTS[0], timeout=5).headers
    assert headers["date"] == headers["DATE"] == "Fri, 20 Nov 2026 12:00:00 GMT"
    assert headers.get("x-hubspot-ratelimit-max") == "190"
    assert "retry-after" not in headers
    assert len(headers) == len(list(headers))


def test_no_server() -> None:
    """An emulator opens no port and starts no thread until it is entered or its URL is read."""
    before = threading.active_count()
    emulator = Emulator(account(), port=1)
    transport: Transport = MemoryTransport(emulator)
    assert transport.send(REQUESTS[0], timeout=5).status == 200
    transport.close()
    assert threading.active_count() == before


def test_change() -> None:
    """A change of a thread shows in the next response, although response texts are cached."""
    service = Service(account())
    transport = MemoryTransport(service)
    request = get(f"{THREADS}/{FIRST}")
    before = transport.send(request, timeout=5).body
    assert transport.send(request, timeout=5).body == before
    service.account.threads[FIRST].assigned_to = "L-77"
    assert transport.send(request, timeout=5).body != before
