"""What comes with every answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.clients import THREADS

if TYPE_CHECKING:
    from tests.emulator.conftest import World


@pytest.mark.parametrize(("dates", "count"), [("all", 6), ("some", 4), ("none", 0)])
def test_dates(world: World, dates: Any, count: int) -> None:
    """All answers have a `Date`, some, or none; the other headers stay."""
    world.behavior.dates = dates
    answers = [world.client.get(THREADS).headers for _ in range(6)]
    assert sum("Date" in headers for headers in answers) == count
    assert all("X-HubSpot-Correlation-Id" in headers for headers in answers)


def test_correlation_ids(world: World) -> None:
    """No two answers have the same correlation id."""
    ids = {world.client.get(THREADS).headers["X-HubSpot-Correlation-Id"] for _ in range(50)}
    assert len(ids) == 50


def test_date_of_the_account(world: World) -> None:
    """`Date` is the account's clock, in whole seconds, not this machine's."""
    world.pass_time(3_600.9)
    assert world.client.get(THREADS).headers["Date"] == "Fri, 20 Nov 2026 13:00:00 GMT"
