"""HubSpot's burst limit: at most so many requests in any rolling window.

Knows nothing of Singer or HTTP. Written here rather than taken from a library, because a request
leaves the window some time after it has *arrived*, which only its answer tells; because the limit
is learned from answers and moves; and because others use it too.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_hubspot_threads.hubspot.limits.daily_quota import DailyQuota
from tap_hubspot_threads.hubspot.retry import jitter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


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


FIRST_MAXIMUM = 100
"""The least that HubSpot gives any app, in any plan. Documented."""
INTERVAL = 10.0
"""Seconds. HubSpot's window, and that of the setting `max_requests_per_10s`. Documented."""

LONGEST_INTERVAL = 300.0
"""Seconds; what a header says beyond that is no burst limit."""

MARGIN = 0.02
"""Seconds added to the window: what two requests' ways to HubSpot may differ by unnoticed."""
ROOM = 0.015
"""The least share of the window that is added: a moment in which another sync gets a foot in."""
DISTANCE = 0.25
"""Share of the limit's pace that lies between two requests from the second window on: what left in
a swarm would leave the others no room but in moments, window after window."""
REFUSAL_PAUSE = 0.07
"""Share of the window for which nobody sends after a 429, where answers tell what remains."""
SHORTEST_PAUSE = 0.15
"""Seconds; about the time of an answer."""
LATEST_ARRIVAL = 1.0
"""Seconds after which a request is taken to have arrived, answered or not."""
_SHORTEST_WAIT = 0.005


@dataclass
class Ticket:
    """Leave to send one request."""

    sent: float
    serial: int
    """Its place among all requests."""
    in_window: int
    """The requests in the window when it was sent, itself among them."""
    answered: float | None = None


class RateLimit:
    """A rolling window over the requests of all threads.

    Guarantees:
        * At most `maximum` requests arrive in any `interval` seconds, retries included. A request
          counts from its latest possible arrival: its answer's time less the fastest answer seen.
        * `maximum` and `interval` follow the answer headers, whenever they change, unless `fixed`.
        * Where the headers tell of others (fewer remaining than our own explain) or a request is
          refused, the limit is shared with them, as `FairShare` says.
        * After `pause`, no request of any thread is sent for so long.

    Args:
        fixed: Requests per 10 s at the most, whatever the headers say.
        reserve_percent: The share of the day's calls that is left for others.
        clock: Monotonic seconds.
        wait: Sleeps for some seconds; may raise, which ends the waiting.
    """

    def __init__(
        self,
        *,
        fixed: int | None = None,
        reserve_percent: int = 0,
        clock: Callable[[], float],
        wait: Callable[[float], None],
    ) -> None:
        self.maximum = fixed or FIRST_MAXIMUM
        self.interval = INTERVAL
        self.quota = DailyQuota(reserve_percent)
        self._is_fixed = fixed is not None
        self._clock = clock
        self._wait = wait
        self._window: deque[Ticket] = deque()
        self._sharing = FairShare()
        self._is_remaining_told = False
        self._fastest = float("inf")
        self._serial = 0
        self._under_way = 0
        self._paused_until = float("-inf")
        self._lock = threading.Lock()
        self._gate = threading.Lock()

    def acquire(self) -> Ticket:
        """Wait until a request may be sent; hand the ticket to `release` when it is answered.

        Raises:
            DailyQuotaError: if only the reserve is left of the day's calls.
        """
        with self._gate:  # one waits, the others wait for it
            while True:
                with self._lock:
                    self.quota.check(self._under_way)
                    seconds = self._seconds_to_wait()
                    if seconds <= 0:
                        return self._issue()
                self._wait(seconds)

    def release(
        self, ticket: Ticket, headers: Mapping[str, str] | None, *, is_refused: bool = False
    ) -> None:
        """Note that a request was answered (with these headers, maybe a 429), or failed (None)."""
        with self._lock:
            self._under_way -= 1
            ticket.answered = now = self._clock()
            if headers is not None:
                self._fastest = min(self._fastest, now - ticket.sent)
                self._learn(ticket, headers, is_refused=is_refused)

    def pause(self, seconds: float) -> None:
        """Send nothing, from any thread, for so many seconds."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._clock() + seconds)

    def refusal_pause(self) -> float:
        """Return for how long nobody is to send after a 429 that does not say."""
        if self._is_remaining_told:
            return jitter(max(SHORTEST_PAUSE, self.interval * REFUSAL_PAUSE))
        return self.interval

    def _issue(self) -> Ticket:
        now = self._clock()
        self._serial += 1
        self._under_way += 1
        ticket = Ticket(now, self._serial, len(self._window) + 1)
        self._window.append(ticket)
        self._sharing.send(now)
        return ticket

    def _seconds_to_wait(self) -> float:
        now = self._clock()
        if now < self._paused_until:
            return self._paused_until - now
        while self._window and self._leaves(self._window[0], now) <= now:
            self._window.popleft()
            self._sharing.leave()
        if len(self._window) >= self.maximum:
            return max(self._leaves(self._window[0], 0) - now, _SHORTEST_WAIT)
        if self._serial > self.maximum and self._window:
            distance = self.interval / self.maximum * DISTANCE
            if now < self._window[-1].sent + distance:
                return self._window[-1].sent + distance - now
        seconds = self._sharing.seconds_to_wait(
            now, own=len(self._window), maximum=self.maximum, interval=self.interval
        )
        return max(seconds, _SHORTEST_WAIT) if seconds else 0

    def _leaves(self, ticket: Ticket, now: float) -> float:
        return self._arrival(ticket, now) + self.interval + max(MARGIN, ROOM * self.interval)

    def _arrival(self, ticket: Ticket, now: float) -> float:
        """Return the latest moment at which a request can have arrived, as far as is known now."""
        latest = now if ticket.answered is None else ticket.answered - min(self._fastest, 1e9)
        return min(max(ticket.sent, latest), ticket.sent + LATEST_ARRIVAL)

    def _learn(self, ticket: Ticket, headers: Mapping[str, str], *, is_refused: bool) -> None:
        self.quota.left = _number(headers, "Daily-Remaining", self.quota.left)
        self.quota.total = _number(headers, "Daily", self.quota.total)
        maximum = _number(headers, "Max", None)
        if self._is_fixed or not maximum:
            return
        self.maximum = maximum
        interval = (_number(headers, "Interval-Milliseconds", None) or 10_000) / 1000
        self.interval = min(interval, LONGEST_INTERVAL)
        remaining = _number(headers, "Remaining", None)
        self._is_remaining_told = remaining is not None
        if remaining is None:
            return
        if is_refused and ticket in self._window:  # what remains does not count it
            self._window.remove(ticket)
        # Whether it tells of the request's arrival or of its answer's leaving, no more are ours.
        ours = ticket.in_window + self._serial - ticket.serial
        is_shared = is_refused or remaining + ours < maximum
        self._sharing.learn(remaining, self._clock(), self.interval, is_shared=is_shared)


def _number(headers: Mapping[str, str], name: str, default: int | None) -> int | None:
    text = headers.get(f"X-HubSpot-RateLimit-{name}", "")
    return int(text) if re.fullmatch(r"[0-9]{1,12}", text) else default
