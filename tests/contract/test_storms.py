"""Random mixtures of faults: the records are those of a sync without faults."""

from __future__ import annotations

import random
from typing import Any

import pytest

from emulator.faults import storm
from tests.conftest import Lab, Output, open_lab, set_runtime


def by_id(output: Output) -> list[dict[str, Any]]:
    """Return the records ordered by ID: pages come in any order."""
    return sorted(output.records(), key=lambda record: int(record["id"]))


@pytest.mark.parametrize("seed", range(50))
@pytest.mark.usefixtures("waits")
def test_storm(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random transient errors lose, duplicate and change no record."""
    set_runtime(monkeypatch, page_size=5)  # so that a listing takes enough requests
    rng = random.Random(seed)
    settings: dict[str, Any] = {
        "always_fetch_by_id": rng.choice([False, True]),
        "max_concurrency": rng.choice([1, 4, 16]),
        "max_attempts": 100,
    }
    with open_lab() as lab:
        expected = by_id(lab.sync())
        faults = storm(rng, 12)
        planned = sum(fault.times for fault in faults)
        lab.emulator.faults.extend(faults)
        assert by_id(lab.sync(**settings)) == expected
        # More faults than the two attempts for the account ID can hit.
        assert planned - sum(fault.times for fault in faults) > 2


def test_first_call_fails(lab: Lab, waits: list[float]) -> None:
    """A 5xx for the first API call does not fail the sync. Observed after an idle time."""
    lab.script(status=502)
    assert lab.sync().ids == lab.ids
    assert len(waits) == 1


def test_timeout(lab: Lab, waits: list[float]) -> None:
    """A request that times out is retried."""
    lab.script(delay=1.3)
    assert lab.sync(request_timeout=1).ids == lab.ids
    assert len(waits) == 1
