"""The increment: where it starts, and where the bookmark moves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import RefusedError
from tap_hubspot_threads.models import StateChange
from tap_hubspot_threads.sync.phases.increment import Increment
from tap_hubspot_threads.sync.pipeline import ThreadPipeline
from tap_hubspot_threads.values import parse_time, shift
from tests.sync.fakes import NOW, Inline, context, fake, kept, page, row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.sync.state.state import SyncState

BOOKMARK = "2026-11-20T11:00:00.000Z"
SECONDS = 3
"""What each page takes to come."""
T1, T2 = "2026-11-20T11:10:00.000Z", "2026-11-20T11:20:00.000Z"


class Run:
    """An increment, of live threads unless archived ones are in scope, and what it is made of."""

    def __init__(
        self, *pages: object, bookmark: str = BOOKMARK, include_archived: bool = False
    ) -> None:
        self.api = fake(*pages)
        self.state: SyncState = kept(replication_key_value=bookmark)
        of = context(self.state, include_archived=include_archived, lookback_seconds=300)
        self.seen = of.seen
        pipeline = ThreadPipeline(self.api, Inline(), of)
        self.increment = Increment(self.api, Inline(), pipeline, of)

    def items(self) -> Iterator[Any]:
        """Yield references and events, before a thread is read."""
        return self.increment._changed()  # noqa: SLF001 - before the pipeline

    def steps(self) -> Iterator[str]:
        """Go through it as the loop that writes does; yield IDs, and each move of the bookmark."""
        for item in self.items():
            if isinstance(item, StateChange):
                item.apply()
                yield f"bookmark {self.state.bookmark}"
            else:
                yield item.id


def test_starts_before_the_bookmark() -> None:
    """The first page is asked for from the bookmark less the lookback."""
    run = Run(page())
    list(run.steps())
    assert run.api.asked == [("threads_since", "2026-11-20T10:54:59.999Z", None, False)]


def test_bookmark_moves_behind_each_page() -> None:
    """After a page's threads the bookmark moves to its position, at the end to the clock."""
    run = Run(page(*[row(n, T2) for n in (1, 2, 3)], cursor="x"), page(row(4, T2)))
    assert list(run.steps()) == ["1", "2", "3", f"bookmark {T2}", "4", f"bookmark {NOW}"]


def test_bookmark_waits_for_the_rows() -> None:
    """Reading on moves nothing: the bookmark moves only when what is to be done is done."""
    run = Run(page(*[row(n, T1) for n in (1, 2, 3)], cursor="x"), page())
    items: list[Any] = list(run.items())
    assert run.state.bookmark == BOOKMARK
    items[3].apply()
    assert run.state.bookmark == T1


def test_ends_at_the_clock_of_its_first_page() -> None:
    """The bookmark ends at HubSpot's clock when the first page was read, not the last."""
    later = shift(NOW, seconds=60)
    run = Run(page(*[row(n, T1) for n in (1, 2, 3)], cursor="x", now=NOW), page(now=later))
    list(run.steps())
    assert (run.state.bookmark, run.seen.now) == (NOW, NOW)


def test_never_ahead_of_the_clock() -> None:
    """A thread with a message of later than the sync's start does not take the bookmark there."""
    run = Run(page(row(1, shift(NOW, seconds=30))))
    assert list(run.steps()) == ["1", f"bookmark {NOW}"]


def test_account_that_changes_faster_than_it_is_read() -> None:
    """Threads that changed after the sync began are left to the next one, page after page."""
    later = [row(n, shift(NOW, seconds=1 + n)) for n in (1, 2, 3)]
    run = Run(page(*later, cursor="x"), page())
    list(run.steps())
    assert len(run.api.asked) == 1


