"""The thread pipeline: which records, messages and state changes follow from a thread."""

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
from tap_hubspot_threads.sync.state.sync_state import SyncState
from tests.sync.fakes import (
    NOW,
    Inline,
    fake,
    make_context,
    make_state,
    make_state_with_open,
    not_found_error,
    records,
    row,
    transient_error,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_hubspot_threads.models import Event

LATER = "2026-11-20T12:05:00.000Z"


class World:
    """A pipeline with a state, and what its sync has seen and counted."""

    def __init__(
        self,
        state: SyncState | None = None,
        *,
        tracks_open_threads: bool = True,
        with_messages: bool = False,
    ) -> None:
        self.state = make_state() if state is None else state
        self.context = make_context(
            self.state,
            Selection(messages=with_messages),
            open_threads_max_calls=500 if tracks_open_threads else 0,
        )
        self.seen, self.stats = self.context.seen, self.context.stats
        self.failures = self.context.failures
        self.pipeline = ThreadPipeline(fake(), Inline(), self.context)

    def result(self, found: Any, *, now: str | None = NOW, **ref: bool) -> list[Event]:
        """Return the events of reading thread 1 by ID; `found` None means not found."""
        answers = [not_found_error(None), not_found_error(now)] if found is None else [found]
        pipeline = ThreadPipeline(fake(*answers), Inline(), self.context)
        return list(pipeline.by_id([ThreadRef("1", **ref)]))

    def listed(self, found: dict[str, Any], *, is_full: bool = False) -> list[tuple[str, str]]:
        """Write the events of a listed row, in a full listing if `is_full`."""
        if not is_full:
            return write(self.pipeline.checked([found]))
        return write(self.pipeline.listed([ListedPage([found], LATER, CHECKPOINT)]))


def message_reads(events: Iterable[Event]) -> list[ThreadRef]:
    """Return the threads whose messages are read."""
    return [event.thread for event in events if isinstance(event, ReadMessages)]


def test_closed_thread() -> None:
    """A closed thread is emitted and not tracked."""
    world = World()
    assert write(world.result(row(1, status="CLOSED"))) == [("threads", "1")]
    assert len(world.state.open) == 0


def test_open_thread_is_tracked_after_its_record() -> None:
    """An open thread is tracked once its record is emitted, not before."""
    world = World()
    events = world.result(row(1))
    assert "1" not in world.state.open
    assert write(events) == [("threads", "1")]
    assert world.state.open.is_last_emitted("1", fingerprint_of(row(1)))


def test_unchanged_open_thread() -> None:
    """An unchanged open thread is not emitted; it is counted and moves to the end."""
    world = World(make_state_with_open(row(1), row(2)))
    assert write(world.result(row(1))) == []
    assert [thread_id for thread_id, _ in world.state.open.ids()] == ["2", "1"]
    assert world.stats.unchanged == 1


def test_always_emit() -> None:
    """With `always_emit`, an unchanged thread is emitted too."""
    assert write(World(make_state_with_open(row(1))).result(row(1), always_emit=True)) == [
        ("threads", "1")
    ]


def test_newly_closed_thread() -> None:
    """A tracked thread that was closed is emitted and no longer tracked."""
    world = World(make_state_with_open(row(1)))
    assert write(world.result(row(1, status="CLOSED"))) == [("threads", "1")]
    assert "1" not in world.state.open


def test_thread_not_found() -> None:
    """A thread not found is counted, is not emitted, and stays tracked for the next check."""
    world = World(make_state_with_open(row(1)))
    events = world.result(None)
    assert (world.stats.not_found, world.seen.not_found_at, world.state.not_found) == (
        1,
        {"1": NOW},
        {},
    )
    assert write(events) == []
    assert world.state.not_found == {"1": NOW}
    assert "1" in world.state.open


def test_not_found_without_a_date() -> None:
    """A 404 without a `Date` is noted, but is no check."""
    world = World(make_state_with_open(row(1)))
    write(world.result(None, now=None))
    assert (world.seen.not_found_at, world.state.not_found) == ({"1": None}, {})


def test_not_found_without_open_thread_check() -> None:
    """Without an open-thread check, no thread becomes not found in the state."""
    world = World(tracks_open_threads=False)
    write(world.result(None))
    assert world.state.not_found == {}


def test_not_found_without_a_check_is_read_again() -> None:
    """A thread not found, without a check noted in the state, is read again by the next sync."""
    world = World()
    write(world.result(None, now=None))
    assert world.state.failed == {"1": 0}
    second = World(world.state)
    write(second.result(None, now=None))
    assert second.state.failed == {}
    second.failures.check()


def test_failed_thread_not_found_without_a_check_is_read_again() -> None:
    """A thread that failed may be archived during its retry, so it is read once more too."""
    world = World(make_state(failed=[["1", 2]]))
    write(world.result(None, now=None))
    assert world.state.failed == {"1": 0}


def test_failure_keeps_the_first_check() -> None:
    """A thread not found before that fails keeps its first check."""
    world = World(make_state_with_open(row(1), not_found=[["1", NOW]]))
    write(world.result(transient_error()))
    assert world.state.not_found == {"1": NOW}


def test_seen() -> None:
    """Threads that are open in the state are noted as seen at once."""
    world = World(make_state_with_open(row(1), row(2)))
    for found in (row(1), row(3), row(4, status="CLOSED")):
        list(world.pipeline.emit(found))
    assert (world.seen.seen_open, world.seen.unseen_open) == (1, {"2"})


def test_seen_and_then_not_found() -> None:
    """An open thread that is not found after it was seen does not count as seen."""
    world = World(make_state_with_open(row(1)))
    list(world.pipeline.emit(row(1)))
    write(world.result(None, now=NOW))
    assert (world.seen.seen_open, world.seen.unseen_open) == (0, {"1"})


@pytest.mark.parametrize("before", range(FAILING_SYNCS - 1))
def test_failed_thread(before: int) -> None:
    """A failed thread is kept with its number of failed syncs, and is an error."""
    world = World(make_state(failed=[["1", before]] if before else []))
    assert write(world.result(transient_error())) == []
    assert world.state.failed == {"1": before + 1}
    assert world.failures.threads.errors.keys() == {"1"}


def test_repeatedly_failed_thread(caplog: pytest.LogCaptureFixture) -> None:
    """From the third sync in a row on, a failed thread is a warning and no error."""
    world = World(make_state(failed=[["1", FAILING_SYNCS - 1]]))
    write(world.result(transient_error()))
    assert world.state.failed == {"1": FAILING_SYNCS}
    assert world.failures.threads.errors == {}
    assert f"Thread 1 could not be read for {FAILING_SYNCS} syncs in a row" in caplog.text


def test_failure_counts_once_per_sync() -> None:
    """A thread that fails twice in one sync has failed in one sync."""
    world = World()
    write(world.result(transient_error()))
    write(world.result(transient_error()))
    assert world.state.failed == {"1": 1}


def test_success_after_a_failure() -> None:
    """A thread that fails and then succeeds in one sync has not failed."""
    world = World(make_state(failed=[["1", 2]]))
    write(world.result(transient_error()))
    assert write(world.result(row(1, status="CLOSED"))) == [("threads", "1")]
    assert (world.state.failed, world.failures.threads.errors) == ({}, {})


def test_events_keep_their_place() -> None:
    """An event among the references keeps its place."""
    assert list(World().pipeline.by_id([CHECKPOINT])) == [CHECKPOINT]


def test_mark_inexact_before_a_known_record() -> None:
    """Before the first record of a known thread, the state is marked inexact, once."""
    world = World(make_state_with_open(row(1), row(2)))
    first, *_ = world.pipeline.emit(row(1, status="WAITING"))
    assert isinstance(first, StateChange)
    assert first.save_now
    first.apply()
    assert not world.state.fingerprints_exact
    assert isinstance(next(world.pipeline.emit(row(2, status="CLOSED"))), Record)
    assert isinstance(next(World().pipeline.emit(row(3))), Record)


@pytest.mark.parametrize("is_full", [False, True])
def test_listed_but_read_by_id(*, is_full: bool) -> None:
    """A listed row is not emitted and not seen if this sync read the thread by ID."""
    world = World(make_state_with_open(row(1)))
    world.seen.fetched.add("1")
    assert world.listed(row(1, status="CLOSED"), is_full=is_full) == []
    assert "1" in world.state.open
    assert world.seen.seen_open == 0


def test_listed_and_changed() -> None:
    """A changed row of a known thread is emitted and settled."""
    world = World(make_state_with_open(row(1)))
    assert world.listed(row(1, status="CLOSED")) == [("threads", "1")]
    assert "1" not in world.state.open
    assert world.seen.seen_open == 1


def test_listed_and_unchanged() -> None:
    """An unchanged row of a known thread is not emitted, but counts as seen."""
    world = World(make_state_with_open(row(1), row(2)))
    assert world.listed(row(1)) == []
    assert [thread_id for thread_id, _ in world.state.open.ids()] == ["2", "1"]
    assert (world.stats.unchanged, world.seen.unseen_open) == (1, {"2"})


def test_listed_and_new() -> None:
    """An open thread that was not known is emitted and tracked."""
    world = World()
    assert world.listed(row(1)) == [("threads", "1")]
    assert "1" in world.state.open


def test_listed_and_closed() -> None:
    """A closed thread that was not known is emitted by a full listing only."""
    assert World().listed(row(1, status="CLOSED")) == []
    assert World().listed(row(1, status="CLOSED"), is_full=True) == [("threads", "1")]


def test_full_listing_emits_unchanged_rows() -> None:
    """A full listing emits unchanged rows too."""
    assert World(make_state_with_open(row(1))).listed(row(1), is_full=True) == [("threads", "1")]


@pytest.mark.parametrize(("is_full", "first"), [(False, NOW), (True, LATER)])
def test_listed_but_not_found(first: str, *, is_full: bool) -> None:
    """A row of a thread not found is not emitted; a full listing moves its first check."""
    world = World(make_state_with_open(row(1), not_found=[["1", NOW]]))
    assert world.listed(row(1, status="CLOSED"), is_full=is_full) == []
    assert world.state.not_found == {"1": first}
    assert world.seen.seen_open == 0


def reads_messages_of(
    world: World, found: dict[str, Any], *, has_new_message: bool = False
) -> bool:
    """Return whether the messages of a thread are read after it."""
    refs = message_reads(world.pipeline.emit(found, has_new_message=has_new_message))
    assert refs in ([], [ThreadRef(found["id"], archived=found["archived"])])
    return bool(refs)


def world_with_messages(**state: Any) -> World:
    """Return a world that knows the open threads 1 and 2, with messages selected."""
    return World(make_state_with_open(row(1), row(2), **state), with_messages=True)


def test_messages_after_a_new_message() -> None:
    """A thread with a new message has its messages read, known or not, open or not."""
    world = world_with_messages()
    assert reads_messages_of(world, row(1), has_new_message=True)
    assert reads_messages_of(world, row(3, status="CLOSED"), has_new_message=True)


def test_new_message_of_a_thread_read_by_id() -> None:
    """A new message is passed on through the reading by ID."""
    assert message_reads(world_with_messages().result(row(1), has_new_message=True)) == [
        ThreadRef("1")
    ]


def test_messages_of_a_changed_thread() -> None:
    """A known open thread has its messages read only if it changed."""
    world = world_with_messages()
    assert not reads_messages_of(world, row(1))
    assert reads_messages_of(world, row(1, status="WAITING"))
    assert reads_messages_of(world, row(2, status="CLOSED"))


def test_messages_of_an_archived_thread() -> None:
    """The messages of an archived thread are requested as archived."""
    events = world_with_messages().result(row(1, archived=True))
    assert message_reads(events) == [ThreadRef("1", archived=True)]


def test_messages_of_an_inexact_thread() -> None:
    """An inexact fingerprint is no change: only the record is emitted again."""
    state = make_state_with_open(row(1))
    state.mark_inexact()
    restored = make_state(**state.to_bookmarks(is_final=False)["threads"] | {"filters": "all"})
    world = World(restored, with_messages=True)
    events = world.result(row(1))
    assert records(events) == [("threads", "1")]
    assert message_reads(events) == []
    assert reads_messages_of(world, row(1, status="WAITING"))


def test_messages_in_a_full_listing() -> None:
    """A record that is emitted by a full listing is no change either."""
    events = list(world_with_messages().pipeline.listed([ListedPage([row(1)], LATER, CHECKPOINT)]))
    assert records(events) == [("threads", "1")]
    assert message_reads(events) == []


def test_messages_of_a_new_thread() -> None:
    """A newly open thread has its messages read; a closed one that was not known does not."""
    world = world_with_messages()
    assert reads_messages_of(world, row(3))
    assert not reads_messages_of(world, row(4, status="CLOSED"))


@pytest.mark.parametrize("status", ["OPEN", "CLOSED"])
def test_messages_in_a_first_listing(status: str) -> None:
    """A first listing reads the messages of threads without a message time only."""
    world = World(with_messages=True)
    assert not reads_messages_of(world, row(1, status=status))
    assert reads_messages_of(world, row(2, at=None, status=status))


def test_pending_messages() -> None:
    """Pending messages are read, unless this sync has read them or the thread is quarantined."""
    world = world_with_messages()
    world.state.messages.add_pending("1", 1)
    world.state.messages.add_pending("2", FAILING_SYNCS)
    world = World(world.state, with_messages=True)
    assert reads_messages_of(world, row(1))
    assert not reads_messages_of(world, row(2))
    world.seen.with_messages.add("1")
    assert not reads_messages_of(world, row(1))


def test_messages_not_selected() -> None:
    """If messages are not selected, none are read, not even pending ones."""
    world = World(make_state_with_open(row(1)))
    world.state.messages.add_pending("1")
    assert not reads_messages_of(world, row(1, status="WAITING"), has_new_message=True)
    assert not reads_messages_of(world, row(2, at=None))


def test_messages_without_a_record() -> None:
    """Messages may be read without a record of their thread."""
    world = world_with_messages()
    events = list(world.pipeline.emit(row(1), has_new_message=True))
    assert records(events) == []
    assert message_reads(events) == [ThreadRef("1")]
    assert isinstance(events[-1], StateChange)


@pytest.mark.parametrize("found", [None, transient_error()], ids=["not found", "failed"])
def test_new_message_of_an_unread_thread(found: Any) -> None:
    """If a thread with a new message cannot be read, its messages become pending."""
    world = world_with_messages()
    events = world.result(found, has_new_message=True)
    assert world.state.messages.pending == {}
    write(events)
    assert world.state.messages.pending == {"1": 0}
    assert "1" in (world.state.not_found if found is None else world.state.failed)


@pytest.mark.parametrize("found", [None, transient_error()], ids=["not found", "failed"])
def test_unread_thread_in_a_first_sync(found: Any) -> None:
    """If a first sync cannot read a thread, the thread's messages become pending."""
    world = World(SyncState({}, filters="all", with_messages=True), with_messages=True)
    write(world.result(found))
    assert world.state.messages.pending == {"1": 0}


@pytest.mark.parametrize(
    ("has_new_message", "with_messages"),
    [(False, True), (True, False)],
    ids=["no new message", "not selected"],
)
def test_nothing_pending(*, has_new_message: bool, with_messages: bool) -> None:
    """A failure without a new message, or without messages selected, leaves none pending."""
    world = World(make_state_with_open(row(1)), with_messages=with_messages)
    write(world.result(transient_error(), has_new_message=has_new_message))
    assert world.state.messages.pending == {}
    assert world.state.failed == {"1": 1}


def test_sync_without_threads() -> None:
    """In a sync without `threads`, an open thread is settled, with an inexact fingerprint."""
    state = SyncState({"threads": {"replication_key_value": NOW}}, filters="all", emits_rows=False)
    world = World(state, with_messages=True)
    write(world.result(row(1)))
    assert state.open.has_fingerprint("1", fingerprint_of(row(1)))
    assert not state.open.is_last_emitted("1", fingerprint_of(row(1)))
