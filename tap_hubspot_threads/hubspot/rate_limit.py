"""HubSpot's limits: at most so many requests in any rolling window, and so many a day.

Knows nothing of Singer or HTTP. Written here rather than taken from a library, because a request
leaves the window some time after it has *arrived*, which only its answer tells; because the limit
is learned from answers and moves; and because others use it too.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from tap_hubspot_threads.contract import DailyQuotaError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FIRST_MAXIMUM = 100
"""The least that HubSpot gives any app, in any plan. Documented."""
INTERVAL = 10.0
"""Seconds. HubSpot's window, and that of the setting `rate_limit`. Documented."""

LONGEST_INTERVAL = 300.0
"""Seconds; what a header says beyond that is no burst limit."""

MARGIN = 0.02
"""Seconds added to the window: what two requests' ways to HubSpot may differ by unnoticed."""
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


@dataclass
class _Others:
    """What the answers say that others sent with the same token."""

    total: int = 0
    _batches: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, count: int, until: float) -> None:
        self.total += count
        self._batches.append((until, count))

    def forget(self, now: float) -> float | None:
        """Drop those that have left the window; return when the next ones will."""
        while self._batches and self._batches[0][0] <= now:
            self.total -= self._batches.popleft()[1]
        return self._batches[0][0] if self._batches else None


class RateLimit:
    """A rolling window over the requests of all threads.

    Guarantees:
        * At most `maximum` requests arrive in any `interval` seconds, retries included. A request
          counts from its latest possible arrival: its answer's time less the fastest answer seen.
        * `maximum` and `interval` follow the answer headers, whenever they change, unless `fixed`.
        * Requests of others that the headers tell of (fewer remaining than our own explain) count.
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
        self.utc_offset: float | None = None
        """Seconds that the account's clocks are ahead of UTC, once that is known."""
        self.daily_left: int | None = None
        self.daily: int | None = None
        self._is_fixed = fixed is not None
        self._reserve_percent = reserve_percent
        self._clock = clock
        self._wait = wait
        self._window: deque[Ticket] = deque()
        self._others = _Others()
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
                    self._check_quota()
                    seconds = self._seconds_to_wait()
                    if seconds <= 0:
                        return self._issue()
                self._wait(seconds)

    def give_back(self, ticket: Ticket) -> None:
        """Take back a ticket for which no request was sent."""
        with self._lock:
            self._under_way -= 1
            if ticket in self._window:
                self._window.remove(ticket)

    def release(self, ticket: Ticket, headers: Mapping[str, str] | None) -> None:
        """Note that a request was answered (with these headers), or failed (None)."""
        with self._lock:
            self._under_way -= 1
            ticket.answered = now = self._clock()
            if headers is not None:
                self._fastest = min(self._fastest, now - ticket.sent)
                self._learn(ticket, headers, now)

    def pause(self, seconds: float) -> None:
        """Send nothing, from any thread, for so many seconds."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._clock() + seconds)

    def quota_returns(self) -> str:
        """Return a sentence on when the day's calls come back."""
        words = "They come back at midnight in the account's time zone"
        if self.utc_offset is None:
            return f"{words}."
        zone = timezone(timedelta(seconds=self.utc_offset))
        tomorrow = datetime.now(zone).date() + timedelta(days=1)
        midnight = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone)
        return f"{words}, which is {midnight.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC."

    def _issue(self) -> Ticket:
        self._serial += 1
        self._under_way += 1
        ticket = Ticket(self._clock(), self._serial, len(self._window) + 1)
        self._window.append(ticket)
        return ticket

    def _seconds_to_wait(self) -> float:
        now = self._clock()
        if now < self._paused_until:
            return self._paused_until - now
        while self._window and self._leaves(self._window[0], now) <= now:
            self._window.popleft()
        next_of_others = self._others.forget(now)
        if len(self._window) + self._others.total < self.maximum:
            return 0
        moments = [] if next_of_others is None else [next_of_others]
        if self._window:
            moments.append(self._leaves(self._window[0], 0))
        return max(min(moments) - now, _SHORTEST_WAIT)

    def _leaves(self, ticket: Ticket, now: float) -> float:
        return self._arrival(ticket, now) + self.interval + MARGIN

    def _arrival(self, ticket: Ticket, now: float) -> float:
        """Return the latest moment at which a request can have arrived, as far as is known now."""
        latest = now if ticket.answered is None else ticket.answered - min(self._fastest, 1e9)
        return min(max(ticket.sent, latest), ticket.sent + LATEST_ARRIVAL)

    def _learn(self, ticket: Ticket, headers: Mapping[str, str], now: float) -> None:
        self.daily_left = _number(headers, "Daily-Remaining", self.daily_left)
        self.daily = _number(headers, "Daily", self.daily)
        maximum = _number(headers, "Max", None)
        if self._is_fixed or not maximum:
            return
        self.maximum = maximum
        interval = (_number(headers, "Interval-Milliseconds", None) or 10_000) / 1000
        self.interval = min(interval, LONGEST_INTERVAL)
        remaining = _number(headers, "Remaining", None)
        if remaining is not None:
            # Ours that HubSpot may have counted: those before it, and what may have overtaken it.
            arrival = self._arrival(ticket, now) + MARGIN
            later = itertools.takewhile(
                lambda other: other.serial > ticket.serial, reversed(self._window)
            )
            ours = ticket.in_window + sum(other.sent <= arrival for other in later)
            unknown = maximum - remaining - ours - self._others.total
            if unknown > 0:
                self._others.add(unknown, now + self.interval)

    def _check_quota(self) -> None:
        if self.daily is None or self.daily_left is None:
            return
        left = self.daily_left - self._under_way - 1
        if self._reserve_percent and left * 100 < self.daily * self._reserve_percent:
            message = (
                f"{self.daily_left} of the account's {self.daily} API calls of the day are left, "
                f"less than the reserve of {self._reserve_percent} % "
                f"(daily_quota_reserve_percent). {self.quota_returns()}"
            )
            raise DailyQuotaError(message)


def _number(headers: Mapping[str, str], name: str, default: int | None) -> int | None:
    text = headers.get(f"X-HubSpot-RateLimit-{name}", "")
    return int(text) if re.fullmatch(r"[0-9]{1,12}", text) else default
