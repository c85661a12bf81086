"""Simulate the listing of an account by ranges of IDs, and compare it with one page after another.

No requests are made: time is simulated, with 16 workers and a latency with 30% jitter.
"""

from __future__ import annotations

import heapq
import random
from bisect import bisect_right
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from tap_hubspot_threads.models import Page
from tap_hubspot_threads.sync.id_ranges import ALL_IDS, IdRange, cursor_after, subtract
from tap_hubspot_threads.sync.phases.backfill import EPOCH
from tap_hubspot_threads.sync.phases.full_listing import SHARE_OF_INTERVAL
from tap_hubspot_threads.sync.phases.range_plan import Budget, RangePlan
from tap_hubspot_threads.values import shift

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WORKERS = 16
INTERVAL = 900
"""Seconds between two syncs."""
SEEDS = 5
DAY = 86_400.0
YEARS = 6 * 365 * DAY
NOW = 1.8e9


class Case(NamedTuple):
    """A size of an account, and how fast its pages are."""

    threads: int
    page: int
    seconds: float


CASES = (
    Case(400, 500, 2),
    Case(501, 500, 2),
    Case(20_000, 500, 2),
    Case(40_000, 500, 2),
    Case(48_000, 100, 3),
    Case(300_000, 500, 16),
)


def even(chance: random.Random) -> float:
    """The account grew by the same number of threads each day."""
    return NOW - YEARS * chance.random()


def doubling(chance: random.Random) -> float:
    """The account grew by a factor of two every ten months."""
    age = chance.expovariate(0.69 / (300 * DAY))
    return NOW - age if age < YEARS else doubling(chance)


def half_in_an_hour(chance: random.Random) -> float:
    """Half of the threads were imported within one hour."""
    return even(chance) if chance.random() < 0.5 else NOW - YEARS / 2 + chance.random() * 3_600


def last_days(chance: random.Random) -> float:
    """The account is two days old."""
    return NOW - 2 * DAY * chance.random()


def both_ends(chance: random.Random) -> float:
    """Half of the threads came on the first day, the other half on the last one."""
    age = chance.random() * DAY
    return NOW - age if chance.random() < 0.5 else NOW - YEARS + age


ACCOUNTS: dict[str, Callable[[random.Random], float]] = {
    "even": even,
    "doubling every 10 months": doubling,
    "half within one hour": half_in_an_hour,
    "all in the last 2 days": last_days,
    "half at either end": both_ends,
}


def id_at(time: float) -> int:
    """Return the ID of a thread created at a time. IDs accelerate as HubSpot grows."""
    years = (time - NOW + 10 * 365 * DAY) / (365 * DAY)
    return int(1e9 * years**2 / 9)


class SlowList:
    """The list of an account, in simulated time.

    Args:
        case: The size and the speed.
        created: Draws when a thread was created.
        seed: Determines the account and each latency.
    """

    def __init__(
        self, case: Case, created: Callable[[random.Random], float], seed: int = 0
    ) -> None:
        self._case, self._chance = case, random.Random(seed)
        self._times = sorted(created(self._chance) for _ in range(case.threads))
        self._ids = sorted({id_at(time) * 8 + self._chance.randrange(8) for time in self._times})
        self.clock = 0.0
        self.calls = 0
        self.left = {*self._ids}
        """The IDs that no page has shown."""

    def read(self, plan: RangePlan) -> Iterator[IdRange]:
        """Read what is planned; yield what each page covers."""
        flights: list[tuple[float, IdRange, float]] = []
        while True:
            while len(flights) < WORKERS and (task := plan.take()) is not None:
                latency = self._latency()
                heapq.heappush(flights, (self.clock + latency, task, latency))
            if not flights:
                return
            self.clock, task, latency = heapq.heappop(flights)
            page = self._page(task.after, latency)
            covered = plan.done(task, page)
            ids = map(int, page.ids)
            self.left -= {each for each in ids if covered.until is None or each <= covered.until}
            yield covered

    def _latency(self) -> float:
        return self._case.seconds * self._chance.uniform(0.7, 1.3)

    def _page(self, after: int, latency: float) -> Page:
        """Return the page that the API would return now, after a latency."""
        self.calls += 1
        start = bisect_right(self._ids, after)
        end = start + self._case.page
        ids = self._ids[start:end]
        cursor = cursor_after(ids[-1]) if end < len(self._ids) else None
        rows = [
            {"id": str(each), "createdAt": shift(EPOCH, seconds=time)}
            for each, time in zip(ids, self._times[:end], strict=False)
            if not after
        ]
        received_at = max(self.clock, latency)
        names, now = [str(each) for each in ids], shift(EPOCH, seconds=NOW)
        return Page(rows, cursor, now, ids=names, seconds=latency, received_at=received_at)


def simulate(case: Case, created: Callable[[random.Random], float], seed: int) -> tuple[int, float]:
    """Return the calls and the seconds of a listing.

    Raises:
        AssertionError: if a thread is missing.
    """
    threads = SlowList(case, created, seed)
    for _ in threads.read(RangePlan([ALL_IDS], Budget(), workers=WORKERS)):
        pass
    if threads.left:
        message = f"{len(threads.left)} threads are missing"
        raise AssertionError(message)
    return threads.calls, threads.clock


def syncs_of_a_full_listing(case: Case) -> list[float]:
    """Return the seconds that each sync's part of a full listing takes, if syncs are frequent."""
    threads, unread = SlowList(case, even), [ALL_IDS]
    seconds: list[float] = []
    while unread:
        began = threads.clock
        budget = Budget(seconds=SHARE_OF_INTERVAL * INTERVAL)
        for covered in threads.read(RangePlan(unread, budget, workers=WORKERS)):
            unread = subtract(unread, covered)
        seconds.append(threads.clock - began)
    return seconds


def main() -> None:
    """Print a table: API calls, and how many times faster than one page after another."""
    print(f"{'threads, page, latency':<24}{'serial':>8}", *(f"{name:>26}" for name in ACCOUNTS))
    for case in CASES:
        pages = -(-case.threads // case.page)
        cells = []
        for created in ACCOUNTS.values():
            results = [simulate(case, created, seed) for seed in range(SEEDS)]
            calls = max(result[0] for result in results)
            speed = pages * case.seconds / median(result[1] for result in results)
            cells.append(f"{calls} calls, {speed:.1f}x")
        name = f"{case.threads:,}, {case.page}, {case.seconds:g} s"
        print(f"{name:<24}{pages * case.seconds:>6.0f} s", *(f"{cell:>26}" for cell in cells))
    seconds = syncs_of_a_full_listing(case)
    print(
        f"A full listing of the last case, synced every {INTERVAL / 60:.0f} minutes: "
        f"{len(seconds)} syncs, of {', '.join(f'{each:.0f}' for each in seconds)} s"
    )


if __name__ == "__main__":
    main()
