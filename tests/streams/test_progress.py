"""What one sees: progress, summary, metrics, and nothing for each request."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tap_hubspot_threads.streams.progress import Progress

if TYPE_CHECKING:
    from tests.conftest import Lab


def make(
    quota: tuple[int | None, int | None] = (None, None),
) -> tuple[Progress, list[float], list[str]]:
    """Return a progress, the seconds of its clock, and its lines."""
    clock = [0.0]
    lines: list[str] = []
    traffic = SimpleNamespace(calls=0, retries=0, quota=quota)
    return Progress(lambda: clock[0], lines.append, traffic), clock, lines


def test_line_every_ten_seconds() -> None:
    """A line comes every ten seconds: what is done, of how many, how fast, how long still."""
    progress, clock, lines = make((900, 1_000))
    progress.total = 400
    for second in range(1, 25):
        clock[0] = float(second)
        progress.threads += 10
        progress.tick()
    assert lines == [
        "100 of 400 threads, 10.0 threads/s, about 30.0 s left, 900 of the day's 1000 calls left",
        "200 of 400 threads, 10.0 threads/s, about 20.0 s left, 900 of the day's 1000 calls left",
    ]


def test_line_while_nothing_happens() -> None:
    """A line comes too when nothing moves, and says so."""
    progress, clock, lines = make()
    clock[0] = 60.0
    progress.tick()
    assert lines == ["0 threads, 0.0 threads/s"]


@pytest.mark.parametrize(
    ("seconds", "words"), [(9.94, "9.9 s"), (61, "1 min 1 s"), (7_325, "2 h 2 min")]
)
def test_durations(seconds: float, words: str) -> None:
    """Durations read like a person would say them."""
    progress, clock, _ = make()
    clock[0] = seconds
    assert f" in {words}, " in progress.summary()


def test_summary_and_metrics(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """A sync ends with one line that counts everything, and the same as metrics."""
    caplog.set_level(logging.INFO)
    archived = lab.threads[-1].id
    lab.sync(thread_ids=[*lab.live_ids[:10], archived, 17], max_attempts=1, max_concurrency=1)
    (summary,) = [record.message for record in caplog.records if " calls/s" in record.message]
    assert summary.startswith(
        "11 threads (1 archived), 1 missing, 0 failed, 14 calls (0 retries) in"
    )
    assert "649986 of the day's 650000 calls left" in summary
    for metric in (
        '"http_request_count","value":14',
        '"http_retry_count","value":0',
        '"missing_thread_count","value":1',
        '"record_count","value":11',
    ):
        assert metric in caplog.text


def test_quiet_above_debug(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """Requests are logged at DEBUG only: the lines of a sync do not grow with its threads."""
    caplog.set_level(logging.INFO)
    lab.sync(thread_ids=lab.live_ids[:2])
    few = len(caplog.records)
    caplog.clear()
    lab.sync(thread_ids=lab.live_ids)
    assert len(caplog.records) == few
