"""The messages' backfill: from where to where, one move a thread, and where it ends."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import DailyQuotaError, HubSpotError
from tap_hubspot_threads.models import ReadMessages, Selection, ThreadRef
from tap_hubspot_threads.sync.phases.backfill import EPOCH, MIN_QUOTA_SHARE, Backfill
from tap_hubspot_threads.sync.phases.increment import Increment
from tap_hubspot_threads.sync.pipeline import ThreadPipeline
from tap_hubspot_threads.sync.state.state import SyncState
from tap_hubspot_threads.values import shift
from tests.sync.fakes import NOW, Inline, context, fake, page, row, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_hubspot_threads.models import Event

LOOKBACK = 300
START = "2026-11-20T10:00:00.000Z"
T0, T1, T2, T3 = (f"2026-11-20T11:{minute}0:00.000Z" for minute in range(4))
LATER = shift(NOW, seconds=1)


def rows(at: str, *ids: int) -> list[dict[str, Any]]:
    """Make rows of threads whose latest message is at a moment."""
    return [row(thread_id, at) for thread_id in ids]


class World:
    """An account with such pages by time, whose threads are at NOW.

    Args:
        answers: What HubSpot answers, one after the other.
        at: How far messages are out.
        start: Of the settings.
        share: What is left of the day, at each look; the last one stays.
        reserve: What any sync leaves of it.
        walked: How many threads it has gone through before.
        state: What else the state has of threads.
    """

    def __init__(
        self,
        *answers: object,
        at: str | None = T0,
        start: str | None = None,
        share: Iterable[float | None] = (None,),
        reserve: float = 0.1,
        backfilled_threads: int = 0,
        **state: Any,
    ) -> None:
        self.api = fake(*answers)
        shares = list(share)
        threads: dict[str, Any] = {"replication_key_value": NOW, "full_listing_rows": 9} | state
        bookmarks = {
            "threads": threads,
            "messages": {"replication_key_value": at, "backfilled": backfilled_threads},
        }
        self.state = SyncState(bookmarks, filters="all", with_messages=True)
        self.context = context(
            self.state,
            Selection(messages=True),
            start_date=start,
            inbox_ids=("1",),
            include_archived=False,
            lookback_seconds=LOOKBACK,
            daily_quota_reserve_percent=round(reserve * 100),
        )
        self.stats = self.context.stats
        self.taken: list[str] = []
        self.moves: list[str | None] = []
        self.error: Exception | None = None
        pipeline = ThreadPipeline(self.api, Inline(), self.context, [self._read_messages])
        increment = Increment(self.api, Inline(), pipeline, self.context)
        looked: Any = Looked(shares)  # as far as it looks at it
        self.backfill = Backfill(looked, increment, pipeline, self.context)

    def _read_messages(self, events: Iterable[Event], /) -> Iterator[Event]:
        for event in events:
            if isinstance(event, ReadMessages):
                if self.error:
                    raise self.error
                self.taken.append(event.thread.id)
            else:
                yield event
                self.moves.append(self.state.messages.bookmark)

    def run(self) -> list[str]:
        """Go through it; return the threads whose messages were read."""
        assert write(self.backfill.run()) == []
        return self.taken


class Looked:
    """What is left of the day, at each look."""

    def __init__(self, shares: list[float | None]) -> None:
        self._shares = shares

    @property
    def quota_share(self) -> float | None:
        """As `HubSpotApi` says."""
        return self._shares.pop(0) if len(self._shares) > 1 else self._shares[0]


@pytest.mark.parametrize(
    ("at", "start", "since"),
    [(T0, None, T0), (T0, START, T0), (None, START, START), (None, None, EPOCH)],
)
def test_where_it_begins(at: str | None, start: str | None, since: str) -> None:
    """It goes on where messages are, else begins where threads do; with the lookback."""
    world = World(page(), at=at, start=start)
    world.run()
    assert world.api.asked == [
        ("threads_since", shift(since, seconds=-LOOKBACK - 0.001), None, False)
    ]


def test_one_move_a_thread() -> None:
    """After each thread's messages the bookmark moves to it, at the end to that of threads."""
    world = World(page(row(1, T1), *rows(T2, 2, 3, 4), cursor="x"), page(row(5, T3)))
    assert world.run() == ["1", "2", "3", "4", "5"]
    assert world.moves == [T1, T2, T2, T2, T3]
    assert world.state.messages.bookmark == world.state.bookmark == NOW
    assert not world.state.messages.needs_backfill
    assert world.stats.backfill is None


def test_no_move_beyond_the_position() -> None:
    """A row that is fresher than its place does not take the bookmark beyond what has come."""
    world = World(page(*rows(T1, 1, 2), row(3, T3), row(4, T1), row(5, T2), cursor="x"), page())
    assert world.run() == ["1", "2", "4", "5", "3"]
    assert max(filter(None, world.moves)) == T1


