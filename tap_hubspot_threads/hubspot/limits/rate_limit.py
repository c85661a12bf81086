"""HubSpot's rate limit: a maximum number of requests per window.

The *window* is a rolling period: the last 10 seconds, or another length that HubSpot reports. The
*interval* is the window's length in seconds. *Other clients* are other processes whose requests
count against the same limit.

This module does not depend on Singer or HTTP. No library fits, for three reasons:
    * It is unknown when HubSpot counts a request: when the request arrives, or when HubSpot sends
      the response. The tap cannot measure these two times.
    * The limit comes from response headers and can change.
    * Other clients share the limit.
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


HEADROOM = 0.15
"""While other clients share the limit, this sync leaves some requests per window unused, so that
the others can send more. The number of unused requests is the *headroom*: 0.15 times this sync's
own requests in the window. For example, if two syncs share a limit of 100, each sends 46.5 requests
per window. Together they leave 7 requests unused, which is 0.15 * 46.5."""
HEADROOM_OF_OTHERS = 0.6
"""The headroom is at most 0.6 times the other clients' requests in the window. For example, if the
other clients use 5% of the limit, this sync leaves at most 0.6 * 5% = 3% unused."""
SETTLE_SECONDS = 1.0
"""`FairShare` chooses the request rate at which the number of unused requests would reach the
headroom in this many seconds. This time is longer than a few round trips. With a shorter time, the
rate would change again before a response shows the effect of the first change."""
_MIN_SHARING_SECONDS = 2.0
_MIN_PROBE_SECONDS = 0.3
_PROBES_PER_INTERVAL = 15
"""A *probe* is a request that finds out whether a full window has room again. The time from this
sync's latest request to a probe is the longer of `interval / _PROBES_PER_INTERVAL` and
`_MIN_PROBE_SECONDS` seconds. If this sync has requests in the window, some time is added. Jitter
shortens the sum by up to half."""
_CHECKS_PER_INTERVAL = 100
"""While a request waits for other clients, the tap checks at least 100 times per interval whether
the request may be sent."""


class FairShare:
    """Slows this sync's requests down while other clients share the limit.

    The limit counts as *shared* after a response that shows requests of other clients. If no
    response shows such requests for one interval (at least `_MIN_SHARING_SECONDS`), the next
    response ends the sharing.
    """

    def __init__(self) -> None:
        self._is_shared = False
        self._shared_until = float("-inf")
        self._free = 0.0
        """Estimated number of further requests for which the window has room."""
        self._credit = 0.0
        """A number from 0 to 1. Each second, it grows by the request rate (requests per second). At
        1, a request may be sent. Sending a request resets the number to 0."""
        self._checked_at = self._sent_at = 0.0
        self._probe_jitter = jitter(1)

    def learn(self, free: int, now: float, interval: float, *, is_shared: bool) -> None:
        """Record what a response shows.

        Args:
            free: The number of further requests for which the window has room.
            now: The current time, in monotonic seconds.
            interval: The window's length, in seconds.
            is_shared: Whether the response shows requests of other clients.
        """
        self._free = free
        if is_shared:
            self._shared_until = now + max(interval, _MIN_SHARING_SECONDS)
        self._is_shared = now < self._shared_until

    def leave(self) -> None:
        """Record that one of this sync's requests has left the window."""
        self._free += 1

    def send(self, now: float) -> None:
        """Record that this sync sends a request."""
        self._free -= 1
        self._credit = 0
        self._sent_at, self._probe_jitter = now, jitter(1)

    def seconds_to_wait(self, now: float, *, own: int, maximum: int, interval: float) -> float:
        """Return the seconds to wait before the next check; 0 if a request may be sent now.

        Args:
            now: The current time, in monotonic seconds.
            own: This sync's requests in the window.
            maximum: Requests per window.
            interval: The window's length, in seconds.
        """
        # If more than half of the limit is free, there is enough for every client.
        if not self._is_shared or self._free > maximum / 2:
            return 0
        passed, self._checked_at = now - self._checked_at, now
        others = max(0, maximum - self._free - own)
        headroom = min(HEADROOM * own, HEADROOM_OF_OTHERS * others)
        rate = own / interval + (max(0, self._free) - headroom) / SETTLE_SECONDS
        self._credit = min(max(0, self._credit + rate * passed), 1)
        if self._free < 1:
            # Only a response shows whether requests of other clients have left the window. So send
            # a probe from time to time. The fewer requests this sync has in the window, the sooner
            # the probe.
            probe = max(interval / _PROBES_PER_INTERVAL, _MIN_PROBE_SECONDS)
            probe += 2 * interval * own / maximum
            is_due = now - self._sent_at >= probe * self._probe_jitter
            return 0 if is_due else interval / _CHECKS_PER_INTERVAL
        if not own:
            return 0
        if rate <= 0:
            return interval / _CHECKS_PER_INTERVAL
        return min((1 - self._credit) / rate, interval / _CHECKS_PER_INTERVAL)


