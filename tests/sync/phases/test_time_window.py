"""A sweep by time: from where each page is requested, and when all up to a moment have come."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import PaginationLoopError
from tap_hubspot_threads.hubspot.pagination import PaginationGuard
from tap_hubspot_threads.models import REPLICATION_KEY
from tap_hubspot_threads.sync.phases.time_window import iter_by_time, iter_changed_threads
from tap_hubspot_threads.values import shift
from tests.sync.fakes import NOW, page, row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_hubspot_threads.models import Page
    from tap_hubspot_threads.sync.phases.time_window import ListSince

T1, T2, T3, T4, T5, T6 = (f"2026-11-20T11:00:0{second}.000Z" for second in range(1, 7))


def before(moment: str) -> str:
    """Return from where the page of a position is requested."""
    return shift(moment, seconds=-0.001)


def following(ask: Callable[[str, str | None], Page]) -> ListSince:
    """Return a list by time whose pages come from a function, by their cursors."""

    def list_since(since: str) -> Iterator[Page]:
        guard, cursor = PaginationGuard(), None
        while True:
            found = ask(since, cursor)
            yield found
            cursor = guard.next_cursor(found)

    return list_since


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


def run(
    listing: Listing,
    *,
    until: str | None = None,
    end: str | None = None,
    seen: set[str] | None = None,
) -> Any:
    """Sweep a listing; return the IDs of each step, with the moment up to which all have come."""
    seen = set() if seen is None else seen
    windows = iter_by_time(following(listing), T1, seen, until=until, end=lambda: end)
    return [([found["id"] for found in one.rows], one.complete_until) for one in windows]


def rows(*times: str | None, first: int = 1) -> list[dict[str, Any]]:
    """Make rows of such times, with IDs that count up."""
    return [row(number, at) for number, at in enumerate(times, start=first)]


def test_one_page() -> None:
    """A page without a cursor is the end."""
    assert run(Listing(page(*rows(T1, T2)))) == [(["1", "2"], None)]


def test_no_thread() -> None:
    """Nothing new is one empty step."""
    assert run(Listing(page())) == [([], None)]


def test_position_is_the_smallest_of_the_last_three() -> None:
    """The next page is requested from a millisecond before that, not by its cursor."""
    listing = Listing(page(*rows(T1, T2, T4, T3, T5), cursor="x"), page())
    assert run(listing) == [(["1", "2", "3", "4", "5"], T3), ([], None)]
    assert listing.asked == [(before(T1), None), (before(T3), None)]


def test_fresh_rows_do_not_move_the_position() -> None:
    """A time that is not a minute older than the request may be later than its row's place."""
    fresh = shift(NOW, seconds=-59)
    found = page(*rows(T2, T3, T4, fresh, fresh, fresh), cursor="x", now=NOW)
    listing = Listing(found, page())
    assert [covered for _, covered in run(listing)] == [T2, None]


def test_a_slow_page_makes_more_rows_fresh() -> None:
    """The minute is counted from the request, not from the answer."""
    found = page(*rows(T2, T3, T4, shift(NOW, seconds=-80)), cursor="x", now=NOW)
    assert [covered for _, covered in run(Listing(found, page()))] == [T3, None]
    slow = page(*rows(T2, T3, T4, shift(NOW, seconds=-80)), cursor="x", now=NOW, seconds=30)
    assert [covered for _, covered in run(Listing(slow, page()))] == [T2, None]


def test_fewer_than_three_times() -> None:
    """A page of fewer times is followed by its cursor; the walk is repeated before it moves."""
    first, second = page(*rows(T2, T3), cursor="x"), page(*rows(T4, T5, first=3), cursor="y")
    listing = Listing(first, second, first, second, page())
    assert run(listing) == [(["1", "2"], T1), (["3", "4"], T1), ([], T1), ([], T3), ([], None)]
    position = [(before(T1), None), (before(T1), "x")]
    assert listing.asked == [*position, *position, (before(T3), None)]


