"""Which streams are selected, from sync to sync, and the catalogs that say so."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.conftest import select

if TYPE_CHECKING:
    import random

OF_THREADS = {"threads", "messages", "actors"}
LISTS = {"inboxes": "inboxes", "channels": "channels", "channel_accounts": "channel-accounts"}
"""Each stream that is listed as a whole, with what the account calls it."""
DEFAULT = ("threads", "deleted_threads")
ALL = (*DEFAULT, "thread_index", "messages", "actors", *LISTS)
DRAWN = (
    DEFAULT,
    DEFAULT,
    DEFAULT,
    ALL,
    ALL,
    ALL,
    (*DEFAULT, "messages"),
    (*DEFAULT, "messages", "actors"),
    ("messages", "deleted_threads"),
    ("messages",),
    ("messages", "thread_index"),
    (*DEFAULT, "actors"),
    ("threads", "thread_index"),
    ("messages", "actors", "deleted_threads"),
    ("messages", "actors", "channels"),
    ("actors", "deleted_threads"),
    ("deleted_threads", "thread_index", "inboxes"),
    tuple(LISTS),
)
WITH = [streams for streams in DRAWN if "messages" in streams]
WITHOUT = [streams for streams in DRAWN if "messages" not in streams]


class Selections:
    """Draws a selection for each sync: the same in all of a history, for weeks, or another one.

    Args:
        chance: Draws it.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._changes = chance.choice((0, 0.25, 0.25, 1, 1))
        to_and_fro = (chance.choice(WITH), chance.choice(WITHOUT))
        self._taken = chance.choice(((DEFAULT,), DRAWN, to_and_fro))
        """What there is to choose from."""
        self._selected = chance.choice(self._taken)

    def draw(self) -> tuple[str, ...]:
        """Return the selection of the next sync."""
        if self._chance.random() < self._changes:
            self._selected = self._chance.choice(self._taken)
        return self._selected


def catalog_of(selected: tuple[str, ...], *, is_full: bool) -> dict[str, Any] | None:
    """Return the catalog of a selection; None: the tap is given none.

    Args:
        selected: The streams.
        is_full: Whether it says FULL_TABLE for threads; it always does for all others.
    """
    if selected == DEFAULT and not is_full:
        return None
    catalog: dict[str, Any] = json.loads(_text_of(selected))
    for entry in catalog["streams"]:
        if is_full and entry["tap_stream_id"] == "threads":
            entry["replication_method"] = "FULL_TABLE"
    return catalog


@cache
def _text_of(selected: tuple[str, ...]) -> str:
    return json.dumps(select(*selected))
