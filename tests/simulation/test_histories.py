"""The warehouse is right after each sync of a random account history.

A failing history prints its events and their times. `make test-model HISTORIES=2000` runs more.
"""

from __future__ import annotations

import os
import random
from contextlib import redirect_stdout, suppress
from typing import Any

import pytest

from emulator.data.account import Account
from emulator.limits import RollingLimit
from emulator.memory_transport import MemoryTransport
from emulator.service import TOKEN, Service
from tap_hubspot_threads.sync.concurrency.worker_pool import LOOKAHEAD
from tap_hubspot_threads.tap import TapHubSpotThreads
from tests.conftest import set_runtime
from tests.simulation.history import History
from tests.simulation.warehouse import Killed, Pipe
from tests.simulation.workers import DrawnWorkers

HISTORIES = int(os.environ.get("HISTORIES", "100"))
IN_A_ROW = 10


@pytest.mark.parametrize("first", range(0, HISTORIES, IN_A_ROW))
def test_history(first: int) -> None:
    """After each sync, the warehouse has each thread as the tap last had to see it."""
    for seed in range(first, min(first + IN_A_ROW, HISTORIES)):
        with pytest.MonkeyPatch.context() as monkeypatch:
            history = History(seed, monkeypatch)
            try:
                history.run()
            except BaseException:
                history.story += history.service.requests[-60:]
                print("\n".join(history.story))  # noqa: T201 - shown for a failing seed
                raise


@pytest.mark.parametrize("by_id", [False, True])
def test_twenty_kills(monkeypatch: pytest.MonkeyPatch, *, by_id: bool) -> None:
    """A first sync that is killed 20 times loses nothing and reads few rows twice."""
    page, workers, kills = 20, 4, 20
    chance = random.Random(kills)
    account = Account.sample(1_500)
    service = Service(account, limit=RollingLimit(maximum=1_000_000))
    set_runtime(
        monkeypatch,
        transport=lambda _: MemoryTransport(service),
        workers=type("WorkerPool", (DrawnWorkers,), {"chance": chance}),
        page_size=page,
        state_interval=0,
    )
    state: dict[str, Any] = {}
    loaded: set[str] = set()
    read = 0
    config = {"access_token": TOKEN, "always_fetch_by_id": by_id, "max_concurrency": workers}
    for messages in [*(chance.randrange(20, 120) for _ in range(kills)), float("inf")]:
        pipe = Pipe(messages)
        with redirect_stdout(pipe), suppress(Killed):
            TapHubSpotThreads(config=config, state=state).sync_all()
        lines = pipe.messages()
        last = max((n for n, line in enumerate(lines) if line["type"] == "STATE"), default=-1)
        read += sum(line["type"] == "RECORD" for line in lines)
        for line in lines[: last + 1]:
            if line["type"] == "RECORD":
                loaded.add(line["record"]["id"])
        state = lines[last]["value"] if last >= 0 else state
        account.message(chance.choice(list(account.threads.values())), sent=True)
    assert loaded == {str(thread_id) for thread_id in account.threads}
    changed = kills + 1
    assert read - len(account.threads) - changed <= kills * (page + LOOKAHEAD * workers)