def test_lookback() -> None:
    """Threads of the lookback have their messages read; where it is cut short, it goes on there."""
    early = shift(T0, seconds=-60)
    world = World(page(row(1, early), row(2, T1)))
    assert world.run() == ["1", "2"]
    assert world.moves == [early, T1]


def test_goes_on_without_lookback() -> None:
    """Each time that it goes on it begins at its bookmark, however few calls a day has for it."""
    world = World(page(row(1, T0), row(2, T1)), backfilled_threads=1)
    world.run()
    assert world.api.asked == [("threads_since", shift(T0, seconds=-0.001), None, False)]
    assert world.state.messages.bookmark == NOW
    assert world.state.messages.backfilled_threads == 0


def test_moves_behind_what_is_out() -> None:
    """Reading on moves nothing: the bookmark moves when what is to be done is done."""
    world = World(page(row(1, T1), row(2, T2)))
    first, *_ = list(world.backfill.run())
    assert world.state.messages.bookmark == T0
    write([first])
    assert world.state.messages.bookmark == T1


@pytest.mark.parametrize("at", [NOW, shift(NOW, seconds=60)])
def test_nothing_to_do(at: str) -> None:
    """Where messages are where threads are, nothing is asked."""
    world = World(at=at)
    assert world.run() == []
    assert world.api.asked == []


def test_no_bookmark_of_threads() -> None:
    """As long as threads are listed for the first time, there is no walk."""
    world = World(at=None, replication_key_value=None)
    assert world.run() == []
    assert world.api.asked == []


def test_what_was_read_in_this_sync() -> None:
    """A thread whose messages this sync has read is passed, and moves the bookmark all the same."""
    world = World(page(row(1, T1), row(2, T2)))
    world.context.seen.with_messages.add("1")
    assert world.run() == ["2"]
    assert world.moves == [T1, T2]


def test_what_is_not_wanted() -> None:
    """Threads that the settings do not want are passed."""
    rows = [row(1, shift(START, seconds=-1)), row(2, T1, inboxId="2"), row(3, T2)]
    assert World(page(*rows), at=None, start=START).run() == ["3"]


def test_archived() -> None:
    """An archived thread's messages are asked for as such."""
    world = World(page(row(1, T1, archived=True)))
    first, *_ = world.backfill._events(T0, NOW)  # noqa: SLF001 - before anything is read
    assert first == ReadMessages(ThreadRef("1", archived=True))


def test_ends_where_threads_are() -> None:
    """A thread with a message behind the bookmark of threads is the next increment's."""
    world = World(page(row(1, T1), row(2, NOW), *rows(LATER, 3, 4, 5)))
    assert world.run() == ["1", "2"]
    assert len(world.api.asked) == 1
    assert world.state.messages.bookmark == NOW


@pytest.mark.parametrize(
    ("reserve", "least"), [(0.0, MIN_QUOTA_SHARE), (0.1, MIN_QUOTA_SHARE), (0.25, 0.5), (0.6, 0.8)]
)
def test_leaves_calls_to_others(reserve: float, least: float) -> None:
    """It ends where so much is left of the day, without having begun the next thread."""
    world = World(page(row(1, T1), row(2, T2)), share=[least + 0.01, least], reserve=reserve)
    assert world.run() == ["1"]
    assert (world.state.messages.bookmark, world.state.messages.needs_backfill) == (T1, True)
    assert world.stats.backfill == (1, 9)


def test_goes_on_with_the_next_sync() -> None:
    """Where it ended the next sync goes on, and counts on."""
    world = World(page(row(1, T1), row(2, T2)), share=[1.0, 0.0])
    world.run()
    packed = world.state.to_bookmarks(is_final=True)
    assert packed["messages"] == {"replication_key_value": T1, "failed": [], "backfilled": 1}


def test_day_that_ends(caplog: pytest.LogCaptureFixture) -> None:
    """That the day's calls are spent is a normal end of it."""
    caplog.set_level(logging.INFO)
    world = World(page(row(1, T1)))
    world.error = DailyQuotaError("spent until noon")
    assert world.run() == []
    assert world.state.messages.bookmark == T0
    assert world.stats.backfill == (0, 9)
    assert "spent until noon" in caplog.text


def test_day_that_ends_at_a_page() -> None:
    """So it is at a page of the walk itself."""
    world = World(page(*rows(T1, 1, 2, 3), cursor="x"), DailyQuotaError("spent"))
    assert world.run() == ["1", "2", "3"]
    assert world.state.messages.bookmark == T1
    assert world.stats.backfill == (3, 9)


def test_other_errors() -> None:
    """Any other error is one, and leaves the bookmark where the last thread was."""
    world = World(page(*rows(T1, 1, 2, 3), cursor="x"), HubSpotError("503"))
    with pytest.raises(HubSpotError, match="503"):
        world.run()
    assert world.state.messages.bookmark == T1
    assert world.state.messages.needs_backfill