def test_cursor_inside_one_millisecond() -> None:
    """A page that does not get beyond its moment is followed by its cursor, then read again."""
    pages = [page(*rows(T1, T1, T1), cursor="x"), page(*rows(T1, first=4))]
    listing = Listing(*pages, *pages)
    found = run(listing)
    assert [ids for ids, _ in found] == [["1", "2", "3"], ["4"], [], []]
    assert [covered for _, covered in found] == [T1, T1, T1, None]
    assert [cursor for _, cursor in listing.asked] == [None, "x", None, "x"]


def test_two_walks_that_skip_the_same_thread() -> None:
    """A walk is repeated until two in a row show the same: two walks may both skip thread 3."""
    at = {number: shift(NOW, seconds=number - 50) for number in range(1, 6)}
    one, two, three, four, five = (row(number, moment) for number, moment in at.items())
    early = row(5, shift(NOW, seconds=-50))  # a late email has moved it to the front
    walks = [
        [page(one, two, cursor="x"), page(four, five)],  # 1 moved to the end meanwhile
        [page(early, two, cursor="x"), page(four)],  # 5 did
        *[[page(two, three, cursor="x"), page(four)]] * 2,
    ]
    listing = Listing(*[found for walk in walks for found in walk])
    assert sorted(id_ for ids, _ in run(listing) for id_ in ids) == ["1", "2", "3", "4", "5"]


def test_such_a_walk_again_until_two_show_the_same() -> None:
    """A thread that a walk by cursor skipped comes with the next one, and one more follows."""
    first, second = rows(T1, T1)
    again = [page(first, cursor="x"), page(second)]
    listing = Listing(page(first, cursor="x"), page(), *again, *again)
    assert [ids for ids, _ in run(listing)] == [["1"], [], [], ["2"], [], []]
    assert listing.pages == []


def test_what_is_later_than_the_end_is_no_news() -> None:
    """Threads that move later than the end do not have a walk repeated again and again."""
    first = row(1, T1)
    late = [row(number, NOW) for number in range(2, 9)]
    walks = [[page(first, cursor="x"), page(other)] for other in late]
    listing = Listing(*[found for walk in walks for found in walk])
    run(listing, end=T2)
    assert len(listing.asked) == 4


def test_empty_page_with_a_cursor() -> None:
    """An empty page with a cursor is no end."""
    listing = Listing(page(cursor="x"), page(row(1, T1)), page(cursor="x"), page(row(1, T1)))
    assert [ids for ids, _ in run(listing)] == [[], ["1"], [], []]


def test_cursor_that_comes_again() -> None:
    """A walk that would never end is an error."""
    listing = Listing(page(row(1, T1), cursor="x"), page(row(2, T1), cursor="x"))
    with pytest.raises(PaginationLoopError):
        run(listing)


def test_seen_threads_do_not_come() -> None:
    """A thread that has come already does not, even with a later message."""
    seen = {"1"}
    assert run(Listing(page(*rows(T2, T2))), seen=seen) == [(["2"], None)]
    assert seen == {"1", "2"}


def test_until_ends_the_sweep() -> None:
    """Threads after the moment are left alone, and not taken for seen."""
    seen: set[str] = set()
    listing = Listing(page(*rows(T1, T2, T3, T3, T3), cursor="x"))
    assert run(listing, until=T2, seen=seen) == [(["1", "2"], None)]
    assert seen == {"1", "2"}


def test_one_later_row_does_not_end_the_sweep() -> None:
    """A row that is fresher than its place is no sign that all after it is later."""
    first = page(*rows(T1, T3, T2), cursor="x")
    listing = Listing(first, page(*rows(T2, first=4)), first, page(*rows(T2, first=4)))
    found = run(listing, until=T2)
    assert [ids for ids, _ in found][:2] == [["1", "3"], ["4"]]


def test_until_is_inclusive() -> None:
    """All threads of the moment itself come, on however many pages they are."""
    listing = Listing(page(row(1, T2), cursor="x"), *[page(row(1, T2), row(2, T2))] * 3)
    assert [ids for ids, _ in run(listing, until=T2)][:2] == [["1"], ["2"]]


