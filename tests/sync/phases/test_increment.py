"""The increment: where it starts, and how the bookmark moves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import RefusedError
from tap_hubspot_threads.models import StateChange
from tap_hubspot_threads.sync.phases.increment import FIRST_LOOKBACK, Increment
from tap_hubspot_threads.sync.phases.time_window import LATER_ROWS
from tap_hubspot_threads.sync.pipeline import ThreadPipeline
from tap_hubspot_threads.values import parse_time, shift
from tests.sync.fakes import NOW, Inline, fake, make_context, make_state, page, row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.sync.state.sync_state import SyncState

BOOKMARK = "2026-11-20T11:00:00.000Z"
LOOKBACK = 300
SECONDS = 3
"""Seconds that each page takes to arrive."""
T1, T2 = "2026-11-20T11:10:00.000Z", "2026-11-20T11:20:00.000Z"


class Run:
    """An increment on a scripted API, of live threads only unless `include_archived` is true."""

    def __init__(
        self, *pages: object, bookmark: str = BOOKMARK, include_archived: bool = False
    ) -> None:
        self.api = fake(*pages)
        self.state: SyncState = make_state(replication_key_value=bookmark)
        context = make_context(
            self.state, include_archived=include_archived, lookback_seconds=LOOKBACK
        )
        self.seen = context.seen
        pipeline = ThreadPipeline(self.api, Inline(), context)
        self.increment = Increment(self.api, Inline(), pipeline, context)

    def items(self) -> Iterator[Any]:
        """Yield references and events, before any thread is read."""
        return self.increment._changed(LOOKBACK)  # noqa: SLF001 - before the pipeline

    def steps(self) -> Iterator[str]:
        """Apply events like the writing loop; yield IDs, each move of the bookmark, and the end."""
        for item in self.items():
            if isinstance(item, StateChange):
                item.apply()
                has_ended = self.state.started_at is not None
                yield "end" if has_ended else f"bookmark {self.state.bookmark}"
            else:
                yield item.id


def test_starts_before_the_bookmark() -> None:
    """The first page is requested from the bookmark less the lookback."""
    run = Run(page())
    list(run.steps())
    assert run.api.requests == [("threads_since", "2026-11-20T10:54:59.999Z", None, False)]


def test_bookmark_moves_after_each_page() -> None:
    """After a page's threads the bookmark moves to its position, at the end to the clock."""
    run = Run(page(*[row(n, T2) for n in (1, 2, 3)], cursor="x"), page(row(4, T2)))
    assert list(run.steps()) == ["1", "2", "3", f"bookmark {T2}", "4", f"bookmark {NOW}", "end"]


def test_time_of_the_last_sync() -> None:
    """The end of an increment records when the sync started."""
    run = Run(page(now=NOW))
    assert list(run.steps()) == [f"bookmark {NOW}", "end"]
    assert run.state.started_at == NOW


@pytest.mark.parametrize(("is_first", "seconds"), [(True, FIRST_LOOKBACK), (False, LOOKBACK)])
def test_lookback(seconds: float, *, is_first: bool) -> None:
    """After the first listing the lookback is short, because that listing was recent."""
    run = Run(page())
    list(run.increment.run(is_first=is_first))
    assert run.api.requests[0][1] == shift(BOOKMARK, seconds=-seconds - 0.001)


def test_bookmark_moves_only_when_applied() -> None:
    """Reading ahead does not move the bookmark; applying the state change does."""
    run = Run(page(*[row(n, T1) for n in (1, 2, 3)], cursor="x"), page())
    items: list[Any] = list(run.items())
    assert run.state.bookmark == BOOKMARK
    items[3].apply()
    assert run.state.bookmark == T1


def test_ends_at_the_clock_of_its_first_page() -> None:
    """The bookmark ends at HubSpot's clock of the first page, not of the last."""
    later = shift(NOW, seconds=60)
    run = Run(page(*[row(n, T1) for n in (1, 2, 3)], cursor="x", now=NOW), page(now=later))
    list(run.steps())
    assert (run.state.bookmark, run.seen.now) == (NOW, NOW)


def test_never_ahead_of_the_clock() -> None:
    """A message later than the start of the sync does not move the bookmark past that start."""
    run = Run(page(row(1, shift(NOW, seconds=30))))
    assert list(run.steps()) == ["1", f"bookmark {NOW}", "end"]


def test_account_that_changes_faster_than_it_is_read() -> None:
    """Threads that change after the sync started are left to the next sync."""
    later = [row(n, shift(NOW, seconds=2 + n)) for n in range(LATER_ROWS)]
    run = Run(page(*later, cursor="x"), page())
    list(run.steps())
    assert len(run.api.requests) == 1


