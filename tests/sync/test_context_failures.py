"""Failures: how they count, and when they end the sync."""

from __future__ import annotations

import pytest

from tap_hubspot_threads.errors import (
    EX_CONFIG,
    EX_TEMPFAIL,
    HubSpotError,
    InconclusiveError,
    PaginationLoopError,
    RefusedError,
)
from tap_hubspot_threads.sync.context import (
    FAILING_SYNCS,
    MAX_CONSECUTIVE_FAILURES,
    CircuitBreaker,
    FailureLog,
)
from tests.sync.fakes import transient_error


def failures(**before: int) -> FailureLog:
    """Return a failure log, given the number of earlier failed syncs per item."""
    return FailureLog("Thing %s", before)


@pytest.mark.parametrize("before", range(FAILING_SYNCS - 1))
def test_first_failures_are_errors(before: int) -> None:
    """In its first syncs a failure is an error, and `note` returns the number of failed syncs."""
    log, error = failures(a=before), transient_error()
    assert log.note("a", error) == before + 1
    assert log.errors == {"a": error}


def test_repeated_failure_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """From the third sync in a row on, a failure is a warning that names the item."""
    log = failures(a=FAILING_SYNCS - 1)
    assert log.note("a", transient_error()) == FAILING_SYNCS
    assert (log.errors, log.failed) == ({}, {"a"})
    assert f"Thing a could not be read for {FAILING_SYNCS} syncs in a row" in caplog.text


def test_counts_once() -> None:
    """An item that fails again in the same sync does not count again."""
    log = failures()
    log.note("a", transient_error())
    assert log.note("a", transient_error()) == 1
    assert len(log.errors) == 1


def test_counts_once_after_a_success() -> None:
    """An item that fails, succeeds and fails in one sync counts once, as its first failure."""
    log = failures(a=FAILING_SYNCS - 1)
    log.note("a", transient_error())
    log.note_success("a")
    assert not log.is_quarantined("a")
    assert log.note("a", transient_error()) == 1
    assert log.errors == {}


def test_quarantine() -> None:
    """An item whose next failure would be a warning is quarantined."""
    log = failures(a=FAILING_SYNCS - 1, b=FAILING_SYNCS - 2)
    assert [log.is_quarantined(name) for name in "abc"] == [True, False, False]


def fail(breaker: CircuitBreaker, *names: str, is_quarantined: bool = False) -> None:
    """Note failures of these items."""
    for name in names:
        breaker.note(name, transient_error(), is_quarantined=is_quarantined)


FEW = [str(number) for number in range(MAX_CONSECUTIVE_FAILURES - 1)]


def test_consecutive_failures() -> None:
    """Too many consecutive transient failures are an error that says to try again later."""
    breaker = CircuitBreaker("things")
    fail(breaker, *FEW)
    with pytest.raises(
        HubSpotError, match=f"things failed {MAX_CONSECUTIVE_FAILURES} times"
    ) as raised:
        fail(breaker, "last")
    assert raised.value.exit_code == EX_TEMPFAIL


def test_success_resets_the_count() -> None:
    """A success resets the count of consecutive failures."""
    breaker = CircuitBreaker("things")
    fail(breaker, *FEW)
    breaker.reset()
    fail(breaker, *(f"other {name}" for name in FEW))


def test_repeated_and_quarantined_items() -> None:
    """Repeated failures of one item, and failures of quarantined items, do not count."""
    breaker = CircuitBreaker("things")
    fail(breaker, *FEW, *FEW, *FEW)
    fail(breaker, *"abcdefgh", is_quarantined=True)


@pytest.mark.parametrize(
    "error",
    [RefusedError("403"), InconclusiveError("404"), PaginationLoopError("pages")],
    ids=["refused", "a gateway's 404", "endless"],
)
def test_errors_of_single_items(error: HubSpotError) -> None:
    """A refusal, a 404 that is not HubSpot's own, and endless pages never end the sync."""
    breaker = CircuitBreaker("things")
    for number in range(3 * MAX_CONSECUTIVE_FAILURES):
        breaker.note(str(number), error, is_quarantined=False)


def test_consecutive_bad_requests() -> None:
    """Consecutive 400s mean a wrong setting, so the error does not say to try again later."""
    breaker = CircuitBreaker("things")
    error = RefusedError("400. Check the setting property.", status=400)
    for name in FEW:
        breaker.note(name, error, is_quarantined=False)
    with pytest.raises(HubSpotError, match="Check the setting property") as raised:
        breaker.note("last", error, is_quarantined=False)
    assert raised.value.exit_code == EX_CONFIG
    assert "later" not in str(raised.value)
