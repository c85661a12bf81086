"""Failed requests: which are retried, and what their errors say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from emulator.limits import RollingLimit
from emulator.server import TOKEN
from tap_hubspot_threads.errors import (
    DailyQuotaError,
    HubSpotError,
    IncompleteError,
    TransientError,
)
from tap_hubspot_threads.sync.concurrency.worker_pool import LOOKAHEAD
from tests.conftest import Lab, Output, open_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = "Sun, 22 Nov 2026"
SECRET_TEXT = "a customer's own words"


def error_body(**fields: Any) -> str:
    """Return an error body in HubSpot's form."""
    body = {"status": "error", "message": SECRET_TEXT, "correlationId": "c-0-r"}
    return json.dumps(body | fields)


TRANSIENT: dict[str, dict[str, Any]] = {
    **{str(code): {"status": code} for code in (423, 477, 500, 502, 503, 504, 521, 523, 524, 520)},
    "429 burst": {"status": 429, "body": error_body(policyName="TEN_SECONDLY_ROLLING")},
    "dropped connection": {"drop": True},
    "reset connection": {"reset": True},
    "truncated body": {"cut": True},
    "body falsely marked as compressed": {"garble": True},
    "200 without JSON": {"status": 200, "body": "<html>"},
    "200 without a body": {"status": 200, "body": ""},
    "200 with an array": {"status": 200, "body": "[]"},
    "200 with another object": {"status": 200, "body": '{"id": "1", "results": {}}'},
    "200 nested too deep": {"status": 200, "body": "[" * 100_000},
    "502 BAD_GATEWAY": {"status": 502, "body": error_body(category="BAD_GATEWAY")},
}


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT.keys())
@pytest.mark.parametrize("by_id", [False, True])
def test_transient_faults(
    lab: Lab, waits: list[float], fault: dict[str, Any], *, by_id: bool
) -> None:
    """Transient errors are retried, and the records are those of a sync without faults."""
    expected = lab.sync(always_fetch_by_id=by_id).records()
    calls = len(lab.calls())
    lab.script(path="/threads\\?", times=2, **fault)
    lab.script(path="/threads/", skip=4, times=3, **fault)
    assert lab.sync(always_fetch_by_id=by_id).records() == expected
    failed = 5 if by_id else 2
    assert len(lab.calls()) == 2 * calls + failed
    assert len(waits) >= failed


def test_waits_double(lab: Lab, waits: list[float]) -> None:
    """Waits double up to a minute, with up to half taken off, until `max_attempts` is reached."""
    lab.script(status=503, times=100)
    with pytest.raises(TransientError, match=r"GET /threads: 503 .*after 9 attempts"):
        lab.sync(max_attempts=9)
    for wait, longest in zip(waits, (1, 2, 4, 8, 16, 32, 60, 60), strict=True):
        assert longest / 2 <= wait <= longest
    # Then a row that makes the first page fail is searched: six calls without a retry.
    assert len(lab.calls()) == 9 + 6


@pytest.mark.parametrize(
    ("status", "headers", "least", "most"),
    [
        (429, {"Retry-After": "7"}, 7, 7),
        (429, {"X-HubSpot-RateLimit-Interval-Milliseconds": "4000"}, 0.1, 4),
        (429, {"Retry-After": "soon"}, 0.1, 10),
        (503, {"Retry-After": "2.5"}, 2.5, 2.5),
        (477, {"Retry-After": "300"}, 300, 300),
        (503, {"Retry-After": "0"}, 0.5, 1),
        (503, {"Retry-After": "-3"}, 0.5, 1),
        (503, {"Date": f"{DAY} 10:00:00 GMT", "Retry-After": f"{DAY} 10:01:30 GMT"}, 90, 90),
        (503, {"Date": f"{DAY} 10:00:00 GMT", "Retry-After": f"{DAY} 09:00:00 GMT"}, 0.5, 1),
    ],
)
def test_retry_after(
    lab: Lab, waits: list[float], *, status: int, headers: dict[str, str], least: float, most: float
) -> None:
    """`Retry-After` is honored; without it, a 429 pauses all workers for part of the interval."""
    lab.script(status=status, headers=headers)
    lab.sync()
    # The clock of the emulated rate limit stands still, so a request may also wait for that limit.
    assert least <= max(waits) <= most
    assert sum(waits) - max(waits) < 1


