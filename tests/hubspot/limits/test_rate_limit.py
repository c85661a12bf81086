"""The rate limit on a simulated clock: it is never exceeded, well used, and follows headers."""

from __future__ import annotations

import heapq
import random
from collections import deque
from dataclasses import dataclass, field

import pytest

from tap_hubspot_threads.errors import DailyQuotaError
from tap_hubspot_threads.hubspot.limits.rate_limit import RateLimit, Ticket


@dataclass
class Simulation:
    """HubSpot, the network and a pool of workers on a simulated clock."""

    rng: random.Random
    maximum: int = 19
    interval: float = 1.0
    workers: int = 16
    processing: tuple[float, float] = (0.15, 0.15)
    one_way: tuple[float, float] = (0.005, 0.005)
    now: float = 100.0
    arrivals: deque[float] = field(default_factory=deque)
    refused: int = 0
    responses: int = 0
    other_requests: int = 0
    """Requests of another client in each of HubSpot's windows."""
    fixed: int | None = None

    def __post_init__(self) -> None:
        self.limit = RateLimit(fixed=self.fixed, clock=lambda: self.now, wait=self.wait)
        self._in_flight: list[tuple[float, int, Ticket, dict[str, str]]] = []
        self._arrivals_pending: list[float] = []

    def wait(self, seconds: float) -> None:
        """Advance the clock, and handle the responses that arrive until then."""
        end = self.now + seconds
        while self._in_flight and self._in_flight[0][0] <= end:
            self._next_response()
        self.now = end

    def _next_response(self) -> None:
        self.now, _, ticket, headers = heapq.heappop(self._in_flight)
        self.limit.release(ticket, headers)
        self.responses += 1

    def send(self) -> None:
        """Send a request as soon as a worker is free and the rate limit allows it."""
        if len(self._in_flight) >= self.workers:
            self._next_response()
        ticket = self.limit.acquire()
        arrival = self.now + self.rng.uniform(*self.one_way)
        heapq.heappush(self._arrivals_pending, arrival)
        response_at = arrival + self.rng.uniform(*self.processing) + self.one_way[0]
        heapq.heappush(self._in_flight, (response_at, ticket.serial, ticket, self._arrive(arrival)))

    def _arrive(self, moment: float) -> dict[str, str]:
        window = [time for time in self.arrivals if abs(moment - time) < self.interval]
        used = 1 + self.other_requests + sum(time <= moment for time in window)
        self.arrivals.append(moment)
        if len(self.arrivals) > 250:
            self.arrivals.popleft()
        # Requests can overtake each other, so check every window that has this one.
        for start in [moment, *window]:
            inside = sum(start - self.interval < time <= start for time in [*window, moment])
            if inside + self.other_requests > self.maximum:
                self.refused += 1
                break
        return {
            "X-HubSpot-RateLimit-Max": str(self.maximum),
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(round(self.interval * 1000)),
            "X-HubSpot-RateLimit-Remaining": str(max(0, self.maximum - used)),
        }


@pytest.mark.parametrize("seed", range(40))
def test_never_exceeded(seed: int) -> None:
    """No window has more requests than allowed, for any limit, latency and jitter."""
    rng = random.Random(seed)
    interval = rng.choice([1.0, 10.0])
    slowest_way = rng.choice([0.01, 0.05, 0.3])
    simulation = Simulation(
        rng,
        maximum=rng.randrange(16, 200),
        interval=interval,
        workers=rng.randrange(1, 17),
        processing=(0.1, rng.choice([0.1, 0.2, 2.0])),
        one_way=(0.005, slowest_way),
    )
    for _ in range(600):
        simulation.send()
    assert simulation.refused == 0


@pytest.mark.parametrize(("maximum", "interval", "share"), [(19, 1.0, 0.95), (190, 10.0, 0.98)])
def test_most_of_the_limit_is_used(maximum: int, interval: float, share: float) -> None:
    """With 150 ms per call, almost the whole limit is used."""
    simulation = Simulation(random.Random(1), maximum=maximum, interval=interval)
    windows = 8
    started = simulation.now
    for _ in range((windows - 1) * maximum + 1):
        simulation.send()
    assert (windows - 1) * interval / (simulation.now - started) >= share
    assert simulation.refused == 0


