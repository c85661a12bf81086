"""The list by ID: its pages by ranges or in order, and rows that make their page fail."""

from __future__ import annotations

import logging
import random
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from tap_hubspot_threads.errors import RefusedError, TransientError
from tap_hubspot_threads.sync.id_ranges import (
    ALL_IDS,
    IdRange,
    NotAKeyError,
    cursor_after,
    id_of_cursor,
    subtract,
)
from tap_hubspot_threads.sync.phases.range_plan import Budget, newest_id
from tap_hubspot_threads.sync.phases.thread_list import ThreadList
from tap_hubspot_threads.values import shift
from tests.sync.fakes import NOW, Inline, page, row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_hubspot_threads.models import Page
    from tap_hubspot_threads.sync.concurrency.prefetch import Plan
    from tap_hubspot_threads.sync.phases.range_reader import ListedPart

SIZE = 5
CREATED = "2026-11-01T00:00:00.000Z"


class Shuffled(Inline):
    """16 workers whose tasks end in a random order, or in the order of their start.

    Args:
        seed: The seed of the order; None: the order of their start.
    """

    def __init__(self, seed: int | None) -> None:
        super().__init__()
        self.count, self._seed, self._chance = 16, seed, random.Random(seed)

    @override
    def run_plan(self, plan: Plan[Any, Any]) -> Iterator[Any]:
        tasks: list[Any] = []
        while True:
            while len(tasks) < self.count and (task := plan.take()) is not None:
                tasks.append(task)
            if not tasks:
                return
            task = tasks.pop(0 if self._seed is None else self._chance.randrange(len(tasks)))
            result = plan.run(task)
            plan.done(task, result)
            yield result


class Account:
    """HubSpot's list of live threads by ID, with pages of `SIZE` rows.

    Args:
        ids: The threads.
        cursor: Makes the cursor behind a number of rows; by default, the last row's ID.
        failing: Threads whose row makes a page fail.
        refuses_made_after: The number of pages after which only cursors that were returned are
            accepted; None: never.
    """

    def __init__(
        self,
        ids: Sequence[int],
        *,
        cursor: Callable[[int], str] | None = None,
        failing: tuple[int, ...] = (),
        refuses_made_after: int | None = None,
    ) -> None:
        self.ids, self.failing, self.is_down = list(ids), set(failing), False
        self._cursor = cursor
        self._refuses_made_after = refuses_made_after
        self._behind: dict[str, int] = {}
        """Rows before each cursor that was returned."""
        self.cursors: list[str | None] = []
        """The cursors of the requested pages."""
        self.attempts = 0
        """Requests for a single row."""
        self.outage = 0
        """Single attempts that still fail."""

    def list_threads(self, cursor: str | None = None, *, archived: bool) -> Iterator[Page]:
        """Implement `HubSpotApi`."""
        assert not archived
        while True:
            self.cursors.append(cursor)
            found = self._page(cursor, SIZE)
            if found.cursor is not None:
                self._behind[found.cursor] = self._start(cursor) + len(found.ids)
            yield found
            cursor = found.cursor
            if cursor is None:
                return

    def try_list_after(
        self, cursor: str | None, *, archived: bool, once: bool = True
    ) -> Page | None:
        """Implement `HubSpotApi`. Single attempts fail while `outage` lasts."""
        assert not archived
        self.attempts += 1
        if once and self.outage:
            self.outage -= 1
            return None
        try:
            return self._page(cursor, 1)
        except TransientError:
            return None

    def _start(self, cursor: str | None) -> int:
        if cursor is None:
            return 0
        refuses = self._refuses_made_after is not None
        if cursor not in self._behind and refuses:
            refuses = len(self.cursors) > (self._refuses_made_after or 0)
        elif cursor in self._behind:
            return self._behind[cursor]
        after = id_of_cursor(cursor)
        if refuses or self._cursor is not None or after is None:
            message = "bad cursor"
            raise RefusedError(message, status=400)
        return sum(each <= after for each in self.ids)

    def _page(self, cursor: str | None, size: int) -> Page:
        start = self._start(cursor)
        ids = self.ids[start : start + size]
        # A real page becomes smaller until its first row is the one that fails.
        ids = ids[: next((index for index, each in enumerate(ids) if each in self.failing), size)]
        if self.is_down or (not ids and start < len(self.ids)):
            message = "503"
            raise TransientError(message)
        end = start + len(ids)
        after = None
        if end < len(self.ids):
            after = self._cursor(end) if self._cursor else cursor_after(self.ids[end - 1])
        rows = [row(each, createdAt=shift(CREATED, seconds=each)) for each in ids]
        return page(*rows, cursor=after)


