"""The endpoints of actors: one actor, and batches of up to 100."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from emulator.behavior import WireFormat
from emulator.data.account import Account
from emulator.endpoints.actors import actor_payload, actor_payloads
from emulator.faults import Fault
from emulator.limits import RollingLimit
from emulator.service import Service
from tests.emulator.clients import Client

if TYPE_CHECKING:
    from tests.emulator.conftest import World

ROOT = "/conversations/v3/conversations/actors"
NEWER = "/conversations/conversations/2026-09/actors"
BATCH = f"{ROOT}/batch/read"
EVERY = ("A-2620022", "V-1401", "E-jane@example.org", "I-1234567", "S-hubspot", "B-1001", "L-77")
FIELDS = {"id", "type", "name", "email", "avatar"}


def batch(world: World, *ids: Any) -> tuple[int, dict[str, Any]]:
    """Read a batch of actors; return the status and the parsed body."""
    response = world.client.post(BATCH, {"inputs": ids})
    return response.status, json.loads(response.body)


@pytest.mark.parametrize("root", [ROOT, NEWER])
def test_every_prefix(world: World, root: str) -> None:
    """A batch and a single request return the same actors, of every type."""
    world.behavior.wire = WireFormat(unknown_fields="none")
    response = world.client.post(f"{root}/batch/read", {"inputs": EVERY})
    assert response.status == 200
    body = json.loads(response.body)
    assert body.keys() == {"status", "results", "startedAt", "completedAt"}
    assert body["status"] == "COMPLETE"
    assert body["results"] == [actor_payload(world.account, actor_id) for actor_id in EVERY]
    for actor in body["results"]:
        assert world.client.json(f"{root}/{quote(actor['id'])}") == actor
        assert {"id", "type"} <= actor.keys() <= FIELDS
    assert len({actor["type"] for actor in body["results"]}) == 7


def test_nulls(world: World) -> None:
    """Fields that are not set can be null; fields that a type does not have are omitted."""
    world.behavior.wire = WireFormat(unset="null", unknown_fields="none")
    actors = [actor_payload(world.account, f"V-{number}") or {} for number in range(1, 20)]
    assert all(actor.keys() == FIELDS for actor in actors)
    assert any(actor["name"] is None for actor in actors)
    assert actor_payload(world.account, "S-hubspot") == {"id": "S-hubspot", "type": "SYSTEM"}


def test_unknown_actors(world: World) -> None:
    """Unknown actors are errors in a 207 or omitted from a 200; a single request returns 404."""
    world.account.gone_actors.add("A-7")
    status, body = batch(world, "A-7", "A-8", "V-23")
    assert (status, body["numErrors"], [one["id"] for one in body["results"]]) == (207, 1, ["A-8"])
    (error,) = body["errors"]
    assert error["context"] == {"ids": ["A-7", "V-23"]}
    assert error.keys() == {"status", "category", "message", "context", "errors", "links"}
    world.behavior.missing_actors = "left out"
    status, body = batch(world, "A-7", "A-8")
    assert (status, [one["id"] for one in body["results"]]) == (200, ["A-8"])
    assert "errors" not in body
    assert world.client.get(f"{ROOT}/A-7").status == 404


@pytest.mark.parametrize("body", [{"inputs": []}, {"inputs": ["A-1"] * 101}, {}, [], b"{", b""])
def test_refused(world: World, body: object) -> None:
    """An empty batch, one of more than 100, and a malformed body are refused."""
    response = world.client.post(BATCH, body)
    assert (response.status, json.loads(response.body)["category"]) == (400, "VALIDATION_ERROR")


def test_batch_of_100(world: World) -> None:
    """A batch may have 100 IDs; an ID that occurs twice is returned once."""
    status, body = batch(world, *[f"A-{number}" for number in range(99)], "A-0")
    assert (status, len(body["results"])) == (200, 99)


@pytest.mark.parametrize("bad", ["X-1", "", "1401", "A-9"])
def test_invalid_ids(world: World, bad: str) -> None:
    """An invalid or poisoned ID fails the whole batch, or only itself with a 207."""
    world.account.poisoned_actors.add("A-9")
    for mode, status in (("400", 400), ("500", 500), ("207", 207)):
        world.behavior.bad_actors = mode  # type: ignore[assignment]
        assert batch(world, "A-1", bad)[0] == status
    _, body = batch(world, "A-1", bad)
    assert [one["id"] for one in body["results"]] == ["A-1"]
    assert body["errors"][0]["context"] == {"ids": [bad]}
    assert world.client.get(f"{ROOT}/X-1").status == 400


def test_named_actors() -> None:
    """The actors that an account's threads and messages name are known, except deleted ones."""
    account = Account.sample(80)
    actors = actor_payloads(account)
    assert {actor_id[0] for actor_id in actors} == set("AVEISBL")
    named = {f"V-{thread.contact_id}" for thread in account.threads.values() if thread.received_at}
    gone = named - actors.keys()
    assert gone
    assert all(actor_payload(account, actor_id) is None for actor_id in gone)
    thread = next(one for one in account.threads.values() if one.assigned_to)
    assert thread.assigned_to in actor_payloads(account, thread)


def test_batch_is_a_usual_request(world: World) -> None:
    """Token, scope, rate limit, faults and the request log apply to batches too."""
    service = Service(world.account, limit=RollingLimit(2), faults=[Fault(status=503)])
    client = Client(service)
    statuses = [client.post(BATCH, {"inputs": ["A-1"]}).status for _ in range(3)]
    assert statuses == [503, 200, 429]
    assert service.requests == [BATCH] * 3
    assert service.posted == [b'{"inputs": ["A-1"]}']
    assert Client(Service(world.account, scopes=())).post(BATCH, {}).status == 403
    assert client.post(ROOT, {}).status == 405
