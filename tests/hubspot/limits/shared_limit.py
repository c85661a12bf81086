"""Several syncs on one token, on a clock that is not real: a bench for what they make of it."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from emulator.limits import RollingLimit
from tap_hubspot_threads.hubspot.limits.rate_limit import RateLimit, Ticket
from tap_hubspot_threads.hubspot.retry import jitter, schedule

if TYPE_CHECKING:
    from collections.abc import Callable

Waits = Iterator[float]

WAY = 0.003
"""Seconds from a sync to the server, and back."""


class Later(Exception):  # noqa: N818 - what `wait` raises, to come back then
    """A request may not leave yet."""


@dataclass
class Shared:
    """A server with one limit, for the syncs of one token."""

    limit: str
    """Requests/seconds."""
    seed: int = 1
    latency: tuple[float, float] = (0.05, 0.3)
    now: float = 0.0
    syncs: list[Sync] = field(default_factory=list)

    def __post_init__(self) -> None:
        maximum, interval = map(int, self.limit.split("/"))
        self.window = RollingLimit(maximum, interval, clock=lambda: self.now)
        self.chance = random.Random(self.seed)
        random.seed(self.seed)  # the limiter's own
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def at(self, moment: float, event: Callable[[], None]) -> None:
        """Have something happen."""
        heapq.heappush(self._events, (moment, next(self._numbers), event))

    def run(self, until: float) -> None:
        """Let time pass."""
        while self._events and self._events[0][0] <= until:
            self.now, _, event = heapq.heappop(self._events)
            event()
        self.now = until

    def add(self, *, start: float = 0.0, end: float = 1e9, rate: float | None = None) -> Sync:
        """Start a sync of 16 workers; with a rate, one that asks for no more than that a second."""
        sync = Sync(self, end=end, rate=rate)
        self.syncs.append(sync)
        self.at(start, sync.go_on)
        return sync

    def used(self, start: float, end: float) -> float:
        """Return the share of the limit that was used in a span."""
        good = sum(len(sync.good_in(start, end)) for sync in self.syncs)
        return good * self.window.interval / self.window.maximum / (end - start)

    def refused(self, start: float, end: float) -> float:
        """Return the share of the answers in a span that were 429."""
        bad = sum(start <= moment < end for sync in self.syncs for moment in sync.bad)
        good = sum(len(sync.good_in(start, end)) for sync in self.syncs)
        return bad / (bad + good)

    def least(self, start: float, end: float) -> float:
        """Return what the slowest sync had of the good answers in a span."""
        counts = [len(sync.good_in(start, end)) for sync in self.syncs]
        return min(counts) / sum(counts)


class Sync:
    """A sync as its limiter sees it: workers that send, and send again what was refused."""

    def __init__(self, server: Shared, *, end: float, rate: float | None) -> None:
        self._server, self._end, self._rate = server, end, rate
        self.limit = RateLimit(clock=lambda: server.now, wait=self._wait)
        self.good: list[float] = []
        self.bad: list[float] = []
        self._again: deque[Waits | None] = deque([None] * 16)
        """Workers that would send, with the waits to come if that is refused again."""
        self._is_waiting = False

    def good_in(self, start: float, end: float) -> list[float]:
        """Return when the requests of a span were admitted."""
        return [moment for moment in self.good if start <= moment < end]

    def go_on(self) -> None:
        """Send what may be sent now."""
        server = self._server
        while self._again and not self._is_waiting and server.now < self._end:
            try:
                ticket = self.limit.acquire()
            except Later as later:
                self._is_waiting = True
                server.at(server.now + later.args[0], self._wake)
                return
            waits = self._again.popleft() or schedule()
            server.at(server.now + WAY, partial(self._arrive, ticket, waits))
            if self._rate:
                self._is_waiting = True
                server.at(server.now + server.chance.expovariate(self._rate), self._wake)

    def _wait(self, seconds: float) -> None:
        raise Later(seconds)

    def _wake(self) -> None:
        self._is_waiting = False
        self.go_on()

    def _arrive(self, ticket: Ticket, waits: Waits) -> None:
        server = self._server
        is_good = server.window.admit()
        (self.good if is_good else self.bad).append(server.now)
        seconds = server.chance.uniform(*server.latency)
        server.at(server.now + seconds, partial(self._answer, ticket, waits, is_good=is_good))

    def _answer(self, ticket: Ticket, waits: Waits, *, is_good: bool) -> None:
        server = self._server
        headers = server.window.headers()
        receive = partial(self._receive, ticket, waits, headers, is_good=is_good)
        server.at(server.now + WAY, receive)

    def _receive(
        self, ticket: Ticket, waits: Waits, headers: dict[str, str], *, is_good: bool
    ) -> None:
        """As the client does, after a 429 too."""
        self.limit.release(ticket, headers, is_refused=not is_good)
        if is_good:
            self._come_again(None)
        else:
            pause = self.limit.refusal_pause()
            self.limit.pause(pause)
            seconds = max(jitter(next(waits)), pause)
            self._server.at(self._server.now + seconds, partial(self._come_again, waits))

    def _come_again(self, waits: Waits | None) -> None:
        self._again.append(waits)
        self.go_on()
