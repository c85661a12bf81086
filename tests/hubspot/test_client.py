"""One request until its final response: what is sent, retried and counted."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from tap_hubspot_threads.errors import (
    HubSpotError,
    RefusedError,
    TransientError,
    WrongAddressError,
)
from tap_hubspot_threads.hubspot.auth import StaticCredentials
from tap_hubspot_threads.hubspot.retry import NO_RETRY, QUICK
from tap_hubspot_threads.hubspot.status_codes import Endpoint
from tap_hubspot_threads.hubspot.transport import NoResponseError
from tests.hubspot.fakes import CONNECTION, SECRET, ClientSetup, FakeTransport, refusal, response

if TYPE_CHECKING:
    from tap_hubspot_threads.hubspot.client import ApiResponse
    from tap_hubspot_threads.hubspot.transport import Request, Response

ITEM = Endpoint("GET", "/items/{itemId}", can_be_not_found=True)
DATE = "Fri, 20 Nov 2026 12:00:00 GMT"


def send(setup: ClientSetup, **options: Any) -> ApiResponse:
    """Request an item."""
    options.setdefault("accept", lambda _: True)
    return setup.client.request(options.pop("endpoint", ITEM), "/v3/items/17", **options)


def test_request() -> None:
    """A request has the path below the base URL, the token and the User-Agent."""
    setup = ClientSetup(response())
    send(setup)
    (request,) = setup.transport.sent
    assert (request.method, request.url) == ("GET", "https://api.example.com/v3/items/17")
    assert request.headers == {"Authorization": f"Bearer {SECRET}", "User-Agent": "tests/1.0"}
    assert request.body is None


def test_query() -> None:
    """Parameters are in the query, a list as repeated ones; None is omitted."""
    setup = ClientSetup(response())
    send(setup, params={"a": ["x y", "z"], "b": None, "c": "%"})
    assert setup.transport.sent[0].url.endswith("?a=x+y&a=z&c=%25")


def test_post() -> None:
    """A body is sent as JSON with the endpoint's method."""
    setup = ClientSetup(response())
    send(setup, endpoint=Endpoint("POST", "/items/read"), json_body={"inputs": ["A-1"]})
    (request,) = setup.transport.sent
    assert (request.method, json.loads(request.body or b"")) == ("POST", {"inputs": ["A-1"]})
    assert request.headers["Content-Type"] == "application/json"


def test_response() -> None:
    """A response has its JSON object and HubSpot's clock as a cleaned time."""
    with time_machine.travel("2026-11-20T12:00:05Z", tick=False):
        answer = send(ClientSetup(response(body={"id": "17"}, Date=DATE)))
    assert (answer.body, answer.now) == ({"id": "17"}, "2026-11-20T12:00:00.000Z")
    assert answer.is_dated


def test_clock_without_date() -> None:
    """Without a `Date`, HubSpot's clock is taken to be an hour behind the local clock."""
    with time_machine.travel("2026-11-20T12:00:00Z", tick=False):
        answer = send(ClientSetup(response()))
    assert (answer.now, answer.is_dated) == ("2026-11-20T11:00:00.000Z", False)


@pytest.mark.parametrize(
    "failure",
    [
        response(503),
        response(429),
        response(body="<html>"),
        response(body=[]),
        response(body=""),
        NoResponseError(": no complete response"),
    ],
    ids=["503", "429", "not JSON", "not an object", "empty", "no answer"],
)
def test_retried(failure: Response | Exception) -> None:
    """A transient failure is retried after a wait, with a warning."""
    setup = ClientSetup(failure, response(body={"id": "17"}))
    assert send(setup).body == {"id": "17"}
    assert len(setup.transport.sent) == 2
    assert len(setup.waits) >= 1
    assert len(setup.warnings) == 1
    assert (setup.client.request_count, setup.client.retry_count) == (2, 1)


def test_response_that_is_not_accepted() -> None:
    """A response that is not accepted is retried."""
    setup = ClientSetup(response(body={"id": "18"}), response(body={"id": "17"}))
    assert send(setup, accept=lambda body: body.get("id") == "17").body == {"id": "17"}


def test_attempts_are_used_up() -> None:
    """The last failure is raised when the attempts are used up."""
    setup = ClientSetup(*[response(503)] * 4)
    with pytest.raises(TransientError, match=r"/items/\{itemId\}: 503.*after 4 attempts"):
        send(setup)
    assert setup.transport.responses == []


@pytest.mark.parametrize(
    ("failure", "error_type"),
    [
        (refusal(400), RefusedError),
        (refusal(401), HubSpotError),
        (NoResponseError(": its certificate is not trusted", is_transient=False), HubSpotError),
    ],
    ids=["400", "401", "certificate"],
)
def test_permanent_error(failure: Response | Exception, error_type: type[HubSpotError]) -> None:
    """A permanent error is not retried."""
    setup = ClientSetup(failure)
    with pytest.raises(error_type) as raised:
        send(setup)
    assert not isinstance(raised.value, TransientError)
    assert setup.client.request_count == 1


class TwoTokens(StaticCredentials):
    """Credentials with a second token."""

    def invalidate(self, refused: str) -> bool:
        """Switch to the second token; return whether the first one was refused."""
        self.refused = refused
        self.token = "second"
        return refused == "first"


def test_refused_token_is_refreshed_once() -> None:
    """After a 401, the request is sent again with a refreshed token, without a wait."""
    setup = ClientSetup(refusal(401), response(body={"id": "17"}), credentials=TwoTokens("first"))
    assert send(setup).body == {"id": "17"}
    sent = [request.headers["Authorization"] for request in setup.transport.sent]
    assert sent == ["Bearer first", "Bearer second"]
    assert setup.waits == []


