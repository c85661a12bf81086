"""The part of the limit that one sync takes while others send with the same token.

They share neither a file nor a server: what is free of the limit, which HubSpot tells all of them
alike, is enough. Each leaves free a part of what it has itself. What is free is the same for all,
so all come to have the same; and the one that has most leaves most, into which a new one grows.
"""

from __future__ import annotations

from tap_hubspot_threads.hubspot.retry import jitter

LEFT_FREE = 0.15
"""Of what we have in the window: two have 93 % of the limit together, three 95 %."""
LEFT_FREE_FOR_FEW = 0.6
"""Of what others have, if that is less: a job that takes a twentieth costs no seventh."""
SETTLING = 1.0
"""Seconds in which we take, or give back, what is free beyond that or lacks. Less than a few
answers take would be to act twice on the same news."""
_SHORTEST_SHARING = 2.0
_SHORTEST_PROBE = 0.3
_PROBES = 15
"""Probes in an interval at the least, each at a moment of its own."""
_LOOKS = 100
"""Looks at what is free, in an interval, while it is too little."""


class FairShare:
    """Says when the next request may leave, if others send too; alone, nothing is held back.

    Others count as there until for an interval no answer has shown a sign of them.
    """

    def __init__(self) -> None:
        self._is_on = False
        self._until = float("-inf")
        self._free = 0.0
        """Requests that the window has room for, as far as is known."""
        self._due = 0.0
        """The part of the next request that is due."""
        self._looked = self._sent = 0.0
        self._patience = jitter(1)

    def learn(self, free: int, now: float, interval: float, *, is_shared: bool) -> None:
        """Note what an answer says that is free, and whether it is a sign of others."""
        self._free = free
        if is_shared:
            self._until = now + max(interval, _SHORTEST_SHARING)
        self._is_on = now < self._until

    def leave(self) -> None:
        """Note that one of our requests has left the window."""
        self._free += 1

    def send(self, now: float) -> None:
        """Note that a request is sent."""
        self._free -= 1
        self._due = 0
        self._sent, self._patience = now, jitter(1)

    def seconds_to_wait(self, now: float, *, own: int, maximum: int, interval: float) -> float:
        """Return how long to wait before another look; 0: send.

        Args:
            now: Monotonic seconds.
            own: Our requests in the window.
            maximum: The limit.
            interval: The window's length, in seconds.
        """
        if not self._is_on or self._free > maximum / 2:  # enough for anyone
            return 0
        passed, self._looked = now - self._looked, now
        others = max(0, maximum - self._free - own)
        left_free = min(LEFT_FREE * own, LEFT_FREE_FOR_FEW * others)
        rate = own / interval + (max(0, self._free) - left_free) / SETTLING
        self._due = min(max(0, self._due + rate * passed), 1)
        if self._free < 1:  # if that is still so, only an answer tells; who has least asks most
            probe = max(interval / _PROBES, _SHORTEST_PROBE) + 2 * interval * own / maximum
            return 0 if now - self._sent >= probe * self._patience else interval / _LOOKS
        if not own:
            return 0
        if rate <= 0:
            return interval / _LOOKS
        return min((1 - self._due) / rate, interval / _LOOKS)
