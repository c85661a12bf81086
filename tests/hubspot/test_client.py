"""One request, until it is answered: what is sent, what is sent again, what is counted."""

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
from tap_hubspot_threads.hubspot.auth import AccessToken
from tap_hubspot_threads.hubspot.responses import Endpoint
from tap_hubspot_threads.hubspot.retry import NO_RETRY, QUICK
from tap_hubspot_threads.hubspot.transport import NoResponseError
from tests.hubspot.fakes import CONNECTION, SECRET, FakeTransport, World, refusal, response

if TYPE_CHECKING:
    from tap_hubspot_threads.hubspot.client import ApiResponse
    from tap_hubspot_threads.hubspot.transport import Request, Response

THING = Endpoint("GET", "/things/{thingId}", can_be_not_found=True)
DATE = "Fri, 20 Nov 2026 12:00:00 GMT"


def ask(world: World, **options: Any) -> ApiResponse:
    """Ask for a thing."""
    options.setdefault("accept", lambda _: True)
    return world.client.request(options.pop("endpoint", THING), "/v3/things/17", **options)


def test_what_is_sent() -> None:
    """A request goes to the path below the base URL, with the token and who asks."""
    world = World(response())
    ask(world)
    (request,) = world.transport.sent
    assert (request.method, request.url) == ("GET", "https://api.example.com/v3/things/17")
    assert request.headers == {"Authorization": f"Bearer {SECRET}", "User-Agent": "tests/1.0"}
    assert request.body is None


def test_query() -> None:
    """Parameters go into the query, a list as many; what is None is left out."""
    world = World(response())
    ask(world, params={"a": ["x y", "z"], "b": None, "c": "%"})
    assert world.transport.sent[0].url.endswith("?a=x+y&a=z&c=%25")


def test_post() -> None:
    """What is to be sent goes as JSON, by the endpoint's method, whatever the path."""
    world = World(response())
    ask(world, endpoint=Endpoint("POST", "/things/read"), json_body={"inputs": ["A-1"]})
    (request,) = world.transport.sent
    assert (request.method, json.loads(request.body or b"")) == ("POST", {"inputs": ["A-1"]})
    assert request.headers["Content-Type"] == "application/json"


def test_answer() -> None:
    """An answer is its JSON object, and HubSpot's clock in a cleaned time."""
    with time_machine.travel("2026-11-20T12:00:05Z", tick=False):
        answer = ask(World(response(body={"id": "17"}, Date=DATE)))
    assert (answer.body, answer.now) == ({"id": "17"}, "2026-11-20T12:00:00.000Z")
    assert answer.is_dated


def test_clock_of_an_answer_without_date() -> None:
    """Without a `Date` the clock is well behind the one here: HubSpot's may be."""
    with time_machine.travel("2026-11-20T12:00:00Z", tick=False):
        answer = ask(World(response()))
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
    ids=["503", "429", "no JSON", "no object", "empty", "no answer"],
)
def test_tried_again(failure: Response | Exception) -> None:
    """What trying again can mend is sent again, with a warning, after a wait."""
    world = World(failure, response(body={"id": "17"}))
    assert ask(world).body == {"id": "17"}
    assert len(world.transport.sent) == 2
    assert len(world.waits) >= 1
    assert len(world.warnings) == 1
    assert (world.client.request_count, world.client.retry_count) == (2, 1)


def test_other_answer() -> None:
    """An answer to something else is asked for again."""
    world = World(response(body={"id": "18"}), response(body={"id": "17"}))
    assert ask(world, accept=lambda body: body.get("id") == "17").body == {"id": "17"}


def test_given_up() -> None:
    """After so many tries the last failure is raised."""
    world = World(*[response(503)] * 4)
    with pytest.raises(TransientError, match=r"/things/\{thingId\}: 503.*after 4 attempts"):
        ask(world)
    assert world.transport.answers == []


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (refusal(400), RefusedError),
        (refusal(401), HubSpotError),
        (NoResponseError(": its certificate is not trusted", is_transient=False), HubSpotError),
    ],
    ids=["400", "401", "certificate"],
)
def test_sent_once(failure: Response | Exception, kind: type[HubSpotError]) -> None:
    """What trying again cannot mend is not sent again."""
    world = World(failure)
    with pytest.raises(kind) as raised:
        ask(world)
    assert not isinstance(raised.value, TransientError)
    assert world.client.request_count == 1


class TwoTokens(AccessToken):
    """Credentials with another token, once one is refused."""

    def invalidate(self, refused: str) -> bool:
        """Return whether it was the first one."""
        self.refused = refused
        self.token = "second"
        return refused == "first"


def test_refused_token_is_renewed_once() -> None:
    """A 401 to a token that can be renewed is sent again with the next one, without a wait."""
    world = World(refusal(401), response(body={"id": "17"}), credentials=TwoTokens("first"))
    assert ask(world).body == {"id": "17"}
    sent = [request.headers["Authorization"] for request in world.transport.sent]
    assert sent == ["Bearer first", "Bearer second"]
    assert world.waits == []


def test_second_refusal() -> None:
    """A 401 to the renewed token too is an error of the token's."""
    world = World(refusal(401), refusal(401), credentials=TwoTokens("first"))
    with pytest.raises(HubSpotError) as raised:
        ask(world)
    assert raised.value.is_auth_error


