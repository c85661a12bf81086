"""Reading threads by ID: their order, and what counts as a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import HubSpotError, RefusedError
from tap_hubspot_threads.models import StateChange, ThreadRef
from tap_hubspot_threads.sync.context import FAILING_SYNCS, MAX_CONSECUTIVE_FAILURES
from tap_hubspot_threads.sync.fetch_thread import MAX_CALLS_PER_THREAD, ReadResult
from tap_hubspot_threads.sync.pipeline import ThreadPipeline
from tests.sync.fakes import (
    Inline,
    fake,
    make_context,
    make_state,
    not_found_error,
    row,
    transient_error,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_hubspot_threads.models import Event
    from tap_hubspot_threads.sync.state.sync_state import SyncState


def pipeline(api: Any, state: SyncState | None = None) -> ThreadPipeline:
    """Return a pipeline on an API."""
    return ThreadPipeline(api, Inline(), make_context(state))


def read(api: Any, refs: Iterable[ThreadRef | Event], *, have_failed: bool = False) -> list[Any]:
    """Read threads from an API."""
    return list(pipeline(api).read(refs, have_failed=have_failed))


def thread_refs(count: int) -> list[ThreadRef]:
    """Return `count` references to read."""
    return [ThreadRef(str(number)) for number in range(1, count + 1)]


def test_order() -> None:
    """Results come in the order of the references."""
    got = read(fake(row(2), row(1)), [ThreadRef("2"), ThreadRef("1")])
    assert [(item.ref.id, item.outcome["id"]) for item in got] == [("2", "2"), ("1", "1")]


def test_event_keeps_its_place() -> None:
    """An event after a thread is passed on after that thread."""
    event = StateChange(lambda: None)
    got = read(fake(row(1), row(2)), [ThreadRef("1"), event, ThreadRef("2")])
    assert got[1] is event


@pytest.mark.parametrize(
    "error", [transient_error(), RefusedError("400")], ids=["transient", "refused"]
)
def test_failure_of_one_thread(error: HubSpotError) -> None:
    """A failed thread comes with its error, and the others are read."""
    got = read(fake(row(1), error, row(3)), thread_refs(3))
    assert [item.outcome is error for item in got] == [False, True, False]


def test_error_that_ends_the_sync() -> None:
    """An error that affects all threads is raised."""
    with pytest.raises(HubSpotError, match="token"):
        read(fake(row(1), HubSpotError("token")), thread_refs(2))


def test_consecutive_failures_end_the_sync() -> None:
    """Too many consecutive transient failures end the sync before the next request."""
    hubspot = fake(*[transient_error()] * MAX_CONSECUTIVE_FAILURES, row(9))
    with pytest.raises(HubSpotError, match=f"{MAX_CONSECUTIVE_FAILURES} times in a row"):
        read(hubspot, thread_refs(MAX_CONSECUTIVE_FAILURES + 1))
    assert len(hubspot.requests) == MAX_CONSECUTIVE_FAILURES


@pytest.mark.parametrize(
    "between", [[row(9)], [not_found_error()] * MAX_CALLS_PER_THREAD], ids=["found", "not found"]
)
def test_response_resets_the_failure_count(between: list[Any]) -> None:
    """Any response, even not found, resets the count of consecutive failures."""
    few = [transient_error()] * (MAX_CONSECUTIVE_FAILURES - 1)
    got = read(fake(*few, *between, *few), thread_refs(2 * len(few) + 1))
    assert len(got) == 2 * len(few) + 1


def test_quarantined_threads_never_end_the_sync() -> None:
    """Quarantined threads never end the sync, however many fail."""
    count = 2 * MAX_CONSECUTIVE_FAILURES
    assert (
        len(read(fake(*[transient_error()] * count), thread_refs(count), have_failed=True)) == count
    )


def test_the_same_thread_counts_once() -> None:
    """A thread that fails repeatedly counts once."""
    reader = pipeline(fake(*[transient_error()] * 20))
    for _ in range(3):
        assert (
            len(list(reader.read(thread_refs(MAX_CONSECUTIVE_FAILURES - 1))))
            == MAX_CONSECUTIVE_FAILURES - 1
        )


def test_fetched_when_requested() -> None:
    """A thread counts as fetched as soon as its result is requested."""
    context = make_context()
    results = ThreadPipeline(fake(row(1), row(2)), Inline(), context).read(thread_refs(2))
    assert isinstance(next(results), ReadResult)
    assert context.seen.fetched == {"1"}


def test_quarantined_thread_gets_one_attempt() -> None:
    """A quarantined thread gets one attempt, and other threads get all."""
    hubspot = fake(row(1), row(2))
    list(pipeline(hubspot, make_state(failed=[["2", FAILING_SYNCS]])).read(thread_refs(2)))
    assert hubspot.requests == [("get_thread", "1", False), ("get_thread", "2", False, True)]


def test_quarantined_threads_from_the_state_never_end_the_sync() -> None:
    """Threads that the state shows as quarantined never end the sync."""
    count = 2 * MAX_CONSECUTIVE_FAILURES
    state = make_state(failed=[[ref.id, FAILING_SYNCS] for ref in thread_refs(count)])
    assert (
        len(list(pipeline(fake(*[transient_error()] * count), state).read(thread_refs(count))))
        == count
    )
