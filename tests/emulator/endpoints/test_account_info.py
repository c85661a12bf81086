"""The endpoint that returns the account's ID."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from emulator.data.account import Account
from emulator.limits import RollingLimit
from emulator.memory_transport import MemoryTransport
from emulator.service import Service
from tap_hubspot_threads.hubspot.transport import NoResponseError, Request
from tests.emulator.clients import BEARER, HOST, Client

if TYPE_CHECKING:
    from tests.emulator.conftest import World

PATHS = ("/account-info/v3/details", "/account-info/2026-09/details")


@pytest.mark.parametrize("path", PATHS)
def test_details(path: str) -> None:
    """Both versions of the path return every field that HubSpot's schema requires."""
    assert Client(Service(Account([]))).json(path) == {
        "portalId": 62515,
        "accountType": "STANDARD",
        "timeZone": "US/Eastern",
        "companyCurrency": "USD",
        "additionalCurrencies": [],
        "utcOffset": "-05:00",
        "utcOffsetMilliseconds": -18_000_000,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    }


def test_another_account() -> None:
    """The account's ID and UTC offset can be set."""
    account = Account([])
    account.portal_id, account.utc_offset_ms = 7, 20_700_000
    details = Client(Service(account)).json(PATHS[0])
    assert (details["portalId"], details["utcOffset"]) == (7, "+05:45")


def test_scopes() -> None:
    """The endpoint needs a token but no scope, and counts against the rate limit."""
    service = Service(Account([]), scopes=(), limit=RollingLimit(2))
    assert Client(service).get(PATHS[0]).status == 200
    response = MemoryTransport(service).send(Request("GET", HOST + PATHS[0], {}), timeout=5)
    assert (response.status, json.loads(response.body)["status"]) == (401, "error")
    assert Client(service).get(PATHS[0]).status == 429
    assert len(service.requests) == 3


@pytest.mark.parametrize(
    ("mode", "status", "is_json"),
    [
        ("403", 403, True),
        ("404 json", 404, True),
        ("404 html", 404, False),
        ("garbage", 200, False),
        ("{}", 200, True),
        ("500", 500, True),
    ],
)
def test_id_unavailable(world: World, mode: Any, status: int, *, is_json: bool) -> None:
    """The account's ID can be unavailable in several ways, which do not affect threads."""
    world.behavior.account_info = mode
    for _ in range(2):
        response = world.client.get(PATHS[0])
        assert (response.status, response.body.startswith(b"{")) == (status, is_json)
        assert b"portalId" not in response.body
    assert world.client.rows() == []


def test_id_as_string_or_at_second_attempt(world: World) -> None:
    """The ID can be a string, or can be returned at the second attempt."""
    world.behavior.account_info = "string"
    assert world.client.json(PATHS[0])["portalId"] == "62515"
    world.behavior.account_info = "500 once"
    world.account.details_asked = 0
    assert [world.client.get(PATHS[0]).status for _ in range(4)] == [500, 200, 500, 200]


def test_slow_response(world: World) -> None:
    """The endpoint can take 30 seconds to respond."""
    world.behavior.account_info = "silent"
    request = Request("GET", HOST + PATHS[0], BEARER)
    with pytest.raises(NoResponseError):
        MemoryTransport(world.service).send(request, timeout=10)
    assert MemoryTransport(world.service).send(request, timeout=31).status == 200
