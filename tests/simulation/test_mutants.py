"""At most 1,000 random histories find each planted bug: `make test-mutations`."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.simulation.history import History
from tests.simulation.mutants.table import MUTANTS

if TYPE_CHECKING:
    from tests.simulation.mutants.table import Plant

MAX_HISTORIES = 1_000


@pytest.mark.mutations
@pytest.mark.parametrize("plant", MUTANTS, ids=lambda plant: plant.__name__)
def test_it_is_found(plant: Plant) -> None:
    """A history breaks the expected guarantee with the bug, and keeps it without the bug."""
    began = time.process_time()
    for seed in range(MAX_HISTORIES):
        broken = _broken_guarantee(seed, plant)
        if re.search(MUTANTS[plant], broken):
            seconds = time.process_time() - began
            without = _broken_guarantee(seed)
            assert not without, f"seed {seed} also fails without the planted bug: {without}"
            print(f"{plant.__name__}: {seconds:.1f} s, {seed + 1} histories; {broken[:80]}")  # noqa: T201 - progress
            return
    pytest.fail(f"not found in {MAX_HISTORIES} histories")


def _broken_guarantee(seed: int, *plants: Plant) -> str:
    """Run a history and return the message of the broken guarantee, or an empty string."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for plant in plants:
            plant(monkeypatch)
        try:
            History(seed, monkeypatch).run()
        except AssertionError as error:
            return str(error).splitlines()[0]
    return ""
