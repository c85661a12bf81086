"""The plan of ranges: every thread comes once, within bounds on calls and time."""

from __future__ import annotations

import random
from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tap_hubspot_threads.models import Page
from tap_hubspot_threads.sync.id_ranges import ALL_IDS, IdRange, NotAKeyError, cursor_after
from tap_hubspot_threads.sync.phases.range_plan import Budget, RangePlan
from tap_hubspot_threads.values import shift
from tests.sync.fakes import NOW, page, row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WORKERS = 16
SIZE = 20


def page_after(ids: Sequence[int], after: int, *, seconds: float = 0, at: float = 0) -> Page:
    """Return the page that HubSpot returns after an ID."""
    start = bisect_right(ids, after)
    rows = ids[start : start + SIZE]
    cursor = cursor_after(rows[-1]) if start + SIZE < len(ids) else None
    return Page((), cursor, "", seconds=seconds, received_at=at, ids=[str(each) for each in rows])


def first_page(ids: Sequence[int], newest_id: int) -> Page:
    """Return the first page, with times that lead to an estimate of the highest ID."""
    found = page_after(ids, 0)
    low, high = ids[0], int(found.ids[-1])
    rows = [
        {"id": str(each), "createdAt": shift(NOW, seconds=(each - low) / 1_000)}
        for each in (low, high)
    ]
    return replace(found, rows=rows, now=shift(NOW, seconds=(newest_id - low) / 1_000))


class Listing:
    """A list that `WORKERS` workers read by a plan, in a random order.

    Args:
        ids: The threads.
        newest_id: The estimate of the highest ID; by default it is right.
        seed: The seed of the order.
        budget: Bounds the calls and the time.
    """

    def __init__(
        self,
        ids: Sequence[int],
        *,
        newest_id: int | None = None,
        seed: int = 0,
        budget: Budget | None = None,
    ) -> None:
        self.ids, self.chance = ids, random.Random(seed)
        self.plan = RangePlan([ALL_IDS], budget or Budget(), workers=WORKERS)
        self.listed: list[int] = []
        self.calls = 0
        self.tasks: list[IdRange] = []
        """The ranges whose page is under way."""
        if self.start():
            self._first = first_page(ids, newest_id or ids[-1])
            self.end(0)

    def read(self) -> list[int]:
        """Read everything; return the IDs in order."""
        while self.start() or self.tasks:
            self.end(self.chance.randrange(len(self.tasks)))
        return sorted(self.listed)

    def start(self) -> int:
        """Start pages on all idle workers; return how many started."""
        before = len(self.tasks)
        while len(self.tasks) < WORKERS and (task := self.plan.take()) is not None:
            self.tasks.append(task)
        self.calls += len(self.tasks) - before
        return len(self.tasks) - before

    def end(self, index: int) -> IdRange:
        """End a page that is under way; return what it covers."""
        task = self.tasks.pop(index)
        found = page_after(self.ids, task.after) if task.after else self._first
        covered = self.plan.done(task, found)
        until = covered.until
        ids = [int(each) for each in found.ids]
        self.listed += [each for each in ids if until is None or each <= until]
        return covered


def accumulated(steps: Sequence[int]) -> list[int]:
    """Return IDs with these gaps between them."""
    ids = [1_000]
    for step in steps:
        ids.append(ids[-1] + step)
    return ids


