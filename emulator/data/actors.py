"""Actors: people and programs with an ID, such as agents, visitors and bots."""

from __future__ import annotations

import re
import zlib

KINDS = {
    "A": "AGENT",
    "V": "VISITOR",
    "E": "EMAIL",
    "I": "INTEGRATOR",
    "S": "SYSTEM",
    "B": "BOT",
    "L": "LLM",
}
"""Actor types by the first letter of the ID."""
ACTOR_ID = re.compile(r"[AVEISBL]-\S+")
AGENT_NAMES = {
    "A-2620022": "Nora Lindqvist",
    "A-2620108": "Tomás Okafor",
    "A-2741990": "Mei Tanaka",
}
FIRST_NAMES = ("Ada", "Bruno", "Chiara", "Dmitri", "Esra", "Femi", "Grace", "Hiro", "Ines")
LAST_NAMES = ("Abara", "Bianchi", "Castillo", "Dubois", "Eriksen", "Fischer", "Gupta")


def is_gone(actor_id: str) -> bool:
    """Return whether an actor is one of the deleted visitors."""
    number = actor_id.removeprefix("V-")
    return number.isdigit() and int(number) % 23 == 0


def variant_of(actor_id: str) -> int:
    """Return a number, derived from the ID, that determines the fields of an actor."""
    return zlib.crc32(actor_id.encode("utf-8", "replace"))


def name_of(actor_id: str) -> str | None:
    """Return the name of an actor, or None if it has no name."""
    kind, variant = KINDS[actor_id[0]], variant_of(actor_id)
    if kind == "AGENT":
        return AGENT_NAMES.get(actor_id, f"Agent {actor_id[2:]}")
    if kind == "VISITOR" and variant % 4:
        return f"{FIRST_NAMES[variant % len(FIRST_NAMES)]} {LAST_NAMES[variant % len(LAST_NAMES)]}"
    names = {"INTEGRATOR": "Shop connector", "BOT": "Welcome bot", "LLM": "Customer Agent"}
    return names.get(kind)