@pytest.mark.parametrize("retry_after", ["301", "86400", "Sun, 22 Nov 2099 10:01:30 GMT"])
def test_long_retry_after(lab: Lab, waits: list[float], retry_after: str) -> None:
    """If `Retry-After` exceeds 5 minutes, the sync ends and reports when to retry."""
    lab.script(status=477, headers={"Retry-After": retry_after})
    with pytest.raises(HubSpotError, match=r"wait for \d+ minutes\. Run the sync again"):
        lab.sync()
    assert waits == []


def test_429_pauses_every_worker(lab: Lab, waits: list[float]) -> None:
    """After a 429 no worker sends a request until the rate limit allows it again."""
    ids = lab.live_ids[:40]
    lab.script(path=ids[20], status=429, headers={"Retry-After": "30"})
    assert lab.sync(thread_ids=ids, max_concurrency=8).ids == ids
    assert 30 in waits
    assert len(lab.calls()) == 41


def test_learned_rate_limit() -> None:
    """A rate limit learned from HubSpot's headers is never exceeded, in real time."""
    with open_lab(limit=RollingLimit(maximum=30, interval=0.3)) as lab:
        ids = lab.live_ids[:70]
        assert lab.sync(thread_ids=ids).ids == ids
        assert lab.emulator.limit.refused == 0


def test_daily_reserve_ends_the_sync(lab: Lab) -> None:
    """When the daily quota reaches its reserve, the rows read so far are emitted, then STATE."""
    lab.emulator.limit.daily = 100
    with pytest.raises(DailyQuotaError, match="midnight"):
        lab.sync(thread_ids=lab.live_ids, daily_quota_reserve_percent=50, max_concurrency=4)
    assert 46 <= len(lab.calls()) <= 50
    output = Output(lab.out.getvalue())
    assert output.ids == lab.live_ids[: len(output.ids)]
    assert len(output.ids) >= 40
    assert output.messages[-1]["type"] == "STATE"