@pytest.mark.parametrize(("later", "behind"), [(-30, 0), (-700, 700)])
def test_first_page_whose_clock_was_ahead(later: int, behind: int) -> None:
    """If a later page says that the clock of the first one was ahead, the bookmark ends there."""
    run = Run(
        page(*[row(n, T1) for n in (1, 2, 3)], cursor="x"), page(now=shift(NOW, seconds=later))
    )
    list(run.steps())
    assert run.state.bookmark is not None
    assert abs((parse_time(run.state.bookmark) - parse_time(NOW)).total_seconds() + behind) <= 30


def test_bookmark_does_not_move_back() -> None:
    """Pages of the lookback leave the bookmark where it was."""
    early = shift(BOOKMARK, seconds=-200)
    run = Run(page(*[row(1, early)] * 3, cursor="x"), page())
    assert next(step for step in run.steps() if step != "1") == f"bookmark {BOOKMARK}"


def test_bookmark_ahead_of_the_clock(caplog: pytest.LogCaptureFixture) -> None:
    """A bookmark ahead of HubSpot's clock, by two answers, is set back to it with a warning."""
    run = Run(page(), page(), page(row(1, NOW)), bookmark="2027-01-01T00:00:00.000Z")
    assert list(run.steps()) == [f"bookmark {NOW}", "1", f"bookmark {NOW}"]
    assert run.api.asked[2][1] == shift(NOW, seconds=-300.001)
    assert "ahead of HubSpot's clock" in caplog.text


def test_one_wrong_clock() -> None:
    """One answer whose clock is behind the bookmark does not set it back."""
    run = Run(page(now="2005-01-01T00:00:00.000Z"), page(row(1, T1)))
    assert list(run.steps()) == ["1", f"bookmark {NOW}"]


@pytest.mark.parametrize("include_archived", [False, True])
def test_sides(*, include_archived: bool) -> None:
    """Archived threads are asked for only where they are wanted, and then first."""
    run = Run(*[page() for _ in range(3)], include_archived=include_archived)
    list(run.steps())
    assert [archived for *_, archived in run.api.asked] == (
        [True, False, True] if include_archived else [False]
    )


def test_seconds_of_its_pages() -> None:
    """What its pages took is known, so that later listings can be left out."""
    first = page(*[row(n, T1) for n in (1, 2, 3)], cursor="x", seconds=SECONDS)
    run = Run(first, page(seconds=SECONDS))
    list(run.steps())
    assert run.seen.listing_seconds == 2 * SECONDS


def test_clock_that_is_unknown() -> None:
    """Where no response tells HubSpot's clock, what came in the hour up to ours is read too."""
    recent = [row(n, shift(NOW, seconds=3_500)) for n in (1, 2, 3)]
    pages = [page(*recent, cursor="x"), page(row(4, shift(NOW, seconds=3_500)))]
    run = Run(*[replace(found, is_dated=False) for found in pages * 2])
    assert "4" in list(run.steps())
    assert run.state.bookmark == NOW


def refused() -> RefusedError:
    """Make HubSpot's refusal of a list."""
    return RefusedError("GET /threads: 400. HubSpot refused the request: bad sort")


def test_archived_list_that_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    """If HubSpot refuses archived threads by time, the live ones are read, with one warning."""
    run = Run(refused(), page(row(1, T1)), include_archived=True)
    assert list(run.steps()) == ["1", f"bookmark {NOW}"]
    assert caplog.text.count("Archived threads cannot be listed by time") == 1
    assert len(run.api.asked) == 2


def test_archived_list_that_ignores_the_filter(caplog: pytest.LogCaptureFixture) -> None:
    """If the archived list shows mostly threads from before its start, it is left alone."""
    old = [row(n, "2026-01-01T00:00:00.000Z") for n in range(9)]
    run = Run(page(*old, cursor="x"), page(row(10, T1)), include_archived=True)
    assert list(run.steps()) == ["10", f"bookmark {NOW}"]
    assert "ignores the time filter" in caplog.text
    assert len(run.api.asked) == 2


def test_live_list_that_is_refused() -> None:
    """If HubSpot refuses live threads by time, the increment fails."""
    with pytest.raises(RefusedError):
        list(Run(refused(), refused(), include_archived=True).steps())
