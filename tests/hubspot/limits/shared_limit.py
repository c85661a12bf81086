"""A simulation of several syncs that share one token, on a simulated clock."""

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

ONE_WAY = 0.003
"""Seconds from a sync to the server, and from the server to the sync."""


class MustWait(Exception):  # noqa: N818 - control flow, not a failure
    """Raised by `wait`: the request may be sent after these seconds."""


@dataclass
class SharedServer:
    """A server with one rate limit, and the syncs that share it."""

    limit: str
    """Requests per interval, as `requests/seconds`."""
    seed: int = 1
    latency: tuple[float, float] = (0.05, 0.3)
    now: float = 0.0
    syncs: list[Sync] = field(default_factory=list)

    def __post_init__(self) -> None:
        maximum, interval = map(int, self.limit.split("/"))
        self.window = RollingLimit(maximum, interval, clock=lambda: self.now)
        self.rng = random.Random(self.seed)
        random.seed(self.seed)  # used by `RateLimit`
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def at(self, moment: float, event: Callable[[], None]) -> None:
        """Schedule an event."""
        heapq.heappush(self._events, (moment, next(self._numbers), event))

    def run(self, until: float) -> None:
        """Handle all events until a moment."""
        while self._events and self._events[0][0] <= until:
            self.now, _, event = heapq.heappop(self._events)
            event()
        self.now = until

    def add(self, *, start: float = 0.0, end: float = 1e9, rate: float | None = None) -> Sync:
        """Add a sync of 16 workers, optionally with a rate in requests per second."""
        sync = Sync(self, end=end, rate=rate)
        self.syncs.append(sync)
        self.at(start, sync.send)
        return sync

    def used_share(self, start: float, end: float) -> float:
        """Return the used share of the limit in a period."""
        admitted = sum(len(sync.admitted_in(start, end)) for sync in self.syncs)
        return admitted * self.window.interval / self.window.maximum / (end - start)

    def refused_share(self, start: float, end: float) -> float:
        """Return the share of 429 responses in a period."""
        refused = sum(start <= moment < end for sync in self.syncs for moment in sync.refused_at)
        admitted = sum(len(sync.admitted_in(start, end)) for sync in self.syncs)
        return refused / (refused + admitted)

    def smallest_share(self, start: float, end: float) -> float:
        """Return the slowest sync's share of the successful responses of a period."""
        counts = [len(sync.admitted_in(start, end)) for sync in self.syncs]
        return min(counts) / sum(counts)


class Sync:
    """A sync as the rate limit sees it: workers that send requests and retry after a 429."""

    def __init__(self, server: SharedServer, *, end: float, rate: float | None) -> None:
        self._server, self._end, self._rate = server, end, rate
        self.limit = RateLimit(clock=lambda: server.now, wait=self._wait)
        self.admitted_at: list[float] = []
        self.refused_at: list[float] = []
        self._ready: deque[Waits | None] = deque([None] * 16)
        """Workers that are ready to send, each with the waits of its next retries."""
        self._is_waiting = False

    def admitted_in(self, start: float, end: float) -> list[float]:
        """Return the times at which requests of a period were admitted."""
        return [moment for moment in self.admitted_at if start <= moment < end]

    def send(self) -> None:
        """Send all requests that the rate limit allows now."""
        server = self._server
        while self._ready and not self._is_waiting and server.now < self._end:
            try:
                ticket = self.limit.acquire()
            except MustWait as must_wait:
                self._is_waiting = True
                server.at(server.now + must_wait.args[0], self._wake)
                return
            waits = self._ready.popleft() or schedule()
            server.at(server.now + ONE_WAY, partial(self._arrive, ticket, waits))
            if self._rate:
                self._is_waiting = True
                server.at(server.now + server.rng.expovariate(self._rate), self._wake)

    def _wait(self, seconds: float) -> None:
        raise MustWait(seconds)

    def _wake(self) -> None:
        self._is_waiting = False
        self.send()

    def _arrive(self, ticket: Ticket, waits: Waits) -> None:
        server = self._server
        is_admitted = server.window.admit()
        (self.admitted_at if is_admitted else self.refused_at).append(server.now)
        seconds = server.rng.uniform(*server.latency)
        server.at(
            server.now + seconds, partial(self._answer, ticket, waits, is_admitted=is_admitted)
        )

    def _answer(self, ticket: Ticket, waits: Waits, *, is_admitted: bool) -> None:
        server = self._server
        headers = server.window.headers()
        receive = partial(self._receive, ticket, waits, headers, is_admitted=is_admitted)
        server.at(server.now + ONE_WAY, receive)

    def _receive(
        self, ticket: Ticket, waits: Waits, headers: dict[str, str], *, is_admitted: bool
    ) -> None:
        """Handle a response like the client, 429s included."""
        self.limit.release(ticket, headers, is_refused=not is_admitted)
        if is_admitted:
            self._make_ready(None)
        else:
            pause = self.limit.refusal_pause()
            self.limit.pause(pause)
            seconds = max(jitter(next(waits)), pause)
            self._server.at(self._server.now + seconds, partial(self._make_ready, waits))

    def _make_ready(self, waits: Waits | None) -> None:
        self._ready.append(waits)
        self.send()
