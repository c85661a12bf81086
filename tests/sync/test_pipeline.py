"""What becomes of a thread that was read: what goes out, and what is kept behind it."""

from __future__ import annotations

from typing import Any

import pytest

from tap_hubspot_threads.models import Out, ThreadRef
from tap_hubspot_threads.sync.failures import FAILING_SYNCS
from tap_hubspot_threads.sync.pipeline import Outcomes, ReadResult
from tap_hubspot_threads.sync.state.open_threads import mark_of
from tap_hubspot_threads.sync.state.state import SyncState
from tap_hubspot_threads.sync.stats import Read
from tests.sync.fakes import LOG, NOW, kept, knows, passing, row, write

LATER = "2026-11-20T12:05:00.000Z"


class World:
    """What is kept, what was read, and what becomes of more."""

    def __init__(
        self,
        of: SyncState | None = None,
        *,
        tracks_open_threads: bool = True,
        with_messages: bool = False,
    ) -> None:
        self.kept = kept() if of is None else of
        self.read = Read(self.kept.failed, self.kept.messages.failed, log=LOG)
        self.outcomes = Outcomes(
            self.kept,
            self.read,
            is_tracked=lambda found: tracks_open_threads and found["status"] != "CLOSED",
            tracks_open_threads=tracks_open_threads,
            with_messages=with_messages,
        )

    def of(self, found: Any, *, always: bool = False, now: str | None = NOW) -> Out:
        """Return what becomes of a thread with the id 1 that was read."""
        (out,) = self.outcomes.of([ReadResult(ThreadRef("1", always=always), found, 1, now)])
        return out

    def listed(self, found: dict[str, Any], *, always: bool = False) -> list[tuple[str, str]]:
        """Write what becomes of a row of a listing."""
        out = self.outcomes.listed(found, LATER, always=always)
        return write([] if out is None else [out])


def test_closed_thread() -> None:
    """A closed thread goes out, and nothing is kept of it."""
    world = World()
    assert write([world.of(row(1, status="CLOSED"))]) == [("threads", "1")]
    assert len(world.kept.open) == 0


def test_open_thread_is_watched_when_it_is_out() -> None:
    """An open thread goes out, and is watched from then on; not before."""
    world = World()
    out = world.of(row(1))
    assert "1" not in world.kept.open
    assert write([out]) == [("threads", "1")]
    assert world.kept.open.is_known("1", mark_of(row(1)))


def test_unchanged_open_thread() -> None:
    """An open thread that has not changed does not go out; it has had its turn, and is counted."""
    world = World(knows(row(1), row(2)))
    assert write([world.of(row(1))]) == []
    assert [thread_id for thread_id, _ in world.kept.open.ids()] == ["2", "1"]
    assert world.read.unchanged == 1


def test_unchanged_but_listed() -> None:
    """Where rows go out always, an unchanged one does too."""
    assert write([World(knows(row(1))).of(row(1), always=True)]) == [("threads", "1")]


def test_closed_meanwhile() -> None:
    """A thread that was open and is closed goes out, and is watched no more."""
    world = World(knows(row(1)))
    assert write([world.of(row(1, status="CLOSED"))]) == [("threads", "1")]
    assert "1" not in world.kept.open


def test_missing_thread() -> None:
    """A missing thread is counted, does not go out, is missed, and looked for again."""
    world = World(knows(row(1)))
    out = world.of(None)
    assert (world.read.missed, world.read.missing, world.kept.missed) == (1, {"1": NOW}, {})
    assert write([out]) == []
    assert world.kept.missed == {"1": NOW}
    assert "1" in world.kept.open


def test_missing_without_a_time() -> None:
    """That HubSpot does not say when is noted, and is no look."""
    world = World(knows(row(1)))
    write([world.of(None, now=None)])
    assert (world.read.missing, world.kept.missed) == ({"1": None}, {})


def test_missing_where_none_is_watched() -> None:
    """Where nobody watches open threads, none is missed, and so none told deleted."""
    world = World(tracks_open_threads=False)
    write([world.of(None)])
    assert world.kept.missed == {}


def test_missing_without_a_check_is_read_once_more() -> None:
    """A thread that is not found, and of which no check is noted, is read in the next sync too."""
    world = World()
    write([world.of(None, now=None)])
    assert world.kept.failed == {"1": 0}
    again = World(world.kept)
    write([again.of(None, now=None)])
    assert again.kept.failed == {}
    again.read.check()


def test_failure_is_no_miss() -> None:
    """A missed thread that cannot be read stays missed since its first look."""
    world = World(knows(row(1), missed=[["1", NOW]]))
    write([world.of(passing())])
    assert world.kept.missed == {"1": NOW}


def test_seen() -> None:
    """Which threads were seen is noted at once, those that the state knew apart."""
    world = World(knows(row(1)))
    world.of(row(1))
    world.of(row(2))
    world.of(row(3, status="CLOSED"))
    assert (world.read.seen, world.read.known_seen) == ({"1", "2"}, {"1"})


