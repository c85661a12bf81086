"""Lists by time: where each page starts, and up to which time every thread has been read."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import PaginationLoopError
from tap_hubspot_threads.hubspot.pagination import PaginationGuard
from tap_hubspot_threads.models import REPLICATION_KEY
from tap_hubspot_threads.sync.phases.time_window import (
    LATER_ROWS,
    iter_by_time,
    iter_changed_threads,
)
from tap_hubspot_threads.values import shift
from tests.sync.fakes import NOW, page, row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_hubspot_threads.models import Page
    from tap_hubspot_threads.sync.phases.time_window import ListSince

T1, T2, T3, T4, T5, T6 = (f"2026-11-20T11:00:0{second}.000Z" for second in range(1, 7))


def before(moment: str) -> str:
    """Return the time from which the page of a position is requested."""
    return shift(moment, seconds=-0.001)


def list_by_time(get_page: Callable[[str, str | None], Page]) -> ListSince:
    """Return a list by time whose pages a function returns, following their cursors."""

    def list_since(since: str) -> Iterator[Page]:
        guard, cursor = PaginationGuard(), None
        while True:
            found = get_page(since, cursor)
            yield found
            cursor = guard.next_cursor(found)

    return list_since


class Listing:
    """The live or archived threads of an account, as scripted pages.

    `requests` holds the time and the cursor of each request.
    """

    def __init__(self, *pages: Page, log: list[Any] | None = None, name: str = "") -> None:
        self.pages = list(pages)
        self.requests: list[tuple[str, str | None]] = []
        self.log, self.name = [] if log is None else log, name

    def __call__(self, since: str, cursor: str | None) -> Page:
        """Return the next page."""
        self.requests.append((since, cursor))
        self.log.append((self.name, since))
        return self.pages.pop(0)


def run(
    listing: Listing,
    *,
    until: str | None = None,
    end: str | None = None,
    seen: set[str] | None = None,
) -> Any:
    """Read a list; return the IDs of each window, and the time up to which it is complete."""
    seen = set() if seen is None else seen
    windows = iter_by_time(list_by_time(listing), T1, seen, until=until, end=lambda: end)
    return [([found["id"] for found in window.rows], window.complete_until) for window in windows]


def rows(*times: str | None, first: int = 1) -> list[dict[str, Any]]:
    """Return rows with these times and consecutive IDs."""
    return [row(number, at) for number, at in enumerate(times, start=first)]


def test_one_page() -> None:
    """A page without a cursor is the end."""
    assert run(Listing(page(*rows(T1, T2)))) == [(["1", "2"], None)]


def test_no_thread() -> None:
    """Without a thread, the only window is empty."""
    assert run(Listing(page())) == [([], None)]


def test_position_is_the_smallest_of_the_last_three() -> None:
    """The next page starts 1 ms before the smallest of the last three times, without a cursor."""
    listing = Listing(page(*rows(T1, T2, T4, T3, T5), cursor="x"), page())
    assert run(listing) == [(["1", "2", "3", "4", "5"], T3), ([], None)]
    assert listing.requests == [(before(T1), None), (before(T3), None)]


def test_fresh_rows_do_not_move_the_position() -> None:
    """A time within a minute of the request may be later than the place of its row."""
    fresh = shift(NOW, seconds=-59)
    found = page(*rows(T2, T3, T4, fresh, fresh, fresh), cursor="x", now=NOW)
    listing = Listing(found, page())
    assert [complete_until for _, complete_until in run(listing)] == [T2, None]


def test_a_slow_page_makes_more_rows_fresh() -> None:
    """The minute is counted from the request, not from the response."""
    found = page(*rows(T2, T3, T4, shift(NOW, seconds=-80)), cursor="x", now=NOW)
    assert [complete_until for _, complete_until in run(Listing(found, page()))] == [T3, None]
    slow = page(*rows(T2, T3, T4, shift(NOW, seconds=-80)), cursor="x", now=NOW, seconds=30)
    assert [complete_until for _, complete_until in run(Listing(slow, page()))] == [T2, None]


def test_fewer_than_three_times() -> None:
    """After fewer than three times, the cursor is followed, and the walk repeats before moving."""
    first, second = page(*rows(T2, T3), cursor="x"), page(*rows(T4, T5, first=3), cursor="y")
    listing = Listing(first, second, first, second, page())
    assert run(listing) == [(["1", "2"], T1), (["3", "4"], T1), ([], T1), ([], T3), ([], None)]
    position = [(before(T1), None), (before(T1), "x")]
    assert listing.requests == [*position, *position, (before(T3), None)]


def test_cursor_inside_one_millisecond() -> None:
    """A page that stays within its millisecond is followed by its cursor, then read again."""
    pages = [page(*rows(T1, T1, T1), cursor="x"), page(*rows(T1, first=4))]
    listing = Listing(*pages, *pages)
    found = run(listing)
    assert [ids for ids, _ in found] == [["1", "2", "3"], ["4"], [], []]
    assert [complete_until for _, complete_until in found] == [T1, T1, T1, None]
    assert [cursor for _, cursor in listing.requests] == [None, "x", None, "x"]


def test_two_walks_that_skip_the_same_thread() -> None:
    """A walk repeats until two in a row show the same, because two may both skip thread 3."""
    at = {number: shift(NOW, seconds=number - 50) for number in range(1, 6)}
    one, two, three, four, five = (row(number, moment) for number, moment in at.items())
    early = row(5, shift(NOW, seconds=-50))  # a late email moved it to the front
    walks = [
        [page(one, two, cursor="x"), page(four, five)],  # 1 moved to the end in between
        [page(early, two, cursor="x"), page(four)],  # 5 moved to the end in between
        *[[page(two, three, cursor="x"), page(four)]] * 2,
    ]
    listing = Listing(*[found for walk in walks for found in walk])
    assert sorted(id_ for ids, _ in run(listing) for id_ in ids) == ["1", "2", "3", "4", "5"]


def test_walk_repeats_until_nothing_is_new() -> None:
    """A thread that one walk skips comes with the next walk, and one more walk follows."""
    first, second = rows(T1, T1)
    again = [page(first, cursor="x"), page(second)]
    listing = Listing(page(first, cursor="x"), page(), *again, *again)
    assert [ids for ids, _ in run(listing)] == [["1"], [], [], ["2"], [], []]
    assert listing.pages == []


def test_threads_after_the_end_repeat_no_walk() -> None:
    """Threads that move past the end time do not make a walk repeat."""
    first = row(1, T1)
    late = [row(number, NOW) for number in range(2, 9)]
    walks = [[page(first, cursor="x"), page(other)] for other in late]
    listing = Listing(*[found for walk in walks for found in walk])
    run(listing, end=T2)
    assert len(listing.requests) == 4


def test_empty_page_with_a_cursor() -> None:
    """An empty page with a cursor is not the end."""
    listing = Listing(page(cursor="x"), page(row(1, T1)), page(cursor="x"), page(row(1, T1)))
    assert [ids for ids, _ in run(listing)] == [[], ["1"], [], []]


def test_repeated_cursor() -> None:
    """A repeated cursor is an error."""
    listing = Listing(page(row(1, T1), cursor="x"), page(row(2, T1), cursor="x"))
    with pytest.raises(PaginationLoopError):
        run(listing)


def test_seen_threads_are_skipped() -> None:
    """A thread that was read before is skipped, even with a later message."""
    seen = {"1"}
    assert run(Listing(page(*rows(T2, T2))), seen=seen) == [(["2"], None)]
    assert seen == {"1", "2"}


def test_until() -> None:
    """Threads later than `until` are left out and do not count as seen."""
    seen: set[str] = set()
    listing = Listing(page(*rows(T1, T2, T3, T3, T3), cursor="x"))
    assert run(listing, until=T2, seen=seen) == [(["1", "2"], None)]
    assert seen == {"1", "2"}


def test_one_later_row_is_no_end() -> None:
    """One row later than `until` is not the end, because it may be fresher than its place."""
    first = page(*rows(T1, T3, T2), cursor="x")
    listing = Listing(first, page(*rows(T2, first=4)), first, page(*rows(T2, first=4)))
    found = run(listing, until=T2)
    assert [ids for ids, _ in found][:2] == [["1", "3"], ["4"]]


def test_until_is_inclusive() -> None:
    """All threads at `until` itself are read, on however many pages."""
    listing = Listing(page(row(1, T2), cursor="x"), *[page(row(1, T2), row(2, T2))] * 3)
    assert [ids for ids, _ in run(listing, until=T2)][:2] == [["1"], ["2"]]


@pytest.mark.parametrize("position", [T2, T3])
def test_end(position: str) -> None:
    """A list ends when the position passes the end time, or when a whole page is later."""
    listing = Listing(page(*rows(*[position] * 3), cursor="x"), page())
    assert len(run(listing, end=T2)) == (2 if position == T2 else 1)


def test_two_later_rows_are_no_end() -> None:
    """Fewer than three rows later than the end time are not the end."""
    listing = Listing(page(*rows(T3, T3), cursor="x"), page(*rows(T3, T3, first=3), cursor="y"))
    listing.pages += list(listing.pages)
    run(listing, end=T2)
    assert [cursor for _, cursor in listing.requests] == [None, "x", None, "x"]


@pytest.mark.parametrize(("count", "is_followed"), [(LATER_ROWS - 1, True), (LATER_ROWS, False)])
def test_many_fresh_rows_are_the_end(count: int, *, is_followed: bool) -> None:
    """Rows that may be fresher than their places end the list only if they are many."""
    fresh = [shift(NOW, seconds=1)] * count
    listing = Listing(*[page(*rows(*fresh), cursor="x"), page(row(99, T2))] * 2)
    assert any("99" in ids for ids, _ in run(listing, end=NOW)) == is_followed


def test_live_threads_only() -> None:
    """Without archived threads, the windows are those of the live list."""
    live = Listing(page(*rows(T2, T2, T2), cursor="x"), page(row(4, T3)))
    windows = list(iter_changed_threads(list_by_time(live), since=T1, end=lambda: None))
    assert [[found["id"] for found in window.rows] for window in windows] == [
        ["1", "2", "3"],
        ["4"],
    ]
    assert [window.complete_until for window in windows] == [T2, None]


class ChangingList:
    """The live or archived threads of an account, as HubSpot lists them.

    `after_page` runs after each page.
    """

    def __init__(self, *rows: dict[str, Any], size: int = 9) -> None:
        self.rows, self.size = list(rows), size
        self.after_page: Callable[[], None] = lambda: None

    def __call__(self, since: str, cursor: str | None) -> Page:
        """Return the page that starts at `since`; the cursor is an offset."""
        rows = sorted(self.rows, key=lambda found: (found[REPLICATION_KEY], found["id"]))
        rows = [found for found in rows if found[REPLICATION_KEY] >= since]
        start = int(cursor or 0)
        end = start + self.size
        found = page(*rows[start:end], cursor=str(end) if rows[end:] else None)
        self.after_page()
        return found


def windows_of(*lists: Callable[[str, str | None], Page]) -> list[tuple[list[str], str | None]]:
    """Return the IDs of each window over both lists, and the time up to which it is complete."""
    windows = iter_changed_threads(*map(list_by_time, lists), since=T1, end=lambda: None)
    return [([found["id"] for found in window.rows], window.complete_until) for window in windows]


def test_archived_first_and_after_each_page() -> None:
    """Archived threads are read first, then again after each live page."""
    log: list[Any] = []
    live = Listing(page(*rows(T2, T2, T2), cursor="x"), page(row(4, T3)), log=log, name="live")
    archived = Listing(page(), page(row(5, T2)), page(), log=log, name="archived")
    assert windows_of(live, archived) == [(["1", "2", "3", "5"], T2), (["4"], None)]
    lists = [("archived", T1), ("live", T1), ("archived", T1), ("live", T2), ("archived", T2)]
    assert log == [(name, before(moment)) for name, moment in lists]


def test_archived_between_the_lists() -> None:
    """A thread archived after the archived list was read comes after the live page."""
    archived = Listing(page(), page(row(1, T1, archived=True)))
    assert windows_of(Listing(page()), archived) == [(["1"], None)]


def test_restored_between_the_lists() -> None:
    """A thread restored after the archived list was read comes once."""
    archived = Listing(page(row(1, T1, archived=True)), page())
    assert windows_of(Listing(page(row(1, T1))), archived) == [(["1"], None)]


def test_archived_during_later_pages() -> None:
    """A thread archived after a later page comes in the window of its time."""
    live = Listing(page(*rows(T2, T2, T2), cursor="x"), page(row(4, T4)))
    archived = Listing(page(), page(), page(row(5, T3, archived=True)))
    assert windows_of(live, archived) == [(["1", "2", "3"], T2), (["5", "4"], None)]


def test_archived_threads_wait_for_their_time() -> None:
    """A window is complete only up to the time that the live list has reached."""
    archived = Listing(page(row(5, T4, archived=True)), page(), page())
    live = Listing(page(*rows(T2, T2, T2), cursor="x"), page(row(4, T3)))
    assert windows_of(live, archived) == [(["1", "2", "3"], T2), (["4", "5"], None)]


def test_live_threads_wait_for_archived_ones() -> None:
    """A window is complete only up to the time that the archived list has reached."""
    archived = ChangingList(*(row(n, T2, archived=True) for n in range(3, 6)), row(6, T3), size=3)
    live = ChangingList(row(1, T1), row(2, T4))
    windows = windows_of(live, archived)
    assert windows[0] == (["1", "3", "4", "5"], T2)
    assert [ids for ids, _ in windows if ids] == [["1", "3", "4", "5"], ["6", "2"]]


def test_archived_threads_only() -> None:
    """Archived threads alone advance page by page too."""
    times = enumerate((T1, T2, T3, T4, T5))
    archived = ChangingList(*(row(n, at, archived=True) for n, at in times), size=4)
    assert windows_of(ChangingList(), archived) == [(["0", "1"], T2), (["2", "3", "4"], None)]


@pytest.mark.parametrize("seed", range(60))
def test_threads_archived_or_restored_come_once(seed: int) -> None:
    """Threads archived or restored between any two pages all come, each once.

    Each window is complete up to its time.
    """
    rng = random.Random(seed)
    times = [f"2026-11-20T11:00:0{rng.randint(1, 6)}.000Z" for _ in range(12)]
    all_rows = [row(number, at) for number, at in enumerate(times)]
    size = rng.randint(1, 5)
    lists = [ChangingList(*all_rows[::2], size=size), ChangingList(*all_rows[1::2], size=size)]
    unmoved = list(all_rows)

    def move() -> None:
        if unmoved and rng.random() < 0.7:
            moves = unmoved.pop(rng.randrange(len(unmoved)))
            source, destination = lists if moves in lists[0].rows else lists[::-1]
            source.rows.remove(moves)
            destination.rows.append(moves)

    lists[0].after_page = lists[1].after_page = move
    returned: list[str] = []
    for ids, complete_until in windows_of(*lists):
        returned += ids
        within = {
            found["id"]
            for found in all_rows
            if complete_until and found[REPLICATION_KEY] < complete_until
        }
        assert within <= set(returned)
    assert sorted(returned, key=int) == [str(number) for number in range(12)]


def test_oldest_first_within_a_window() -> None:
    """Within a window, both lists are in one order of time."""
    live = Listing(page(row(1, T1), row(2, T3)))
    archived = Listing(page(row(3, T2, archived=True), row(4, T4, archived=True)), page())
    assert windows_of(live, archived) == [(["1", "3", "2", "4"], None)]


class Busy:
    """A list by time that changes while it is read, as HubSpot's may.

    The order of a page is taken first, then threads move, then its rows are filled in. A message
    moves a thread to now; a late email moves it to a time in the past. The clock advances.
    """

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.size = rng, rng.choice((3, 4, 7, 20))
        self.by_offset = rng.random() < 0.5
        self.moves = rng.choice((0, 1, 3))
        self.now = NOW
        self.times = {
            number: shift(NOW, seconds=-rng.randrange(100, 4_000)) for number in range(60)
        }
        self.initial_times = dict(self.times)

    def __call__(self, since: str, cursor: str | None) -> Page:
        """Return a page."""
        order = sorted((at, number) for number, at in self.times.items() if at >= since)
        if cursor is not None and self.by_offset:
            order = order[int(cursor) :]
        elif cursor is not None:
            order = [place for place in order if place > _key_of(cursor)]
        shown = order[: self.size]
        next_cursor = None
        if len(order) > self.size:
            offset = int(cursor or 0) + self.size if self.by_offset else 0
            next_cursor = str(offset) if self.by_offset else f"{shown[-1][0]} {shown[-1][1]}"
        self.now = shift(self.now, seconds=2)
        for _ in range(self.rng.randint(0, self.moves)):
            number = self.rng.randrange(60)
            is_late = self.rng.random() < 0.3
            past = self.rng.randrange(1, 3_000) if is_late else 0
            self.times[number] = max(self.times[number], shift(self.now, seconds=-past))
        filled = [row(number, self.times[number]) for _, number in shown]
        return page(*filled, cursor=next_cursor, now=self.now, seconds=2)


def _key_of(cursor: str) -> tuple[str, int]:
    moment, number = cursor.split()
    return moment, int(number)


@pytest.mark.parametrize("seed", range(300))
def test_no_thread_is_lost(seed: int) -> None:
    """Every thread that was there before the end time comes, even if threads move in between.

    A thread with a message after the end time comes with the next sync. No window is complete up
    to a time before which a thread has not come.
    """
    busy = Busy(random.Random(seed))
    since, end = min(busy.times.values()), NOW
    returned: set[str] = set()
    for window in iter_by_time(list_by_time(busy), since, set(), end=lambda: end):
        returned |= {found["id"] for found in window.rows}
        complete_until = window.complete_until or end
        for number, at in busy.times.items():
            assert str(number) in returned or at >= min(complete_until, end)