def test_follows_the_headers() -> None:
    """A limit that HubSpot changes during a sync applies from the next response on."""
    simulation = Simulation(random.Random(2), maximum=100, interval=10.0)
    for maximum, interval in ((100, 10.0), (20, 10.0), (50, 1.0)):
        simulation.maximum, simulation.interval = maximum, interval
        simulation.send()
        simulation.wait(30)
        assert (simulation.limit.maximum, simulation.limit.interval) == (maximum, interval)
        before = simulation.refused
        for _ in range(3 * maximum):
            simulation.send()
        assert simulation.refused == before


def test_limit_before_the_first_response() -> None:
    """Before the first response, at most 100 requests are sent."""
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        raise TimeoutError

    limit = RateLimit(clock=lambda: 0.0, wait=wait)
    for _ in range(100):
        limit.acquire()
    with pytest.raises(TimeoutError):
        limit.acquire()
    assert waits


def test_shared_token() -> None:
    """If `Remaining` is lower than our own requests explain, the rest is left to other clients."""
    simulation = Simulation(random.Random(3), maximum=100, interval=10.0, other_requests=70)
    simulation.send()
    simulation.wait(1)
    started = simulation.now
    for _ in range(100):
        simulation.send()
    assert simulation.refused == 0
    assert 30 < simulation.now - started < 40  # 25 to 30 requests per 10 seconds


@pytest.mark.parametrize("has_remaining", [False, True])
def test_pause_after_a_refusal(*, has_remaining: bool) -> None:
    """After a 429 the pause is the whole interval, or short if `Remaining` is known."""
    limit = RateLimit(clock=lambda: 0.0, wait=lambda _: None)
    headers = {"X-HubSpot-RateLimit-Max": "100"}
    if has_remaining:
        headers["X-HubSpot-RateLimit-Remaining"] = "0"
    limit.release(limit.acquire(), headers, is_refused=True)
    pause = limit.refusal_pause()
    assert 0 < pause < 1 if has_remaining else pause == 10


def test_setting_overrides_the_headers() -> None:
    """`max_requests_per_10s` applies to any 10 seconds, even if HubSpot allows more."""
    simulation = Simulation(random.Random(4), maximum=1_000, interval=1.0, fixed=10)
    started = simulation.now
    for _ in range(31):
        simulation.send()
    assert simulation.now - started >= 30


def test_pause() -> None:
    """No request is sent during a pause."""
    simulation = Simulation(random.Random(5), maximum=1_000)
    simulation.send()
    simulation.limit.pause(7)
    started = simulation.now
    simulation.send()
    assert simulation.now - started == 7


@pytest.mark.parametrize("text", ["", "many", "-5", "0", "1.5"])
def test_invalid_headers(text: str) -> None:
    """An invalid header changes nothing."""
    limit = RateLimit(clock=lambda: 0.0, wait=lambda _: None)
    headers = {f"X-HubSpot-RateLimit-{name}": text for name in ("Max", "Interval-Milliseconds")}
    limit.release(limit.acquire(), headers)
    assert (limit.maximum, limit.interval) == (100, 10.0)


@pytest.mark.parametrize(("remaining", "is_enough"), [(101, True), (100, False)])
def test_daily_reserve(remaining: int, *, is_enough: bool) -> None:
    """The sync ends when the remaining daily quota reaches the reserve."""
    limit = RateLimit(reserve_percent=10, clock=lambda: 0.0, wait=lambda _: None)
    headers = {"X-HubSpot-RateLimit-Daily": "1000"}
    headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(remaining)
    limit.release(limit.acquire(), headers)
    if is_enough:
        limit.acquire()
    else:
        with pytest.raises(DailyQuotaError, match=r"100 of the account's 1000 .* 10%.* midnight"):
            limit.acquire()
