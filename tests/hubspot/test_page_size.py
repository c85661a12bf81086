"""The number of rows per page after failures, refusals and successes."""

from __future__ import annotations

import pytest

from tap_hubspot_threads.errors import TransientError
from tap_hubspot_threads.hubspot.page_size import SUCCESSES_TO_STEP_UP, PageSize, SinglePageSize

FAILED = TransientError("GET /threads: 504")


def succeed(size: PageSize, pages: int = SUCCESSES_TO_STEP_UP) -> list[int]:
    """Record successful pages; return the size of each."""
    sizes = []
    for _ in range(pages):
        sizes.append(size.current)
        size.succeeded(size.current)
    return sizes


def fail(size: PageSize) -> int:
    """Record a failed page; return the next size."""
    size.failed(size.current)
    return size.current


@pytest.mark.parametrize(
    ("largest", "sizes"),
    [(500, [500, 100, 20, 1]), (100, [100, 20, 1]), (50, [50, 20, 1]), (1, [1])],
)
def test_sizes(largest: int, sizes: list[int]) -> None:
    """The sizes are the largest one and the standard ones below it."""
    size = PageSize(largest)
    found_sizes = [size.current]
    while (smaller := size.smaller_than(found_sizes[-1])) is not None:
        found_sizes.append(smaller)
    assert found_sizes == sizes


def test_steps_back_up() -> None:
    """After 10 successful pages, the next larger size is requested."""
    size = PageSize(500)
    assert [fail(size), fail(size)] == [100, 20]
    assert succeed(size, 30) == [20] * 10 + [100] * 10 + [500] * 10


def test_only_pages_of_the_current_size_count() -> None:
    """A page that was requested before the size went down does not count as a success."""
    size = PageSize(500)
    fail(size)
    for _ in range(SUCCESSES_TO_STEP_UP):
        size.succeeded(500)
    assert size.current == 100


def test_failure_between_successes() -> None:
    """A failure resets the count of successes that a larger size needs."""
    size = PageSize(500)
    fail(size)
    succeed(size, 9)
    fail(size)
    assert succeed(size, 12) == [20] * 10 + [100] * 2


def test_size_that_fails_for_two_pages() -> None:
    """A size that failed for two pages is not requested again, nor is a larger one."""
    size = PageSize(500)
    fail(size)
    succeed(size)
    assert size.current == 500
    fail(size)
    assert succeed(size, 50) == [100] * 50
    fail(size)
    succeed(size)
    fail(size)
    assert succeed(size, 50) == [20] * 50


def test_concurrent_failures() -> None:
    """Pages that fail at the same time, as in a short outage, count as one failure."""
    size = PageSize(500)
    for _ in range(16):
        size.failed(500)
    assert succeed(size, 11) == [100] * 10 + [500]


def test_smallest_size_fails() -> None:
    """If a page of one row fails, the size was not the reason, and all sizes are used again."""
    size = PageSize(500)
    fail(size)
    succeed(size)
    assert [fail(size) for _ in range(5)] == [100, 20, 20, 1, 500]
    fail(size)
    assert succeed(size, 11)[-1] == 500


def test_refused_size() -> None:
    """A refused size is never requested again, even after a page of one row failed."""
    size = PageSize(500)
    size.refused(500)
    assert succeed(size, 20) == [100] * 20
    assert [fail(size) for _ in range(4)] == [20, 20, 1, 100]


def test_late_refusal() -> None:
    """A refusal of a larger size does not change the current size."""
    size = PageSize(500)
    assert [fail(size), fail(size)] == [100, 20]
    size.refused(500)
    assert succeed(size, 30) == [20] * 10 + [100] * 20


def test_two_failures_of_a_page() -> None:
    """A page is requested twice per size; later pages start with the smaller size."""
    listing = PageSize(500)
    page = SinglePageSize(listing)
    sizes = []
    for _ in range(page.attempts):
        sizes.append(page.take())
        page.failed(FAILED)
    assert sizes == [500, 500, 100, 100, 20, 20, 1, 1]
    assert page.is_smallest
    assert page.take() == 1


@pytest.mark.parametrize(("largest", "attempts"), [(500, 8), (100, 6), (1, 2)])
def test_attempts(largest: int, attempts: int) -> None:
    """A page has two attempts per remaining size."""
    assert SinglePageSize(PageSize(largest)).attempts == attempts


def test_once_per_size() -> None:
    """A page with `failures=1` is requested once per size."""
    page = SinglePageSize(PageSize(500), max_failures=1)
    sizes = []
    for _ in range(page.attempts):
        sizes.append(page.take())
        page.failed(FAILED)
    assert sizes == [500, 100, 20, 1]


def test_error_that_asks_to_wait() -> None:
    """A response that asks to wait does not change the size."""
    page = SinglePageSize(PageSize(500))
    for _ in range(9):
        page.failed(TransientError("429", asks_to_wait=True))
    assert page.take() == 500


def test_reduced_by_another_page() -> None:
    """If another page reduced the list's size, this page uses it too, with two new attempts."""
    listing = PageSize(500)
    first, second = SinglePageSize(listing), SinglePageSize(listing)
    second.failed(FAILED)
    for _ in range(2):
        first.failed(FAILED)
    assert second.take() == 100
    second.failed(FAILED)
    assert second.take() == 100


def test_own_size_never_grows() -> None:
    """A page's own size never grows, even if the list's size does."""
    listing = PageSize(500)
    page = SinglePageSize(listing)
    for _ in range(2):
        page.failed(FAILED)
    succeed(listing)
    assert (listing.current, page.take()) == (500, 100)


def test_refusals_of_a_page() -> None:
    """Refused sizes are dropped once a smaller size is accepted."""
    listing = PageSize(500)
    page = SinglePageSize(listing)
    assert [page.refused(), page.take(), page.refused(), page.take()] == [True, 100, True, 20]
    assert listing.current == 500
    page.succeeded()
    assert succeed(listing, 20) == [20] * 20


def test_every_size_is_refused() -> None:
    """If every size is refused, the size was not the reason."""
    listing = PageSize(500)
    page = SinglePageSize(listing)
    assert [page.refused() for _ in range(4)] == [True, True, True, False]
    assert listing.current == 500


def test_refusal_after_a_success() -> None:
    """A refusal of a size that has succeeded is not about the size."""
    listing = PageSize(500)
    SinglePageSize(listing).succeeded()
    assert not SinglePageSize(listing).refused()
