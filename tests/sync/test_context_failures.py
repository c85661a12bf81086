"""What cannot be read: how often it counts, and when it ends the sync."""

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
from tests.sync.fakes import passing


def failures(**before: int) -> FailureLog:
    """Make failures of things that failed before."""
    return FailureLog("Thing %s", before)


@pytest.mark.parametrize("before", range(FAILING_SYNCS - 1))
def test_fails_the_sync_at_first(before: int) -> None:
    """In its first syncs a failure is an error, with the number of syncs."""
    of, error = failures(a=before), passing()
    assert of.note("a", error) == before + 1
    assert of.errors == {"a": error}


def test_warning_for_long(caplog: pytest.LogCaptureFixture) -> None:
    """From so many syncs in a row on it is a warning that names it, and no error."""
    of = failures(a=FAILING_SYNCS - 1)
    assert of.note("a", passing()) == FAILING_SYNCS
    assert (of.errors, of.failed) == ({}, {"a"})
    assert f"Thing a could not be read for {FAILING_SYNCS} syncs in a row" in caplog.text


def test_counts_once() -> None:
    """A failure of what has failed in this sync says nothing new."""
    of = failures()
    of.note("a", passing())
    assert of.note("a", passing()) is None
    assert len(of.errors) == 1


def test_counts_once_after_all() -> None:
    """Nor does it where that has been read meanwhile."""
    of = failures()
    of.note("a", passing())
    of.errors.clear()
    assert of.note("a", passing()) is None
    assert of.errors == {}


def test_suspects() -> None:
    """What would be a warning now is a suspect, before it is tried."""
    of = failures(a=FAILING_SYNCS - 1, b=FAILING_SYNCS - 2)
    assert [of.is_quarantined(name) for name in "abc"] == [True, False, False]


def fail(breaker: CircuitBreaker, *names: str, is_quarantined: bool = False) -> None:
    """Note failures."""
    for name in names:
        breaker.note(name, passing(), is_quarantined=is_quarantined)


FEW = [str(number) for number in range(MAX_CONSECUTIVE_FAILURES - 1)]


def test_so_many_in_a_row() -> None:
    """So many of them, one after the other, are an error that says to try again later."""
    breaker = CircuitBreaker("things")
    fail(breaker, *FEW)
    with pytest.raises(HubSpotError, match=f"{MAX_CONSECUTIVE_FAILURES} things in a row") as raised:
        fail(breaker, "last")
    assert raised.value.exit_code == EX_TEMPFAIL


def test_something_in_between() -> None:
    """What could be read in between begins the count anew."""
    breaker = CircuitBreaker("things")
    fail(breaker, *FEW)
    breaker.reset()
    fail(breaker, *(f"other {name}" for name in FEW))


def test_the_same_again() -> None:
    """What has failed before in this sync says nothing of HubSpot, nor does a suspect."""
    breaker = CircuitBreaker("things")
    fail(breaker, *FEW, *FEW, *FEW)
    fail(breaker, *"abcdefgh", is_quarantined=True)


@pytest.mark.parametrize(
    "error",
    [RefusedError("403"), InconclusiveError("404"), PaginationLoopError("pages")],
    ids=["refused", "a gateway's 404", "endless"],
)
def test_what_is_about_one_thing(error: HubSpotError) -> None:
    """A refusal, a 404 that is not HubSpot's own, and endless pages never end the sync."""
    breaker = CircuitBreaker("things")
    for number in range(3 * MAX_CONSECUTIVE_FAILURES):
        breaker.note(str(number), error, is_quarantined=False)


def test_bad_requests_in_a_row() -> None:
    """Requests that are all bad are a wrong setting: the sync ends, and not with "later"."""
    breaker = CircuitBreaker("things")
    error = RefusedError("400. Check the setting property.", status=400)
    for name in FEW:
        breaker.note(name, error, is_quarantined=False)
    with pytest.raises(HubSpotError, match="Check the setting property") as raised:
        breaker.note("last", error, is_quarantined=False)
    assert raised.value.exit_code == EX_CONFIG
    assert "later" not in str(raised.value)
