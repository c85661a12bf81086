"""Reading one thread by ID: which lists are requested, and what counts as not found."""

from __future__ import annotations

import pytest

from tap_hubspot_threads.errors import TransientError
from tap_hubspot_threads.models import ThreadRef
from tap_hubspot_threads.sync.fetch_thread import MAX_CALLS_PER_THREAD, fetch_thread
from tests.sync.fakes import NOW, fake, not_found_error, row, transient_error

LATER = "2026-11-20T12:05:00.000Z"


@pytest.mark.parametrize("archived", [False, True])
def test_one_call_in_the_expected_list(*, archived: bool) -> None:
    """A thread found in its expected list, live or archived, costs one API call."""
    hubspot = fake(row(1))
    got = fetch_thread(hubspot, ThreadRef("1", archived=archived))
    assert hubspot.requests == [("get_thread", "1", archived)]
    assert got.calls == 1


def test_second_call_in_the_other_list() -> None:
    """A thread not found in its expected list is requested from the other one."""
    hubspot = fake(not_found_error(), row(1, archived=True))
    got = fetch_thread(hubspot, ThreadRef("1"))
    assert hubspot.requests == [("get_thread", "1", False), ("get_thread", "1", True)]
    assert isinstance(got.outcome, dict)
    assert (got.outcome["archived"], got.calls) == (True, 2)


@pytest.mark.parametrize("archived", [False, True])
def test_not_found_in_both_lists(*, archived: bool) -> None:
    """A thread in neither list is not found, after one API call per list, and no error."""
    hubspot = fake(not_found_error(), not_found_error(), row(1))
    got = fetch_thread(hubspot, ThreadRef("1", archived=archived))
    assert (got.outcome, got.calls) == (None, MAX_CALLS_PER_THREAD)
    assert [is_archived for _, _, is_archived in hubspot.requests] == [archived, not archived]


@pytest.mark.parametrize("now", [LATER, None])
def test_time_of_the_last_check(now: str | None) -> None:
    """The time of a check is the `Date` of the last response, if any."""
    got = fetch_thread(fake(not_found_error(NOW), not_found_error(now)), ThreadRef("1"))
    assert got.now == now


def test_no_check_of_a_thread_that_is_found() -> None:
    """A thread found by the second API call has no time of a check."""
    got = fetch_thread(fake(not_found_error(), row(1, archived=True)), ThreadRef("1"))
    assert got.now is None


def test_failure_in_the_other_list() -> None:
    """A thread not found in one list and failed in the other is a failure."""
    got = fetch_thread(fake(not_found_error(), transient_error()), ThreadRef("1"))
    assert isinstance(got.outcome, TransientError)
