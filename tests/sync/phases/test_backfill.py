"""The message backfill: its range, one move of the bookmark per thread, and its end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

import pytest

from tap_hubspot_threads.errors import DailyQuotaError, HubSpotError, RefusedError
from tap_hubspot_threads.models import ReadMessages, Selection, ThreadRef
from tap_hubspot_threads.sync.id_ranges import cursor_after
from tap_hubspot_threads.sync.phases.backfill import EPOCH, MIN_QUOTA_SHARE, Backfill
from tap_hubspot_threads.sync.phases.increment import Increment
from tap_hubspot_threads.sync.pipeline import ThreadPipeline
from tap_hubspot_threads.sync.state.sync_state import SyncState
from tap_hubspot_threads.values import shift
from tests.sync.fakes import (
    NOW,
    FakeApi,
    Inline,
    make_context,
    page,
    row,
    transient_error,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_hubspot_threads.models import Event

LOOKBACK = 300
START = "2026-11-20T10:00:00.000Z"
T0, T1, T2, T3 = (f"2026-11-20T11:{minute}0:00.000Z" for minute in range(4))
LATER = shift(NOW, seconds=1)
LONG_AGO = "2026-11-01T00:00:00.000Z"


def rows(at: str, *ids: int) -> list[dict[str, Any]]:
    """Return rows of threads whose latest message is at `at`."""
    return [row(thread_id, at) for thread_id in ids]


class World:
    """The backfill of an account with these pages by time; the threads' bookmark is NOW.

    Args:
        answers: What HubSpot answers, in order.
        at: The bookmark of messages.
        start: The setting `start_date`.
        share: The share of the daily quota left at each check; the last value repeats.
        reserve: The reserved share of the daily quota.
        backfilled_threads: The number of threads that earlier syncs backfilled.
        include_archived: Whether archived threads are in scope.
        state: Further values in the state of threads.
    """

    def __init__(
        self,
        *answers: object,
        at: str | None = T0,
        start: str | None = None,
        share: Iterable[float | None] = (None,),
        reserve: float = 0.1,
        backfilled_threads: int = 0,
        include_archived: bool = False,
        **state: Any,
    ) -> None:
        self.api = cast("Any", QuotaApi(*answers, shares=list(share)))
        threads: dict[str, Any] = {"replication_key_value": NOW, "full_listing_rows": 9} | state
        bookmarks = {
            "threads": threads,
            "messages": {"replication_key_value": at, "backfilled": backfilled_threads},
        }
        self.state = SyncState(bookmarks, filters="all", with_messages=True)
        self.context = make_context(
            self.state,
            Selection(messages=True),
            start_date=start,
            inbox_ids=("1",),
            include_archived=include_archived,
            lookback_seconds=LOOKBACK,
            daily_quota_reserve_percent=round(reserve * 100),
        )
        self.stats = self.context.stats
        self.threads_read: list[str] = []
        self.moves: list[str | None] = []
        self.read_error: Exception | None = None
        pipeline = ThreadPipeline(self.api, Inline(), self.context, [self._read_messages])
        increment = Increment(self.api, Inline(), pipeline, self.context)
        self.backfill = Backfill(self.api, Inline(), increment, pipeline, self.context)

    def _read_messages(self, events: Iterable[Event], /) -> Iterator[Event]:
        for event in events:
            if isinstance(event, ReadMessages):
                if self.read_error:
                    raise self.read_error
                self.threads_read.append(event.thread.id)
            else:
                yield event
                self.moves.append(self.state.messages.bookmark)

    def run(self) -> list[str]:
        """Run the backfill; return the threads whose messages were read."""
        assert write(self.backfill.run()) == []
        return self.threads_read


class QuotaApi(FakeApi):
    """A scripted API that reports one share of the daily quota per check."""

    def __init__(self, *answers: object, shares: list[float | None]) -> None:
        super().__init__(*answers)
        self._shares = shares

    @property
    def quota_share(self) -> float | None:
        """The share of the daily quota that is left."""
        return self._shares.pop(0) if len(self._shares) > 1 else self._shares[0]


@pytest.mark.parametrize(
    ("at", "start", "since"),
    [(T0, None, T0), (T0, START, T0), (None, START, START), (None, None, EPOCH)],
)
def test_start(at: str | None, start: str | None, since: str) -> None:
    """The backfill starts at the messages' bookmark, else at `start_date`, less the lookback."""
    world = World(page(), at=at, start=start)
    world.run()
    assert world.api.requests == [
        ("threads_since", shift(since, seconds=-LOOKBACK - 0.001), None, False)
    ]


