"""The progress lines, the summary and the metrics."""

from __future__ import annotations

import logging
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tap_hubspot_threads.signals import Stopped
from tap_hubspot_threads.singer.progress import NOUNS, Progress
from tap_hubspot_threads.tap import TapHubSpotThreads
from tests.conftest import NOON, Life

if TYPE_CHECKING:
    from tests.conftest import Lab


def make_progress(
    quota: tuple[int | None, int | None] = (None, None),
) -> tuple[Progress, list[float]]:
    """Return a progress and its clock, a list with the current seconds."""
    clock = [0.0]
    traffic = SimpleNamespace(request_count=0, retry_count=0, quota=quota, now=None)
    return Progress(lambda: clock[0], traffic), clock


def test_line_every_ten_seconds(caplog: pytest.LogCaptureFixture) -> None:
    """Every 10 seconds a line reports the count, the rate, the remaining time and the quota."""
    caplog.set_level(logging.INFO)
    progress, clock = make_progress((900, 1_000))
    progress.total = 400
    for second in range(1, 25):
        clock[0] = float(second)
        progress.records["threads"] += 10
        progress.tick()
    assert caplog.messages == [
        "100 of 400 threads, 10.0 threads/s, about 30.0 s to go, 900 of 1,000 left today",
        "200 of 400 threads, 10.0 threads/s, about 20.0 s to go, 900 of 1,000 left today",
    ]


@pytest.mark.parametrize(
    ("quota", "phrases"),
    [
        ((900, 1_000), ["900 of 1,000 left today"]),
        ((900, None), ["900 left today"]),
        ((None, 1_000), []),
    ],
)
def test_quota(quota: tuple[int | None, int | None], phrases: list[str]) -> None:
    """The remaining quota is reported even if HubSpot does not report its limit."""
    progress, _ = make_progress(quota)
    assert progress.describe_quota() == phrases


def test_line_without_progress(caplog: pytest.LogCaptureFixture) -> None:
    """A line is also logged while nothing is read."""
    caplog.set_level(logging.INFO)
    progress, clock = make_progress()
    clock[0] = 60.0
    progress.tick()
    assert caplog.messages == ["0 threads, 0.0 threads/s"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(9.94, "9.9 s"), (61, "1 min 1 s"), (7_325, "2 h 2 min")]
)
def test_durations(seconds: float, text: str) -> None:
    """The summary gives the duration in its two largest units."""
    progress, clock = make_progress()
    clock[0] = seconds
    assert progress.summary().endswith(f" 0 API calls in {text}.")


