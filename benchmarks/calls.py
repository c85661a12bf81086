"""What a sync costs in calls and seconds, however HubSpot's listings behave; nothing is slept."""

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

SYNCS_A_DAY = 24
FILTERS = ("works", "ignored", "refused", "empty", "index")
CASES = (  # threads, open, threads a page, seconds a page
    (20_000, 1_200, 500, 0.15),
    (3_000, 90, 500, 0.15),
    (20_000, 20, 500, 0.15),
    (2_500, 150, 100, 0.15),
    (20_000, 1_200, 100, 6.0),
)


@dataclass
class Life:
    """An account, and a tap that goes on from its last state; seconds pass by waiting alone."""

    account: Account
    page_seconds: float
    now: datetime = datetime(2026, 11, 2, tzinfo=timezone.utc)
    state: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.account.clock = lambda: self.now
        self.service = Service(self.account, limit=RollingLimit(10**9))

    def sync(self) -> tuple[int, float]:
        """Sync; return the calls, and the seconds that they take at 19 a second."""
        self.service.requests.clear()
        began = self.now
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
        return len(self.service.requests), (self.now - began).total_seconds()

    def _clock(self) -> float:
        return self.now.timestamp()

    def _pass_time(self, target: str) -> None:
        """Let a page take its time; of readings by id, nineteen leave in a second."""
        is_page = "/threads?" in target
        self.now += timedelta(seconds=self.page_seconds if is_page else 1 / 19)

    def change_silently(self, chance: random.Random, count: int) -> None:
        """Do what no message tells of to so many threads."""
        for thread in chance.sample(list(self.account.threads.values()), count):
            if chance.random() < 0.5:
                thread.assigned_to = chance.choice(AGENTS)
            elif thread.closed_at is None:
                thread.closed_at = self.account.now()
            else:
                thread.spam = not thread.spam


def make(threads: int, still_open: int, page: int, seconds: float, status_filter: Any) -> Life:
    """Make an account with so many open threads, old ones and new ones."""
    made: list[Thread] = list(Account.sample(threads).threads.values())
    chance = random.Random(threads)
    chosen = {thread.id for thread in chance.sample(made, still_open)}
    for thread in made:
        thread.closed_at = None if thread.id in chosen else thread.closed_at or thread.created_at
    behavior = replace(Behavior(), status_filter=status_filter, cap=page)
    return Life(Account(made, behavior=behavior), seconds)


def main() -> None:
    """Print calls and seconds of a quiet sync, one after silent changes, and of a day's worst."""
    logging.disable(logging.WARNING)
    setattr(Stop, "wait", lambda stop, _: stop.check())  # noqa: B010 - mypy lets nobody assign a method
    print("threads  open  a page  s a page  filter    quiet       after 60 changes  worst of a day")
    for threads, still_open, page, seconds in CASES:
        for status_filter in FILTERS:
            life = make(threads, still_open, page, seconds, status_filter)
            for _ in range(3):
                life.sync()
                life.now += timedelta(minutes=15)
            quiet = life.sync()
            changed = []
            for seed in range(3):
                life.now += timedelta(minutes=15)
                life.change_silently(random.Random(seed), 60)
                changed.append(life.sync())
            day = []
            for _ in range(SYNCS_A_DAY):
                life.now += timedelta(hours=1)
                day.append(life.sync())
            print(
                f"{threads:7} {still_open:5} {page:7} {seconds:9} {status_filter:9}"
                f"{quiet[0]:4} {quiet[1]:5.0f} s {max(changed)[0]:7} {max(changed)[1]:5.0f} s"
                f" {max(day)[0]:9} {max(took for _, took in day):5.0f} s"
            )


if __name__ == "__main__":
    main()
