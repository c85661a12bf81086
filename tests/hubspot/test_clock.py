"""HubSpot's clock: which `Date` headers it accepts."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
import time_machine

from tap_hubspot_threads.hubspot.clock import MARGIN, HubSpotClock

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    """Set the local clock to noon."""
    with time_machine.travel(NOON, tick=False):
        yield


class Clock(HubSpotClock):
    """A `HubSpotClock` with monotonic seconds that the test sets."""

    def __init__(self) -> None:
        self.seconds = 0.0
        super().__init__(lambda: self.seconds)

    def date(self, moment: datetime) -> bool:
        """Read the `Date` of a response; return whether it is accepted."""
        accepted = self.read({"Date": format_datetime(moment, usegmt=True)})
        assert accepted in {None, moment}
        return accepted is not None


def test_no_date() -> None:
    """Without a `Date`, HubSpot's clock is taken to be an hour behind the local clock."""
    clock = Clock()
    assert clock.read({}) is None
    assert clock.read({"Date": "soon"}) is None
    assert (clock.now(), clock.is_known) == (NOON - MARGIN, False)


def test_time_advances() -> None:
    """Between responses the clock advances from the earliest `Date`."""
    clock = Clock()
    assert clock.date(NOON)
    clock.seconds = 30
    assert clock.now() == NOON + timedelta(seconds=30)
    assert clock.date(NOON + timedelta(seconds=29))
    assert clock.now() == NOON + timedelta(seconds=29)


@pytest.mark.parametrize("year", [1970, 1999, 2100, 9999])
def test_impossible_year(year: int) -> None:
    """A `Date` before 2000 or after 2099 is ignored, however often it occurs."""
    clock = Clock()
    for _ in range(3):
        assert not clock.date(NOON.replace(year=year))
    assert not clock.is_known


def test_one_response_ahead() -> None:
    """A `Date` more than a minute ahead of the earliest one is ignored."""
    clock = Clock()
    assert clock.date(NOON)
    assert clock.date(NOON + MINUTE)
    assert not clock.date(NOON + 10 * MINUTE)
    assert clock.now() == NOON
    clock.seconds = 600
    assert clock.date(NOON + 10 * MINUTE)


def test_first_response_ahead() -> None:
    """If the first `Date` was ahead, the next one sets the clock back."""
    clock = Clock()
    assert clock.date(NOON + 10 * MINUTE)
    assert clock.date(NOON)
    assert clock.now() == NOON
    assert not clock.date(NOON + 10 * MINUTE)


def test_one_response_days_behind() -> None:
    """A single `Date` more than a day behind the earliest one is ignored."""
    clock = Clock()
    assert clock.date(NOON)
    assert not clock.date(NOON - 2 * DAY)
    assert clock.now() == NOON


def test_first_response_days_behind() -> None:
    """If only the first `Date` is more than a day behind the local clock, the next one applies."""
    clock = Clock()
    assert not clock.date(NOON - 400 * DAY)
    assert clock.is_known
    assert clock.now() == NOON - 400 * DAY
    assert clock.date(NOON)
    assert clock.now() == NOON


@pytest.mark.parametrize("days", [2, 4000])
def test_two_responses_days_behind(days: int) -> None:
    """If two responses agree, the local clock is wrong."""
    clock = Clock()
    assert not clock.date(NOON - days * DAY)
    clock.seconds = 3
    assert clock.date(NOON - days * DAY + timedelta(seconds=3))
    assert clock.now() == NOON - days * DAY + timedelta(seconds=3)


def test_local_clock_is_behind() -> None:
    """A `Date` ahead of the local clock is accepted at once."""
    assert Clock().date(NOON + 300 * DAY)
