"""The actor endpoints: one actor by ID and a batch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from emulator.data.actors import ACTOR_ID, KINDS, name_of, variant_of
from emulator.endpoints.not_found import not_found
from emulator.endpoints.responses import ApiResponse
from emulator.endpoints.wire_format import apply_wire_format, wire_time

if TYPE_CHECKING:
    from emulator.data.account import Account
    from emulator.data.thread import Thread

OPTIONAL = {
    "AGENT": ("name", "email", "avatar"),
    "VISITOR": ("name", "email", "avatar"),
    "EMAIL": (),
    "INTEGRATOR": ("avatar",),
    "SYSTEM": (),
    "BOT": ("name", "avatar"),
    "LLM": ("name", "avatar"),
}
MAX_BATCH = 100
"""Maximum actors per batch. (?)"""


def actor_payload(account: Account, actor_id: str) -> dict[str, Any] | None:
    """Return the payload of an actor, or None if the actor does not exist."""
    if actor_id in account.actor_overrides:
        return account.actor_overrides[actor_id]
    if not account.has_actor(actor_id):
        return None
    kind, variant = KINDS[actor_id[0]], variant_of(actor_id)
    body: dict[str, Any] = {"id": actor_id, "type": kind}
    name = name_of(actor_id)
    if name:
        body["name"] = name
    if kind == "EMAIL":
        body["email"] = actor_id[2:]
    elif name and kind in {"AGENT", "VISITOR"}:
        host = "example.com" if kind == "AGENT" else "example.org"
        body["email"] = f"{name.lower().replace(' ', '.')}@{host}"
    if "avatar" in OPTIONAL[kind] and variant % 2:
        body["avatar"] = f"https://avatars.example.com/{variant:08x}.png"
    return apply_wire_format(body, account.behavior.wire, variant, ids=(), optional=OPTIONAL[kind])


def actor_payloads(account: Account, *threads: Thread) -> dict[str, dict[str, Any]]:
    """Return the payloads of the actors in these threads and their messages, by actor ID.

    If no threads are given, include all threads.
    """
    payloads = {one: actor_payload(account, one) for one in sorted(account.actor_ids(*threads))}
    return {actor_id: payload for actor_id, payload in payloads.items() if payload}


def read_actor(account: Account, actor_id: str) -> ApiResponse:
    """Return an actor by ID."""
    if not ACTOR_ID.fullmatch(actor_id):
        return ApiResponse.error(400, "VALIDATION_ERROR", f"Invalid actor id: {actor_id}")
    if actor_id in account.poisoned_actors:
        return _refuse_bad(account, [actor_id])
    actor = actor_payload(account, actor_id)
    return ApiResponse.of(200, actor) if actor else not_found(account.behavior.not_found)


def read_actors(account: Account, body: bytes) -> ApiResponse:
    """Return the actors of a batch, and an error that lists the missing ones."""
    if account.refuses_actors:
        is_forbidden = account.refuses_actors == 403
        invalid = ApiResponse.error(400, "VALIDATION_ERROR", "Actors cannot be read in a batch")
        return ApiResponse.forbidden("these actors") if is_forbidden else invalid
    try:
        inputs = json.loads(body)["inputs"]
    except (ValueError, KeyError, TypeError):
        inputs = None
    if not isinstance(inputs, list) or not all(isinstance(one, str) for one in inputs):
        return ApiResponse.error(
            400, "VALIDATION_ERROR", "Invalid input JSON: inputs must be strings"
        )
    if not 1 <= len(inputs) <= MAX_BATCH:
        return ApiResponse.error(
            400, "VALIDATION_ERROR", f"inputs must hold from 1 to {MAX_BATCH} ids"
        )
    behavior, requested = account.behavior, list(dict.fromkeys(inputs))
    bad = [
        one for one in requested if not ACTOR_ID.fullmatch(one) or one in account.poisoned_actors
    ]
    if bad and behavior.bad_actors != "207":
        return _refuse_bad(account, bad)
    found = {one: actor_payload(account, one) for one in requested if one not in bad}
    moment = wire_time(account.now(), None)
    batch: dict[str, Any] = {"status": "COMPLETE", "results": list(filter(None, found.values()))}
    batch |= {"startedAt": moment, "completedAt": moment}
    missing = bad + [one for one, actor in found.items() if actor is None]
    if not missing or (behavior.missing_actors == "left out" and not bad):
        return ApiResponse.of(200, batch)
    error = {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": "Could not get some actors.",
        "context": {"ids": missing},
        "errors": [],
        "links": {},
    }
    return ApiResponse.of(207, batch | {"numErrors": 1, "errors": [error]})


def _refuse_bad(account: Account, bad: list[str]) -> ApiResponse:
    """Return the error for a whole batch that has a bad ID."""
    if account.behavior.bad_actors == "500":
        return ApiResponse.error(500, "INTERNAL_ERROR", "internal error")
    return ApiResponse.error(400, "VALIDATION_ERROR", f"Invalid actor id: {bad[0]}")
