"""Planted bugs: messages are read too seldom or too often, or settled before they are out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.errors import RefusedError, TransientError
from tap_hubspot_threads.models import MAX_ACTORS, Out
from tap_hubspot_threads.sync.children.actors import Actors
from tap_hubspot_threads.sync.children.messages import Messages
from tap_hubspot_threads.sync.phases.backfill import Backfill
from tap_hubspot_threads.sync.pipeline import Outcomes
from tap_hubspot_threads.sync.state.messages_state import MessagesState
from tap_hubspot_threads.sync.state.open_threads import OpenThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pytest

    Plant = Callable[[pytest.MonkeyPatch], None]


def _apart(outs: Iterable[Out]) -> Iterator[Out]:
    """Yield the same, but what is done behind a thread's messages is done before them."""
    for out in outs:
        if out.messages_of is None or out.then is None:
            yield out
        else:
            yield out._replace(messages_of=None)
            yield Out(messages_of=out.messages_of)


def settled_with_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread is settled behind its row, and not behind its messages."""
    call = Messages.__call__
    monkeypatch.setattr(Messages, "__call__", lambda self, outs: call(self, _apart(outs)))


def walked_before_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backfill's bookmark is at that of threads from its beginning on."""
    run = Backfill.run

    def hasty(self: Backfill) -> Iterator[Out]:
        outs, kept = run(self), vars(self)["_kept"]
        for place, out in enumerate(outs):
            if not place:
                yield Out(then=partial(kept.messages.catch_up, kept.bookmark))
            yield out

    monkeypatch.setattr(Backfill, "run", hasty)


def messages_not_owed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a thread that could not be read, nobody reads the messages later."""
    monkeypatch.setattr(Outcomes, "_owing", lambda _self, _asked, then: then)


def gone_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look is enough to take a thread for gone, and with it its messages."""
    monkeypatch.setattr(
        Messages,
        "_goneness",
        lambda self, thread_id: partial(self._kept.settle, thread_id),
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
    found = Outcomes.found

    def eager(self: Outcomes, row: Any, *, always: bool = False, has_news: bool = False) -> Out:
        return found(self, row, always=always, has_news=has_news or always)

    monkeypatch.setattr(Outcomes, "found", eager)


def doubt_reads_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a KILL, the messages of all open threads are read again."""
    monkeypatch.setattr(OpenThreads, "is_settled", OpenThreads.is_known)


def actors_not_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done behind a row does not wait for the actors that it names."""

    def hasty(self: Any, outs: Iterable[Out]) -> Iterator[Out]:
        for out in outs:
            self._note(out)
            yield out
            if len(self._pending) >= MAX_ACTORS:
                yield from self._flush()
        yield from self._flush()

    monkeypatch.setattr(Actors, "__call__", hasty)


def actors_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a batch is refused, each of its ids is tried once only."""

    def read_all(self: Any, ids: list[str], *, once: bool = False) -> list[Any]:
        try:
            rows: list[Any] = self._workers.call(partial(self._hubspot.actors, ids, once=once))
        except (TransientError, RefusedError) as error:
            if len(ids) == 1:
                self._read.actors.note(ids[0], error)
                return []
            half = len(ids) // 2
            return read_all(self, ids[:half], once=True) + read_all(self, ids[half:], once=True)
        return rows

    monkeypatch.setattr(Actors, "_read_all", read_all)
