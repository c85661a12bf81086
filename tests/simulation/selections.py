"""The selected streams of each sync, and their catalogs."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.conftest import select

if TYPE_CHECKING:
    import random

OF_THREADS = {"threads", "messages", "actors"}
"""The streams that depend on changes of threads."""
LISTS = {"inboxes": "inboxes", "channels": "channels", "channel_accounts": "channel-accounts"}
"""The reference lists: each stream with its name in `Account.lists`."""
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
WITH_MESSAGES = [streams for streams in DRAWN if "messages" in streams]
WITHOUT_MESSAGES = [streams for streams in DRAWN if "messages" not in streams]


class Selections:
    """Draws the selection of each sync: constant, sometimes another, or another every sync.

    Args:
        chance: The source of randomness.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._change_share = chance.choice((0, 0.25, 0.25, 1, 1))
        with_and_without = (chance.choice(WITH_MESSAGES), chance.choice(WITHOUT_MESSAGES))
        self._choices = chance.choice(((DEFAULT,), DRAWN, with_and_without))
        """The selections of this history."""
        self._selected = chance.choice(self._choices)

    def draw(self) -> tuple[str, ...]:
        """Return the selection of the next sync."""
        if self._chance.random() < self._change_share:
            self._selected = self._chance.choice(self._choices)
        return self._selected


def catalog_of(selected: tuple[str, ...], *, is_full: bool) -> dict[str, Any] | None:
    """Return the catalog of a selection, or None to run without a catalog.

    Args:
        selected: The streams.
        is_full: Whether threads are replicated as FULL_TABLE. All other streams always are.
    """
    if selected == DEFAULT and not is_full:
        return None
    catalog: dict[str, Any] = json.loads(_catalog_text(selected))
    for entry in catalog["streams"]:
        if is_full and entry["tap_stream_id"] == "threads":
            entry["replication_method"] = "FULL_TABLE"
    return catalog


@cache
def _catalog_text(selected: tuple[str, ...]) -> str:
    return json.dumps(select(*selected))
