"""The whole output of a sync at a fixed time, compared byte for byte with a file."""

from __future__ import annotations

from pathlib import Path

import pytest
import time_machine

from emulator.data.account import Account
from tests.conftest import open_lab, select, set_runtime

NOW = 1_796_083_200
FOLDER = Path(__file__).parent / "golden"


@pytest.mark.parametrize("workers", [1, 16])
@pytest.mark.parametrize("by_id", [False, True])
def test_whole_output(workers: int, monkeypatch: pytest.MonkeyPatch, *, by_id: bool) -> None:
    """The output equals the file. To accept a change, delete the file and run the test twice."""
    path = FOLDER / "sync.jsonl"
    set_runtime(monkeypatch, clock=lambda: 0.0)
    with open_lab(Account.sample(20)) as lab, time_machine.travel(NOW, tick=False):
        text = lab.sync(
            select("threads", "thread_index"), always_fetch_by_id=by_id, max_concurrency=workers
        ).text
    if not path.exists():
        if not by_id:
            path.write_text(text, encoding="utf-8")
        pytest.fail("The expected output did not exist: review the file that was just written")
    if not by_id:
        assert text == path.read_text(encoding="utf-8")
    else:
        # The index runs ahead of threads by the requests in flight, but each stream is the same.
        assert sorted(text.splitlines()) == sorted(path.read_text(encoding="utf-8").splitlines())
