"""What a listing has found: what is wanted of it, and what becomes of that."""

from __future__ import annotations

from typing import Any

import pytest

from tap_hubspot_threads.models import (
    ReadMessages,
    Record,
    Selection,
    StateChange,
    ThreadRef,
)
from tap_hubspot_threads.sync.pipeline import ListedPage, ThreadPipeline
from tests.sync.fakes import NOW, Inline, context, fake, knows, records, row

LATER = "2026-11-20T12:05:00.000Z"
START = "2026-11-01T00:00:00.000Z"
LONG_AGO = "2026-10-01T00:00:00.000Z"


class World:
    """A state that has the open threads 1 and 2, the second one not found once."""

    def __init__(
        self, *, is_read: bool = True, is_indexed: bool = False, fetches: bool = False
    ) -> None:
        self.state = knows(row(1), row(2), not_found=[["2", NOW]])
        selection = Selection(threads=is_read, thread_index=is_indexed, messages=True)
        self.context = context(
            self.state,
            selection,
            inbox_ids=("1",),
            start_date=START,
            always_fetch_by_id=fetches,
        )
        self.pipeline = ThreadPipeline(fake(), Inline(), self.context)

    def changed(self, *rows: dict[str, Any]) -> list[Any]:
        """Return what follows from threads with a new message."""
        return [item for found in rows for item in self.pipeline.changed(found)]

    def page(self, *rows: dict[str, Any]) -> list[Any]:
        """Return what follows from a page of a listing of all threads."""
        page = ListedPage(list(rows), LATER, ADVANCE)
        return list(self.pipeline._listed_page(page))  # noqa: SLF001 - before anything is read


ADVANCE = StateChange(lambda: None)
UNWANTED = [row(8, inboxId="2"), row(9, at=LONG_AGO), row(7, at=LONG_AGO, inboxId="2")]


def test_changed_is_read_by_id() -> None:
    """A thread with a new message is read by id, on its side, with its messages."""
    assert World().changed(row(3), row(4, archived=True)) == [
        ThreadRef("3", has_new_message=True),
        ThreadRef("4", archived=True, has_new_message=True),
    ]


def test_changed_is_taken_as_listed() -> None:
    """Where threads' rows do not go out, it is taken as it is listed, and its messages read."""
    record, messages, _ = World(is_read=False).changed(row(3))
    assert record == Record("threads", row(3))
    assert messages == ReadMessages(ThreadRef("3"))


def test_changed_but_missed() -> None:
    """A thread that was missed is read by id in any case: only that ends a miss."""
    assert World(is_read=False).changed(row(2)) == [ThreadRef("2", has_new_message=True)]


@pytest.mark.parametrize("is_read", [False, True])
def test_changed_and_indexed(*, is_read: bool) -> None:
    """The index's entry comes in front of its thread."""
    first, second, *_ = World(is_indexed=True, is_read=is_read).changed(row(3))
    assert first == Record("thread_index", row(3))
    assert isinstance(second, ThreadRef) is is_read


def test_what_is_not_wanted() -> None:
    """What is not wanted is counted by its reason, and nothing becomes of it."""
    world = World(is_indexed=True)
    assert world.changed(*UNWANTED) == []
    assert (world.context.stats.other_inbox, world.context.stats.before_start_date) == (2, 1)


def test_ids_of_a_listing() -> None:
    """Listed threads are read by ID, known or not; the state change of the page comes last."""
    rows = [row(1), row(3, archived=True), *UNWANTED]
    assert World(fetches=True).page(*rows) == [
        ThreadRef("1", always_emit=True),
        ThreadRef("3", archived=True, always_emit=True),
        ADVANCE,
    ]


@pytest.mark.parametrize("fetches", [False, True])
def test_listing_that_shows_a_thread_that_was_not_found(*, fetches: bool) -> None:
    """It was there after its check, so its grace period restarts; its row is not emitted."""
    world = World(is_indexed=not fetches, fetches=fetches)
    restart, *others = world.page(row(2))
    assert others == ([ThreadRef("2", always_emit=True)] if fetches else []) + [ADVANCE]
    restart.apply()
    assert world.state.not_found == {"2": LATER}


def test_rows_of_a_listing() -> None:
    """Listed threads are emitted as they are, but those that this sync read by ID."""
    world = World()
    world.context.seen.fetched.add("4")
    events = world.page(row(1), row(3, status="CLOSED"), row(4), *UNWANTED)
    assert records(events) == [("threads", "1"), ("threads", "3")]
    assert events[-1] is ADVANCE


def test_rows_and_index() -> None:
    """Each listed row has its entry before it, also if the row itself is not emitted."""
    world = World(is_indexed=True)
    world.context.seen.fetched.add("1")
    assert records(world.page(row(1), row(3))) == [
        *(("thread_index", "1"), ("thread_index", "3"), ("threads", "3")),
    ]
