"""Planted bugs: messages are read too seldom or too often, or settled before they are out."""

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
    """Yield the same, but the state change after a thread's messages comes before them."""
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


def settled_with_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread is settled after its record, and not after its messages."""
    call = Messages.__call__
    monkeypatch.setattr(
        Messages, "__call__", lambda self, events: call(self, _settled_first(events))
    )


def walked_before_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backfill's bookmark is at that of threads from its beginning on."""
    run = Backfill.run

    def hasty(self: Backfill) -> Iterator[Event]:
        events, state = run(self), vars(self)["_state"]
        for place, event in enumerate(events):
            if not place:
                yield StateChange(partial(state.messages.catch_up, state.bookmark))
            yield event

    monkeypatch.setattr(Backfill, "run", hasty)


def messages_not_owed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a thread that could not be read, nobody reads the messages later."""
    monkeypatch.setattr(ThreadPipeline, "_pending_messages", lambda _self, _ref, change: change)


def gone_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look is enough to take a thread for gone, and with it its messages."""
    monkeypatch.setattr(
        Messages,
        "_thread_deleted",
        lambda self, thread_id: partial(self._state.settle, thread_id),
    )


def taken_for_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bookmark of messages moves in a sync that reads none."""

    def follow(self: MessagesState, bookmark: str) -> None:
        if not self.needs_backfill:
            self.bookmark = bookmark

    monkeypatch.setattr(MessagesState, "follow", follow)


def marks_not_doubted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that was read and does not go out is taken for one that is out."""
    note = OpenThreads.note
    monkeypatch.setattr(
        OpenThreads, "note", lambda self, thread_id, mark, **_: note(self, thread_id, mark)
    )


def listing_reads_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The daily listing reads the messages of all threads that it shows."""
    emit = ThreadPipeline.emit

    def eager(
        self: ThreadPipeline, row: Any, *, always: bool = False, has_new_message: bool = False
    ) -> Iterator[Event]:
        return emit(self, row, always=always, has_new_message=has_new_message or always)

    monkeypatch.setattr(ThreadPipeline, "emit", eager)


def doubt_reads_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a KILL, the messages of all open threads are read again."""
    monkeypatch.setattr(OpenThreads, "has_fingerprint", OpenThreads.is_last_emitted)


def actors_not_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done behind a row does not wait for the actors that it names."""

    def hasty(self: Any, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            if isinstance(event, Record):
                self._note(event)
            yield event
            if len(self._pending) >= MAX_ACTORS:
                yield from self._flush()
        yield from self._flush()

    monkeypatch.setattr(Actors, "__call__", hasty)


def actors_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a batch is refused, each of its ids is tried once only."""

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
