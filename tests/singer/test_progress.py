"""What one sees: progress, summary, metrics, and nothing for each request."""

from __future__ import annotations

import logging
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tap_hubspot_threads.singer.progress import Progress
from tests.conftest import NOON, Life

if TYPE_CHECKING:
    from tests.conftest import Lab


def make(quota: tuple[int | None, int | None] = (None, None)) -> tuple[Progress, list[float]]:
    """Return a progress, and the seconds of its clock."""
    clock = [0.0]
    traffic = SimpleNamespace(request_count=0, retry_count=0, quota=quota, now=None)
    return Progress(lambda: clock[0], traffic), clock


def test_line_every_ten_seconds(caplog: pytest.LogCaptureFixture) -> None:
    """A line comes every ten seconds: what is done, of how many, how fast, how long still."""
    caplog.set_level(logging.INFO)
    progress, clock = make((900, 1_000))
    progress.total = 400
    for second in range(1, 25):
        clock[0] = float(second)
        progress.rows["threads"] += 10
        progress.tick()
    assert caplog.messages == [
        "100 of 400 threads, 10.0 threads/s, about 30.0 s left, 900 of the day's 1000 calls left",
        "200 of 400 threads, 10.0 threads/s, about 20.0 s left, 900 of the day's 1000 calls left",
    ]


def test_line_while_nothing_happens(caplog: pytest.LogCaptureFixture) -> None:
    """A line comes too when nothing moves, and says so."""
    caplog.set_level(logging.INFO)
    progress, clock = make()
    clock[0] = 60.0
    progress.tick()
    assert caplog.messages == ["0 threads, 0.0 threads/s"]


@pytest.mark.parametrize(
    ("seconds", "words"), [(9.94, "9.9 s"), (61, "1 min 1 s"), (7_325, "2 h 2 min")]
)
def test_durations(seconds: float, words: str) -> None:
    """Durations read like a person would say them."""
    progress, clock = make()
    clock[0] = seconds
    assert f" in {words}, " in progress.summary({})


def test_summary_and_metrics(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """The last line counts everything; before it come the metrics that are not zero."""
    caplog.set_level(logging.INFO)
    archived = lab.threads[-1].id
    lab.sync(thread_ids=[*lab.live_ids[:10], archived, 17], max_attempts=1, max_concurrency=1)
    summary = caplog.records[-1].message
    assert summary.startswith(
        "11 threads (1 archived), 1 missing, 0 failed, 14 calls (0 retries) in"
    )
    assert "649986 of the day's 650000 calls left" in summary
    for metric in (
        '"http_request_count","value":14',
        '"archived_thread_count","value":1',
        '"missing_thread_count","value":1',
        '"record_count","value":11',
    ):
        assert metric in caplog.text
    assert '"value":0,' not in caplog.text


def test_a_good_sync_is_ten_lines(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody reads more; the third sync has no more than the first."""
    caplog.set_level(logging.INFO)
    life = Life(lab)
    for _ in range(3):
        caplog.clear()
        life.sync()
        assert len(caplog.records) <= 9  # and the version, which the command logs
        assert caplog.records[-1].message.startswith(("80 threads", "0 threads"))
        life.pass_time(hours=1)


def test_summary_says_why_threads_were_left_out() -> None:
    """Threads that were not written are counted by their reasons."""
    progress, _ = make()
    progress.rows["threads"] = progress.rows["deleted_threads"] = 2
    stats = progress.stats
    stats.unchanged, stats.before_start_date, stats.other_inbox = 3, 4, 5
    stats.withheld_deletions = 6
    assert progress.summary({}).startswith(
        "2 threads (0 archived), 2 rows of deleted_threads, 3 unchanged, 4 before start_date, 5 of "
        "another inbox, 0 missing, 6 not told deleted yet, 0 failed, "
    )


@pytest.mark.parametrize(
    ("total", "since", "words"),
    [
        (0, None, "the settings name none"),
        (None, "2026-11-20T12:00:00.000Z", "none has a message since 2026-11-20T12:00:00.000Z"),
        (None, None, "none was found"),
    ],
)
def test_summary_of_nothing(total: int | None, since: str | None, words: str) -> None:
    """No row at all has a reason too, once the sync has come to its end."""
    progress, _ = make()
    progress.total, progress.since, progress.is_complete = total, since, True
    assert progress.summary({}).startswith(f"0 threads (0 archived): {words}, 0 missing")
    progress.is_complete = False
    assert progress.summary({}).startswith("0 threads (0 archived), 0 missing")


def test_summary_of_another_stream() -> None:
    """Where threads are not selected, the summary does not speak of them."""
    progress, _ = make()
    progress.rows["thread_index"] = 0
    assert progress.summary({}).startswith("0 rows of thread_index, ")


def test_fields(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """A monitor finds in the summary's record what it watches, under names that stay."""
    caplog.set_level(logging.INFO)
    life = Life(lab)
    life.sync()
    first = vars(caplog.records[-1])
    assert first["rows"] == {"threads": 80, "deleted_threads": 0}
    assert first["calls"] == len(lab.calls("."))
    life.pass_time(hours=1)
    life.sync()
    fields = vars(caplog.records[-1])
    fields = {name: fields[name] for name in make()[0].fields({})}
    assert fields.pop("seconds") >= 0
    unchanged = fields["left_out"]["unchanged"]
    assert unchanged > 0
    assert fields == {
        "calls": len(lab.calls(".")) - first["calls"],
        "retries": 0,
        "rows": {"threads": 0, "deleted_threads": 0},
        "archived": 0,
        "left_out": {"unchanged": unchanged, "before_start_date": 0, "other_inbox": 0},
        "withheld_deaths": 0,
        "missing": 0,
        "failed": 0,
        "messages": {"threads": 0, "failed": 0, "not_shown": 0, "cut_off": 0, "backfill": None},
        "actors_failed": 0,
        "misfits": {},
        "quota_left": 650_000 - len(lab.calls(".")),
        "quota_daily": 650_000,
        "bookmark": "2026-11-20T13:00:00.000Z",
        "bookmark_lag_seconds": 0,
        "full_listing_completed_at": "2026-11-20T12:00:00.000Z",
    }


def test_lag() -> None:
    """The bookmark's lag is by HubSpot's clock, and unknown before that is."""
    progress, _ = make()
    kept = {"replication_key_value": "2026-11-20T12:00:00.000Z"}
    assert progress.fields(kept)["bookmark_lag_seconds"] is None
    progress.traffic = SimpleNamespace(
        request_count=1, retry_count=0, quota=(None, None), now=NOON + timedelta(minutes=3)
    )
    assert progress.fields(kept)["bookmark_lag_seconds"] == 180
    assert "bookmark 3 min 0 s behind HubSpot's clock" in progress.summary(kept)


def test_quiet_above_debug(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """Requests are logged at DEBUG only: the lines of a sync do not grow with its threads."""
    caplog.set_level(logging.INFO)
    lab.sync(thread_ids=lab.live_ids[:2])
    few = len(caplog.records)
    caplog.clear()
    lab.sync(thread_ids=lab.live_ids)
    assert len(caplog.records) == few
