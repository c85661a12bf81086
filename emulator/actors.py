"""Who speaks in an account: agents, visitors, bots and the others that have an id."""

from __future__ import annotations

import json
import re
import zlib
from typing import TYPE_CHECKING, Any

from emulator.answers import Answer
from emulator.missing import not_there
from emulator.rows import Rows, finish, wire_time
from emulator.words import AGENT_NAMES, FIRST_NAMES, LAST_NAMES

if TYPE_CHECKING:
    from emulator.account import Account

KINDS = {
    "A": "AGENT",
    "V": "VISITOR",
    "E": "EMAIL",
    "I": "INTEGRATOR",
    "S": "SYSTEM",
    "B": "BOT",
    "L": "LLM",
}
"""The types, by the first letter of an actor's id."""
ACTOR_ID = re.compile(r"[AVEISBL]-\S+")
OPTIONAL = {
    "AGENT": ("name", "email", "avatar"),
    "VISITOR": ("name", "email", "avatar"),
    "EMAIL": (),
    "INTEGRATOR": ("avatar",),
    "SYSTEM": (),
    "BOT": ("name", "avatar"),
    "LLM": ("name", "avatar"),
}
MOST = 100
"""Actors that may be asked for at once. (?)"""


def is_gone(actor_id: str) -> bool:
    """Tell whether an actor was deleted for good, as some visitors were."""
    number = actor_id.removeprefix("V-")
    return number.isdigit() and int(number) % 23 == 0


def name_of(actor_id: str) -> str | None:
    """Return the name of an actor; None if it has none."""
    kind, quirk = KINDS[actor_id[0]], zlib.crc32(actor_id.encode("utf-8", "replace"))
    if kind == "AGENT":
        return AGENT_NAMES.get(actor_id, f"Agent {actor_id[2:]}")
    if kind == "VISITOR" and quirk % 4:
        return f"{FIRST_NAMES[quirk % len(FIRST_NAMES)]} {LAST_NAMES[quirk % len(LAST_NAMES)]}"
    names = {"INTEGRATOR": "Shop connector", "BOT": "Welcome bot", "LLM": "Customer Agent"}
    return names.get(kind)


def actor_payload(actor_id: str, rows: Rows) -> dict[str, Any]:
    """Return an actor as HubSpot sends it."""
    kind, quirk = KINDS[actor_id[0]], zlib.crc32(actor_id.encode("utf-8", "replace"))
    body: dict[str, Any] = {"id": actor_id, "type": kind}
    name = name_of(actor_id)
    if name:
        body["name"] = name
    if kind == "EMAIL":
        body["email"] = actor_id[2:]
    elif name and kind in {"AGENT", "VISITOR"}:
        host = "example.com" if kind == "AGENT" else "example.org"
        body["email"] = f"{name.lower().replace(' ', '.')}@{host}"
    if "avatar" in OPTIONAL[kind] and quirk % 2:
        body["avatar"] = f"https://avatars.example.com/{quirk:08x}.png"
    return finish(body, rows, quirk, ids=(), optional=OPTIONAL[kind])


def read_actor(account: Account, actor_id: str) -> Answer:
    """Answer with an actor."""
    if not ACTOR_ID.fullmatch(actor_id):
        return Answer.error(400, "VALIDATION_ERROR", f"Invalid actor id: {actor_id}")
    if actor_id in account.poisoned_actors:
        return _refuse_bad(account, [actor_id])
    actor = account.actor(actor_id)
    return Answer.of(200, actor) if actor else not_there(account.ways.not_found)


def read_actors(account: Account, body: bytes) -> Answer:
    """Answer a batch: with those that are there, and word of those that are not."""
    if account.refuses_actors:
        is_forbidden = account.refuses_actors == 403
        unable = Answer.error(400, "VALIDATION_ERROR", "Actors cannot be read in a batch")
        return Answer.forbidden("these actors") if is_forbidden else unable
    try:
        inputs = json.loads(body)["inputs"]
    except (ValueError, KeyError, TypeError):
        inputs = None
    if not isinstance(inputs, list) or not all(isinstance(one, str) for one in inputs):
        return Answer.error(400, "VALIDATION_ERROR", "Invalid input JSON: inputs must be strings")
    if not 1 <= len(inputs) <= MOST:
        return Answer.error(400, "VALIDATION_ERROR", f"inputs must hold from 1 to {MOST} ids")
    ways, asked = account.ways, list(dict.fromkeys(inputs))
    bad = [one for one in asked if not ACTOR_ID.fullmatch(one) or one in account.poisoned_actors]
    if bad and ways.bad_actors != "207":
        return _refuse_bad(account, bad)
    found = {one: account.actor(one) for one in asked if one not in bad}
    moment = wire_time(account.now(), None)
    answer: dict[str, Any] = {"status": "COMPLETE", "results": list(filter(None, found.values()))}
    answer |= {"startedAt": moment, "completedAt": moment}
    missing = bad + [one for one, actor in found.items() if actor is None]
    if not missing or (ways.missing_actors == "left out" and not bad):
        return Answer.of(200, answer)
    error = {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": "Could not get some actors.",
        "context": {"ids": missing},
        "errors": [],
        "links": {},
    }
    return Answer.of(207, answer | {"numErrors": 1, "errors": [error]})


def _refuse_bad(account: Account, bad: list[str]) -> Answer:
    """Refuse all for one, as this HubSpot does."""
    if account.ways.bad_actors == "500":
        return Answer.error(500, "INTERNAL_ERROR", "internal error")
    return Answer.error(400, "VALIDATION_ERROR", f"Invalid actor id: {bad[0]}")
