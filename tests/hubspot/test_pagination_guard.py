"""Walking through a listing: which page comes next, where it ends, and that it does."""

from __future__ import annotations

from itertools import count, cycle, islice
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from tap_hubspot_threads.errors import PaginationLoopError, RefusedError
from tap_hubspot_threads.hubspot.pagination import MAX_PAGES_WITHOUT_NEW_ID, PagedList
from tests.sync.fakes import page, row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_hubspot_threads.models import Page


class Listing:
    """Gives one page after the other; `asked` are the cursors."""

    def __init__(self, *pages: Page | Exception) -> None:
        self.pages = list(pages)
        self.asked: list[str | None] = []

    def __call__(self, cursor: str | None) -> Page:
        """Return the next page."""
        self.asked.append(cursor)
        answer = self.pages.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Scripted(PagedList):
    """A list whose pages come from a function."""

    def __init__(self, ask: Callable[[str | None], Page]) -> None:
        self._ask_for = ask

    @override
    def page(self, path: str, params: Mapping[str, Any], **_: Any) -> Page:
        return self._ask_for(params["after"])


def walk(
    ask: Callable[[str | None], Page], cursor: str | None = None, *, most: int | None = None
) -> Iterator[Page]:
    """Yield the pages of a list."""
    make: Any = None
    return Scripted(ask).pages("", {}, build_row=make, cursor=cursor, max_pages=most)


def test_follows_cursors() -> None:
    """Each page is asked for by the cursor of the one before, to the last."""
    pages = [page(row(1), cursor="x"), page(row(2), cursor="y"), page(row(3))]
    listing = Listing(*pages)
    assert list(walk(listing)) == pages
    assert listing.asked == [None, "x", "y"]


def test_starts_at_a_cursor() -> None:
    """A walk can go on where another one ended."""
    listing = Listing(page(row(2)))
    assert len(list(walk(listing, "x"))) == 1
    assert listing.asked == ["x"]


def test_empty_page_is_no_end() -> None:
    """An empty page with a cursor is followed: the cursor alone ends a listing."""
    listing = Listing(page(cursor="x"), page(row(1)))
    assert len(list(walk(listing))) == 2


@pytest.mark.parametrize(("most", "pages"), [(0, 0), (1, 1), (2, 2), (3, 3), (9, 3), (None, 3)])
def test_so_many_pages(most: int | None, pages: int) -> None:
    """No more pages are asked for than may be, and none behind the last."""
    listing = Listing(page(cursor="x"), page(cursor="y"), page())
    assert len(list(walk(listing, most=most))) == len(listing.asked) == pages


def test_lazy() -> None:
    """A page is asked for when it is wanted, and not before."""
    listing = Listing(page(cursor="x"), page())
    pages = walk(listing)
    assert listing.asked == []
    next(pages)
    assert listing.asked == [None]


@pytest.mark.parametrize("first", [None, "x"])
def test_cursor_that_comes_again(first: str | None) -> None:
    """A cursor that was followed already is an error, the one that was started at too."""
    listing = Listing(page(row(1), cursor="x"), page(row(2), cursor="x"))
    with pytest.raises(PaginationLoopError):
        list(walk(listing, first))
    assert len(listing.asked) == (2 if first is None else 1)


def endless(*rows_of_pages: list[int]) -> Callable[[str | None], Page]:
    """Return a listing whose pages come in turn, each with a new cursor, without end."""
    pages, cursors = cycle(rows_of_pages), count(1)
    return lambda _: page(*map(row, next(pages)), cursor=str(next(cursors)))


@pytest.mark.parametrize(
    ("pages", "news"),
    [
        ([[]], 0),
        ([[1, 2]], 1),
        ([[1, 2], [3]], 2),
        ([[2], [], [1], [2, 1]], 3),
        ([list(range(number, number + 5)) for number in range(200, 0, -5)], 40),
    ],
    ids=["empty", "the same", "alternating", "with empty ones", "a circle"],
)
def test_pages_without_end(pages: list[list[int]], news: int) -> None:
    """A listing fails after 100 pages in a row without a new ID, whatever the cursors are."""
    pages_read = walk(endless(*pages))
    for _ in range(news + MAX_PAGES_WITHOUT_NEW_ID):
        next(pages_read)
    with pytest.raises(PaginationLoopError, match="100 pages in a row had no new ID"):
        next(pages_read)


def test_pages_with_news() -> None:
    """A listing may be of any length and order, if one of 100 pages has a new ID, be it one row."""
    pages: list[list[int]] = []
    for number in range(20, 0, -1):
        pages += [[number]] + [[]] * 50 + [[20]] * 49
    first = len(pages)
    pages_read = walk(endless(*pages, *([new] for new in range(21, 2_021))))
    assert len(list(islice(pages_read, first + 2_000))) == first + 2_000


def test_last_page_without_news() -> None:
    """The 100th page without a new ID is no error if it is the last."""
    pages = [page(cursor=str(number)) for number in range(MAX_PAGES_WITHOUT_NEW_ID - 1)]
    assert len(list(walk(Listing(*pages, page())))) == MAX_PAGES_WITHOUT_NEW_ID


def test_refused_cursor() -> None:
    """That HubSpot does not know a cursor any more is for whoever walks."""
    with pytest.raises(RefusedError):
        list(walk(Listing(RefusedError("400")), "old"))