def opaque(rows: int) -> str:
    """Return a cursor that has no meaning."""
    return f"opaque {rows}"


def offset(rows: int) -> str:
    """Return a cursor that is the number of rows before it, in base64."""
    return b64encode(str(rows).encode()).decode()


class Listing:
    """What a list yields."""

    def __init__(
        self, account: Account, *, seed: int | None = 0, budget: Budget | None = None
    ) -> None:
        api: Any = account
        self.threads = ThreadList(api, Shuffled(seed), archived=False, budget=budget)
        self.parts: list[ListedPart] = []

    def read(self, *unread: IdRange, cursor: str | None = None) -> list[int]:
        """Read everything that is unread; return the IDs of the rows, as they come."""
        for part in self.threads.parts(unread or [ALL_IDS], cursor):
            self.parts.append(part)
        return self.ids

    @property
    def ids(self) -> list[int]:
        """The IDs of the rows, as they came."""
        return [int(found["id"]) for part in self.parts for found in part.rows()]

    @property
    def failing(self) -> list[int]:
        """The threads that made their page fail."""
        return [part.failing_id for part in self.parts if part.failing_id is not None]

    @property
    def unread(self) -> list[IdRange]:
        """What is left, by the ranges that the parts cover."""
        left = [ALL_IDS]
        for part in self.parts:
            left = subtract(left, part.covered) if part.covered else left
        return left


def random_ids(seed: int, count: int = 300) -> list[int]:
    """Return IDs with gaps of any size."""
    chance = random.Random(seed)
    steps = [chance.choice((1, 2, 7, 1_000)) for _ in range(count)]
    return [sum(steps[: index + 1]) for index in range(count)]


def test_single_page() -> None:
    """A list of one page takes one request and is complete."""
    account = Account([3, 5])
    listing = Listing(account)
    assert listing.read() == [3, 5]
    assert account.cursors == [None]
    assert (listing.threads.is_complete, listing.unread) == (True, [])


def test_empty_list() -> None:
    """An empty list is complete after one request."""
    listing = Listing(Account([]))
    assert listing.read() == []
    assert (listing.threads.is_complete, listing.unread) == (True, [])


@pytest.mark.parametrize("seed", range(20))
def test_ranges(seed: int) -> None:
    """By ranges, in any order, each thread comes exactly once, and nothing is left."""
    ids = random_ids(seed)
    listing = Listing(Account(ids), seed=seed)
    assert sorted(listing.read()) == ids
    assert listing.ids != ids
    assert (listing.threads.is_complete, listing.unread) == (True, [])


@pytest.mark.parametrize("seed", range(20))
def test_resume(seed: int) -> None:
    """A list that stopped at any page continues with what is left, without a thread twice."""
    ids, chance = random_ids(seed), random.Random(seed)
    account, listed, unread = Account(ids), [], [ALL_IDS]
    while unread:
        listing = Listing(account, seed=seed)
        for _, part in zip(range(chance.randint(1, 20)), listing.threads.parts(unread)):  # noqa: B905 - the rest is cut off
            listing.parts.append(part)
            assert part.covered is not None
            unread = subtract(unread, part.covered)
        listed += listing.ids
    assert sorted(listed) == ids