def test_bookmark_moves_after_each_thread() -> None:
    """The bookmark moves after each thread, and at the end to that of threads."""
    world = World(page(row(1, T1), *rows(T2, 2, 3, 4), cursor="x"), page(row(5, T3)))
    assert world.run() == ["1", "2", "3", "4", "5"]
    assert world.moves == [T1, T2, T2, T2, T3]
    assert world.state.messages.bookmark == world.state.bookmark == NOW
    assert not world.state.messages.needs_backfill
    assert world.stats.backfill is None


def test_bookmark_never_passes_the_position() -> None:
    """A row fresher than its place does not move the bookmark past the position."""
    world = World(page(*rows(T1, 1, 2), row(3, T3), row(4, T1), row(5, T2), cursor="x"), page())
    assert world.run() == ["1", "2", "4", "5", "3"]
    assert max(filter(None, world.moves)) == T1


def test_interrupted_lookback() -> None:
    """Threads within the lookback are read, and an interrupted backfill resumes among them."""
    early = shift(T0, seconds=-60)
    world = World(page(row(1, early), row(2, T1)))
    assert world.run() == ["1", "2"]
    assert world.moves == [early, T1]


def test_resume_without_lookback() -> None:
    """A resumed backfill starts at its bookmark, so that even a few calls per day progress."""
    world = World(page(row(1, T0), row(2, T1)), backfilled_threads=1)
    world.run()
    assert world.api.requests == [("threads_since", shift(T0, seconds=-0.001), None, False)]
    assert world.state.messages.bookmark == NOW
    assert world.state.messages.backfilled_threads == 0


def test_bookmark_moves_only_when_applied() -> None:
    """Reading ahead does not move the bookmark; applying the state change does."""
    world = World(page(row(1, T1), row(2, T2)))
    first, *_ = list(world.backfill.run())
    assert world.state.messages.bookmark == T0
    write([first])
    assert world.state.messages.bookmark == T1


@pytest.mark.parametrize("at", [NOW, shift(NOW, seconds=60)])
def test_nothing_to_do(at: str) -> None:
    """If the bookmark of messages has reached that of threads, nothing is requested."""
    world = World(at=at)
    assert world.run() == []
    assert world.api.requests == []


def test_no_backfill_before_the_first_sync_ends() -> None:
    """Without a bookmark of threads there is no backfill."""
    world = World(at=None, replication_key_value=None)
    assert world.run() == []
    assert world.api.requests == []


def test_messages_read_in_this_sync() -> None:
    """A thread whose messages this sync has read is skipped, but still moves the bookmark."""
    world = World(page(row(1, T1), row(2, T2)))
    world.context.seen.with_messages.add("1")
    assert world.run() == ["2"]
    assert world.moves == [T1, T2]


def test_filters() -> None:
    """Threads outside the filters are skipped."""
    rows = [row(1, shift(START, seconds=-1)), row(2, T1, inboxId="2"), row(3, T2)]
    assert World(page(*rows), at=None, start=START).run() == ["3"]


@pytest.mark.parametrize(
    "lists",
    [([], [], [row(1, T1, archived=True)]), ([row(1, T1, archived=True)], [row(1, T1)], [])],
    ids=["archived", "restored"],
)
def test_archived_or_restored_meanwhile(lists: Iterable[list[dict[str, Any]]]) -> None:
    """A thread archived or restored while both lists are read is read once.

    Archived threads are listed first, then live ones, then archived ones again.
    """
    world = World(*[page(*found) for found in lists], include_archived=True)
    assert world.run() == ["1"]
    listed = [archived for *_, archived in world.api.requests]
    assert listed == [True, False, True]


