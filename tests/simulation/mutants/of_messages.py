"""Planted bugs in messages and actors: too few or too many calls, or settled too early."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.errors import RefusedError, TransientError
from tap_hubspot_threads.models import MAX_ACTORS, ReadMessages, Record, StateChange
from tap_hubspot_threads.sync.children.actors import Actors
from tap_hubspot_threads.sync.children.messages import Messages
from tap_hubspot_threads.sync.phases.backfill import Backfill
from tap_hubspot_threads.sync.pipeline import ThreadPipeline
from tap_hubspot_threads.sync.state.messages_state import MessagesState
from tap_hubspot_threads.sync.state.open_threads import OpenThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pytest

    from tap_hubspot_threads.models import Event

    Plant = Callable[[pytest.MonkeyPatch], None]


def _settled_first(events: Iterable[Event]) -> Iterator[Event]:
    """Yield the events, with the state change after a thread's messages moved before them."""
    held: list[Event] = []
    for event in events:
        if isinstance(event, ReadMessages):
            held.append(event)
        elif isinstance(event, StateChange):
            yield event
            yield from held
            held.clear()
        else:
            yield from held
            held.clear()
            yield event
    yield from held


def settled_before_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread is settled after its record, but before its messages."""
    call = Messages.__call__
    monkeypatch.setattr(
        Messages, "__call__", lambda self, events: call(self, _settled_first(events))
    )


def backfill_bookmark_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backfill moves its bookmark to that of threads before it reads any messages."""
    run = Backfill.run

    def hasty(self: Backfill) -> Iterator[Event]:
        events, state = run(self), vars(self)["_state"]
        for place, event in enumerate(events):
            if not place:
                yield StateChange(partial(state.messages.catch_up, state.bookmark))
            yield event

    monkeypatch.setattr(Backfill, "run", hasty)


def pending_messages_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that could not be read is retried without its messages.

    Only `MessagesState.pending` records that its messages are still to be read.
    """
    monkeypatch.setattr(ThreadPipeline, "_pending_messages", lambda _self, _ref, change: change)


def deleted_after_one_404(monkeypatch: pytest.MonkeyPatch) -> None:
    """After one 404, a thread counts as deleted and its messages as settled."""
    monkeypatch.setattr(
        Messages,
        "_thread_not_found",
        lambda self, thread_id: partial(self._state.settle, thread_id),
    )


def bookmark_moves_without_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bookmark of messages moves in a sync that does not read messages."""

    def follow(self: MessagesState, bookmark: str) -> None:
        if not self.needs_backfill:
            self.bookmark = bookmark

    monkeypatch.setattr(MessagesState, "follow", follow)


def unemitted_fingerprint_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fingerprint of a row that was read but not emitted counts as exact."""
    note = OpenThreads.note
    monkeypatch.setattr(
        OpenThreads, "note", lambda self, thread_id, text, **_: note(self, thread_id, text)
    )


def listing_reads_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The full listing reads the messages of every thread that it returns."""
    emit = ThreadPipeline.emit

    def eager(
        self: ThreadPipeline, row: Any, *, always: bool = False, has_new_message: bool = False
    ) -> Iterator[Event]:
        return emit(self, row, always=always, has_new_message=has_new_message or always)

    monkeypatch.setattr(ThreadPipeline, "emit", eager)


def archived_threads_not_backfilled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backfill skips the archived threads if HubSpot does not list them by time."""
    monkeypatch.setattr(Backfill, "_archived_rows", lambda *_: iter(()))


def inexact_fingerprints_read_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a kill, the messages of all open threads are read again."""
    monkeypatch.setattr(OpenThreads, "has_fingerprint", OpenThreads.is_last_emitted)


def state_before_actors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A state change does not wait for the actors that earlier records name."""

    def hasty(self: Any, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            if isinstance(event, Record):
                self._note(event)
            yield event
            if len(self._pending) >= MAX_ACTORS:
                yield from self._flush()
        yield from self._flush()

    monkeypatch.setattr(Actors, "__call__", hasty)


def single_actors_not_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a batch of actors fails, its single actors are not retried."""

    def read_all(self: Any, ids: list[str], *, once: bool = False) -> list[Any]:
        try:
            rows: list[Any] = self._pool.run(partial(self._api.read_actors, ids, once=once))
        except (TransientError, RefusedError) as error:
            if len(ids) == 1:
                self._failures.note(ids[0], error)
                return []
            half = len(ids) // 2
            return read_all(self, ids[:half], once=True) + read_all(self, ids[half:], once=True)
        return rows

    monkeypatch.setattr(Actors, "_read_all", read_all)
