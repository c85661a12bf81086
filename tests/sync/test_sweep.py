"""A sweep by time: from where each page is asked for, and when all up to a moment have come."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import NoProgressError
from tap_hubspot_threads.sync.sweep import REPLICATION_KEY, changes, sweep
from tests.sync.fakes import page, row

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_hubspot_threads.contract import Page
    from tap_hubspot_threads.sync.sweep import Fetch

T1, T2, T3, T4 = (f"2026-11-20T12:00:0{second}.000Z" for second in range(1, 5))


class Listing:
    """One side of an account: gives one page after the other; `asked` is from where."""

    def __init__(self, *pages: Page, log: list[Any] | None = None, name: str = "") -> None:
        self.pages = list(pages)
        self.asked: list[tuple[str, str | None]] = []
        self.log, self.name = [] if log is None else log, name

    def __call__(self, since: str, cursor: str | None) -> Page:
        """Return the next page."""
        self.asked.append((since, cursor))
        self.log.append((self.name, since))
        return self.pages.pop(0)


def run(listing: Listing, *, until: str | None = None, seen: set[str] | None = None) -> Any:
    """Sweep a listing; return the ids of each step, with the moment up to which all have come."""
    steps = sweep(listing, T1, set() if seen is None else seen, until=until)
    return [([found["id"] for found in step.rows], step.covered) for step in steps]


def test_one_page() -> None:
    """A page without a cursor is the end."""
    assert run(Listing(page(row(1, T1), row(2, T2)))) == [(["1", "2"], None)]


def test_no_thread() -> None:
    """Nothing new is one empty step."""
    assert run(Listing(page())) == [([], None)]


def test_next_page_from_the_last_time() -> None:
    """The next page is asked for from the last time, inclusive, not by its cursor."""
    listing = Listing(page(row(1, T1), row(2, T2), cursor="x"), page(row(2, T2), row(3, T3)))
    assert run(listing) == [(["1", "2"], T2), (["3"], None)]
    assert listing.asked == [(T1, None), (T2, None)]


def test_cursor_inside_one_millisecond() -> None:
    """A page that does not get beyond its moment is followed by its cursor, then read again."""
    listing = Listing(
        page(row(1, T1), row(2, T1), cursor="x"),
        page(row(3, T1)),
        page(row(1, T1), row(2, T1), cursor="x"),
        page(row(3, T1)),
    )
    found = run(listing)
    assert [ids for ids, _ in found] == [["1", "2"], ["3"], [], []]
    assert [covered for _, covered in found] == [T1, T1, T1, None]
    assert listing.asked == [(T1, None), (T1, "x"), (T1, None), (T1, "x")]


def test_such_a_walk_again_until_nothing_is_new() -> None:
    """A thread that a walk by cursor skipped comes with the next one, and one more follows."""
    first, second = row(1, T1), row(2, T1)
    again = [page(first, cursor="x"), page(second)]
    listing = Listing(page(first, cursor="x"), page(), *again, *again)
    assert [ids for ids, _ in run(listing)] == [["1"], [], [], ["2"], [], []]
    assert listing.pages == []


def test_empty_page_with_a_cursor() -> None:
    """An empty page with a cursor is no end."""
    listing = Listing(page(cursor="x"), page(row(1, T1)), page(cursor="x"), page(row(1, T1)))
    assert [ids for ids, _ in run(listing)] == [[], ["1"], [], []]


def test_cursor_that_comes_again() -> None:
    """A walk that would never end is an error."""
    listing = Listing(page(row(1, T1), cursor="x"), page(row(2, T1), cursor="x"))
    with pytest.raises(NoProgressError):
        run(listing)


def test_seen_threads_do_not_come() -> None:
    """A thread that has come already does not, even with a later message."""
    seen = {"1"}
    assert run(Listing(page(row(1, T2), row(2, T2))), seen=seen) == [(["2"], None)]
    assert seen == {"1", "2"}


def test_until_ends_the_sweep() -> None:
    """Threads after the moment are left alone, and not taken for seen."""
    seen: set[str] = set()
    listing = Listing(page(row(1, T1), row(2, T2), row(3, T3), cursor="x"))
    assert run(listing, until=T2, seen=seen) == [(["1", "2"], None)]
    assert seen == {"1", "2"}


def test_until_is_inclusive() -> None:
    """All threads of the moment itself come, on however many pages they are."""
    listing = Listing(page(row(1, T2), cursor="x"), page(row(2, T2), row(3, T3)))
    assert [ids for ids, _ in run(listing, until=T2)] == [["1"], ["2"]]


def test_live_alone() -> None:
    """Without archived threads the steps are those of the live ones."""
    live = Listing(page(row(1, T2), cursor="x"), page(row(2, T3)))
    steps = list(changes(live, since=T1))
    assert [[found["id"] for found in step.rows] for step in steps] == [["1"], ["2"]]
    assert [step.covered for step in steps] == [T2, None]


class Side:
    """One side of an account, as HubSpot lists it; `then` is done behind each page."""

    def __init__(self, *rows: dict[str, Any], size: int = 9) -> None:
        self.rows, self.size = list(rows), size
        self.then: Callable[[], None] = lambda: None

    def __call__(self, since: str, cursor: str | None) -> Page:
        """Return the page from a moment on; the cursor is an offset."""
        rows = sorted(self.rows, key=lambda found: (found[REPLICATION_KEY], found["id"]))
        rows = [found for found in rows if found[REPLICATION_KEY] >= since]
        start = int(cursor or 0)
        end = start + self.size
        found = page(*rows[start:end], cursor=str(end) if rows[end:] else None)
        self.then()
        return found


def of_steps(*sides: Fetch) -> list[tuple[list[str], str | None]]:
    """Return the ids of each step over both sides, with the moment up to which all have come."""
    steps = changes(*sides, since=T1)
    return [([found["id"] for found in step.rows], step.covered) for step in steps]


def test_archived_first_and_behind_each_page() -> None:
    """Archived threads come first, then again behind each live page, from where they were."""
    log: list[Any] = []
    live = Listing(page(row(1, T2), cursor="x"), page(row(2, T3)), log=log, name="live")
    archived = Listing(page(), page(row(3, T2)), page(), log=log, name="archived")
    assert of_steps(live, archived) == [(["1", "3"], T2), (["2"], None)]
    sides = [("archived", T1), ("live", T1), ("archived", T1), ("live", T2), ("archived", T2)]
    assert log == sides


def test_archived_between_the_sides() -> None:
    """A thread that is archived after the archived ones were read is seen behind the live page."""
    archived = Listing(page(), page(row(1, T1, archived=True)))
    assert of_steps(Listing(page()), archived) == [(["1"], None)]


def test_restored_between_the_sides() -> None:
    """A thread that is restored after the archived ones were read came with those, and once."""
    archived = Listing(page(row(1, T1, archived=True)), page())
    assert of_steps(Listing(page(row(1, T1))), archived) == [(["1"], None)]


def test_archived_while_pages_go_on() -> None:
    """A thread that is archived behind a later page is seen in the window where its time is."""
    live = Listing(page(row(1, T2), cursor="x"), page(row(2, T4)))
    archived = Listing(page(), page(), page(row(3, T3, archived=True)))
    assert of_steps(live, archived) == [(["1"], T2), (["3", "2"], None)]


def test_archived_threads_wait_for_their_time() -> None:
    """However far archived threads reach, no more is covered than live ones have come to."""
    archived = Listing(page(row(3, T4, archived=True)), page(), page())
    live = Listing(page(row(1, T2), cursor="x"), page(row(2, T3)))
    assert of_steps(live, archived) == [(["1"], T2), (["2", "3"], None)]


def test_live_threads_wait_for_archived_ones() -> None:
    """However far live threads reach, no more is covered than archived ones have come to."""
    archived = Side(row(1, T2, archived=True), row(4, T3, archived=True), size=1)
    live = Side(row(2, T1), row(3, T4), size=9)
    steps = of_steps(live, archived)
    assert steps[0] == (["2", "1"], T2)
    assert [ids for ids, _ in steps if ids] == [["2", "1"], ["4", "3"]]


def test_no_live_thread() -> None:
    """Archived threads alone move on page by page too."""
    archived = Side(*(row(n, at, archived=True) for n, at in enumerate((T1, T2, T3))), size=2)
    assert of_steps(Side(), archived) == [(["0", "1"], T2), (["2"], None)]


@pytest.mark.parametrize("seed", range(60))
def test_each_once_whatever_changes_sides(seed: int) -> None:
    """Threads that are archived or restored once, between any two pages, all come, each once.

    And what is covered at each step has come by then.
    """
    luck = random.Random(seed)
    times = [f"2026-11-20T12:00:0{luck.randint(1, 6)}.000Z" for _ in range(12)]
    rows = [row(number, at) for number, at in enumerate(times)]
    size = luck.randint(1, 5)
    sides = [Side(*rows[::2], size=size), Side(*rows[1::2], size=size)]
    stay = list(rows)

    def move() -> None:
        if stay and luck.random() < 0.7:
            moves = stay.pop(luck.randrange(len(stay)))
            one, other = sides if moves in sides[0].rows else sides[::-1]
            one.rows.remove(moves)
            other.rows.append(moves)

    sides[0].then = sides[1].then = move
    come: list[str] = []
    for ids, covered in of_steps(*sides):
        come += ids
        within = {found["id"] for found in rows if covered and found[REPLICATION_KEY] < covered}
        assert within <= set(come)
    assert sorted(come, key=int) == [str(number) for number in range(12)]


def test_oldest_first_within_a_step() -> None:
    """Within a step both sides are in one order of time."""
    live = Listing(page(row(1, T1), row(2, T3)))
    archived = Listing(page(row(3, T2, archived=True), row(4, T4, archived=True)), page())
    assert of_steps(live, archived) == [(["1", "3", "2", "4"], None)]
