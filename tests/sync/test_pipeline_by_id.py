"""Reading threads by id: where they are looked for, and what a failure is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import HubSpotError, RefusedError, TransientError
from tap_hubspot_threads.models import StateChange, ThreadRef
from tap_hubspot_threads.sync.context import FAILING_SYNCS, MAX_CONSECUTIVE_FAILURES
from tap_hubspot_threads.sync.pipeline import MAX_CALLS_PER_THREAD, ReadResult, ThreadPipeline
from tests.sync.fakes import NOW, Inline, context, fake, kept, missing, passing, row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_hubspot_threads.models import Event
    from tap_hubspot_threads.sync.state.state import SyncState

LATER = "2026-11-20T12:05:00.000Z"


def pipeline(api: Any, state: SyncState | None = None) -> ThreadPipeline:
    """Make a pipeline of an account."""
    return ThreadPipeline(api, Inline(), context(state))


def read(
    api: Any, refs: Iterable[ThreadRef | Event], *, are_quarantined: bool = False
) -> list[Any]:
    """Read threads of an account."""
    return list(pipeline(api).read(refs, are_quarantined=are_quarantined))


def some(count: int) -> list[ThreadRef]:
    """Return so many threads to read."""
    return [ThreadRef(str(number)) for number in range(1, count + 1)]


def test_each_row_in_the_order_of_the_ids() -> None:
    """What becomes of each thread comes in the order in which they were asked for."""
    got = read(fake(row(2), row(1)), [ThreadRef("2"), ThreadRef("1")])
    assert [(item.ref.id, item.outcome["id"]) for item in got] == [("2", "2"), ("1", "1")]


def test_out_keeps_its_place() -> None:
    """What is to be done behind a thread is handed through behind that thread."""
    out = StateChange(lambda: None)
    got = read(fake(row(1), row(2)), [ThreadRef("1"), out, ThreadRef("2")])
    assert got[1] is out


@pytest.mark.parametrize("archived", [False, True])
def test_looked_for_where_it_is_thought_to_be(*, archived: bool) -> None:
    """A thread that is where it is thought to be costs one look."""
    hubspot = fake(row(1))
    (got,) = read(hubspot, [ThreadRef("1", archived=archived)])
    assert hubspot.asked == [("get_thread", "1", archived)]
    assert got.calls == 1


def test_then_on_the_other_side() -> None:
    """A thread that is not there is looked for on the other side."""
    hubspot = fake(missing(), row(1, archived=True))
    (got,) = read(hubspot, [ThreadRef("1")])
    assert hubspot.asked == [("get_thread", "1", False), ("get_thread", "1", True)]
    assert (got.outcome["archived"], got.calls) == (True, 2)


@pytest.mark.parametrize("archived", [False, True])
def test_missing_on_both_sides(*, archived: bool) -> None:
    """A thread that is on neither side is missing, and no error; it is looked for once on each."""
    hubspot = fake(missing(), missing(), row(1))
    (got,) = read(hubspot, [ThreadRef("1", archived=archived)])
    assert (got.outcome, got.calls) == (None, MAX_CALLS_PER_THREAD)
    assert [side for _, _, side in hubspot.asked] == [archived, not archived]


@pytest.mark.parametrize("now", [LATER, None])
def test_clock_of_the_last_look(now: str | None) -> None:
    """When a thread was missing is what HubSpot's last answer says; nothing, where it does not."""
    (got,) = read(fake(missing(NOW), missing(now)), [ThreadRef("1")])
    assert got.now == now


def test_no_clock_of_a_thread_that_is_there() -> None:
    """A thread that the second look finds was not missed, at no time."""
    (got,) = read(fake(missing(), row(1, archived=True)), [ThreadRef("1")])
    assert got.now is None


@pytest.mark.parametrize("error", [passing(), RefusedError("400")], ids=["passing", "refused"])
def test_failure_of_one_thread(error: HubSpotError) -> None:
    """A thread that cannot be read is told as such, and the others come."""
    got = read(fake(row(1), error, row(3)), some(3))
    assert [item.outcome is error for item in got] == [False, True, False]


def test_failure_on_the_other_side_is_no_miss() -> None:
    """Missing on one side and unreadable on the other is a failure, not a missing thread."""
    (got,) = read(fake(missing(), passing()), [ThreadRef("1")])
    assert isinstance(got.outcome, TransientError)


def test_error_that_ends_the_sync() -> None:
    """What no other thread would fare better with is raised."""
    with pytest.raises(HubSpotError, match="token"):
        read(fake(row(1), HubSpotError("token")), some(2))


def test_failures_in_a_row_end_it() -> None:
    """So many neighbours that cannot be read: HubSpot is down, and the next is not asked for."""
    hubspot = fake(*[passing()] * MAX_CONSECUTIVE_FAILURES, row(9))
    with pytest.raises(HubSpotError, match=f"threads failed {MAX_CONSECUTIVE_FAILURES} times"):
        read(hubspot, some(MAX_CONSECUTIVE_FAILURES + 1))
    assert len(hubspot.asked) == MAX_CONSECUTIVE_FAILURES


@pytest.mark.parametrize(
    "between", [[row(9)], [missing()] * MAX_CALLS_PER_THREAD], ids=["found", "missing"]
)
def test_an_answer_in_between(between: list[Any]) -> None:
    """An answer in between, if only that a thread is missing, shows that HubSpot is up."""
    few = [passing()] * (MAX_CONSECUTIVE_FAILURES - 1)
    got = read(fake(*few, *between, *few), some(2 * len(few) + 1))
    assert len(got) == 2 * len(few) + 1


def test_suspects_say_nothing_of_hubspot() -> None:
    """Threads that are known to fail do not end the sync, however many fail."""
    count = 2 * MAX_CONSECUTIVE_FAILURES
    assert len(read(fake(*[passing()] * count), some(count), are_quarantined=True)) == count


def test_the_same_thread_counts_once() -> None:
    """A thread that fails again and again is one failure."""
    reader = pipeline(fake(*[passing()] * 20))
    for _ in range(3):
        assert (
            len(list(reader.read(some(MAX_CONSECUTIVE_FAILURES - 1))))
            == MAX_CONSECUTIVE_FAILURES - 1
        )


def test_taken_when_handed_out() -> None:
    """A thread counts as taken as soon as it is handed out, before its answer is there."""
    of = context()
    results = ThreadPipeline(fake(row(1), row(2)), Inline(), of).read(some(2))
    assert isinstance(next(results), ReadResult)
    assert of.seen.fetched == {"1"}


def test_suspect_is_tried_once() -> None:
    """A thread that has failed for long gets one try, the others as many as the settings say."""
    hubspot = fake(row(1), row(2))
    list(pipeline(hubspot, kept(failed=[["2", FAILING_SYNCS]])).read(some(2)))
    assert hubspot.asked == [("get_thread", "1", False), ("get_thread", "2", False, True)]


def test_suspects_among_others_say_nothing_of_hubspot() -> None:
    """However many suspects fail among others, that does not end the sync."""
    count = 2 * MAX_CONSECUTIVE_FAILURES
    state = kept(failed=[[ref.id, FAILING_SYNCS] for ref in some(count)])
    assert len(list(pipeline(fake(*[passing()] * count), state).read(some(count)))) == count
