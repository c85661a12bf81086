"""Storms of mixed faults: the rows are those of a quiet day."""

from __future__ import annotations

import random
from typing import Any

import pytest

from emulator.faults import storm
from tests.conftest import Lab, open_lab


@pytest.mark.parametrize("seed", range(50))
def test_storm(seed: int, waits: list[float]) -> None:
    """Whatever passing faults hit whichever requests, nothing is lost, doubled or changed."""
    chance = random.Random(seed)
    settings: dict[str, Any] = {
        "thread_fetch": chance.choice(["auto", "by_id"]),
        "max_concurrency": chance.choice([1, 4, 16]),
        "max_attempts": 100,
    }
    with open_lab() as lab:
        quiet = lab.sync().records()
        lab.emulator.faults.extend(storm(chance, 12))
        assert lab.sync(**settings).records() == quiet
        assert waits or settings["thread_fetch"] == "auto"


def test_first_call_fails(lab: Lab, waits: list[float]) -> None:
    """The first call after an idle time often fails with a 5xx; the sync does not."""
    lab.script(status=502)
    assert lab.sync().ids == lab.ids
    assert len(waits) == 1


def test_timeout(lab: Lab, waits: list[float]) -> None:
    """A request that is not answered in time is tried again."""
    lab.script(delay=1.3)
    assert lab.sync(request_timeout=1).ids == lab.ids
    assert len(waits) == 1
