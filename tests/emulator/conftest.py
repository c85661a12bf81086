"""Fixtures of the emulator's tests: an account with a clock that the test sets, and a client."""

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
    """An empty account, its behavior, a clock that the test sets, and a client."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
        self.account = Account([], clock=lambda: self.now)
        self.behavior = self.account.behavior
        self.service = Service(self.account, limit=RollingLimit(10**9))
        self.client = Client(self.service)

    def pass_time(self, seconds: float) -> None:
        """Advance the account's clock."""
        self.now += timedelta(seconds=seconds)

    def threads(self, count: int) -> list[Thread]:
        """Create threads one second apart, each with one message."""
        created = []
        for _ in range(count):
            self.pass_time(1)
            created.append(self.account.create())
            self.account.message(created[-1], sent=False)
        return created

    @property
    def by_time(self) -> dict[str, str]:
        """The query of the list by latest message, from a time before every thread."""
        since = "2026-01-01T00:00:00.000Z"
        return {"sort": "latestMessageTimestamp", "latestMessageTimestampAfter": since}


@pytest.fixture
def world() -> World:
    """An account without threads, with the default behavior."""
    return World()