FIRST_MAXIMUM = 100
"""Requests per window until a response reports the limit. No HubSpot plan has a lower limit
(documented)."""
INTERVAL = 10.0
"""The window's length in seconds (documented), unless a response reports another length. With the
setting `max_requests_per_10s`, this length always applies."""

MAX_INTERVAL = 300.0
"""The maximum length of the window in seconds. If a header reports a longer interval, this length
is used."""

MARGIN = 0.02
"""Minimum margin in seconds. The margin is added to the window's length, because requests take
different times to reach HubSpot."""
MARGIN_SHARE = 0.015
"""The margin is this share of the window's length, but at least `MARGIN` seconds. During the
margin, HubSpot's window has room that this sync does not use yet. Another sync that has just
started can then send its first requests."""
SPACING = 0.25
"""After the first `maximum` requests of the sync, consecutive requests are at least
`SPACING * interval / maximum` seconds apart. For 100 requests per 10 seconds, that is 0.025
seconds. Without this distance, a burst of requests would repeat in every window and starve other
clients."""
REFUSAL_PAUSE = 0.07
"""The pause after a 429 without `Retry-After`, as a share of the window's length, before jitter. In
two cases, the pause is one interval instead: the response headers do not report the remaining
requests, or the user has set `max_requests_per_10s`."""
MIN_REFUSAL_PAUSE = 0.15
"""Minimum seconds of the pause after a 429 without `Retry-After`, before jitter: about one round
trip."""
MAX_TRAVEL_TIME = 1.0
"""A sent request counts as arrived at HubSpot after at most this many seconds, even without a
response."""
_MIN_WAIT = 0.005


@dataclass
class Ticket:
    """Permission to send one request."""

    sent_at: float
    """Monotonic seconds."""
    serial: int
    """The number of the request, counted from 1."""
    in_window: int
    """This sync's requests in the window when this request was sent, including this request."""
    ended_at: float | None = None
    """When the response arrived or the request failed, in monotonic seconds. None: the request has
    not ended yet."""