def test_summary_and_metrics(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """The summary is the last line; the metrics that are not zero precede it."""
    caplog.set_level(logging.INFO)
    archived = lab.threads[-1].id
    lab.sync(thread_ids=[*lab.live_ids[:10], archived, 17], max_attempts=1, max_concurrency=1)
    summary = caplog.records[-1].message
    assert summary.startswith("Sync complete: 11 threads; 1 thread not found. 14 API calls in ")
    assert summary.endswith(", 649,986 of 650,000 left today.")
    for metric in (
        '"http_request_count","value":14',
        '"archived_thread_count","value":1',
        '"not_found_thread_count","value":1',
        '"record_count","value":11',
    ):
        assert metric in caplog.text
    assert '"value":0,' not in caplog.text


def test_few_lines_for_a_successful_sync(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """A successful sync logs at most 10 lines, and the third no more than the first."""
    caplog.set_level(logging.INFO)
    life = Life(lab)
    for _ in range(3):
        caplog.clear()
        life.sync()
        assert len(caplog.records) <= 9  # and the version, which the command logs
        assert caplog.records[-1].message.startswith("Sync complete: ")
        life.pass_time(hours=1)


def test_summary_counts_skipped_threads() -> None:
    """Threads that were not emitted are counted by reason."""
    progress, _ = make_progress()
    progress.records["threads"], progress.records["deleted_threads"] = 2, 1
    stats = progress.stats
    stats.unchanged, stats.before_start_date, stats.other_inbox = 3, 4, 5
    stats.withheld_deletions = 6
    assert progress.summary() == (
        "Sync complete: 2 threads, 1 deletion; 3 open threads unchanged; 4 threads older than "
        "start_date; 5 threads in other inboxes; 6 deletions pending. 0 API calls in 0.0 s."
    )


@pytest.mark.parametrize(
    ("total", "since", "reason"),
    [
        (0, None, "no thread IDs are configured"),
        (None, "2026-11-20T12:00:00.000Z", "no new message since 2026-11-20T12:00:00.000Z"),
        (None, None, "none found"),
    ],
)
def test_summary_of_nothing(total: int | None, since: str | None, reason: str) -> None:
    """A complete sync without a record gives the reason."""
    progress, _ = make_progress()
    progress.total, progress.since = total, since
    assert progress.summary().startswith(f"Sync complete: 0 threads ({reason}). ")
    stopped = progress.summary(Stopped(15))
    assert stopped.startswith("Sync stopped: 0 threads. ")


def test_summary_of_another_stream() -> None:
    """The summary does not mention threads if they are not selected."""
    progress, _ = make_progress()
    progress.records["inboxes"] = 0
    assert progress.summary().startswith("Sync complete: 0 inboxes (none found). ")
    progress.records["inboxes"] = 1
    assert progress.summary().startswith("Sync complete: 1 inbox. ")


def test_every_stream_has_a_noun() -> None:
    """The summary can name the records of each stream."""
    tap = TapHubSpotThreads(config={}, validate_config=False)
    assert NOUNS.keys() == tap.streams.keys()


def test_fields(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """The summary's log record has the documented fields."""
    caplog.set_level(logging.INFO)
    life = Life(lab)
    life.sync()
    first = vars(caplog.records[-1])
    assert first["records"] == {"threads": 80, "deleted_threads": 0}
    assert first["api_calls"] == len(lab.calls("."))
    life.pass_time(hours=1)
    life.sync()
    fields = vars(caplog.records[-1])
    fields = {name: fields[name] for name in make_progress()[0].fields({})}
    assert fields.pop("duration_seconds") >= 0
    unchanged = fields["skipped"]["unchanged"]
    assert unchanged > 0
    assert fields == {
        "api_calls": len(lab.calls(".")) - first["api_calls"],
        "retries": 0,
        "records": {"threads": 0, "deleted_threads": 0},
        "archived": 0,
        "skipped": {"unchanged": unchanged, "before_start_date": 0, "other_inbox": 0},
        "deletions_pending": 0,
        "not_found": 0,
        "failed": 0,
        "messages": {"threads": 0, "failed": 0, "unavailable": 0, "truncated": 0, "backfill": None},
        "actors_failed": 0,
        "misfits": {},
        "daily_quota_remaining": 650_000 - len(lab.calls(".")),
        "daily_quota_limit": 650_000,
        "bookmark": "2026-11-20T13:00:00.000Z",
        "bookmark_lag_seconds": 0,
        "full_listing_completed_at": "2026-11-20T12:00:00.000Z",
    }


def test_lag() -> None:
    """The bookmark's lag is measured by HubSpot's clock, and unknown before the first response."""
    progress, _ = make_progress()
    state = {"replication_key_value": "2026-11-20T12:00:00.000Z"}
    assert progress.fields(state)["bookmark_lag_seconds"] is None
    progress.traffic = SimpleNamespace(
        request_count=1, retry_count=0, quota=(None, None), now=NOON + timedelta(minutes=3)
    )
    assert progress.fields(state)["bookmark_lag_seconds"] == 180


def test_requests_are_not_logged_at_info(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """Requests are logged at DEBUG only, so the log does not grow with the number of threads."""
    caplog.set_level(logging.INFO)
    lab.sync(thread_ids=lab.live_ids[:2])
    few = len(caplog.records)
    caplog.clear()
    lab.sync(thread_ids=lab.live_ids)
    assert len(caplog.records) == few