@pytest.mark.parametrize("position", [T2, T3])
def test_end(position: str) -> None:
    """A sweep ends where the position passes the end, or where all of a page is later."""
    listing = Listing(page(*rows(*[position] * 3), cursor="x"), page())
    assert len(run(listing, end=T2)) == (2 if position == T2 else 1)


def test_one_page_of_two_later_rows_is_no_end() -> None:
    """Where fewer than three rows are later than the end, the list goes on."""
    listing = Listing(page(*rows(T3, T3), cursor="x"), page(*rows(T3, T3, first=3), cursor="y"))
    listing.pages += list(listing.pages)
    run(listing, end=T2)
    assert [cursor for _, cursor in listing.asked] == [None, "x", None, "x"]


def test_live_alone() -> None:
    """Without archived threads the steps are those of the live ones."""
    live = Listing(page(*rows(T2, T2, T2), cursor="x"), page(row(4, T3)))
    windows = list(iter_changed_threads(following(live), since=T1, end=lambda: None))
    assert [[found["id"] for found in one.rows] for one in windows] == [["1", "2", "3"], ["4"]]
    assert [one.complete_until for one in windows] == [T2, None]


class Side:
    """One side of an account, as HubSpot lists it; `then` is done after each page."""

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


def of_steps(*sides: Callable[[str, str | None], Page]) -> list[tuple[list[str], str | None]]:
    """Return the IDs of each step over both sides, with the moment up to which all have come."""
    windows = iter_changed_threads(*map(following, sides), since=T1, end=lambda: None)
    return [([found["id"] for found in one.rows], one.complete_until) for one in windows]


def test_archived_first_and_after_each_page() -> None:
    """Archived threads come first, then again after each live page, from where they were."""
    log: list[Any] = []
    live = Listing(page(*rows(T2, T2, T2), cursor="x"), page(row(4, T3)), log=log, name="live")
    archived = Listing(page(), page(row(5, T2)), page(), log=log, name="archived")
    assert of_steps(live, archived) == [(["1", "2", "3", "5"], T2), (["4"], None)]
    sides = [("archived", T1), ("live", T1), ("archived", T1), ("live", T2), ("archived", T2)]
    assert log == [(name, before(moment)) for name, moment in sides]


def test_archived_between_the_sides() -> None:
    """A thread that is archived after the archived ones were read is seen after the live page."""
    archived = Listing(page(), page(row(1, T1, archived=True)))
    assert of_steps(Listing(page()), archived) == [(["1"], None)]


def test_restored_between_the_sides() -> None:
    """A thread that is restored after the archived ones were read came with those, and once."""
    archived = Listing(page(row(1, T1, archived=True)), page())
    assert of_steps(Listing(page(row(1, T1))), archived) == [(["1"], None)]


def test_archived_while_pages_go_on() -> None:
    """A thread that is archived after a later page is seen in the window where its time is."""
    live = Listing(page(*rows(T2, T2, T2), cursor="x"), page(row(4, T4)))
    archived = Listing(page(), page(), page(row(5, T3, archived=True)))
    assert of_steps(live, archived) == [(["1", "2", "3"], T2), (["5", "4"], None)]


def test_archived_threads_wait_for_their_time() -> None:
    """However far archived threads reach, no more is covered than live ones have come to."""
    archived = Listing(page(row(5, T4, archived=True)), page(), page())
    live = Listing(page(*rows(T2, T2, T2), cursor="x"), page(row(4, T3)))
    assert of_steps(live, archived) == [(["1", "2", "3"], T2), (["4", "5"], None)]


def test_live_threads_wait_for_archived_ones() -> None:
    """However far live threads reach, no more is covered than archived ones have come to."""
    archived = Side(*(row(n, T2, archived=True) for n in range(3, 6)), row(6, T3), size=3)
    live = Side(row(1, T1), row(2, T4))
    steps = of_steps(live, archived)
    assert steps[0] == (["1", "3", "4", "5"], T2)
    assert [ids for ids, _ in steps if ids] == [["1", "3", "4", "5"], ["6", "2"]]


