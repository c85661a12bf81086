"""What becomes of a thread that was read: what goes out, and what is kept behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.models import (
    CHECKPOINT,
    ReadMessages,
    Record,
    Selection,
    StateChange,
    ThreadRef,
)
from tap_hubspot_threads.sync.context import FAILING_SYNCS
from tap_hubspot_threads.sync.pipeline import ListedPage, ThreadPipeline
from tap_hubspot_threads.sync.state.open_threads import fingerprint_of
from tap_hubspot_threads.sync.state.state import SyncState
from tests.sync.fakes import (
    NOW,
    Inline,
    context,
    fake,
    kept,
    knows,
    missing,
    passing,
    records,
    row,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_hubspot_threads.models import Event

LATER = "2026-11-20T12:05:00.000Z"


class World:
    """A state, what the sync has seen, and what follows from more."""

    def __init__(
        self,
        state: SyncState | None = None,
        *,
        tracks_open_threads: bool = True,
        with_messages: bool = False,
    ) -> None:
        self.state = kept() if state is None else state
        self.context = context(
            self.state,
            Selection(messages=with_messages),
            open_threads_max_calls=500 if tracks_open_threads else 0,
        )
        self.seen, self.stats = self.context.seen, self.context.stats
        self.failures = self.context.failures
        self.pipeline = ThreadPipeline(fake(), Inline(), self.context)

    def result(self, found: Any, *, now: str | None = NOW, **ref: bool) -> list[Event]:
        """Return what follows from reading thread 1 by ID."""
        looked_for = [missing(None), missing(now)] if found is None else [found]
        pipeline = ThreadPipeline(fake(*looked_for), Inline(), self.context)
        return list(pipeline.by_id([ThreadRef("1", **ref)]))

    def listed(self, found: dict[str, Any], *, always: bool = False) -> list[tuple[str, str]]:
        """Write what follows from a listed row: of a listing of all threads if `always`."""
        if not always:
            return write(self.pipeline.checked([found]))
        return write(self.pipeline.listed([ListedPage([found], LATER, CHECKPOINT)]))


def reads_messages(events: Iterable[Event]) -> list[ThreadRef]:
    """Return the threads whose messages are read."""
    return [event.thread for event in events if isinstance(event, ReadMessages)]


def test_closed_thread() -> None:
    """A closed thread goes out, and nothing is kept of it."""
    world = World()
    assert write(world.result(row(1, status="CLOSED"))) == [("threads", "1")]
    assert len(world.state.open) == 0


def test_open_thread_is_tracked_after_its_record() -> None:
    """An open thread is emitted, and tracked from then on; not before."""
    world = World()
    events = world.result(row(1))
    assert "1" not in world.state.open
    assert write(events) == [("threads", "1")]
    assert world.state.open.is_last_emitted("1", fingerprint_of(row(1)))


def test_unchanged_open_thread() -> None:
    """An open thread that has not changed does not go out; it has had its turn, and is counted."""
    world = World(knows(row(1), row(2)))
    assert write(world.result(row(1))) == []
    assert [thread_id for thread_id, _ in world.state.open.ids()] == ["2", "1"]
    assert world.stats.unchanged == 1


def test_unchanged_but_listed() -> None:
    """Where rows go out always, an unchanged one does too."""
    assert write(World(knows(row(1))).result(row(1), always_emit=True)) == [("threads", "1")]


def test_closed_meanwhile() -> None:
    """A thread that was open and is closed goes out, and is watched no more."""
    world = World(knows(row(1)))
    assert write(world.result(row(1, status="CLOSED"))) == [("threads", "1")]
    assert "1" not in world.state.open


def test_missing_thread() -> None:
    """A missing thread is counted, does not go out, is missed, and looked for again."""
    world = World(knows(row(1)))
    events = world.result(None)
    assert (world.stats.not_found, world.seen.not_found_at, world.state.not_found) == (
        1,
        {"1": NOW},
        {},
    )
    assert write(events) == []
    assert world.state.not_found == {"1": NOW}
    assert "1" in world.state.open


def test_missing_without_a_time() -> None:
    """That HubSpot does not say when is noted, and is no look."""
    world = World(knows(row(1)))
    write(world.result(None, now=None))
    assert (world.seen.not_found_at, world.state.not_found) == ({"1": None}, {})


def test_missing_where_none_is_watched() -> None:
    """Where nobody watches open threads, none is missed, and so none told deleted."""
    world = World(tracks_open_threads=False)
    write(world.result(None))
    assert world.state.not_found == {}


def test_missing_without_a_check_is_read_once_more() -> None:
    """A thread that is not found, and of which no check is noted, is read in the next sync too."""
    world = World()
    write(world.result(None, now=None))
    assert world.state.failed == {"1": 0}
    again = World(world.state)
    write(again.result(None, now=None))
    assert again.state.failed == {}
    again.failures.check()


def test_failure_is_no_miss() -> None:
    """A missed thread that cannot be read stays missed since its first look."""
    world = World(knows(row(1), not_found=[["1", NOW]]))
    write(world.result(passing()))
    assert world.state.not_found == {"1": NOW}


def test_seen() -> None:
    """Which threads were seen is noted at once, those that the state knew apart."""
    world = World(knows(row(1)))
    for found in (row(1), row(2), row(3, status="CLOSED")):
        list(world.pipeline.emit(found))
    assert (world.seen.tracked, world.seen.known_open) == ({"1", "2"}, {"1"})


@pytest.mark.parametrize("before", range(FAILING_SYNCS - 1))
def test_failed_thread(before: int) -> None:
    """A thread that cannot be read is kept with its number of syncs, and fails this one."""
    world = World(kept(failed=[["1", before]] if before else []))
    assert write(world.result(passing())) == []
    assert world.state.failed == {"1": before + 1}
    assert world.failures.threads.errors.keys() == {"1"}


def test_thread_that_fails_for_long(caplog: pytest.LogCaptureFixture) -> None:
    """From the third sync in a row on it is a warning that names it, and fails nothing."""
    world = World(kept(failed=[["1", FAILING_SYNCS - 1]]))
    write(world.result(passing()))
    assert world.state.failed == {"1": FAILING_SYNCS}
    assert world.failures.threads.errors == {}
    assert f"Thread 1 could not be read for {FAILING_SYNCS} syncs in a row" in caplog.text


def test_failure_counts_once_a_sync() -> None:
    """A thread that fails again in the same sync has failed in one sync."""
    world = World()
    write(world.result(passing()))
    write(world.result(passing()))
    assert world.state.failed == {"1": 1}


def test_read_after_all() -> None:
    """A thread that failed and then is read has not failed."""
    world = World(kept(failed=[["1", 2]]))
    write(world.result(passing()))
    assert write(world.result(row(1, status="CLOSED"))) == [("threads", "1")]
    assert (world.state.failed, world.failures.threads.errors) == ({}, {})


def test_events_keep_their_place() -> None:
    """An event among the references keeps its place."""
    assert list(World().pipeline.by_id([CHECKPOINT])) == [CHECKPOINT]


def test_mark_inexact_before_a_known_record() -> None:
    """Before a known thread is emitted, the state says once that a KILL leaves it inexact."""
    world = World(knows(row(1), row(2)))
    first, *_ = world.pipeline.emit(row(1, status="WAITING"))
    assert isinstance(first, StateChange)
    assert first.save_now
    first.apply()
    assert not world.state.fingerprints_exact
    assert isinstance(next(world.pipeline.emit(row(2, status="CLOSED"))), Record)
    assert isinstance(next(World().pipeline.emit(row(3))), Record)


@pytest.mark.parametrize("always", [False, True])
def test_listed_but_read_by_id(*, always: bool) -> None:
    """A row of a listing never goes out over a reading by id of this sync, nor counts as seen."""
    world = World(knows(row(1)))
    world.seen.fetched.add("1")
    assert world.listed(row(1, status="CLOSED"), always=always) == []
    assert "1" in world.state.open
    assert world.seen.known_open == set()


def test_listed_and_changed() -> None:
    """A listing's row of a known thread goes out when it has changed, and settles it."""
    world = World(knows(row(1)))
    assert world.listed(row(1, status="CLOSED")) == [("threads", "1")]
    assert "1" not in world.state.open
    assert world.seen.known_open == {"1"}