class RateLimit:
    """A rolling window over the requests of all workers.

    Guarantees:
        * At most `maximum` requests, including retries, arrive at HubSpot in any `interval`
          seconds. Requests that get a 429 do not count. `_latest_arrival` estimates when a request
          arrives.
        * If `fixed` is None, `maximum` and `interval` come from the latest response headers that
          report the limit. `interval` is at most `MAX_INTERVAL`.
        * If `fixed` is None and the headers report the remaining requests, `FairShare` slows
          requests down in two cases: HubSpot responds with a 429, or HubSpot has counted more
          requests in the window than this sync has sent.
        * After `pause`, no worker sends a request for the given time.

    Args:
        fixed: Maximum requests per 10 seconds. None: the limit in the response headers.
        reserve_percent: The percentage of the daily quota that is reserved for other integrations.
        clock: Returns monotonic seconds.
        wait: Sleeps for a number of seconds. An exception that `wait` raises ends `acquire`.
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
        self._fair_share = FairShare()
        self._reports_remaining = False
        """Whether the latest headers that report the limit also report the remaining requests."""
        self._fastest = float("inf")
        """Seconds of the fastest round trip so far."""
        self._serial = 0
        self._in_flight = 0
        self._paused_until = float("-inf")
        self._lock = threading.Lock()
        self._gate = threading.Lock()

    def acquire(self) -> Ticket:
        """Wait until a request may be sent, and return a ticket to pass to `release` afterwards.

        Raises:
            DailyQuotaError: if only the reserve of the daily quota remains.
        """
        with self._gate:  # one worker waits for the limit, and the others wait for that worker
            while True:
                with self._lock:
                    self.quota.check(self._in_flight)
                    seconds = self._seconds_to_wait()
                    if seconds <= 0:
                        return self._issue()
                self._wait(seconds)

    def release(
        self, ticket: Ticket, headers: Mapping[str, str] | None, *, is_refused: bool = False
    ) -> None:
        """Record the end of a request.

        Args:
            ticket: The request's ticket.
            headers: The response's headers. None: the request got no response.
            is_refused: Whether the status is 429.
        """
        with self._lock:
            self._in_flight -= 1
            ticket.ended_at = now = self._clock()
            if headers is not None:
                self._fastest = min(self._fastest, now - ticket.sent_at)
                self._learn(ticket, headers, is_refused=is_refused)

    def pause(self, seconds: float) -> None:
        """Hold back the requests of all workers for this number of seconds."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._clock() + seconds)

    def refusal_pause(self) -> float:
        """Return the seconds to pause after a 429 without `Retry-After`."""
        if self._reports_remaining:
            return jitter(max(MIN_REFUSAL_PAUSE, self.interval * REFUSAL_PAUSE))
        return self.interval

    def _issue(self) -> Ticket:
        now = self._clock()
        self._serial += 1
        self._in_flight += 1
        ticket = Ticket(now, self._serial, len(self._window) + 1)
        self._window.append(ticket)
        self._fair_share.send(now)
        return ticket

    def _seconds_to_wait(self) -> float:
        now = self._clock()
        if now < self._paused_until:
            return self._paused_until - now
        while self._window and self._leaves_at(self._window[0], now) <= now:
            self._window.popleft()
            self._fair_share.leave()
        if len(self._window) >= self.maximum:
            return max(self._leaves_at(self._window[0], 0) - now, _MIN_WAIT)
        if self._serial > self.maximum and self._window:
            distance = self.interval / self.maximum * SPACING
            if now < self._window[-1].sent_at + distance:
                return self._window[-1].sent_at + distance - now
        seconds = self._fair_share.seconds_to_wait(
            now, own=len(self._window), maximum=self.maximum, interval=self.interval
        )
        return max(seconds, _MIN_WAIT) if seconds else 0

    def _leaves_at(self, ticket: Ticket, now: float) -> float:
        """Return when a request leaves the window, in monotonic seconds."""
        margin = max(MARGIN, MARGIN_SHARE * self.interval)
        return self._latest_arrival(ticket, now) + self.interval + margin

    def _latest_arrival(self, ticket: Ticket, now: float) -> float:
        """Return the latest time at which a request is assumed to arrive at HubSpot.

        The assumed time is the end of the request minus the fastest round trip so far. If the
        request has not ended yet, the assumed time is `now`. The result is never before the request
        was sent, and at most `MAX_TRAVEL_TIME` seconds after that.
        """
        latest = now if ticket.ended_at is None else ticket.ended_at - min(self._fastest, 1e9)
        return min(max(ticket.sent_at, latest), ticket.sent_at + MAX_TRAVEL_TIME)

    def _learn(self, ticket: Ticket, headers: Mapping[str, str], *, is_refused: bool) -> None:
        self.quota.remaining = _number(headers, "Daily-Remaining", self.quota.remaining)
        self.quota.limit = _number(headers, "Daily", self.quota.limit)
        maximum = _number(headers, "Max", None)
        if self._is_fixed or not maximum:
            return
        self.maximum = maximum
        interval = (_number(headers, "Interval-Milliseconds", None) or 10_000) / 1000
        self.interval = min(interval, MAX_INTERVAL)
        remaining = _number(headers, "Remaining", None)
        self._reports_remaining = remaining is not None
        if remaining is None:
            return
        # Assumed: HubSpot does not count a request that gets a 429.
        if is_refused and ticket in self._window:
            self._window.remove(ticket)
        # HubSpot has counted at most `ours` requests of this sync: those in the window when this
        # request was sent, and all requests sent later. It does not matter whether HubSpot counts a
        # request on arrival or on sending the response.
        ours = ticket.in_window + self._serial - ticket.serial
        is_shared = is_refused or remaining + ours < maximum
        self._fair_share.learn(remaining, self._clock(), self.interval, is_shared=is_shared)


def _number(headers: Mapping[str, str], name: str, default: int | None) -> int | None:
    text = headers.get(f"X-HubSpot-RateLimit-{name}", "")
    return int(text) if re.fullmatch(r"[0-9]{1,12}", text) else default
