"""Random histories find each planted bug within 2 minutes of CPU time: `make test-mutations`."""

from __future__ import annotations

import itertools
import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.simulation.history import History
from tests.simulation.mutants.table import PLANTED

if TYPE_CHECKING:
    from tests.simulation.mutants.table import Plant

SECONDS = 120
"""CPU time, which other processes on the machine do not use up."""


@pytest.mark.mutations
@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_it_is_found(plant: Plant) -> None:
    """A history breaks the promise that the bug is against, and holds it without the bug."""
    began = time.process_time()
    for seed in itertools.count():
        broken = _broken_promise(seed, plant)
        if re.search(PLANTED[plant], broken):
            seconds = time.process_time() - began
            without = _broken_promise(seed)
            assert not without, (
                f"a bug of the tap, by seed {seed} without the planted one: {without}"
            )
            print(f"{plant.__name__}: {seconds:.1f} s, {seed + 1} histories; {broken[:80]}")  # noqa: T201 - the table
            return
        assert time.process_time() - began < SECONDS, f"not found in {seed + 1} histories"


def _broken_promise(seed: int, *plants: Plant) -> str:
    """Run a history; return what the promise says that it breaks, empty if it breaks none."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for plant in plants:
            plant(monkeypatch)
        try:
            History(seed, monkeypatch).run()
        except AssertionError as error:
            return str(error).splitlines()[0]
    return ""
