"""The increment: where it starts, and where the bookmark moves."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.sync.increment import AHEAD, Increment
from tap_hubspot_threads.sync.out import Out, ThreadId
from tap_hubspot_threads.sync.read import Read
from tap_hubspot_threads.values import shift
from tests.sync.fakes import LOG, NOW, Inline, fake, kept, page, row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.sync.kept import Kept

BOOKMARK = "2026-11-20T11:00:00.000Z"
SECONDS = 3
"""What each page takes to come."""
T1, T2 = "2026-11-20T11:10:00.000Z", "2026-11-20T11:20:00.000Z"


class Run:
    """An increment of live threads, and what it is made of."""

    def __init__(
        self, *pages: object, bookmark: str = BOOKMARK, sides: tuple[bool, ...] = (False,)
    ) -> None:
        self.hubspot = fake(*pages)
        self.kept: Kept = kept(replication_key_value=bookmark)
        self.read = Read()
        self.increment = Increment(
            self.hubspot,
            Inline(),
            self.kept,
            self.read,
            find=lambda found: iter([ThreadId(found["id"])]),
            sides=sides,
            lookback=300,
            clock=partial(next, count(step=SECONDS)),
            log=LOG,
        )

    def steps(self) -> Iterator[str]:
        """Go through it as the loop that writes does; yield ids, and each move of the bookmark."""
        for item in self.increment.run():
            if isinstance(item, Out):
                assert item.then
                item.then()
                yield f"bookmark {self.kept.bookmark}"
            else:
                yield item.id


def test_starts_before_the_bookmark() -> None:
    """The first page is asked for from the bookmark less the lookback."""
    run = Run(page())
    list(run.steps())
    assert run.hubspot.asked == [("page_by_time", "2026-11-20T10:55:00.000Z", None, False)]


def test_bookmark_moves_behind_each_page() -> None:
    """Behind a page's threads the bookmark moves to its last time, at the end to the clock."""
    run = Run(page(row(1, T1), row(2, T2), cursor="x"), page(row(3, T2)))
    assert list(run.steps()) == ["1", "2", f"bookmark {T2}", "3", f"bookmark {NOW}"]


def test_bookmark_waits_for_the_rows() -> None:
    """Reading on moves nothing: the bookmark moves only when what is to be done is done."""
    run = Run(page(row(1, T1), cursor="x"), page())
    items: list[Any] = list(run.increment.run())
    assert run.kept.bookmark == BOOKMARK
    items[1].then()
    assert run.kept.bookmark == T1


def test_ends_at_the_clock_of_its_first_page() -> None:
    """The bookmark ends at HubSpot's clock when the first page was read, not the last."""
    later = shift(NOW, seconds=60)
    run = Run(page(row(1, T1), cursor="x", now=NOW), page(now=later))
    list(run.steps())
    assert (run.kept.bookmark, run.read.now) == (NOW, NOW)


def test_never_ahead_of_the_clock() -> None:
    """A thread with a message of later than the sync's start does not take the bookmark there."""
    run = Run(page(row(1, shift(NOW, seconds=30)), cursor="x"), page())
    assert f"bookmark {NOW}" in list(run.steps())
    assert run.kept.bookmark == NOW


def test_account_that_changes_faster_than_it_is_read() -> None:
    """What changes long after the sync began is left to the next one."""
    run = Run(page(row(1, shift(NOW, seconds=AHEAD + 1)), cursor="x"), page())
    list(run.steps())
    assert len(run.hubspot.asked) == 1


def test_bookmark_does_not_move_back() -> None:
    """Pages of the lookback leave the bookmark where it was."""
    early = shift(BOOKMARK, seconds=-200)
    run = Run(page(row(1, early), cursor="x"), page())
    assert next(step for step in run.steps() if step != "1") == f"bookmark {BOOKMARK}"


def test_bookmark_ahead_of_the_clock(caplog: pytest.LogCaptureFixture) -> None:
    """A bookmark ahead of HubSpot's clock is set back to it, with a warning, and read from."""
    run = Run(page(), page(row(1, NOW)), bookmark="2027-01-01T00:00:00.000Z")
    assert list(run.steps()) == [f"bookmark {NOW}", "1", f"bookmark {NOW}"]
    assert run.hubspot.asked[1][1] == shift(NOW, seconds=-300)
    assert "ahead of HubSpot's clock" in caplog.text


@pytest.mark.parametrize("sides", [(False,), (False, True)])
def test_sides(sides: tuple[bool, ...]) -> None:
    """Archived threads are asked for only where they are wanted, and then first."""
    run = Run(*[page() for _ in range(3)], sides=sides)
    list(run.steps())
    assert [archived for *_, archived in run.hubspot.asked] == (
        [False] if sides == (False,) else [True, False, True]
    )


def test_seconds_of_its_pages() -> None:
    """What its pages took is known, so that later listings can be left out."""
    run = Run(page(row(1, T1), cursor="x"), page())
    list(run.steps())
    assert run.read.listing_seconds == 2 * SECONDS


def test_clock_that_is_behind() -> None:
    """Where the clock is taken to be two hours too early, what came in them is read."""
    run = Run(page(row(1, shift(NOW, seconds=7_200)), cursor="x"), page(), page())
    list(run.steps())
    assert len(run.hubspot.asked) > 1
