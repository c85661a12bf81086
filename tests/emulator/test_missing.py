"""How HubSpot says that a thread is not there, also of one that is."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from emulator.ways import Outage
from tests.emulator.clients import THREADS

if TYPE_CHECKING:
    from tests.emulator.conftest import World


@pytest.mark.parametrize(("form", "category"), [("json", "OBJECT_NOT_FOUND"), ("short json", None)])
def test_json(world: World, form: Any, category: str | None) -> None:
    """HubSpot's own error has a category, or none."""
    world.ways.not_found = form
    response = world.client.get(f"{THREADS}/1")
    body = json.loads(response.body)
    assert (response.status, body.get("category")) == (404, category)
    assert body["correlationId"] == response.headers["X-HubSpot-Correlation-Id"]


@pytest.mark.parametrize("form", ["html", "empty"])
def test_no_json(world: World, form: Any) -> None:
    """A page or nothing at all comes with HubSpot's headers too, which prove nothing."""
    world.ways.not_found = world.ways.unknown_route = form
    for path in (f"{THREADS}/1", "/no/such/route"):
        response = world.client.get(path)
        assert response.status == 404
        assert response.body == b"" or response.body.startswith(b"<html>")
        assert "X-HubSpot-Correlation-Id" in response.headers


def test_bare(world: World) -> None:
    """Usually the page for an unknown route has none of HubSpot's headers."""
    assert set(world.client.get("/no/such/route").headers) == {"Content-Type", "Content-Length"}


def test_outage(world: World) -> None:
    """For a while a thread that is there is told missing, on both sides; listings show it."""
    hidden, other = world.threads(2)
    begins = world.now + timedelta(minutes=5)
    world.ways.outages.append(Outage(begins, begins + timedelta(minutes=10), ids=(hidden.id,)))
    statuses = []
    for _ in range(4):
        for archived in ("false", "true"):
            response = world.client.get(f"{THREADS}/{hidden.id}", archived=archived)
            statuses.append(response.status)
        assert world.client.ids() == [hidden.id, other.id]
        assert world.client.get(f"{THREADS}/{other.id}").status == 200
        world.pass_time(300)
    assert statuses == [200, 404, 404, 404, 404, 404, 200, 404]


def test_outage_of_all(world: World) -> None:
    """An outage without ids hides every thread, in the form that it says."""
    (thread,) = world.threads(1)
    outage = Outage(world.now, world.now + timedelta(seconds=1), answer="html")
    world.ways.outages.append(outage)
    response = world.client.get(f"{THREADS}/{thread.id}")
    assert (response.status, response.headers["Content-Type"]) == (404, "text/html")
    world.pass_time(1)
    assert world.client.get(f"{THREADS}/{thread.id}").status == 200


def test_sides(world: World) -> None:
    """An archived thread is read as archived only, or either way."""
    (thread,) = world.threads(1)
    thread.archived = True
    path = f"{THREADS}/{thread.id}"
    queries: tuple[dict[str, str], ...] = ({}, {"archived": "false"}, {"archived": "true"})
    assert [world.client.get(path, **query).status for query in queries] == [404, 404, 200]
    world.ways.sides = "together"
    assert [world.client.get(path, **query).status for query in queries] == [200, 200, 200]