@pytest.mark.parametrize(("later", "seconds_back"), [(-30, 0), (-700, 700)])
def test_first_page_whose_clock_was_ahead(later: int, seconds_back: int) -> None:
    """If a later page shows that the first page's clock was ahead, the bookmark is corrected."""
    run = Run(
        page(*[row(n, T1) for n in (1, 2, 3)], cursor="x"), page(now=shift(NOW, seconds=later))
    )
    list(run.steps())
    assert run.state.bookmark is not None
    assert (
        abs((parse_time(run.state.bookmark) - parse_time(NOW)).total_seconds() + seconds_back) <= 30
    )


def test_bookmark_does_not_move_back() -> None:
    """Pages within the lookback do not move the bookmark back."""
    early = shift(BOOKMARK, seconds=-200)
    run = Run(page(*[row(1, early)] * 3, cursor="x"), page())
    assert next(step for step in run.steps() if step != "1") == f"bookmark {BOOKMARK}"


def test_bookmark_ahead_of_the_clock(caplog: pytest.LogCaptureFixture) -> None:
    """If two responses show that the bookmark is ahead of HubSpot's clock, it is reset."""
    run = Run(page(), page(), page(row(1, NOW)), bookmark="2027-01-01T00:00:00.000Z")
    assert list(run.steps()) == [f"bookmark {NOW}", "1", f"bookmark {NOW}", "end"]
    assert run.api.requests[2][1] == shift(NOW, seconds=-300.001)
    assert "ahead of HubSpot's clock" in caplog.text


def test_one_wrong_clock() -> None:
    """A single response whose clock is behind the bookmark does not reset it."""
    run = Run(page(now="2005-01-01T00:00:00.000Z"), page(row(1, T1)))
    assert list(run.steps()) == ["1", f"bookmark {NOW}", "end"]


@pytest.mark.parametrize("include_archived", [False, True])
def test_archived_threads(*, include_archived: bool) -> None:
    """Archived threads are requested only with `include_archived`, and then first."""
    run = Run(*[page() for _ in range(3)], include_archived=include_archived)
    list(run.steps())
    assert [archived for *_, archived in run.api.requests] == (
        [True, False, True] if include_archived else [False]
    )


def test_seconds_of_its_pages() -> None:
    """The seconds that its pages took are noted, so that later listings can be skipped."""
    first = page(*[row(n, T1) for n in (1, 2, 3)], cursor="x", seconds=SECONDS)
    run = Run(first, page(seconds=SECONDS))
    list(run.steps())
    assert run.seen.listing_seconds == 2 * SECONDS


def test_unknown_clock() -> None:
    """Without any `Date`, threads that changed within the last hour of our clock are read too."""
    recent = [row(n, shift(NOW, seconds=3_500)) for n in (1, 2, 3)]
    pages = [page(*recent, cursor="x"), page(row(4, shift(NOW, seconds=3_500)))]
    run = Run(*[replace(found, is_dated=False) for found in pages * 2])
    assert "4" in list(run.steps())
    assert run.state.bookmark == NOW


def refusal() -> RefusedError:
    """Return HubSpot's refusal of a list."""
    return RefusedError("GET /threads: 400. HubSpot refused the request: bad sort")


def test_refused_archived_list(caplog: pytest.LogCaptureFixture) -> None:
    """If HubSpot refuses archived threads by time, live ones are read, with one warning."""
    run = Run(refusal(), page(row(1, T1)), include_archived=True)
    assert list(run.steps()) == ["1", f"bookmark {NOW}", "end"]
    assert caplog.text.count("Archived threads cannot be listed by time") == 1
    assert len(run.api.requests) == 2


def test_archived_list_whose_cursor_is_refused() -> None:
    """The refusal of a later page of archived threads ends the increment: the cursor expired."""
    run = Run(page(row(1, T1), cursor="x"), refusal(), include_archived=True)
    with pytest.raises(RefusedError):
        list(run.steps())
    assert run.state.bookmark == BOOKMARK


def test_archived_list_that_ignores_the_filter(caplog: pytest.LogCaptureFixture) -> None:
    """An archived list of mostly older threads is abandoned, with a warning."""
    old = [row(n, "2026-01-01T00:00:00.000Z") for n in range(9)]
    run = Run(page(*old, cursor="x"), page(row(10, T1)), include_archived=True)
    assert list(run.steps()) == ["10", f"bookmark {NOW}", "end"]
    assert "ignores the time filter" in caplog.text
    assert len(run.api.requests) == 2


def test_refused_live_list() -> None:
    """If HubSpot refuses live threads by time, the increment fails."""
    with pytest.raises(RefusedError):
        list(Run(refusal(), refusal(), include_archived=True).steps())
