"""Refusals and failures of single items, which do not affect other items."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.clients import THREADS

if TYPE_CHECKING:
    from tap_hubspot_threads.hubspot.transport import Response
    from tests.emulator.conftest import World

ACTORS = "/conversations/v3/conversations/actors"


def is_forbidden(response: Response) -> bool:
    """Return whether a response is HubSpot's 403 that does not mention scopes."""
    if response.status != 403:
        return False
    body = json.loads(response.body)
    assert body["correlationId"] == response.headers["X-HubSpot-Correlation-Id"]
    return bool(body["category"] == "FORBIDDEN" and "does not have access" in body["message"])


def test_refused_thread(world: World) -> None:
    """A refused thread cannot be read by ID, live or archived; lists and its messages can."""
    refused, other = world.threads(2)
    world.account.refused_threads.add(refused.id)
    for archived in ("false", "true"):
        path = f"{THREADS}/{refused.id}"
        assert is_forbidden(world.client.get(path, archived=archived))
    assert world.client.get(f"{THREADS}/{other.id}").status == 200
    assert world.client.get(f"{THREADS}/{refused.id}/messages").status == 200
    assert world.client.ids() == [refused.id, other.id]
    world.account.delete(refused)
    assert world.client.get(f"{THREADS}/{refused.id}").status == 404


def test_refused_messages(world: World) -> None:
    """All three endpoints of a thread's messages can be refused."""
    refused, other = world.threads(2)
    (message,) = world.client.rows(f"{THREADS}/{refused.id}/messages")
    world.account.refused_messages.add(refused.id)
    for path in ("", f"/{message['id']}", f"/{message['id']}/original-content"):
        assert is_forbidden(world.client.get(f"{THREADS}/{refused.id}/messages{path}"))
    assert world.client.get(f"{THREADS}/{refused.id}").status == 200
    assert world.client.get(f"{THREADS}/{other.id}/messages").status == 200


@pytest.mark.parametrize("status", [400, 403])
def test_refused_actors(world: World, status: Any) -> None:
    """Every batch of actors can be refused; a single actor is not."""
    world.account.refuses_actors = status
    for inputs in (["A-1"], ["A-1", "A-2"]):
        response = world.client.post(f"{ACTORS}/batch/read", {"inputs": inputs})
        assert response.status == status
        assert is_forbidden(response) == (status == 403)
    assert world.client.get(f"{ACTORS}/A-1").status == 200


@pytest.mark.parametrize("limit", [1, 2, 500])
@pytest.mark.parametrize("is_by_time", [False, True])
def test_broken_row(world: World, limit: int, *, is_by_time: bool) -> None:
    """A page by ID with a broken row fails at any size; other pages do not."""
    ids = [thread.id for thread in world.threads(4)]
    query = world.by_time if is_by_time else {}
    world.behavior.empty_pages = "never"
    expected = world.client.pages(**query, limit=limit)
    cursors = [None, *_cursors(world, query, limit)]
    world.account.broken_ids.add(ids[2])
    for after, page in zip(cursors, expected, strict=True):
        holds = str(ids[2]) in {row["id"] for row in page} and not is_by_time
        more = {"after": after} if after else {}
        response = world.client.get(THREADS, **query, **more, limit=limit)
        assert response.status == (500 if holds else 200)
    assert world.client.get(f"{THREADS}/{ids[2]}").status == 200


def _cursors(world: World, query: dict[str, str], limit: int) -> list[str]:
    """Return the cursors of a listing."""
    found: list[str] = []
    while True:
        more = {"after": found[-1]} if found else {}
        body = world.client.json(THREADS, **query, **more, limit=limit)
        if "paging" not in body:
            return found
        found.append(body["paging"]["next"]["after"].replace("%3D", "="))
