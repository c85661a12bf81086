"""An account whose clock passes by hand, and a client that asks it in memory."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from emulator.data.account import Account
from emulator.limits import RollingLimit
from emulator.service import Service
from tests.emulator.clients import Client

if TYPE_CHECKING:
    from emulator.data.thread import Thread


class World:
    """An account in which time passes by hand; `behavior` is the account's, to be changed."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
        self.account = Account([], clock=lambda: self.now)
        self.behavior = self.account.behavior
        self.service = Service(self.account, limit=RollingLimit(10**9))
        self.client = Client(self.service)

    def pass_time(self, seconds: float) -> None:
        """Let the account's clock go on."""
        self.now += timedelta(seconds=seconds)

    def threads(self, count: int) -> list[Thread]:
        """Make so many threads, each with a message, a second apart."""
        made = []
        for _ in range(count):
            self.pass_time(1)
            made.append(self.account.create())
            self.account.message(made[-1], sent=False)
        return made

    @property
    def by_time(self) -> dict[str, str]:
        """The query of the listing by latest message, from long ago."""
        since = "2026-01-01T00:00:00.000Z"
        return {"sort": "latestMessageTimestamp", "latestMessageTimestampAfter": since}


@pytest.fixture
def world() -> World:
    """An account without threads, with the usual behavior."""
    return World()
