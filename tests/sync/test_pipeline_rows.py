"""Listed rows: which are in scope, and which events follow from them."""

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
from tests.sync.fakes import NOW, Inline, fake, make_context, make_state_with_open, records, row

LATER = "2026-11-20T12:05:00.000Z"
START = "2026-11-01T00:00:00.000Z"
LONG_AGO = "2026-10-01T00:00:00.000Z"
LISTED_AT = "2026-11-19T12:00:00.000Z"
BEFORE_LISTING = "2026-11-19T10:00:00.000Z"


class World:
    """A pipeline whose state knows the open threads 1 and 2; 2 was not found once."""

    def __init__(
        self, *, with_threads: bool = True, with_index: bool = False, by_id: bool = False
    ) -> None:
        self.state = make_state_with_open(
            row(1),
            row(2),
            not_found=[["2", NOW]],
            full_listing_started_at=LISTED_AT,
            full_listing_completed_at=LISTED_AT,
        )
        selection = Selection(threads=with_threads, thread_index=with_index, messages=True)
        self.context = make_context(
            self.state,
            selection,
            inbox_ids=("1",),
            start_date=START,
            always_fetch_by_id=by_id,
        )
        self.pipeline = ThreadPipeline(fake(), Inline(), self.context)

    def changed(self, *rows: dict[str, Any]) -> list[Any]:
        """Return what follows from rows with a new message."""
        return [item for found in rows for item in self.pipeline.changed(found)]

    def page(self, *rows: dict[str, Any]) -> list[Any]:
        """Return what follows from a page of a full listing."""
        page = ListedPage(list(rows), LATER, ADVANCE)
        return list(self.pipeline._listed_page(page))  # noqa: SLF001 - events before any request


ADVANCE = StateChange(lambda: None)
OUT_OF_SCOPE = [row(8, inboxId="2"), row(9, at=LONG_AGO), row(7, at=LONG_AGO, inboxId="2")]


def test_changed_is_read_by_id() -> None:
    """A thread with a new message is read by ID, as live or archived, with its messages."""
    assert World().changed(row(3), row(4, archived=True)) == [
        ThreadRef("3", has_new_message=True),
        ThreadRef("4", archived=True, has_new_message=True),
    ]


def test_changed_without_threads() -> None:
    """Without `threads`, the listed row is used, and its messages are read."""
    record, messages, *_ = World(with_threads=False).changed(row(3))
    assert record == Record("threads", row(3))
    assert messages == ReadMessages(ThreadRef("3"))


def test_changed_but_not_found() -> None:
    """A thread not found before is always read by ID, because only that ends its status."""
    assert World(with_threads=False).changed(row(2)) == [ThreadRef("2", has_new_message=True)]


@pytest.mark.parametrize("with_threads", [False, True])
def test_changed_and_indexed(*, with_threads: bool) -> None:
    """The `thread_index` record comes before its thread."""
    first, second, *_ = World(with_index=True, with_threads=with_threads).changed(row(3))
    assert first == Record("thread_index", row(3))
    assert isinstance(second, ThreadRef) is with_threads


def test_filters() -> None:
    """Threads outside the filters are counted by reason and skipped."""
    world = World(with_index=True)
    assert world.changed(*OUT_OF_SCOPE) == []
    assert (world.context.stats.other_inbox, world.context.stats.before_start_date) == (2, 1)


def test_listed_threads_by_id() -> None:
    """Listed threads are read by ID, known or not; the state change of the page comes last."""
    rows = [row(1), row(3, archived=True), *OUT_OF_SCOPE]
    assert World(by_id=True).page(*rows) == [
        ThreadRef("1", always_emit=True),
        ThreadRef("3", archived=True, always_emit=True),
        ADVANCE,
    ]


@pytest.mark.parametrize("by_id", [False, True])
def test_listing_that_shows_a_thread_that_was_not_found(*, by_id: bool) -> None:
    """If a listing shows a thread not found before, its first check is moved; no row is emitted."""
    world = World(with_index=not by_id, by_id=by_id)
    restart, *others = world.page(row(2))
    assert others == ([ThreadRef("2", always_emit=True)] if by_id else []) + [ADVANCE]
    restart.apply()
    assert world.state.not_found == {"2": LATER}


def test_listed_rows() -> None:
    """Listed rows are emitted, except those of threads that this sync read by ID."""
    world = World()
    world.context.seen.fetched.add("4")
    events = world.page(row(1), row(3, status="CLOSED"), row(4), *OUT_OF_SCOPE)
    assert records(events) == [("threads", "1"), ("threads", "3")]
    assert events[-1] is ADVANCE


@pytest.mark.parametrize("by_id", [False, True])
@pytest.mark.parametrize(
    ("columns", "is_listed_by_time", "is_read"),
    [
        ({"archived": True}, False, True),
        ({"archived": None}, False, True),
        ({"archived": True, "at": BEFORE_LISTING}, False, False),
        ({"archived": True, "at": None, "createdAt": LATER}, False, False),
        ({"archived": False}, False, False),
        ({"archived": True}, True, False),
    ],
)
def test_messages_of_archived_threads(
    columns: dict[str, Any], *, is_listed_by_time: bool, is_read: bool, by_id: bool
) -> None:
    """If increments do not find messages of archived threads, the full listing requests them."""
    world = World(by_id=by_id)
    world.context.seen.archived_by_time = is_listed_by_time
    events = world.page(row(3, status="CLOSED", **columns))
    requests = [item for item in events if isinstance(item, ReadMessages)]
    refs = [item for item in events if isinstance(item, ThreadRef) and item.has_new_message]
    assert len(refs if by_id else requests) == is_read


def test_rows_and_index() -> None:
    """Each listed row has its index record before it, even if the row is not emitted."""
    world = World(with_index=True)
    world.context.seen.fetched.add("1")
    assert records(world.page(row(1), row(3))) == [
        *(("thread_index", "1"), ("thread_index", "3"), ("threads", "3")),
    ]
