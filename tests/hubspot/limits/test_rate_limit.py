"""The limit: never exceeded, well used, followed when it moves; on a clock that is not real."""

from __future__ import annotations

import heapq
import random
from collections import deque
from dataclasses import dataclass, field

import pytest

from tap_hubspot_threads.errors import DailyQuotaError
from tap_hubspot_threads.hubspot.limits.rate_limit import RateLimit, Ticket


@dataclass
class World:
    """HubSpot, the way there and back, and a pool of workers, all on one made-up clock."""

    chance: random.Random
    maximum: int = 19
    interval: float = 1.0
    workers: int = 16
    processing: tuple[float, float] = (0.15, 0.15)
    way: tuple[float, float] = (0.005, 0.005)
    now: float = 100.0
    arrivals: deque[float] = field(default_factory=deque)
    refused: int = 0
    answered: int = 0
    others: int = 0
    """Requests of another job that are in HubSpot's window at any time."""
    fixed: int | None = None

    def __post_init__(self) -> None:
        self.limit = RateLimit(fixed=self.fixed, clock=lambda: self.now, wait=self.wait)
        self._under_way: list[tuple[float, int, Ticket, dict[str, str]]] = []
        self._on_the_way: list[float] = []

    def wait(self, seconds: float) -> None:
        """Let time pass, and the answers that fall into it arrive."""
        end = self.now + seconds
        while self._under_way and self._under_way[0][0] <= end:
            self._next_answer()
        self.now = end

    def _next_answer(self) -> None:
        self.now, _, ticket, headers = heapq.heappop(self._under_way)
        self.limit.release(ticket, headers)
        self.answered += 1

    def send(self) -> None:
        """Send a request as soon as a worker is free and the limit lets it."""
        if len(self._under_way) >= self.workers:
            self._next_answer()
        ticket = self.limit.acquire()
        arrival = self.now + self.chance.uniform(*self.way)
        heapq.heappush(self._on_the_way, arrival)
        answer = arrival + self.chance.uniform(*self.processing) + self.way[0]
        heapq.heappush(self._under_way, (answer, ticket.serial, ticket, self._arrive(arrival)))

    def _arrive(self, moment: float) -> dict[str, str]:
        window = [time for time in self.arrivals if abs(moment - time) < self.interval]
        used = 1 + self.others + sum(time <= moment for time in window)
        self.arrivals.append(moment)
        if len(self.arrivals) > 250:
            self.arrivals.popleft()
        # Whoever arrives later may have been sent earlier: count every window this one is in.
        for start in [moment, *window]:
            inside = sum(start - self.interval < time <= start for time in [*window, moment])
            if inside + self.others > self.maximum:
                self.refused += 1
                break
        return {
            "X-HubSpot-RateLimit-Max": str(self.maximum),
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(round(self.interval * 1000)),
            "X-HubSpot-RateLimit-Remaining": str(max(0, self.maximum - used)),
        }


@pytest.mark.parametrize("seed", range(40))
def test_never_exceeded(seed: int) -> None:
    """Whatever limit, latency and jitter, no window ever holds more requests than allowed."""
    chance = random.Random(seed)
    interval = chance.choice([1.0, 10.0])
    slowest_way = chance.choice([0.01, 0.05, 0.3])
    world = World(
        chance,
        maximum=chance.randrange(16, 200),
        interval=interval,
        workers=chance.randrange(1, 17),
        processing=(0.1, chance.choice([0.1, 0.2, 2.0])),
        way=(0.005, slowest_way),
    )
    for _ in range(600):
        world.send()
    assert world.refused == 0


@pytest.mark.parametrize(("maximum", "interval", "share"), [(19, 1.0, 0.95), (190, 10.0, 0.98)])
def test_well_used(maximum: int, interval: float, share: float) -> None:
    """With 150 ms a call, almost all that the limit allows is used."""
    world = World(random.Random(1), maximum=maximum, interval=interval)
    windows = 8
    started = world.now
    for _ in range((windows - 1) * maximum + 1):
        world.send()
    assert (windows - 1) * interval / (world.now - started) >= share
    assert world.refused == 0


def test_follows_the_headers() -> None:
    """A limit that HubSpot lowers or raises in mid-run holds from the next answer on."""
    world = World(random.Random(2), maximum=100, interval=10.0)
    for maximum, interval in ((100, 10.0), (20, 10.0), (50, 1.0)):
        world.maximum, world.interval = maximum, interval
        world.send()
        world.wait(30)
        assert (world.limit.maximum, world.limit.interval) == (maximum, interval)
        before = world.refused
        for _ in range(3 * maximum):
            world.send()
        assert world.refused == before


def test_starts_with_what_every_app_has() -> None:
    """Before the first answer, no more than 100 requests leave."""
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


def test_others_use_the_token_too() -> None:
    """When fewer requests remain than our own explain, the rest of the window is left to others."""
    world = World(random.Random(3), maximum=100, interval=10.0, others=70)
    world.send()
    world.wait(1)
    started = world.now
    for _ in range(100):
        world.send()
    assert world.refused == 0
    assert 30 < world.now - started < 40  # at 25 to 30 in ten seconds


@pytest.mark.parametrize("is_told", [False, True])
def test_pause_after_a_refusal(*, is_told: bool) -> None:
    """After a 429 nobody sends for a whole interval, or for a while where answers tell the rest."""
    limit = RateLimit(clock=lambda: 0.0, wait=lambda _: None)
    headers = {"X-HubSpot-RateLimit-Max": "100"}
    if is_told:
        headers["X-HubSpot-RateLimit-Remaining"] = "0"
    limit.release(limit.acquire(), headers, is_refused=True)
    pause = limit.refusal_pause()
    assert 0 < pause < 1 if is_told else pause == 10


def test_setting_overrides_the_headers() -> None:
    """`max_requests_per_10s` holds in any ten seconds, whatever HubSpot would allow."""
    world = World(random.Random(4), maximum=1_000, interval=1.0, fixed=10)
    started = world.now
    for _ in range(31):
        world.send()
    assert world.now - started >= 30


def test_pause_holds_everyone() -> None:
    """After a 429 nobody sends until the pause is over."""
    world = World(random.Random(5), maximum=1_000)
    world.send()
    world.limit.pause(7)
    started = world.now
    world.send()
    assert world.now - started == 7


@pytest.mark.parametrize("text", ["", "many", "-5", "0", "1.5"])
def test_headers_that_are_no_numbers(text: str) -> None:
    """A header that says nothing changes nothing."""
    limit = RateLimit(clock=lambda: 0.0, wait=lambda _: None)
    headers = {f"X-HubSpot-RateLimit-{name}": text for name in ("Max", "Interval-Milliseconds")}
    limit.release(limit.acquire(), headers)
    assert (limit.maximum, limit.interval) == (100, 10.0)


@pytest.mark.parametrize(("left", "is_enough"), [(101, True), (100, False)])
def test_daily_reserve(left: int, *, is_enough: bool) -> None:
    """The sync ends before less than the reserve of the day's calls is left."""
    limit = RateLimit(reserve_percent=10, clock=lambda: 0.0, wait=lambda _: None)
    headers = {"X-HubSpot-RateLimit-Daily": "1000"}
    headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(left)
    limit.release(limit.acquire(), headers)
    if is_enough:
        limit.acquire()
    else:
        with pytest.raises(DailyQuotaError, match=r"100 of the account's 1000 .* 10%.* midnight"):
            limit.acquire()