def test_archived_threads_that_are_not_listed_by_time() -> None:
    """Archived threads are then listed by ID, once, and merged with live threads by time."""
    archived = [row(1, T1, archived=True), row(2, None), row(3, T3), row(4, LONG_AGO)]
    live = [page(*rows(T2, 5, 6, 7), cursor="x"), page(row(8, T3))]
    world = World(RefusedError("400"), page(*reversed(archived)), *live, include_archived=True)
    assert world.run() == ["1", "5", "6", "7", "3", "8"]
    assert [name for name, *_ in world.api.requests].count("list_threads") == 1
    assert world.state.messages.bookmark == NOW


def test_archived_thread_that_cannot_be_listed() -> None:
    """An archived thread that makes its page fail is read by ID, and its messages too."""
    first = page(row(1, T1), cursor=cursor_after(1))
    search = [transient_error(), None, page(row(3, T3)), None]
    answers = [RefusedError("400"), first, *search, row(2, T2), page(row(3, T3)), page()]
    assert World(*answers, include_archived=True).run() == ["1", "2", "3"]


def test_archived() -> None:
    """The messages of an archived thread are requested as archived."""
    world = World(page(row(1, T1, archived=True)))
    first, *_ = world.backfill._events(T0, NOW)  # noqa: SLF001 - events before any request
    assert first == ReadMessages(ThreadRef("1", archived=True))


def test_end() -> None:
    """A thread with a message after the threads' bookmark is left to the next increment."""
    world = World(page(row(1, T1), row(2, NOW), *rows(LATER, 3, 4, 5)))
    assert world.run() == ["1", "2"]
    assert len(world.api.requests) == 1
    assert world.state.messages.bookmark == NOW


@pytest.mark.parametrize(
    ("reserve", "least"), [(0.0, MIN_QUOTA_SHARE), (0.1, MIN_QUOTA_SHARE), (0.25, 0.5), (0.6, 0.8)]
)
def test_quota_share(reserve: float, least: float) -> None:
    """The backfill ends at its share of the daily quota, before it starts another thread."""
    world = World(page(row(1, T1), row(2, T2)), share=[least + 0.01, least], reserve=reserve)
    assert world.run() == ["1"]
    assert (world.state.messages.bookmark, world.state.messages.needs_backfill) == (T1, True)
    assert world.stats.backfill == (1, 9)


def test_next_sync_resumes() -> None:
    """The state has all that the next sync needs to resume the backfill and its count."""
    world = World(page(row(1, T1), row(2, T2)), share=[1.0, 0.0])
    world.run()
    packed = world.state.to_bookmarks(is_final=True)
    assert packed["messages"] == {"replication_key_value": T1, "failed": [], "backfilled": 1}


def test_spent_quota(caplog: pytest.LogCaptureFixture) -> None:
    """A spent daily quota is a normal end of the backfill."""
    caplog.set_level(logging.INFO)
    world = World(page(row(1, T1)))
    world.read_error = DailyQuotaError("spent until noon")
    assert world.run() == []
    assert world.state.messages.bookmark == T0
    assert world.stats.backfill == (0, 9)
    assert "spent until noon" in caplog.text


def test_spent_quota_at_a_page() -> None:
    """A daily quota spent at a page by time is a normal end too."""
    world = World(page(*rows(T1, 1, 2, 3), cursor="x"), DailyQuotaError("spent"))
    assert world.run() == ["1", "2", "3"]
    assert world.state.messages.bookmark == T1
    assert world.stats.backfill == (3, 9)


def test_other_errors() -> None:
    """Any other error is raised, and the bookmark stays at the last thread."""
    world = World(page(*rows(T1, 1, 2, 3), cursor="x"), HubSpotError("503"))
    with pytest.raises(HubSpotError, match="503"):
        world.run()
    assert world.state.messages.bookmark == T1
    assert world.state.messages.needs_backfill
