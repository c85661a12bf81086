"""Storms of mixed faults: the rows are those of a quiet day."""

from __future__ import annotations

import random
from typing import Any

import pytest

from emulator.faults import storm
from tests.conftest import Lab, open_lab, set_runtime


@pytest.mark.parametrize("seed", range(50))
@pytest.mark.usefixtures("waits")
def test_storm(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever passing faults hit whichever requests, nothing is lost, doubled or changed."""
    set_runtime(monkeypatch, page_size=5)  # so that a listing takes requests enough to be hit
    chance = random.Random(seed)
    settings: dict[str, Any] = {
        "always_fetch_by_id": chance.choice([False, True]),
        "max_concurrency": chance.choice([1, 4, 16]),
        "max_attempts": 100,
    }
    with open_lab() as lab:
        quiet = lab.sync().records()
        faults = storm(chance, 12)
        to_come = sum(fault.times for fault in faults)
        lab.emulator.faults.extend(faults)
        assert lab.sync(**settings).records() == quiet
        # More than what the two tries for the account's number can have met.
        assert to_come - sum(fault.times for fault in faults) > 2


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
