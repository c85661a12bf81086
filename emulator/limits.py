"""HubSpot's rate limit (requests per rolling window) and its daily quota."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class RollingLimit:
    """Allows at most `maximum` requests in any `interval` seconds, and refuses the others.

    Not thread-safe: the service calls it under its lock.
    """

    maximum: int = 190
    interval: float = 10.0
    daily: int = 650_000
    clock: Callable[[], float] = time.monotonic
    used_today: int = 0
    refused: int = 0
    _window: deque[float] = field(default_factory=deque)

    def admit(self) -> bool:
        """Count a request, and return whether it is within the limit."""
        now = self.clock()
        while self._window and self._window[0] <= now - self.interval:
            self._window.popleft()
        self.used_today += 1
        if len(self._window) >= self.maximum:
            self.refused += 1
            return False
        self._window.append(now)
        return True

    def headers(self) -> dict[str, str]:
        """Return the rate limit and quota headers of a response."""
        return {
            "X-HubSpot-RateLimit-Max": str(self.maximum),
            "X-HubSpot-RateLimit-Remaining": str(max(0, self.maximum - len(self._window))),
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(round(self.interval * 1000)),
            "X-HubSpot-RateLimit-Secondly": "10",  # deprecated; not enforced
            "X-HubSpot-RateLimit-Secondly-Remaining": "9",
            "X-HubSpot-RateLimit-Daily": str(self.daily),
            "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, self.daily - self.used_today)),
        }
