"""Before it trusts a 404, the client proves that `api_url` leads to the Conversations API."""

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
from tap_hubspot_threads.hubspot.status_codes import Endpoint
from tests.hubspot.fakes import CONNECTION, ClientSetup, refusal, response

if TYPE_CHECKING:
    from tap_hubspot_threads.hubspot.client import ApiResponse, Client
    from tap_hubspot_threads.hubspot.transport import Response

THREAD = Endpoint("GET", "/threads/{threadId}", can_be_not_found=True)
PAGE = response(body={"results": []})
HTML = response(404, "<html>")
OWN = response(404, "<html>", X_HubSpot_Correlation_Id="c-0", X_HubSpot_NotFound="true")


def conversations(*responses: Response | Exception) -> tuple[ClientSetup, Client]:
    """Return a client with these responses."""
    setup = ClientSetup(*responses, connection=replace(CONNECTION, conversations_path="/v3"))
    return setup, setup.client


def get_thread(api: Client) -> ApiResponse:
    """Request a thread."""
    return api.request(THREAD, "/threads/17", accept=lambda _: True)


def paths(setup: ClientSetup) -> list[str]:
    """Return the paths and queries of the requests."""
    return [request.url.removeprefix("https://api.example.com") for request in setup.transport.sent]


def test_own_404_needs_proof() -> None:
    """Before any 200, HubSpot's own 404 needs one extra call as proof."""
    setup, api = conversations(OWN, PAGE, OWN)
    for _ in range(2):
        with pytest.raises(NotFoundError):
            get_thread(api)
    assert paths(setup) == ["/v3/threads/17", "/v3/threads?limit=1", "/v3/threads/17"]


def test_refusal_needs_proof() -> None:
    """A refusal of one thread needs the same proof."""
    setup, api = conversations(refusal(403, category="FORBIDDEN"), PAGE)
    with pytest.raises(RefusedError):
        get_thread(api)
    assert len(setup.transport.sent) == 2


@pytest.mark.parametrize("probe", [OWN, HTML, refusal(404)])
@pytest.mark.parametrize("answer", [OWN, HTML, refusal(404)])
def test_wrong_address(answer: Response, probe: Response) -> None:
    """If the list of threads is not found either, the address is wrong, whatever the 404's form."""
    _, api = conversations(answer, probe)
    with pytest.raises(WrongAddressError):
        get_thread(api)


def test_gateways_404_is_retried() -> None:
    """A gateway's 404 gets three attempts once the API has answered."""
    setup, api = conversations(HTML, PAGE, *[HTML] * 2)
    with pytest.raises(TransientError, match="after 3 attempts"):
        get_thread(api)
    assert setup.transport.responses == []


def test_everything_is_refused() -> None:
    """If the list of threads is refused too, the sync ends."""
    _, api = conversations(refusal(403, category="X"), refusal(403, category="X"))
    with pytest.raises(HubSpotError) as raised:
        get_thread(api)
    assert not isinstance(raised.value, RefusedError)


def test_concurrent_404s_share_one_proof() -> None:
    """Concurrent 404s share one proof."""
    barrier = threading.Barrier(3)
    setup, api = conversations()

    class Transport:
        """Returns a 404 to all three requests at the same time."""

        probes = 0

        def send(self, request: object, *, timeout: float) -> Response:  # noqa: ARG002
            """Implement `Transport`."""
            if "limit=1" in str(request):
                self.probes += 1
                return PAGE
            barrier.wait(10)
            return OWN

    transport = Transport()
    setup.client._transport = transport  # type: ignore[assignment] # noqa: SLF001
    errors: list[Exception] = []

    def run() -> None:
        try:
            get_thread(api)
        except HubSpotError as error:
            errors.append(error)

    workers = [threading.Thread(target=run, daemon=True) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(10)
    assert [type(error) for error in errors] == [NotFoundError] * 3
    assert transport.probes == 1
