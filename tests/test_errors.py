"""Failed requests: which are tried again, and what the person at the other end reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError

from emulator.limits import RollingLimit
from emulator.server import TOKEN
from tests.conftest import Lab, open_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET_TEXT = "a customer's own words"


def error_body(**fields: Any) -> str:
    """Return an error body in HubSpot's shape."""
    body = {"status": "error", "message": SECRET_TEXT, "correlationId": "c-0-r"}
    return json.dumps(body | fields)


PASSING: dict[str, dict[str, Any]] = {
    **{str(code): {"status": code} for code in (423, 477, 500, 502, 503, 504, 521, 523, 524, 520)},
    "429 burst": {"status": 429, "body": error_body(policyName="TEN_SECONDLY_ROLLING")},
    "dropped connection": {"drop": True},
    "cut-off body": {"cut": True},
    "200 without JSON": {"status": 200, "body": "<html>"},
    "200 without a body": {"status": 200, "body": ""},
    "200 that is no object": {"status": 200, "body": "[]"},
    "200 that is nothing asked for": {"status": 200, "body": '{"id": "1", "results": {}}'},
    "200 nested too deep": {"status": 200, "body": "[" * 100_000},
    "204": {"status": 502, "body": error_body(category="BAD_GATEWAY")},
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
@pytest.mark.parametrize("how", ["auto", "by_id"])
def test_passing_faults(lab: Lab, waits: list[float], fault: dict[str, Any], how: str) -> None:
    """What passes by itself is tried again, and the rows are those of a quiet day."""
    quiet = lab.sync(thread_fetch=how).records()
    lab.script(path="/threads\\?", times=2, **fault)
    lab.script(path="/threads/", skip=4, times=3, **fault)
    assert lab.sync(thread_fetch=how).records() == quiet
    assert len(waits) == (2 if how == "auto" else 5)


def test_waits_double(lab: Lab, waits: list[float]) -> None:
    """The waits double from a second, with jitter, and end after `max_attempts` tries."""
    lab.script(status=503, times=100)
    with pytest.raises(RetriableAPIError, match=r"GET /threads: 503 .*after 5 attempts"):
        lab.sync(max_attempts=5)
    assert [int(wait - jitter) for wait, jitter in zip(waits, (0, 0, 0, 0), strict=True)]
    assert all(2**n <= wait < 2**n + 1 for n, wait in enumerate(waits))
    assert len(lab.calls()) == 5


@pytest.mark.parametrize(
    ("headers", "least"),
    [
        ({"Retry-After": "7"}, 7),
        ({"X-HubSpot-RateLimit-Interval-Milliseconds": "4000"}, 4),
        ({"Retry-After": "soon"}, 1),
    ],
)
def test_waits_as_asked(
    lab: Lab, waits: list[float], headers: dict[str, str], least: float
) -> None:
    """`Retry-After` is honoured; a 429 without it waits out the interval of the limit."""
    lab.script(status=429, headers=headers)
    lab.sync()
    assert least <= waits[0] < least + 1


def test_beyond_the_limit(waits: list[float]) -> None:
    """A 429 loses no thread."""
    with open_lab(limit=RollingLimit(maximum=40, interval=0.2)) as lab:
        ids = lab.live_ids[:80]
        assert lab.sync(thread_ids=ids, max_attempts=1_000).ids == ids
        assert len(waits) == lab.emulator.limit.refused


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
    "404 of another server": ({"status": 404, "body": "<html>"}, "api_url"),
    "redirect": ({"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}, "api_url"),
    "daily limit": (
        {"status": 429, "body": error_body(policyName="DAILY")},
        "midnight in the account's time zone",
    ),
}


@pytest.mark.parametrize(("fault", "message"), FATAL.values(), ids=FATAL.keys())
@pytest.mark.parametrize("by_id", [False, True])
def test_fatal_errors(
    lab: Lab, waits: list[float], fault: dict[str, Any], message: str, *, by_id: bool
) -> None:
    """What trying again does not mend is never repeated, and says what to do."""
    lab.script(times=100, **fault)
    settings: dict[str, Any] = {"thread_ids": [lab.ids[0]]} if by_id else {}
    with pytest.raises(FatalAPIError, match=message) as error:
        lab.sync(**settings)
    assert SECRET_TEXT not in str(error.value)
    assert len(lab.calls()) == 1
    assert waits == []


def test_wrong_token(lab: Lab) -> None:
    """A token that HubSpot does not accept names the setting, not the token."""
    with pytest.raises(FatalAPIError, match="check the setting access_token") as error:
        lab.sync(access_token="pat-na1-wrong")
    assert "pat-na1" not in str(error.value)


def test_missing_scope() -> None:
    """A token without the scope says which scope it needs."""
    with open_lab(scopes=()) as lab, pytest.raises(FatalAPIError, match=r"conversations\.read"):
        lab.sync()


def test_failed_thread_is_not_lost_silently(lab: Lab, waits: list[float]) -> None:
    """A thread that cannot be read ends the sync with an error."""
    lab.script(path=f"/threads/{lab.ids[9]}", status=500, times=100)
    with pytest.raises(RetriableAPIError, match=r"/threads/\{threadId\}: 500"):
        lab.sync(thread_ids=lab.ids, max_attempts=3)
    assert len(waits) == 2


@pytest.fixture(autouse=True)
def _no_secrets(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Neither the token nor a customer's text reaches a log line, at any level."""
    caplog.set_level("DEBUG")
    yield
    assert TOKEN not in caplog.text
    assert SECRET_TEXT not in caplog.text
