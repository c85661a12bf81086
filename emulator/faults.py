"""Scripted faults: which request goes wrong, how, and how often."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass
class Fault:
    """What happens instead of the answer, to requests whose path and query match.

    With `status`, that answer is given, with `body` and `headers`; with `drop`, the connection is
    closed before a byte is sent; with `cut`, in the middle of the body; `delay` seconds come first.
    """

    path: str = ".*"
    """Regular expression; searched for in the request's path and query."""
    status: int | None = None
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    cut: bool = False
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
