"""Scripted faults: which requests fail, how, and how often."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random


@dataclass
class Fault:
    """A fault that replaces the response to requests whose path and query match."""

    path: str = ".*"
    """Regular expression that is searched for in the path and query."""
    status: int | None = None
    """Status of the response that is sent instead, with `body` and `headers`."""
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    bare: bool = False
    """Whether the response lacks HubSpot's headers, as another server's does."""
    drop: bool = False
    """Whether the connection closes before the first byte."""
    reset: bool = False
    """Whether the connection is reset before the first byte."""
    cut: bool = False
    """Whether the connection closes in the middle of the body."""
    garble: bool = False
    """Whether the headers declare the body as compressed although the body is not."""
    delay: float = 0
    """Seconds to wait before the fault takes effect."""
    skip: int = 0
    """Number of matching requests that succeed first."""
    times: int = 1
    """Number of matching requests that fail after the skipped ones."""

    def applies_to(self, path: str) -> bool:
        """Return whether the fault applies to a request, and count that request."""
        if self.times <= 0 or not re.search(self.path, path):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


def storm(chance: random.Random, count: int) -> list[Fault]:
    """Return `count` random transient faults, spread over the next requests."""
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