def test_no_live_thread() -> None:
    """Archived threads alone move on page by page too."""
    times = enumerate((T1, T2, T3, T4, T5))
    archived = Side(*(row(n, at, archived=True) for n, at in times), size=4)
    assert of_steps(Side(), archived) == [(["0", "1"], T2), (["2", "3", "4"], None)]


@pytest.mark.parametrize("seed", range(60))
def test_each_once_whatever_changes_sides(seed: int) -> None:
    """Threads that are archived or restored once, between any two pages, all come, each once.

    And what is covered at each step has come by then.
    """
    luck = random.Random(seed)
    times = [f"2026-11-20T11:00:0{luck.randint(1, 6)}.000Z" for _ in range(12)]
    every = [row(number, at) for number, at in enumerate(times)]
    size = luck.randint(1, 5)
    sides = [Side(*every[::2], size=size), Side(*every[1::2], size=size)]
    stay = list(every)

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
        within = {found["id"] for found in every if covered and found[REPLICATION_KEY] < covered}
        assert within <= set(come)
    assert sorted(come, key=int) == [str(number) for number in range(12)]


def test_oldest_first_within_a_step() -> None:
    """Within a step both sides are in one order of time."""
    live = Listing(page(row(1, T1), row(2, T3)))
    archived = Listing(page(row(3, T2, archived=True), row(4, T4, archived=True)), page())
    assert of_steps(live, archived) == [(["1", "3", "2", "4"], None)]


class Busy:
    """A list by time that changes while it is read, as HubSpot's may.

    The order of a page is taken first, then threads move, then its rows are filled in. A message
    moves a thread to now; a late email moves it to a moment in the past. The clock goes on.

    Args:
        luck: Draws what happens.
    """

    def __init__(self, luck: random.Random) -> None:
        self.luck, self.size = luck, luck.choice((3, 4, 7, 20))
        self.by_offset = luck.random() < 0.5
        self.moves = luck.choice((0, 1, 3))
        self.now = NOW
        self.times = {
            number: shift(NOW, seconds=-luck.randrange(100, 4_000)) for number in range(60)
        }
        self.began = dict(self.times)

    def __call__(self, since: str, cursor: str | None) -> Page:
        """Return a page."""
        order = sorted((at, number) for number, at in self.times.items() if at >= since)
        if cursor is not None and self.by_offset:
            order = order[int(cursor) :]
        elif cursor is not None:
            order = [place for place in order if place > _key_of(cursor)]
        shown = order[: self.size]
        following = None
        if len(order) > self.size:
            offset = int(cursor or 0) + self.size if self.by_offset else 0
            following = str(offset) if self.by_offset else f"{shown[-1][0]} {shown[-1][1]}"
        self.now = shift(self.now, seconds=2)
        for _ in range(self.luck.randint(0, self.moves)):
            number = self.luck.randrange(60)
            is_late = self.luck.random() < 0.3
            past = self.luck.randrange(1, 3_000) if is_late else 0
            self.times[number] = max(self.times[number], shift(self.now, seconds=-past))
        filled = [row(number, self.times[number]) for _, number in shown]
        return page(*filled, cursor=following, now=self.now, seconds=2)


def _key_of(cursor: str) -> tuple[str, int]:
    moment, number = cursor.split()
    return moment, int(number)


@pytest.mark.parametrize("seed", range(300))
def test_no_thread_is_lost(seed: int) -> None:
    """Whatever moves while pages are made, each thread comes that was there before the end.

    One that got a message after the end comes with the next sync: its time says so. And no step
    covers a moment before which a thread has not come.
    """
    busy = Busy(random.Random(seed))
    since, end = min(busy.times.values()), NOW
    come: set[str] = set()
    for window in iter_by_time(following(busy), since, set(), end=lambda: end):
        come |= {found["id"] for found in window.rows}
        covered = window.complete_until or end
        for number, at in busy.times.items():
            assert str(number) in come or at >= min(covered, end)
