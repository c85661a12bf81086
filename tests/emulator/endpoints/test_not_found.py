"""404 responses: HubSpot's own, those of gateways, and those during an outage."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from emulator.behavior import GatewayNotFound, NotFound, Outage
from tests.emulator.clients import THREADS

if TYPE_CHECKING:
    from tap_hubspot_threads.hubspot.transport import Response
    from tests.emulator.conftest import World


PAYLOADS = Path(__file__).parents[2] / "payloads" / "payloads.json"
NOT_FOUND = "X-HubSpot-NotFound"
CORRELATION = "X-HubSpot-Correlation-Id"
RECORDED = json.loads(PAYLOADS.read_text("utf-8"))[1]


def test_as_recorded(world: World) -> None:
    """By default the 404 for a missing thread is the recorded one."""
    response = world.client.get(f"{THREADS}/996174569112", association="TICKET")
    assert (response.status, response.body.decode()) == (RECORDED["status"], RECORDED["text"])
    for name in ("Content-Type", "Cache-Control", NOT_FOUND):
        assert response.headers[name] == RECORDED["headers"][name]
    assert response.headers[CORRELATION]
    names = {name.lower() for name in RECORDED["headers"] if "RateLimit" in name}
    assert names <= {name.lower() for name in response.headers}


def is_hubspots_own(response: Response) -> bool:
    """Return whether a 404 has HubSpot's marker header or matching correlation IDs."""
    correlation_id = response.headers.get(CORRELATION)
    if correlation_id is None:
        return False
    is_json = response.headers.get("Content-Type", "").startswith("application/json")
    body_id = json.loads(response.body).get("correlationId") if is_json else None
    return response.headers.get(NOT_FOUND) == "true" or body_id == correlation_id


@pytest.mark.parametrize("form", get_args(NotFound))
def test_own_forms(world: World, form: Any) -> None:
    """Each form of HubSpot's own 404 can be distinguished from any other 404."""
    world.behavior.not_found = form
    response = world.client.get(f"{THREADS}/1")
    assert response.status == 404
    assert is_hubspots_own(response)
    assert (NOT_FOUND in response.headers) == (not form.startswith("unmarked"))
    assert (b"category" in response.body) == (form in {"json", "unmarked json"})


@pytest.mark.parametrize("form", get_args(GatewayNotFound))
def test_forms_of_gateways(world: World, form: Any) -> None:
    """No form of a gateway's 404 counts as HubSpot's own, even if it is JSON or has headers."""
    (thread,) = world.threads(1)
    world.behavior.outages.append(Outage(world.now, world.now.replace(year=2030), answer=form))
    response = world.client.get(f"{THREADS}/{thread.id}")
    assert response.status == 404
    assert not is_hubspots_own(response)
    assert (CORRELATION in response.headers) == (not form.startswith("bare"))


@pytest.mark.parametrize(
    ("form", "is_marked"), [("unmarked html", False), ("html", True), ("short json", True)]
)
def test_unknown_route(world: World, form: Any, *, is_marked: bool) -> None:
    """The 404 for an unknown path can have HubSpot's headers, even the marker."""
    world.behavior.unknown_route = form
    response = world.client.get("/no/such/route")
    assert (response.status, NOT_FOUND in response.headers) == (404, is_marked)
    assert CORRELATION in response.headers


def test_unknown_route_by_default(world: World) -> None:
    """By default the 404 for an unknown path has none of HubSpot's headers."""
    assert set(world.client.get("/no/such/route").headers) == {"Content-Type", "Content-Length"}


def test_outage(world: World) -> None:
    """During an outage, an existing thread is not found by ID, but is still listed."""
    hidden, other = world.threads(2)
    start = world.now + timedelta(minutes=5)
    world.behavior.outages.append(Outage(start, start + timedelta(minutes=10), ids=(hidden.id,)))
    statuses = []
    for _ in range(4):
        for archived in ("false", "true"):
            response = world.client.get(f"{THREADS}/{hidden.id}", archived=archived)
            statuses.append(response.status)
        assert world.client.ids() == [hidden.id, other.id]
        assert world.client.get(f"{THREADS}/{other.id}").status == 200
        world.pass_time(300)
    assert statuses == [200, 404, 404, 404, 404, 404, 200, 404]


def test_outage_of_all_threads(world: World) -> None:
    """An outage without IDs affects every thread, with the given form of 404."""
    (thread,) = world.threads(1)
    outage = Outage(world.now, world.now + timedelta(seconds=1), answer="bare html")
    world.behavior.outages.append(outage)
    response = world.client.get(f"{THREADS}/{thread.id}")
    assert (response.status, response.headers["Content-Type"]) == (404, "text/html")
    world.pass_time(1)
    assert world.client.get(f"{THREADS}/{thread.id}").status == 200


def test_archived_parameter(world: World) -> None:
    """An archived thread is read with `archived=true` only, or with any value."""
    (thread,) = world.threads(1)
    thread.archived = True
    path = f"{THREADS}/{thread.id}"
    queries: tuple[dict[str, str], ...] = ({}, {"archived": "false"}, {"archived": "true"})
    assert [world.client.get(path, **query).status for query in queries] == [404, 404, 200]
    world.behavior.sides = "together"
    assert [world.client.get(path, **query).status for query in queries] == [200, 200, 200]
