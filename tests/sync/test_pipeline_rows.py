"""What a listing has found: what is wanted of it, and what becomes of that."""

from __future__ import annotations

from typing import Any

import pytest

from tap_hubspot_threads.models import Out, ThreadRef
from tap_hubspot_threads.settings.settings import ThreadFilter
from tap_hubspot_threads.sync.pipeline import Finding, Outcomes
from tap_hubspot_threads.sync.stats import Read
from tests.sync.fakes import NOW, knows, row, write

LATER = "2026-11-20T12:05:00.000Z"
START = "2026-11-01T00:00:00.000Z"
LONG_AGO = "2026-10-01T00:00:00.000Z"


class World:
    """A state that knows the open threads 1 and 2, the second one missed once."""

    def __init__(self, *, is_read: bool = True, is_indexed: bool = False) -> None:
        self.kept = knows(row(1), row(2), missed=[["2", NOW]])
        self.read = Read()
        wanted = ThreadFilter(inbox_ids=("1",), start=START)
        outcomes = Outcomes(
            self.kept,
            self.read,
            is_tracked=lambda found: found["status"] != "CLOSED",
            tracks_open_threads=True,
            with_messages=True,
        )
        self.finding = Finding(
            self.kept,
            self.read,
            outcomes,
            wanted=wanted,
            is_indexed=is_indexed,
            is_read=is_read,
        )

    def changed(self, *rows: dict[str, Any]) -> list[Any]:
        """Return what becomes of threads with a new message."""
        return [item for found in rows for item in self.finding.changed(found)]


ADVANCE = Out(then=lambda: None)
UNWANTED = [row(8, inboxId="2"), row(9, at=LONG_AGO), row(7, at=LONG_AGO, inboxId="2")]


def test_changed_is_read_by_id() -> None:
    """A thread with a new message is read by id, on its side, with its messages."""
    assert World().changed(row(3), row(4, archived=True)) == [
        ThreadRef("3", has_news=True),
        ThreadRef("4", archived=True, has_news=True),
    ]


def test_changed_is_taken_as_listed() -> None:
    """Where threads' rows do not go out, it is taken as it is listed, and its messages read."""
    (out,) = World(is_read=False).changed(row(3))
    assert (out.row, out.messages_of) == (row(3), ThreadRef("3"))


def test_changed_but_missed() -> None:
    """A thread that was missed is read by id in any case: only that ends a miss."""
    assert World(is_read=False).changed(row(2)) == [ThreadRef("2", has_news=True)]


@pytest.mark.parametrize("is_read", [False, True])
def test_changed_and_indexed(*, is_read: bool) -> None:
    """The index's entry comes in front of its thread."""
    first, second = World(is_indexed=True, is_read=is_read).changed(row(3))
    assert first == Out("thread_index", row(3))
    assert isinstance(second, ThreadRef) is is_read


def test_what_is_not_wanted() -> None:
    """What is not wanted is counted by its reason, and nothing becomes of it."""
    world = World(is_indexed=True)
    assert world.changed(*UNWANTED) == []
    assert (world.read.other_inbox, world.read.before_start) == (2, 1)


def test_ids_of_a_listing() -> None:
    """Listed threads are read by id, whether they are known or not; what moves on comes behind."""
    pages: Any = [([row(1), row(3, archived=True), *UNWANTED], LATER, ADVANCE)]
    assert list(World().finding.ids(pages)) == [
        ThreadRef("1", always=True),
        ThreadRef("3", archived=True, always=True),
        ADVANCE,
    ]


def test_ids_of_a_listing_that_shows_a_missed_thread() -> None:
    """A missed thread that a listing shows was there: its first look is yet to come."""
    world = World()
    pages: Any = [([row(2)], LATER, ADVANCE)]
    items = list(world.finding.ids(pages))
    assert items[1:] == [ThreadRef("2", always=True), ADVANCE]
    write([items[0]])  # type: ignore[list-item] # an Out
    assert world.kept.missed == {"2": LATER}


def test_rows_of_a_listing() -> None:
    """Listed threads go out as they are, known or not, but those that this sync read by id."""
    world = World()
    world.read.taken.add("4")
    pages: Any = [([row(1), row(3, status="CLOSED"), row(4), *UNWANTED], LATER, ADVANCE)]
    outs = list(world.finding.rows(pages))
    assert [out.row and out.row["id"] for out in outs] == ["1", "3", None]
    assert outs[-1] is ADVANCE


def test_rows_of_a_listing_that_shows_a_missed_thread() -> None:
    """A missed thread's row stays in, and its entry; but that it was there is kept."""
    world = World(is_indexed=True)
    pages: Any = [([row(2)], LATER, ADVANCE)]
    assert write(world.finding.rows(pages)) == []
    assert world.kept.missed == {"2": LATER}


def test_rows_and_index() -> None:
    """Each listed row has its entry in front of it, also where the row itself stays in."""
    world = World(is_indexed=True)
    world.read.taken.add("1")
    pages: Any = [([row(1), row(3)], LATER, ADVANCE)]
    assert write(world.finding.rows(pages)) == [
        *(("thread_index", "1"), ("thread_index", "3"), ("threads", "3")),
    ]