def test_listed_and_unchanged() -> None:
    """A listing's row of a known thread that is the same stays in, and is seen."""
    world = World(knows(row(1), row(2)))
    assert world.listed(row(1)) == []
    assert [thread_id for thread_id, _ in world.state.open.ids()] == ["2", "1"]
    assert (world.stats.unchanged, world.seen.known_open) == (1, {"1"})


def test_listed_anew() -> None:
    """An open thread that was not known goes out, and is watched."""
    world = World()
    assert world.listed(row(1)) == [("threads", "1")]
    assert "1" in world.state.open


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
    world = World(knows(row(1), not_found=[["1", NOW]]))
    assert world.listed(row(1, status="CLOSED"), always=always) == []
    assert world.state.not_found == {"1": first}
    assert world.seen.known_open == set()


def due(world: World, found: dict[str, Any], *, has_new_message: bool = False) -> bool:
    """Whether the messages of a thread are read after it."""
    refs = reads_messages(world.pipeline.emit(found, has_new_message=has_new_message))
    assert refs in ([], [ThreadRef(found["id"], archived=found["archived"])])
    return bool(refs)


def of_messages(**state: Any) -> World:
    """Make a world in which the open threads 1 and 2 are known, and messages are read."""
    return World(knows(row(1), row(2), **state), with_messages=True)


