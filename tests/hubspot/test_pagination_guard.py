"""`PagedList.pages`: following cursors, the end of a list, and protection against endless lists."""

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
    """Returns or raises the given pages in order; `cursors` records the requested ones."""

    def __init__(self, *pages: Page | Exception) -> None:
        self.pages = list(pages)
        self.cursors: list[str | None] = []

    def __call__(self, cursor: str | None) -> Page:
        """Return the next page."""
        self.cursors.append(cursor)
        result = self.pages.pop(0)
        if isinstance(result, Exception):
            raise result
        return result


class Scripted(PagedList):
    """A list whose pages come from a function."""

    def __init__(self, fetch: Callable[[str | None], Page]) -> None:
        self._fetch = fetch

    @override
    def page(self, path: str, params: Mapping[str, Any], **_: Any) -> Page:
        return self._fetch(params["after"])


def read(fetch: Callable[[str | None], Page], cursor: str | None = None) -> Iterator[Page]:
    """Yield the pages of a list."""
    build_row: Any = None
    return Scripted(fetch).pages("", {}, build_row=build_row, cursor=cursor)


def test_follows_cursors() -> None:
    """Each page is requested with the cursor of the previous one, up to the last page."""
    pages = [page(row(1), cursor="x"), page(row(2), cursor="y"), page(row(3))]
    listing = Listing(*pages)
    assert list(read(listing)) == pages
    assert listing.cursors == [None, "x", "y"]


def test_starts_at_a_cursor() -> None:
    """Reading can start at a given cursor."""
    listing = Listing(page(row(2)))
    assert len(list(read(listing, "x"))) == 1
    assert listing.cursors == ["x"]


def test_empty_page_with_a_cursor() -> None:
    """An empty page with a cursor does not end a list."""
    listing = Listing(page(cursor="x"), page(row(1)))
    assert len(list(read(listing))) == 2


def test_lazy() -> None:
    """A page is requested only when it is needed."""
    listing = Listing(page(cursor="x"), page())
    pages = read(listing)
    assert listing.cursors == []
    next(pages)
    assert listing.cursors == [None]


@pytest.mark.parametrize("first", [None, "x"])
def test_repeated_cursor(first: str | None) -> None:
    """A repeated cursor is an error, including the start cursor."""
    listing = Listing(page(row(1), cursor="x"), page(row(2), cursor="x"))
    with pytest.raises(PaginationLoopError):
        list(read(listing, first))
    assert len(listing.cursors) == (2 if first is None else 1)


def endless(*rows_of_pages: list[int]) -> Callable[[str | None], Page]:
    """Return a list that repeats these pages forever, each with a new cursor."""
    pages, cursors = cycle(rows_of_pages), count(1)
    return lambda _: page(*map(row, next(pages)), cursor=str(next(cursors)))


@pytest.mark.parametrize(
    ("pages", "new_pages"),
    [
        ([[]], 0),
        ([[1, 2]], 1),
        ([[1, 2], [3]], 2),
        ([[2], [], [1], [2, 1]], 3),
        ([list(range(number, number + 5)) for number in range(200, 0, -5)], 40),
    ],
    ids=["empty", "the same", "alternating", "with empty pages", "repeating"],
)
def test_endless_pages(pages: list[list[int]], new_pages: int) -> None:
    """A list fails after 100 pages in a row without a new ID, whatever the cursors are."""
    pages_read = read(endless(*pages))
    for _ in range(new_pages + MAX_PAGES_WITHOUT_NEW_ID):
        next(pages_read)
    with pytest.raises(PaginationLoopError, match="100 pages in a row had no new ID"):
        next(pages_read)


def test_pages_with_new_ids() -> None:
    """A list can have any length and order if one in 100 pages has a new ID."""
    pages: list[list[int]] = []
    for number in range(20, 0, -1):
        pages += [[number]] + [[]] * 50 + [[20]] * 49
    first = len(pages)
    pages_read = read(endless(*pages, *([new] for new in range(21, 2_021))))
    assert len(list(islice(pages_read, first + 2_000))) == first + 2_000


def test_last_page_without_new_ids() -> None:
    """The 100th page without a new ID is not an error if it is the last page."""
    pages = [page(cursor=str(number)) for number in range(MAX_PAGES_WITHOUT_NEW_ID - 1)]
    assert len(list(read(Listing(*pages, page())))) == MAX_PAGES_WITHOUT_NEW_ID


def test_refused_cursor() -> None:
    """The refusal of a cursor is raised to the caller."""
    with pytest.raises(RefusedError):
        list(read(Listing(RefusedError("400")), "old"))