FATAL: dict[str, tuple[dict[str, Any], str]] = {
    "401": (
        {"status": 401, "body": error_body(category="EXPIRED_AUTHENTICATION")},
        r"401 EXPIRED_AUTHENTICATION \(correlationId c-0-r\).*access_token",
    ),
    "403": (
        {"status": 403, "body": error_body(category="MISSING_SCOPES")},
        "403 MISSING_SCOPES .*scope conversations.read",
    ),
    "400": (
        {"status": 400, "body": error_body(category="VALIDATION_ERROR", message="bad limit")},
        "400 VALIDATION_ERROR .*bad limit",
    ),
    "404 from another server": ({"status": 404, "body": "<html>", "bare": True}, "api_url"),
    "404 from a gateway": (
        {"status": 404, "body": '{"message": "Not Found"}', "bare": True},
        "api_url",
    ),
    "403 from a firewall": (
        {"status": 403, "body": "<html>", "bare": True},
        "did not come from HubSpot",
    ),
    "redirect": ({"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}, "api_url"),
    "daily quota": (
        {"status": 429, "body": error_body(policyName="DAILY")},
        "midnight in the account's time zone",
    ),
}


@pytest.mark.parametrize(("fault", "message"), FATAL.values(), ids=FATAL.keys())
@pytest.mark.parametrize("by_id", [False, True])
def test_fatal_errors(
    lab: Lab, waits: list[float], fault: dict[str, Any], message: str, *, by_id: bool
) -> None:
    """Errors that a retry cannot fix are not retried, and say what to do."""
    lab.script(path="", times=100, **fault)
    settings: dict[str, Any] = {"thread_ids": [lab.live_ids[0]]} if by_id else {}
    with pytest.raises(HubSpotError, match=message) as error:
        lab.sync(**settings)
    assert SECRET_TEXT not in str(error.value)
    # A refused page is requested in smaller sizes too: 500, 100, 20, 1. A 404 for a thread is
    # verified by one request for the list of threads.
    sizes = 4 if fault["status"] == 400 and not by_id else 1
    probes = fault["status"] == 404 and by_id
    assert len(lab.calls()) <= sizes + probes
    assert waits == []


def test_rejected_token(lab: Lab) -> None:
    """A rejected token is an error that names the setting, not the token."""
    with pytest.raises(HubSpotError, match="check the setting access_token") as error:
        lab.sync(access_token="pat-na1-wrong")
    assert "pat-na1" not in str(error.value)


def test_echoing_server(lab: Lab) -> None:
    """A token that the server echoes does not appear in an error."""
    body = error_body(message=f"Bearer {TOKEN}?", category=TOKEN)
    lab.script(status=400, body=body, times=4)
    with pytest.raises(HubSpotError, match="…") as error:
        lab.sync()
    assert TOKEN not in str(error.value)


def test_missing_scope() -> None:
    """A token without the scope is an error that names the scope."""
    with open_lab(scopes=()) as lab, pytest.raises(HubSpotError, match=r"conversations\.read"):
        lab.sync()


@pytest.mark.parametrize("status", [500, 400])
def test_one_failed_thread(lab: Lab, waits: list[float], status: int) -> None:
    """A failed thread does not stop the others; the sync reports it at the end."""
    bad = lab.live_ids[9]
    lab.script(path=f"/threads/{bad}", status=status, times=100)
    with pytest.raises(
        IncompleteError, match=rf"^Could not read 1 thread\(s\);.*: {bad}\. .*: {status}"
    ):
        lab.sync(thread_ids=lab.live_ids, max_attempts=3)
    output = Output(lab.out.getvalue())
    assert output.ids == [thread_id for thread_id in lab.live_ids if thread_id != bad]
    assert output.messages[-1]["type"] == "STATE"
    assert len(waits) == (2 if status == 500 else 0)


def test_scattered_failed_threads(lab: Lab, waits: list[float]) -> None:
    """Failed threads among good ones do not end the sync."""
    ids = lab.live_ids
    bad = ids[5:55:10]
    for thread_id in bad:
        lab.script(path=f"/threads/{thread_id}", status=500, times=100)
    with pytest.raises(IncompleteError, match=r"^Could not read 5 thread\(s\);"):
        lab.sync(thread_ids=ids, max_attempts=2)
    assert waits
    assert Output(lab.out.getvalue()).ids == [id_ for id_ in ids if id_ not in bad]


def test_hubspot_down(lab: Lab, waits: list[float]) -> None:
    """Five consecutive failed threads end the sync, with STATE."""
    ids = lab.live_ids
    lab.script(path="/threads/", skip=20, status=503, times=100_000)
    with pytest.raises(HubSpotError, match="Reading threads failed 5 times in a row"):
        lab.sync(thread_ids=ids, max_attempts=3, max_concurrency=4)
    output = Output(lab.out.getvalue())
    assert 16 <= len(output.ids) <= 20
    assert output.messages[-1]["type"] == "STATE"
    assert len(waits) < 60


def test_refused_for_every_thread(lab: Lab) -> None:
    """If HubSpot refuses thread after thread, the sync ends without requesting them all."""
    lab.script(status=400, times=100_000, body=error_body(message="no such property"))
    with pytest.raises(HubSpotError, match="no such property"):
        lab.sync(thread_ids=lab.live_ids, max_concurrency=4)
    assert len(lab.calls()) <= 5 + 4 * LOOKAHEAD


@pytest.fixture(autouse=True)
def _no_secrets(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Check that neither the token nor message text is logged, at any level."""
    caplog.set_level("DEBUG")
    yield
    assert TOKEN not in caplog.text
    assert SECRET_TEXT not in caplog.text


def test_failed_sync_of_configured_ids(lab: Lab) -> None:
    """A failed sync of configured IDs writes nothing for `deleted_threads`."""
    with pytest.raises(HubSpotError):
        lab.sync(thread_ids=[*lab.live_ids, 17], access_token="wrong")
    assert "deleted_threads" not in lab.out.getvalue()
