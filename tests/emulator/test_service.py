"""The headers of every response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.clients import THREADS

if TYPE_CHECKING:
    from tests.emulator.conftest import World


@pytest.mark.parametrize(("dates", "count"), [("all", 6), ("some", 4), ("none", 0)])
def test_dates(world: World, dates: Any, count: int) -> None:
    """All, some or no responses have a `Date`, and all have the other headers."""
    world.behavior.dates = dates
    responses = [world.client.get(THREADS).headers for _ in range(6)]
    assert sum("Date" in headers for headers in responses) == count
    assert all("X-HubSpot-Correlation-Id" in headers for headers in responses)


def test_correlation_ids(world: World) -> None:
    """Each response has its own correlation ID."""
    ids = {world.client.get(THREADS).headers["X-HubSpot-Correlation-Id"] for _ in range(50)}
    assert len(ids) == 50


def test_date_is_the_accounts_clock(world: World) -> None:
    """`Date` is the account's clock in whole seconds, not this machine's."""
    world.pass_time(3_600.9)
    assert world.client.get(THREADS).headers["Date"] == "Fri, 20 Nov 2026 13:00:00 GMT"
