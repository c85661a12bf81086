"""Measure API calls and simulated seconds per sync, for each behavior of HubSpot's status filter.

Time is simulated, so nothing sleeps.
"""

from __future__ import annotations

import io
import json
import logging
import random
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from emulator.behavior import Behavior
from emulator.data.account import Account
from emulator.data.sample import AGENTS
from emulator.limits import RollingLimit
from emulator.memory_transport import MemoryTransport
from emulator.service import TOKEN, Service
from tap_hubspot_threads.app import Runtime
from tap_hubspot_threads.signals import Stop
from tap_hubspot_threads.tap import TapHubSpotThreads

if TYPE_CHECKING:
    from emulator.data.thread import Thread

SYNCS_PER_DAY = 24
CALLS_PER_SECOND = 19
FILTERS = ("works", "ignored", "refused", "empty", "index")
CASES = (  # threads, open threads, threads per page, seconds per page
    (20_000, 1_200, 500, 0.15),
    (3_000, 90, 500, 0.15),
    (20_000, 20, 500, 0.15),
    (2_500, 150, 100, 0.15),
    (20_000, 1_200, 100, 6.0),
)


@dataclass
class SimulatedAccount:
    """An account and the state of its syncs. Only calls and the benchmark advance the clock."""

    account: Account
    page_seconds: float
    now: datetime = datetime(2026, 11, 2, tzinfo=timezone.utc)
    state: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.account.clock = lambda: self.now
        self.service = Service(self.account, limit=RollingLimit(10**9))

    def sync(self) -> tuple[int, float]:
        """Run a sync from the last state. Return its API calls and simulated seconds."""
        self.service.requests.clear()
        started = self.now
        transport = MemoryTransport(self.service, pass_time=lambda _: None)
        runtime = Runtime(transport=lambda _: transport, clock=self._clock)
        tap = type("Tap", (TapHubSpotThreads,), {"runtime": runtime, "name": "tap"})
        self.service.before_answer = self._pass_time
        out = io.StringIO()
        with redirect_stdout(out):
            config = {"api_url": "http://localhost", "access_token": TOKEN}
            tap(config=config, state=json.loads(json.dumps(self.state))).sync_all()
        states = [
            line for line in out.getvalue().splitlines() if line.startswith('{"type":"STATE"')
        ]
        self.state = json.loads(states[-1])["value"]
        return len(self.service.requests), (self.now - started).total_seconds()

    def _clock(self) -> float:
        return self.now.timestamp()

    def _pass_time(self, target: str) -> None:
        """Advance the clock by the seconds of a page, or by the rate limit's interval per call."""
        is_page = "/threads?" in target
        self.now += timedelta(seconds=self.page_seconds if is_page else 1 / CALLS_PER_SECOND)

    def change_silently(self, chance: random.Random, count: int) -> None:
        """Make a silent change to each of `count` threads."""
        for thread in chance.sample(list(self.account.threads.values()), count):
            if chance.random() < 0.5:
                thread.assigned_to = chance.choice(AGENTS)
            elif thread.closed_at is None:
                thread.closed_at = self.account.now()
            else:
                thread.spam = not thread.spam


def make_account(
    threads: int, open_count: int, page_size: int, page_seconds: float, status_filter: Any
) -> SimulatedAccount:
    """Return an account in which `open_count` random threads are open."""
    sample: list[Thread] = list(Account.sample(threads).threads.values())
    chance = random.Random(threads)
    open_ids = {thread.id for thread in chance.sample(sample, open_count)}
    for thread in sample:
        thread.closed_at = None if thread.id in open_ids else thread.closed_at or thread.created_at
    behavior = replace(Behavior(), status_filter=status_filter, cap=page_size)
    return SimulatedAccount(Account(sample, behavior=behavior), page_seconds)


def main() -> None:
    """Print API calls and seconds of three syncs per case.

    The syncs run without changes, after 60 silent changes, and as the day's most expensive sync.
    """
    logging.disable(logging.WARNING)
    setattr(Stop, "wait", lambda stop, _: stop.check())  # noqa: B010 - mypy rejects assigning methods
    print("threads  open rows/page s/page filter     no changes    60 changes    worst of a day")
    for threads, open_count, page_size, page_seconds in CASES:
        for status_filter in FILTERS:
            account = make_account(threads, open_count, page_size, page_seconds, status_filter)
            for _ in range(3):
                account.sync()
                account.now += timedelta(minutes=15)
            quiet = account.sync()
            changed = []
            for seed in range(3):
                account.now += timedelta(minutes=15)
                account.change_silently(random.Random(seed), 60)
                changed.append(account.sync())
            day = []
            for _ in range(SYNCS_PER_DAY):
                account.now += timedelta(hours=1)
                day.append(account.sync())
            print(
                f"{threads:7} {open_count:5} {page_size:9} {page_seconds:6} {status_filter:9}"
                f"{quiet[0]:4} {quiet[1]:5.0f} s {max(changed)[0]:5} {max(changed)[1]:5.0f} s"
                f" {max(day)[0]:9} {max(seconds for _, seconds in day):5.0f} s"
            )


if __name__ == "__main__":
    main()