@pytest.mark.parametrize("before", range(FAILING_SYNCS - 1))
def test_failed_thread(before: int) -> None:
    """A thread that cannot be read is kept with its number of syncs, and fails this one."""
    world = World(kept(failed=[["1", before]] if before else []))
    assert write([world.of(passing())]) == []
    assert world.kept.failed == {"1": before + 1}
    assert world.read.threads.unread.keys() == {"1"}


def test_thread_that_fails_for_long(caplog: pytest.LogCaptureFixture) -> None:
    """From the third sync in a row on it is a warning that names it, and fails nothing."""
    world = World(kept(failed=[["1", FAILING_SYNCS - 1]]))
    write([world.of(passing())])
    assert world.kept.failed == {"1": FAILING_SYNCS}
    assert world.read.threads.unread == {}
    assert f"Thread 1 could not be read for {FAILING_SYNCS} syncs in a row" in caplog.text


def test_failure_counts_once_a_sync() -> None:
    """A thread that fails again in the same sync has failed in one sync."""
    world = World()
    write([world.of(passing())])
    write([world.of(passing())])
    assert world.kept.failed == {"1": 1}


def test_read_after_all() -> None:
    """A thread that failed and then is read has not failed."""
    world = World(kept(failed=[["1", 2]]))
    write([world.of(passing())])
    assert write([world.of(row(1, status="CLOSED"))]) == [("threads", "1")]
    assert (world.kept.failed, world.read.threads.unread) == ({}, {})


def test_others_keep_their_place() -> None:
    """What is to be done behind a thread is handed through."""
    out = Out()
    assert list(World().outcomes.of([out])) == [out]


def test_doubt_in_front_of_a_known_row() -> None:
    """Before a known thread's row goes out it is noted, once, that a KILL leaves it in doubt."""
    world = World(knows(row(1), row(2)))
    first = world.of(row(1, status="WAITING"))
    assert first.first
    write([first])
    assert not world.kept.is_exact
    assert world.of(row(1, status="CLOSED")).first is None
    assert World().of(row(3)).first is None


@pytest.mark.parametrize("always", [False, True])
def test_listed_but_read_by_id(*, always: bool) -> None:
    """A row of a listing never goes out over a reading by id of this sync, nor counts as seen."""
    world = World(knows(row(1)))
    world.read.taken.add("1")
    assert world.listed(row(1, status="CLOSED"), always=always) == []
    assert "1" in world.kept.open
    assert world.read.known_seen == set()


def test_listed_and_changed() -> None:
    """A listing's row of a known thread goes out when it has changed, and settles it."""
    world = World(knows(row(1)))
    assert world.listed(row(1, status="CLOSED")) == [("threads", "1")]
    assert "1" not in world.kept.open
    assert world.read.known_seen == {"1"}


def test_listed_and_unchanged() -> None:
    """A listing's row of a known thread that is the same stays in, and is seen."""
    world = World(knows(row(1), row(2)))
    assert world.listed(row(1)) == []
    assert [thread_id for thread_id, _ in world.kept.open.ids()] == ["2", "1"]
    assert (world.read.unchanged, world.read.known_seen) == (1, {"1"})


def test_listed_anew() -> None:
    """An open thread that was not known goes out, and is watched."""
    world = World()
    assert world.listed(row(1)) == [("threads", "1")]
    assert "1" in world.kept.open


def test_listed_and_closed() -> None:
    """A closed thread that was not known goes out only of a listing of all."""
    assert World().listed(row(1, status="CLOSED")) == []
    assert World().listed(row(1, status="CLOSED"), always=True) == [("threads", "1")]


def test_listed_by_a_listing_of_all() -> None:
    """A listing of all has unchanged rows go out too."""
    assert World(knows(row(1))).listed(row(1), always=True) == [("threads", "1")]


@pytest.mark.parametrize(("always", "first"), [(False, NOW), (True, LATER)])
def test_listed_but_missed(first: str, *, always: bool) -> None:
    """A missed thread's row stays in; a listing of all moves the first look that missed it."""
    world = World(knows(row(1), missed=[["1", NOW]]))
    assert world.listed(row(1, status="CLOSED"), always=always) == []
    assert world.kept.missed == {"1": first}
    assert world.read.known_seen == set()


def due(world: World, found: dict[str, Any], *, has_news: bool = False) -> bool:
    """Whether the messages of a thread are to be read behind it."""
    out = world.outcomes.found(found, has_news=has_news)
    assert out.messages_of in {None, ThreadRef(found["id"], archived=found["archived"])}
    return out.messages_of is not None


def of_messages(**state: Any) -> World:
    """Make a world in which the open threads 1 and 2 are known, and messages are read."""
    return World(knows(row(1), row(2), **state), with_messages=True)