@pytest.mark.parametrize("cursor", [opaque, offset])
def test_cursors_of_another_form(
    cursor: Callable[[int], str], caplog: pytest.LogCaptureFixture
) -> None:
    """Cursors that are no keys are followed as given, and each page is requested once."""
    caplog.set_level(logging.DEBUG)
    account = Account(random_ids(1), cursor=cursor)
    listing = Listing(account)
    assert listing.read() == account.ids
    assert len(account.cursors) == len(account.ids) / SIZE
    assert (listing.threads.is_complete, listing.parts[-1].cursor) == (True, None)
    assert caplog.text.count("The list cannot be read by ranges") == 1


@pytest.mark.parametrize("pages", [1, 2, 3, 7, 20, 59])
def test_refused_made_cursors(pages: int) -> None:
    """If HubSpot refuses self-made cursors, from any page on, the list continues without a loss."""
    account = Account(random_ids(2), refuses_made_after=pages)
    listing = Listing(account, seed=pages)
    assert sorted({*listing.read()}) == account.ids
    assert listing.threads.is_complete


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_made_cursors_that_fail(seed: int | None) -> None:
    """If only self-made cursors fail, as in an outage, the list continues in order."""
    account = Account(random_ids(3))
    start = account._start  # noqa: SLF001 - a fault of the fake

    def fail(cursor: str | None) -> int:
        if cursor is not None and cursor not in account._behind:  # noqa: SLF001
            message = "503"
            raise TransientError(message)
        return start(cursor)

    account._start = fail  # type: ignore[method-assign]  # noqa: SLF001
    listing = Listing(account, seed=seed)
    assert sorted({*listing.read()}) == account.ids
    assert listing.threads.is_complete


def test_unsorted_page() -> None:
    """A list that is not sorted by ID is read in order, and each thread comes once."""
    ids = random_ids(4)
    ids[2], ids[3] = ids[3], ids[2]
    listing = Listing(Account(ids))
    assert listing.read() == ids
    assert listing.threads.is_complete


@pytest.mark.parametrize("place", [50, 150, 297])
def test_unsorted_page_later(place: int) -> None:
    """If a later page is not sorted, the list continues in order from the pages without a gap."""
    account = Account(random_ids(5))
    ids = account.ids
    swapped = page(row(ids[place + 1]), row(ids[place]))
    fetch, are_sorted = account._page, [False]  # noqa: SLF001 - a fault of the fake

    def unsorted_once(cursor: str | None, size: int) -> Page:
        found = fetch(cursor, size)
        if str(ids[place]) in found.ids and not are_sorted[0]:
            are_sorted[0] = True
            return swapped
        return found

    account._page = unsorted_once  # type: ignore[method-assign]  # noqa: SLF001
    listing = Listing(account)
    assert sorted({*listing.read()}) == ids


def test_saved_cursor() -> None:
    """A list that was read in order continues at the saved cursor."""
    account = Account(random_ids(6), cursor=opaque)
    account._behind[opaque(20)] = 20  # noqa: SLF001 - returned to an earlier sync
    assert Listing(account).read(cursor=opaque(20)) == account.ids[20:]


def test_refused_saved_cursor(caplog: pytest.LogCaptureFixture) -> None:
    """If HubSpot refuses the saved cursor, the list starts over and is read to its end."""
    account = Account(random_ids(7), cursor=opaque)
    listing = Listing(account, budget=Budget(calls=2))
    assert listing.read(cursor="expired") == account.ids
    assert listing.threads.is_complete
    assert "HubSpot refused a cursor" in caplog.text


def test_refused_first_page() -> None:
    """A refusal of the first page is an error."""
    account = Account([1])

    def refuse(cursor: str | None, size: int) -> Page:
        message = f"403 for {size} rows after {cursor}"
        raise RefusedError(message, status=403)

    account._page = refuse  # type: ignore[method-assign]  # noqa: SLF001 - a fault of the fake
    with pytest.raises(RefusedError):
        Listing(account).read()