ACCOUNTS: dict[str, Callable[[random.Random, int], list[int]]] = {
    "even": lambda chance, count: accumulated([chance.randint(1, 2_000) for _ in range(count)]),
    "dense": lambda _, count: accumulated([1] * count),
    "accelerating": lambda _, count: accumulated(
        [1_000_000 // (each + 1) for each in range(count)]
    ),
    "slowing": lambda _, count: accumulated([each + 1 for each in range(count)]),
    "half at once": lambda chance, count: accumulated(
        [chance.randint(1, 9_000) for _ in range(count // 4)]
        + [1] * (count // 2)
        + [chance.randint(1, 9_000) for _ in range(count // 4)]
    ),
    "at both ends": lambda _, count: accumulated([1] * (count // 2) + [10**9] + [1] * (count // 2)),
    "many gaps": lambda chance, count: accumulated(
        [chance.choice((1, 1, 1, 10**7)) for _ in range(count)]
    ),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ACCOUNTS)
def test_calls(name: str, seed: int) -> None:
    """Each thread comes exactly once, in at most twice as many calls as pages, and 40 more."""
    chance = random.Random(seed)
    for _ in range(5):
        ids = ACCOUNTS[name](chance, chance.randint(SIZE + 1, 150 * SIZE))
        estimate = int(ids[-1] * chance.choice((0.0, 0.5, 1, 1, 2)))
        listing = Listing(ids, newest_id=max(estimate, 1), seed=seed)
        assert listing.read() == ids
        assert listing.calls <= 2 * len(ids) / SIZE + 40
        assert listing.plan.is_complete


def test_all_workers_are_busy() -> None:
    """Almost all workers read at once, until the pages are nearly read."""
    listing = Listing(accumulated([7] * 500 * SIZE))
    rounds = 0
    while listing.start() or listing.tasks:
        rounds += 1
        while listing.tasks:
            listing.end(0)
    assert len(listing.listed) == len(listing.ids)
    assert rounds <= 500 / WORKERS * 1.5


def test_first_ranges() -> None:
    """The IDs behind the first page are cut into ranges without a gap, and the last one is open."""
    ids = accumulated([10] * 100 * SIZE)
    listing = Listing(ids)
    listing.start()
    ranges = sorted(listing.tasks, key=lambda each: each.after)
    assert len(ranges) == WORKERS - 1
    assert ranges[0].after == ids[SIZE - 1]
    assert [each.until for each in ranges] == [*(each.after for each in ranges[1:]), None]


@pytest.mark.parametrize("parts", [0, 1, 3])
def test_few_parts(parts: int) -> None:
    """There are at most as many ranges as asked for, and at least one."""
    plan = RangePlan([ALL_IDS], Budget(), workers=parts + 1)
    assert plan.take() == ALL_IDS
    plan.done(ALL_IDS, first_page(accumulated([10] * 100 * SIZE), 10**6))
    ranges = []
    while (task := plan.take()) is not None:
        ranges.append(task)
    assert len(ranges) == max(1, parts)


@pytest.mark.parametrize("newest_id", [0, 1_000 + SIZE])
def test_nothing_expected(newest_id: int) -> None:
    """If no thread is expected behind the first page, a single endless range is left."""
    listing = Listing(accumulated([1] * 3 * SIZE), newest_id=newest_id or 1)
    listing.start()
    assert listing.tasks == [IdRange(1_000 + SIZE - 1)]


def test_one_probe_at_a_time() -> None:
    """Only one page above the endless range's is requested at a time."""
    listing = Listing(accumulated([3] * 200 * SIZE), newest_id=1)
    assert listing.start() == 1
    listing.end(0)
    listing.start()
    open_range, probe = (task for task in listing.tasks if task.until is None)
    assert open_range.after < probe.after
    assert all(task.after < probe.after for task in listing.tasks if task.until is not None)


def test_empty_probe() -> None:
    """A probe that finds nothing ends the list above it; the ranges below are read to their end."""
    ids = accumulated([3] * 3 * SIZE)
    listing = Listing(ids, newest_id=1)
    listing.start()
    listing.end(0)
    listing.start()
    _, probe = (task for task in listing.tasks if task.until is None)
    assert probe.after > ids[-1]
    assert listing.end(listing.tasks.index(probe)) == probe
    listing.start()
    assert max(task.after for task in listing.tasks) < probe.after
    assert listing.read() == ids


def test_covered() -> None:
    """A page covers the IDs up to its last row, or its whole range if it reaches the end."""
    plan = RangePlan([IdRange(0, 50), IdRange(50, 60), IdRange(60)], Budget(), workers=WORKERS)
    tasks = {task.after: task for task in iter(plan.take, None)}
    assert plan.done(tasks[0], page(row(3), row(9), cursor=cursor_after(9))) == IdRange(0, 9)
    assert plan.done(tasks[50], page(row(51), row(70), cursor=cursor_after(70))) == IdRange(50, 60)
    assert plan.done(tasks[60], page(row(61))) == IdRange(60)
    assert plan.take() == IdRange(9, 50)
    assert plan.done(IdRange(9, 50), page(cursor=cursor_after(40))) == IdRange(9, 40)
    assert plan.take() == IdRange(40, 50)
    assert plan.done(IdRange(40, 50), page()) == IdRange(40, 50)
    assert plan.is_complete


def test_range_that_was_split_meanwhile() -> None:
    """A page of a range that was split under way covers only the part that is left to it."""
    plan = RangePlan([IdRange(0, 10_000)], Budget(), workers=WORKERS)
    task = plan.take()
    assert task is not None
    ids = range(10, 110, 10)
    plan.done(task, page(*map(row, ids), cursor=cursor_after(100)))
    under_way, split = plan.take(), plan.take()
    assert under_way is not None
    assert split is not None
    assert (under_way.after, split.until) == (100, 10_000)
    last = split.after + 5
    found = page(row(split.after - 1), row(last), cursor=cursor_after(last))
    assert plan.done(under_way, found) == IdRange(100, split.after)


def test_skip() -> None:
    """A range continues behind a row that cannot be listed, or ends if the row is beyond it."""
    plan = RangePlan([IdRange(0, 50), IdRange(50)], Budget(), workers=WORKERS)
    tasks = {task.after: task for task in iter(plan.take, None)}
    assert plan.skip(tasks[0], 7, None) == IdRange(0, 7)
    again = plan.take()
    assert again == IdRange(7, 50)
    assert plan.skip(again, 50, None) == IdRange(7, 50)
    assert plan.skip(tasks[50], 80, None) == IdRange(50, 80)
    assert plan.take() == IdRange(80)


def test_skip_beyond_the_range() -> None:
    """A range whose first row is beyond its end is covered completely, and not further."""
    plan = RangePlan([IdRange(0, 50)], Budget(), workers=WORKERS)
    task = plan.take()
    assert task is not None
    assert plan.skip(task, 70, None) == IdRange(0, 50)
    assert plan.is_complete


def test_page_without_keys() -> None:
    """A page that does not continue after its range's start is an error."""
    plan = RangePlan([IdRange(5)], Budget(), workers=WORKERS)
    task = plan.take()
    assert task is not None
    with pytest.raises(NotAKeyError):
        plan.done(task, page(row(3), row(4)))


def test_nothing_to_read() -> None:
    """A plan without ranges is complete."""
    plan = RangePlan([], Budget(), workers=WORKERS)
    assert plan.take() is None
    assert plan.is_complete


@pytest.mark.parametrize("calls", [0, 1, 5, 50])
def test_call_budget(calls: int) -> None:
    """No more pages start than the budget has calls; then the plan is not complete."""
    budget = Budget(calls=calls)
    listing = Listing(accumulated([7] * 100 * SIZE), budget=budget)
    assert listing.read() != listing.ids
    assert listing.calls == budget.calls == calls
    assert not listing.plan.is_complete


def timed(received_at: float, seconds: float = 2) -> Page:
    """Return a page that arrived at a time."""
    return Page((), None, "", seconds=seconds, received_at=received_at)


def test_time_budget() -> None:
    """From the given seconds after the first request on, no page is requested."""
    budget = Budget(seconds=10)
    budget.note(timed(102))
    assert (budget.seconds, budget.take()) == (2, True)
    budget.note(timed(109.5))
    assert (budget.seconds, budget.take()) == (9.5, True)
    budget.note(timed(110))
    assert (budget.seconds, budget.take(), budget.calls) == (10, False, 2)


def test_no_limits() -> None:
    """Without limits, a budget counts calls and seconds."""
    budget = Budget()
    assert all(budget.take() for _ in range(1_000))
    budget.note(timed(0, 0))
    budget.note(timed(10**6))
    assert (budget.calls, budget.seconds, budget.take()) == (1_000, 10**6, True)