def test_messages_of_a_thread_with_news() -> None:
    """A thread that has a new message has its messages read, known or not, open or not."""
    world = of_messages()
    assert due(world, row(1), has_new_message=True)
    assert due(world, row(3, status="CLOSED"), has_new_message=True)


def test_news_of_what_was_read_by_id() -> None:
    """That there are news is handed through the reading by id."""
    assert reads_messages(of_messages().result(row(1), has_new_message=True)) == [ThreadRef("1")]


def test_messages_of_a_changed_thread() -> None:
    """A known open thread has its messages read when it has changed, and else not."""
    world = of_messages()
    assert not due(world, row(1))
    assert due(world, row(1, status="WAITING"))
    assert due(world, row(2, status="CLOSED"))


def test_messages_of_a_thread_on_the_other_side() -> None:
    """An archived thread's messages are asked for as such."""
    events = of_messages().result(row(1, archived=True))
    assert reads_messages(events) == [ThreadRef("1", archived=True)]


def test_messages_of_a_doubted_thread() -> None:
    """That it is unknown whether a thread's row went out is no change: only the row goes again."""
    state = knows(row(1))
    state.mark_inexact()
    again = kept(**state.to_bookmarks(is_final=False)["threads"] | {"filters": "all"})
    world = World(again, with_messages=True)
    events = world.result(row(1))
    assert records(events) == [("threads", "1")]
    assert reads_messages(events) == []
    assert due(world, row(1, status="WAITING"))


def test_messages_of_a_daily_listing() -> None:
    """That a row goes out as all are listed is no change either."""
    events = list(of_messages().pipeline.listed([ListedPage([row(1)], LATER, CHECKPOINT)]))
    assert records(events) == [("threads", "1")]
    assert reads_messages(events) == []


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
    world.state.messages.add_pending("1", 1)
    world.state.messages.add_pending("2", FAILING_SYNCS)
    world = World(world.state, with_messages=True)
    assert due(world, row(1))
    assert not due(world, row(2))
    world.seen.with_messages.add("1")
    assert not due(world, row(1))


def test_no_messages_unasked() -> None:
    """Where messages are not read, no thread has any read, whatever is owed."""
    world = World(knows(row(1)))
    world.state.messages.add_pending("1")
    assert not due(world, row(1, status="WAITING"), has_new_message=True)
    assert not due(world, row(2, at=None))


def test_messages_without_a_row() -> None:
    """A known row that need not go out does not, although its messages are read."""
    world = of_messages()
    events = list(world.pipeline.emit(row(1), has_new_message=True))
    assert records(events) == []
    assert reads_messages(events) == [ThreadRef("1")]
    assert isinstance(events[-1], StateChange)


@pytest.mark.parametrize("found", [None, passing()], ids=["missing", "failed"])
def test_news_of_a_thread_that_cannot_be_read(found: Any) -> None:
    """The messages of a thread that has news and cannot be read are owed, behind its place."""
    world = of_messages()
    events = world.result(found, has_new_message=True)
    assert world.state.messages.pending == {}
    write(events)
    assert world.state.messages.pending == {"1": 0}
    assert "1" in (world.state.not_found if found is None else world.state.failed)


@pytest.mark.parametrize(
    ("has_new_message", "with_messages"), [(False, True), (True, False)], ids=["no news", "unread"]
)
def test_nothing_owed(*, has_new_message: bool, with_messages: bool) -> None:
    """Where there is no news, or messages are not read, nothing is owed of a failure."""
    world = World(knows(row(1)), with_messages=with_messages)
    write(world.result(passing(), has_new_message=has_new_message))
    assert world.state.messages.pending == {}
    assert world.state.failed == {"1": 1}


def test_rows_that_do_not_go_out() -> None:
    """In a sync without threads an open thread is settled, but its row is in doubt then."""
    of = SyncState({"threads": {"replication_key_value": NOW}}, filters="all", emits_rows=False)
    world = World(of, with_messages=True)
    write(world.result(row(1)))
    assert of.open.has_fingerprint("1", fingerprint_of(row(1)))
    assert not of.open.is_last_emitted("1", fingerprint_of(row(1)))