@pytest.mark.parametrize("seed", range(20))
def test_failing_row(seed: int) -> None:
    """A row that makes its page fail is found in few calls, and all others are listed."""
    ids = random_ids(seed)
    bad = random.Random(seed).choice(ids)
    account = Account(ids, failing=(bad,))
    listing = Listing(account, seed=seed)
    assert sorted(listing.read()) == [each for each in ids if each != bad]
    assert listing.failing == [bad]
    assert account.attempts <= 120
    assert (listing.threads.is_complete, listing.unread) == (True, [])


def test_failing_row_behind_many_ranges() -> None:
    """A row that is the first one of many ranges counts once, in the range that it belongs to."""
    ids = [*range(1, 12), *range(10**6, 10**6 + 9)]
    account = Account(ids, failing=(10**6,))
    listing = Listing(account, seed=1)
    assert sorted(listing.read()) == [each for each in ids if each != 10**6]
    assert listing.failing == [10**6]


def test_failing_last_row() -> None:
    """The last row of the list is found too."""
    ids = random_ids(8)
    listing = Listing(Account(ids, failing=(ids[-1],)))
    assert sorted(listing.read()) == ids[:-1]
    assert {*listing.failing} == {ids[-1]}


def test_page_that_failed_for_a_while() -> None:
    """A page that fails and can then be read again costs no thread."""
    account = Account(random_ids(9))
    fetch, failures = account._page, [1]  # noqa: SLF001 - a fault of the fake

    def fail_once(cursor: str | None, size: int) -> Page:
        if len(account.cursors) == 9 and failures:
            failures.pop()
            message = "503"
            raise TransientError(message)
        return fetch(cursor, size)

    account._page = fail_once  # type: ignore[method-assign]  # noqa: SLF001
    listing = Listing(account)
    assert sorted(listing.read()) == account.ids
    assert (listing.failing, account.attempts) == ([], 1)


def test_outage() -> None:
    """If no page behind a failing one can be read, HubSpot is down: the error is raised."""
    account = Account(random_ids(10))
    listing = Listing(account)
    parts = listing.threads.parts()
    for _ in range(10):
        listing.parts.append(next(parts))
    account.is_down = True
    with pytest.raises(TransientError):
        list(parts)
    account.is_down = False
    first, listing.parts = listing, []
    assert first.unread == [ALL_IDS]
    assert not listing.threads.is_complete


def test_outage_of_a_known_list() -> None:
    """An outage does not count as a refusal of self-made cursors that worked in an earlier sync."""
    account = Account(random_ids(10))
    account.is_down = True
    with pytest.raises(TransientError):
        list(Listing(account).threads.by_ranges([IdRange(account.ids[-1])]))


def test_wait_that_hubspot_asks_for() -> None:
    """If HubSpot is busy or limits calls, no failing row is searched."""
    account = Account(random_ids(11))
    fetch = account._page  # noqa: SLF001 - a fault of the fake

    def limited(cursor: str | None, size: int) -> Page:
        if len(account.cursors) > 5:
            message = "429"
            raise TransientError(message, asks_to_wait=True)
        return fetch(cursor, size)

    account._page = limited  # type: ignore[method-assign]  # noqa: SLF001
    with pytest.raises(TransientError):
        Listing(account).read()
    assert account.attempts == 0


@pytest.mark.parametrize("cursor", [None, opaque], ids=["by ranges", "in order"])
def test_calls(cursor: Callable[[int], str] | None) -> None:
    """A list ends when the calls are used up, and is then not complete."""
    account = Account(random_ids(12), cursor=cursor)
    budget = Budget(calls=7)
    listing = Listing(account, budget=budget)
    listed = listing.read()
    assert len(account.cursors) == budget.calls == 7
    assert 0 < len(listed) <= 7 * SIZE
    assert not listing.threads.is_complete
    assert listing.unread != []


def test_no_calls() -> None:
    """Without a call, nothing is requested."""
    account = Account([1])
    listing = Listing(account, budget=Budget(calls=0))
    assert listing.read() == []
    assert (account.cursors, listing.threads.is_complete) == ([], False)


