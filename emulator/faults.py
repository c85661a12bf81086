"""Scripted faults: which request goes wrong, how, and how often."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random


@dataclass
class Fault:
    """What happens instead of the answer, to requests whose path and query match.

    With `status`, that answer is given, with `body` and `headers`; with `drop`, the connection is
    closed before a byte is sent; with `reset`, it is reset; with `cut`, it is closed in the middle
    of the body; with `garble`, the body says that it is compressed and is not; `delay` seconds come
    first.
    """

    path: str = ".*"
    """Regular expression; searched for in the request's path and query."""
    status: int | None = None
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    bare: bool = False
    """Whether the answer lacks HubSpot's headers, as that of another server does."""
    drop: bool = False
    reset: bool = False
    cut: bool = False
    garble: bool = False
    delay: float = 0
    skip: int = 0
    """So many matching requests pass first."""
    times: int = 1
    """So many go wrong then."""

    def strikes(self, path: str) -> bool:
        """Tell whether the fault hits this request; counts it."""
        if self.times <= 0 or not re.search(self.path, path):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


def storm(chance: random.Random, count: int) -> list[Fault]:
    """Make so many passing faults of all kinds, spread over the next requests at random."""
    kinds: list[dict[str, Any]] = [
        *({"status": status} for status in (423, 429, 477, 500, 502, 503, 504, 521, 523, 524)),
        {"status": 429, "headers": {"Retry-After": "3"}},
        {"status": 503, "headers": {"Retry-After": "1"}},
        {"status": 200, "body": "<html>not now</html>"},
        {"status": 200, "body": "{}"},
        {"drop": True},
        {"reset": True},
        {"cut": True},
        {"garble": True},
    ]
    return [
        Fault(skip=chance.randrange(40), times=chance.randrange(1, 4), **chance.choice(kinds))
        for _ in range(count)
    ]
