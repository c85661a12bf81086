"""What proves that the Conversations API is at an address, before a 404 is believed."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tap_hubspot_threads.errors import (
    HubSpotError,
    NotFoundError,
    RefusedError,
    TransientError,
    WrongAddressError,
)
from tap_hubspot_threads.hubspot.responses import Endpoint
from tests.hubspot.fakes import CONNECTION, World, refusal, response

if TYPE_CHECKING:
    from tap_hubspot_threads.hubspot.client import ApiResponse, Client
    from tap_hubspot_threads.hubspot.transport import Response

THREAD = Endpoint("GET", "/threads/{threadId}", can_be_not_found=True)
PAGE = response(body={"results": []})
HTML = response(404, "<html>")
OWN = response(404, "<html>", X_HubSpot_Correlation_Id="c-0", X_HubSpot_NotFound="true")


def conversations(*answers: Response | Exception) -> tuple[World, Client]:
    """Make an API of such answers."""
    world = World(*answers, connection=replace(CONNECTION, conversations_path="/v3"))
    return world, world.client


def ask(api: Client) -> ApiResponse:
    """Ask for a thread."""
    return api.request(THREAD, "/threads/17", accept=lambda _: True)


def paths(world: World) -> list[str]:
    """Return what was asked."""
    return [request.url.removeprefix("https://api.example.com") for request in world.transport.sent]


def test_own_404_is_proved_by_one_page() -> None:
    """Before any 200, HubSpot's own 404 costs one call more; then it is believed."""
    world, api = conversations(OWN, PAGE, OWN)
    for _ in range(2):
        with pytest.raises(NotFoundError):
            ask(api)
    assert paths(world) == ["/v3/threads/17", "/v3/threads?limit=1", "/v3/threads/17"]


def test_refusal_is_proved_too() -> None:
    """A refusal of one thread is believed once the API has answered."""
    world, api = conversations(refusal(403, category="FORBIDDEN"), PAGE)
    with pytest.raises(RefusedError):
        ask(api)
    assert len(world.transport.sent) == 2


@pytest.mark.parametrize("probe", [OWN, HTML, refusal(404)])
@pytest.mark.parametrize("answer", [OWN, HTML, refusal(404)])
def test_wrong_address(answer: Response, probe: Response) -> None:
    """If the list of threads is a 404 too, the address is wrong, whatever form they have."""
    _, api = conversations(answer, probe)
    with pytest.raises(WrongAddressError):
        ask(api)


def test_gateways_404_is_asked_again() -> None:
    """A gateway's 404 is retried once the API has answered: three attempts in all."""
    world, api = conversations(HTML, PAGE, *[HTML] * 2)
    with pytest.raises(TransientError, match="after 3 attempts"):
        ask(api)
    assert world.transport.answers == []


def test_everything_is_refused() -> None:
    """If the list of threads is refused as well, the sync ends."""
    _, api = conversations(refusal(403, category="X"), refusal(403, category="X"))
    with pytest.raises(HubSpotError) as raised:
        ask(api)
    assert not isinstance(raised.value, RefusedError)


def test_one_proof_for_all_threads() -> None:
    """Threads that meet a 404 at the same time share one proof."""
    barrier = threading.Barrier(3)
    world, api = conversations()

    class Transport:
        """Gives all three their 404 at the same time."""

        asked = 0

        def send(self, request: object, *, timeout: float) -> Response:  # noqa: ARG002
            """As `Transport` says."""
            if "limit=1" in str(request):
                self.asked += 1
                return PAGE
            barrier.wait(10)
            return OWN

    transport = Transport()
    world.client._transport = transport  # type: ignore[assignment] # noqa: SLF001
    errors: list[Exception] = []

    def run() -> None:
        try:
            ask(api)
        except HubSpotError as error:
            errors.append(error)

    workers = [threading.Thread(target=run, daemon=True) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(10)
    assert [type(error) for error in errors] == [NotFoundError] * 3
    assert transport.asked == 1