def test_empty_pages() -> None:
    """An empty page with a cursor does not end a list: it continues behind that cursor."""
    account = Account(random_ids(13))
    fetch, calls = account._page, [0]  # noqa: SLF001 - a fault of the fake

    def empty_at_times(cursor: str | None, size: int) -> Page:
        calls[0] += 1
        after = id_of_cursor(cursor) or 0
        found = fetch(cursor, size)
        if calls[0] % 2 == 0 and found.ids and int(found.ids[0]) > after + 1:
            return page(cursor=cursor_after(int(found.ids[0]) - 1))
        return found

    account._page = empty_at_times  # type: ignore[method-assign]  # noqa: SLF001
    listing = Listing(account)
    assert sorted(listing.read()) == account.ids
    assert listing.threads.is_complete


def test_empty_first_page() -> None:
    """An empty first page with a cursor does not end a list either."""
    account = Account([4, 5, 6])
    fetch = account._page  # noqa: SLF001 - a fault of the fake
    account._page = lambda cursor, size: (  # type: ignore[method-assign]  # noqa: SLF001
        fetch(cursor, size) if cursor else page(cursor=cursor_after(3))
    )
    listing = Listing(account)
    assert listing.read() == [4, 5, 6]
    assert listing.threads.is_complete


def test_thread_twice_on_a_page() -> None:
    """A thread that is twice on a page comes once."""
    account = Account([1])
    account._page = lambda *_: page(row(1), row(2), row(1))  # type: ignore[method-assign]  # noqa: SLF001
    assert Listing(account).read() == [1, 2]


def test_known_ranges_without_keys() -> None:
    """`by_ranges` raises an error if cursors are no keys."""
    api: Any = Account(random_ids(14), cursor=opaque)
    with pytest.raises(NotAKeyError):
        list(ThreadList(api, Inline(), archived=False).by_ranges([IdRange(17)]))


def dated(*rows: tuple[int, float | None]) -> Page:
    """Return a page of threads that were created so many seconds before now."""
    return page(
        *(
            row(each, createdAt=None if ago is None else shift(NOW, seconds=-ago))
            for each, ago in rows
        )
    )


@pytest.mark.parametrize(
    ("first", "estimate"),
    [
        (dated((100, 400), (200, 300)), 500),
        (dated((100, None), (150, 400), (250, 300), (260, None)), 560),
        (dated((100, None), (200, None)), 200),
        (dated((100, 300), (200, 300)), 200),
        (dated((100, 300), (200, 400)), 200),
        (dated((100, -300), (200, -400)), 200),
        (dated((100, 300)), 100),
        (dated((100, 0), (200, -100)), 200),
    ],
    ids=["line", "some without", "without", "one time", "falling", "later", "single", "ahead"],
)
def test_highest_id(first: Page, estimate: int) -> None:
    """The highest ID is estimated by a straight line through the first page, if it has times."""
    assert newest_id(first) == estimate


def test_saved_cursor_that_is_a_key() -> None:
    """A list that was read in order continues by ranges if its saved cursor is an ID."""
    ids = random_ids(3)
    listing = Listing(Account(ids), seed=3)
    middle = ids[len(ids) // 2]
    parts = listing.threads.parts(cursor=cursor_after(middle))
    first = next(parts)
    assert (first.page, first.covered) == (None, IdRange(0, middle))
    listed = sorted(thread_id for part in parts for thread_id in part.ids)
    assert listed == [each for each in ids if each > middle]
    assert listing.threads.is_complete


@pytest.mark.parametrize("outage", range(1, 20))
def test_outage_during_the_search(outage: int) -> None:
    """An outage during the search for a failing row loses no other row."""
    ids = [10, 20, 30, 31, 32, 33, 50, 90]
    account = Account(ids, failing=(31,))
    listing = Listing(account)
    account.outage = outage
    assert sorted({*listing.read()}) == [each for each in ids if each != 31]
    assert listing.failing == [31]