def test_refreshed_token_is_refused() -> None:
    """A 401 for the refreshed token too is an authentication error."""
    setup = ClientSetup(refusal(401), refusal(401), credentials=TwoTokens("first"))
    with pytest.raises(HubSpotError) as raised:
        send(setup)
    assert raised.value.is_auth_error


def test_429_pauses_every_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a 429, the rate limit pauses every worker for the requested time."""
    setup = ClientSetup(response(429, Retry_After="7"), response())
    paused: list[float] = []
    monkeypatch.setattr(setup.limit, "pause", paused.append)
    send(setup)
    assert paused == setup.waits == [7]


def test_429_without_retry_after() -> None:
    """After a 429 without `Retry-After`, the wait is the whole interval of the rate limit."""
    setup = ClientSetup(response(429), response())
    send(setup)
    assert sum(setup.waits) == setup.limit.interval


def test_503_delays_one_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any other transient error delays only its own request."""
    setup = ClientSetup(response(503, Retry_After="7"), response())
    monkeypatch.setattr(setup.limit, "pause", pytest.fail)
    send(setup)
    assert setup.waits == [7]


def test_timeout() -> None:
    """The configured timeout applies to each request."""
    setup = ClientSetup(response(), connection=replace(CONNECTION, timeout=12.0))
    send(setup)
    assert setup.transport.timeouts == [12]


def test_optional_request() -> None:
    """An optional request gets two attempts of 10 seconds."""
    setup = ClientSetup(*[response(500)] * 4)
    with pytest.raises(TransientError):
        send(setup, policy=QUICK)
    assert setup.transport.timeouts == [10, 10]


@pytest.mark.parametrize("failure", [response(500), response(503, Retry_After="7")])
def test_no_retry(failure: Response) -> None:
    """A request without retries does not wait."""
    setup = ClientSetup(failure, response())
    with pytest.raises(TransientError):
        send(setup, policy=NO_RETRY)
    assert (len(setup.transport.sent), setup.waits) == (1, [])


def test_policy_is_never_longer_than_the_setting() -> None:
    """A policy's timeout does not exceed the configured one."""
    setup = ClientSetup(response(), response(), connection=replace(CONNECTION, timeout=5.0))
    send(setup, policy=QUICK)
    send(setup, policy=NO_RETRY)
    assert setup.transport.timeouts == [5, 5]


HTML = response(404, "<html>", X_HubSpot_Correlation_Id="c-0")


@pytest.mark.parametrize("answer", [HTML, refusal(404)], ids=["gateway's", "HubSpot's own"])
@pytest.mark.parametrize("first", [None, response(500), response(body="<html>")])
def test_404_before_any_success(answer: Response, first: Response | None) -> None:
    """A 404 before any 200, also from the probe that follows it, means a wrong address."""
    setup = ClientSetup(*filter(None, [first]), answer, answer)
    with pytest.raises(WrongAddressError):
        send(setup)
    assert not setup.transport.responses


def test_account_details_are_no_proof() -> None:
    """A response for the account's details does not prove the address of the Conversations API."""
    setup = ClientSetup(response(), HTML, HTML)
    send(setup, endpoint=Endpoint("GET", "/account", is_conversations=False))
    with pytest.raises(WrongAddressError):
        send(setup)


def test_530_before_any_success() -> None:
    """Before any success, a 530 ends after three attempts, with advice on the token."""
    setup = ClientSetup(*[response(530)] * 3)
    with pytest.raises(HubSpotError, match="whole token") as raised:
        send(setup)
    assert not isinstance(raised.value, TransientError)
    assert raised.value.exit_code == 78


def test_foreign_404_after_a_success() -> None:
    """After a success, a foreign 404 gets three attempts and then fails its own request."""
    setup = ClientSetup(response(), *[HTML] * 3)
    send(setup)
    with pytest.raises(TransientError, match="after 3 attempts"):
        send(setup)
    assert setup.transport.responses == []


def test_transient_foreign_404() -> None:
    """A foreign 404 may be transient: a later success counts."""
    setup = ClientSetup(response(), HTML, HTML, response(body={"id": "17"}))
    send(setup)
    assert send(setup).body == {"id": "17"}


def test_text_of_a_response() -> None:
    """A response also has its original text."""
    assert send(ClientSetup(response(body='{"id":  "17"}'))).raw == b'{"id":  "17"}'


def test_optional_request_and_a_long_wait() -> None:
    """An optional request is given up if HubSpot asks to wait for a minute."""
    setup = ClientSetup(response(503, Retry_After="60"))
    with pytest.raises(HubSpotError):
        send(setup, policy=QUICK)
    assert setup.waits == []


class HeldTransport(FakeTransport):
    """A transport that holds all requests until it is released, and counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived, self.released = threading.Semaphore(0), threading.Event()

    def send(self, request: Request, *, timeout: float) -> Response:  # noqa: ARG002 - as its base
        """Implement `Transport`."""
        self.arrived.release()
        assert self.released.wait(10)
        return response()


@pytest.mark.parametrize("maximum", [1, 3])
def test_in_flight(maximum: int) -> None:
    """At most `max_concurrency` requests are in flight; the next one waits."""
    transport = HeldTransport()
    setup = ClientSetup(
        transport=transport, connection=replace(CONNECTION, max_concurrency=maximum)
    )
    threads = [
        threading.Thread(target=send, args=(setup,), daemon=True) for _ in range(maximum + 1)
    ]
    for thread in threads:
        thread.start()
    assert all(transport.arrived.acquire(timeout=10) for _ in range(maximum))
    assert not transport.arrived.acquire(timeout=0.05)
    transport.released.set()
    assert transport.arrived.acquire(timeout=10)
    for thread in threads:
        thread.join(10)
    assert setup.client.request_count == maximum + 1