def test_messages_of_a_thread_with_news() -> None:
    """A thread that has a new message has its messages read, known or not, open or not."""
    world = of_messages()
    assert due(world, row(1), has_news=True)
    assert due(world, row(3, status="CLOSED"), has_news=True)


def test_news_of_what_was_read_by_id() -> None:
    """That there are news is handed through the reading by id."""
    asked = ThreadRef("1", has_news=True)
    (out,) = of_messages().outcomes.of([ReadResult(asked, row(1), 1, NOW)])
    assert out.messages_of == ThreadRef("1")


def test_messages_of_a_changed_thread() -> None:
    """A known open thread has its messages read when it has changed, and else not."""
    world = of_messages()
    assert not due(world, row(1))
    assert due(world, row(1, status="WAITING"))
    assert due(world, row(2, status="CLOSED"))


def test_messages_of_a_thread_on_the_other_side() -> None:
    """An archived thread's messages are asked for as such."""
    (out,) = of_messages().outcomes.of([ReadResult(ThreadRef("1"), row(1, archived=True), 1)])
    assert out.messages_of == ThreadRef("1", archived=True)


def test_messages_of_a_doubted_thread() -> None:
    """That it is unknown whether a thread's row went out is no change: only the row goes again."""
    state = knows(row(1))
    state.mark_inexact()
    again = kept(**state.pack(is_final=False)["threads"] | {"wanted": "all"})
    world = World(again, with_messages=True)
    (out,) = world.outcomes.of([ReadResult(ThreadRef("1"), row(1), 1)])
    assert out.row
    assert out.messages_of is None
    assert due(world, row(1, status="WAITING"))


def test_messages_of_a_daily_listing() -> None:
    """That a row goes out as all are listed is no change either."""
    world = of_messages()
    out = world.outcomes.listed(row(1), LATER, always=True)
    assert out
    assert out.row
    assert out.messages_of is None


def test_messages_of_a_thread_that_was_not_known() -> None:
    """A thread that is open, and was not known to be, has its messages read; a closed one not."""
    world = of_messages()
    assert due(world, row(3))
    assert not due(world, row(4, status="CLOSED"))


@pytest.mark.parametrize("status", ["OPEN", "CLOSED"])
def test_messages_in_a_first_listing(status: str) -> None:
    """In a first listing only those have them read that no walk by time meets."""
    world = World(with_messages=True)
    assert not due(world, row(1, status=status))
    assert due(world, row(2, at=None, status=status))


def test_owed_messages() -> None:
    """A thread whose messages are owed has them read, unless they were or it is a suspect."""
    world = of_messages()
    world.kept.messages.add_pending("1", 1)
    world.kept.messages.add_pending("2", FAILING_SYNCS)
    world = World(world.kept, with_messages=True)
    assert due(world, row(1))
    assert not due(world, row(2))
    world.read.messages_taken.add("1")
    assert not due(world, row(1))


def test_no_messages_unasked() -> None:
    """Where messages are not read, no thread has any read, whatever is owed."""
    world = World(knows(row(1)))
    world.kept.messages.add_pending("1")
    assert not due(world, row(1, status="WAITING"), has_news=True)
    assert not due(world, row(2, at=None))


def test_messages_without_a_row() -> None:
    """A known row that need not go out does not, although its messages are read."""
    world = of_messages()
    out = world.outcomes.found(row(1), has_news=True)
    assert out.row is None
    assert out.messages_of == ThreadRef("1")
    assert out.then


@pytest.mark.parametrize("found", [None, passing()], ids=["missing", "failed"])
def test_news_of_a_thread_that_cannot_be_read(found: Any) -> None:
    """The messages of a thread that has news and cannot be read are owed, behind its place."""
    world = of_messages()
    outs = list(world.outcomes.of([ReadResult(ThreadRef("1", has_news=True), found, 1, NOW)]))
    assert world.kept.messages.failed == {}
    write(outs)
    assert world.kept.messages.failed == {"1": 0}
    assert "1" in (world.kept.missed if found is None else world.kept.failed)


@pytest.mark.parametrize(
    ("has_news", "with_messages"), [(False, True), (True, False)], ids=["no news", "unread"]
)
def test_nothing_owed(*, has_news: bool, with_messages: bool) -> None:
    """Where there is no news, or messages are not read, nothing is owed of a failure."""
    world = World(knows(row(1)), with_messages=with_messages)
    write(world.outcomes.of([ReadResult(ThreadRef("1", has_news=has_news), passing(), 1, NOW)]))
    assert world.kept.messages.failed == {}
    assert world.kept.failed == {"1": 1}


def test_rows_that_do_not_go_out() -> None:
    """In a sync without threads an open thread is settled, but its row is in doubt then."""
    of = SyncState({"threads": {"replication_key_value": NOW}}, wanted="all", rows_go_out=False)
    world = World(of, with_messages=True)
    write([world.of(row(1))])
    assert of.open.is_settled("1", mark_of(row(1)))
    assert not of.open.is_known("1", mark_of(row(1)))
