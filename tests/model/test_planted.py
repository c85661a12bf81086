"""That the search finds bugs: each planted one within two minutes (`make planted`)."""

from __future__ import annotations

import itertools
import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.model.history import History
from tests.model.planted import PLANTED

if TYPE_CHECKING:
    from tests.model.planted import Plant

SECONDS = 120


@pytest.mark.planted
@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_it_is_found(plant: Plant) -> None:
    """A history breaks the promise that the bug is against, before two minutes have passed."""
    began = time.perf_counter()
    for seed in itertools.count():
        with pytest.MonkeyPatch.context() as monkeypatch:
            plant(monkeypatch)
            try:
                History(seed, monkeypatch).run()
            except AssertionError as error:
                words = str(error).splitlines()[0]
                if re.search(PLANTED[plant], words):
                    seconds = time.perf_counter() - began
                    print(f"{plant.__name__}: {seconds:.1f} s, {seed + 1} histories; {words[:80]}")  # noqa: T201 - the table
                    return
        assert time.perf_counter() - began < SECONDS, f"not found in {seed + 1} histories"