def test_429_makes_all_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a 429 the limit lets nothing leave, from any thread, for as long as HubSpot says."""
    world = World(response(429, Retry_After="7"), response())
    paused: list[float] = []
    monkeypatch.setattr(world.limit, "pause", paused.append)
    ask(world)
    assert paused == world.waits == [7]


def test_429_that_says_nothing() -> None:
    """After a 429 that does not say for how long, the limit's whole interval is waited out."""
    world = World(response(429), response())
    ask(world)
    assert sum(world.waits) == world.limit.interval


def test_503_makes_nobody_else_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another failure that passes by itself holds up its own request only."""
    world = World(response(503, Retry_After="7"), response())
    monkeypatch.setattr(world.limit, "pause", pytest.fail)
    ask(world)
    assert world.waits == [7]


def test_timeout() -> None:
    """A request waits for its answer as long as it is told to."""
    world = World(response(), connection=replace(CONNECTION, timeout=12.0))
    ask(world)
    assert world.transport.timeouts == [12]


def test_optional_request_costs_little() -> None:
    """What a sync can do without is tried twice, for a few seconds each."""
    world = World(*[response(500)] * 4)
    with pytest.raises(TransientError):
        ask(world, policy=QUICK)
    assert world.transport.timeouts == [10, 10]


@pytest.mark.parametrize("failure", [response(500), response(503, Retry_After="7")])
def test_once(failure: Response) -> None:
    """What is tried once is not waited for."""
    world = World(failure, response())
    with pytest.raises(TransientError):
        ask(world, policy=NO_RETRY)
    assert (len(world.transport.sent), world.waits) == (1, [])


def test_policy_is_never_longer_than_the_setting() -> None:
    """An answer is waited for no longer than the settings say, whatever it is worth."""
    world = World(response(), response(), connection=replace(CONNECTION, timeout=5.0))
    ask(world, policy=QUICK)
    ask(world, policy=NO_RETRY)
    assert world.transport.timeouts == [5, 5]


HTML = response(404, "<html>", X_HubSpot_Correlation_Id="c-0")


@pytest.mark.parametrize("answer", [HTML, refusal(404)], ids=["a gateway's", "HubSpot's"])
@pytest.mark.parametrize("first", [None, response(500), response(body="<html>")])
def test_404_before_anything_has_worked(answer: Response, first: Response | None) -> None:
    """A 404 before the API has answered with 200 is sent once, and then it has to be proved."""
    world = World(*filter(None, [first]), answer, answer)
    with pytest.raises(WrongAddressError):
        ask(world)
    assert not world.transport.answers


def test_account_proves_nothing() -> None:
    """An answer on the account is no proof that the Conversations API is at this address."""
    world = World(response(), HTML, HTML)
    ask(world, endpoint=Endpoint("GET", "/account", is_conversations=False))
    with pytest.raises(WrongAddressError):
        ask(world)


def test_530_before_anything_has_worked() -> None:
    """A 530 is given up after three attempts then, with advice on the token."""
    world = World(*[response(530)] * 3)
    with pytest.raises(HubSpotError, match="whole token") as raised:
        ask(world)
    assert not isinstance(raised.value, TransientError)
    assert raised.value.exit_code == 78


def test_strange_404_later() -> None:
    """Once anything has worked, such a 404 is tried three times, and then a failure of its own."""
    world = World(response(), *[HTML] * 3)
    ask(world)
    with pytest.raises(TransientError, match="after 3 attempts"):
        ask(world)
    assert world.transport.answers == []


def test_strange_404_that_passes() -> None:
    """Such a 404 may pass: what comes then is the answer."""
    world = World(response(), HTML, HTML, response(body={"id": "17"}))
    ask(world)
    assert ask(world).body == {"id": "17"}


def test_text_of_an_answer() -> None:
    """An answer is at hand as it came, too."""
    assert ask(World(response(body='{"id":  "17"}'))).raw == b'{"id":  "17"}'


def test_optional_request_waits_for_no_minutes() -> None:
    """What a sync can do without is not waited for, if HubSpot asks for minutes."""
    world = World(response(503, Retry_After="60"))
    with pytest.raises(HubSpotError):
        ask(world, policy=QUICK)
    assert world.waits == []


class Held(FakeTransport):
    """Answers only when it is let go; counts who has come."""

    def __init__(self) -> None:
        super().__init__()
        self.come, self.go = threading.Semaphore(0), threading.Event()

    def send(self, request: Request, *, timeout: float) -> Response:  # noqa: ARG002 - as its base
        """As `Transport` says."""
        self.come.release()
        assert self.go.wait(10)
        return response()


@pytest.mark.parametrize("most", [1, 3])
def test_in_flight(most: int) -> None:
    """As many requests as are allowed are under way at once, and the next one waits for them."""
    transport = Held()
    world = World(transport=transport, connection=replace(CONNECTION, max_concurrency=most))
    threads = [threading.Thread(target=ask, args=(world,), daemon=True) for _ in range(most + 1)]
    for thread in threads:
        thread.start()
    assert all(transport.come.acquire(timeout=10) for _ in range(most))
    assert not transport.come.acquire(timeout=0.05)
    transport.go.set()
    assert transport.come.acquire(timeout=10)
    for thread in threads:
        thread.join(10)
    assert world.client.request_count == most + 1
