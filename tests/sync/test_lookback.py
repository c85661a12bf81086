"""Recent threads: which ones the lookback reads again, and failing threads of a page."""

from __future__ import annotations

from typing import Any

import pytest

from tap_hubspot_threads.models import CHECKPOINT, ReadMessages, Selection, ThreadRef
from tap_hubspot_threads.sync.pipeline import ListedPage, ThreadPipeline
from tap_hubspot_threads.sync.state.recent_threads import MAX_RECENT
from tap_hubspot_threads.sync.state.sync_state import SyncState
from tap_hubspot_threads.values import shift
from tests.sync.fakes import (
    NOW,
    Inline,
    fake,
    make_context,
    not_found_error,
    page,
    row,
    transient_error,
    write,
)

LOOKBACK = 3_600
EARLY, LATER = shift(NOW, seconds=-LOOKBACK), shift(NOW, seconds=60)
DONE = {"replication_key_value": NOW, "full_listing_completed_at": NOW}
LISTING = {"replication_key_value": NOW, "listing_ranges": [["live", "0", None]]}
"""The state in a first listing."""


class World:
    """A pipeline after a first sync, by default.

    Args:
        answers: What HubSpot answers, in order.
        with_messages: Whether `messages` is selected.
        messages: Values in the state of messages.
        settings: Settings, and values in the state of threads.
    """

    def __init__(
        self,
        *answers: object,
        with_messages: bool = False,
        messages: dict[str, Any] | None = None,
        state: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        bookmarks = {"threads": state or DONE, "messages": messages or {}}
        self.state = SyncState(bookmarks, filters="all", with_messages=with_messages)
        selection = Selection(messages=with_messages, thread_index=settings.pop("index", False))
        self.context = make_context(self.state, selection, lookback_seconds=LOOKBACK, **settings)
        self.api = fake(*answers)
        self.pipeline = ThreadPipeline(self.api, Inline(), self.context)

    def changed(self, found: dict[str, Any]) -> list[str]:
        """Return the threads that are read after a list by time has shown a row."""
        return [item.id for item in self.pipeline.changed(found) if isinstance(item, ThreadRef)]

    def is_recent(self, found: dict[str, Any]) -> bool:
        """Return whether the lookback skips a row."""
        return self.state.recent.is_last_emitted(found["id"], found["latestMessageTimestamp"])

    def listed(self, *rows: dict[str, Any], failing: int | None = None) -> list[tuple[str, str]]:
        """Write the events of a page of a full listing."""
        ref = None if failing is None else ThreadRef(str(failing), is_unlisted=True)
        return write(self.pipeline.listed([ListedPage(rows, LATER, CHECKPOINT, ref)]))


def test_changed_thread_is_skipped_next_time() -> None:
    """A thread that the increment has read is skipped until its time differs from the emitted."""
    world = World(row(1, NOW))
    assert world.changed(row(1, NOW)) == ["1"]
    write(world.pipeline.by_id([ThreadRef("1", has_new_message=True)]))
    assert world.changed(row(1, NOW)) == []
    assert world.changed(row(1, LATER)) == ["1"]
    assert world.changed(row(1, EARLY)) == ["1"]
    assert world.changed(row(1, None)) == ["1"]


def test_time_of_the_record_counts() -> None:
    """The time that was emitted counts, not the one that the list showed."""
    world = World(row(1, LATER))
    write(world.pipeline.by_id([ThreadRef("1", has_new_message=True)]))
    assert world.changed(row(1, NOW)) == ["1"]
    assert world.changed(row(1, LATER)) == []


def test_skipped_only_after_its_record() -> None:
    """A thread is skipped only once its record is written."""
    world = World(row(1))
    events = list(world.pipeline.by_id([ThreadRef("1", has_new_message=True)]))
    assert not world.is_recent(row(1))
    write(events)
    assert world.is_recent(row(1))


@pytest.mark.parametrize("answer", [transient_error(), not_found_error()])
def test_unread_thread_is_not_skipped(answer: Exception) -> None:
    """A thread that could not be read or was not found is read again."""
    world = World(answer, not_found_error())
    write(world.pipeline.by_id([ThreadRef("1", has_new_message=True)]))
    assert not world.is_recent(row(1))


def test_skipped_thread_has_no_index_record() -> None:
    """A skipped thread has no `thread_index` record either."""
    world = World(index=True, state=DONE | {"recent_threads": [["1", NOW]]})
    assert list(world.pipeline.changed(row(1))) == []


def test_messages_that_were_not_selected() -> None:
    """While the backfill of messages is due, no thread is skipped."""
    world = World(with_messages=True, state=DONE | {"recent_threads": [["1", NOW]]})
    assert world.changed(row(1)) == ["1"]


@pytest.mark.parametrize(
    ("moment", "is_recent"),
    [(EARLY, True), (NOW, True), (LATER, False), (shift(EARLY, seconds=-1), False), (None, False)],
)
def test_first_listing(moment: str | None, *, is_recent: bool) -> None:
    """A thread that the first listing emits is skipped, if its time is within the lookback."""
    world = World(state=LISTING)
    assert world.listed(row(1, moment)) == [("threads", "1")]
    assert world.is_recent(row(1, moment)) is is_recent


def test_first_listing_with_messages() -> None:
    """With messages, such a thread is skipped only after the backfill has read its messages."""
    world = World(state=LISTING, with_messages=True)
    world.listed(row(1, NOW), row(2, LATER))
    assert not world.is_recent(row(1, NOW))
    assert world.context.seen.recent_without_messages == {"1": NOW}


def test_first_listing_of_a_busy_account() -> None:
    """The first listing notes at most as many threads as are remembered."""
    world = World(state=LISTING, with_messages=True)
    world.listed(*(row(number, status="CLOSED") for number in range(MAX_RECENT + 9)))
    assert len(world.context.seen.recent_without_messages) == MAX_RECENT


def test_later_listing_with_messages() -> None:
    """A row of a later listing does not show that its messages were read, so it is not skipped."""
    world = World(with_messages=True, messages={"replication_key_value": NOW})
    world.listed(row(1, NOW, status="CLOSED"))
    assert not world.is_recent(row(1, NOW))


@pytest.mark.parametrize(("moment", "is_emitted"), [(EARLY, False), (NOW, True), (LATER, True)])
def test_outdated_row_of_a_listing(moment: str, *, is_emitted: bool) -> None:
    """A listed row is not emitted over a record with a later message."""
    world = World(state=DONE | {"recent_threads": [["1", NOW]]})
    assert (world.listed(row(1, moment)) == [("threads", "1")]) is is_emitted


def test_first_sync_without_bookmark() -> None:
    """A thread that is emitted before there is a bookmark is not skipped."""
    world = World(row(1), state={"failed": [["1", 1]]})
    assert write(world.pipeline.by_id([ThreadRef("1")])) == [("threads", "1")]
    assert not world.is_recent(row(1))


def test_failing_thread() -> None:
    """A thread that makes its page fail is read by ID, and emitted after the rows before it."""
    world = World(row(2))
    assert world.listed(row(1), failing=2) == [("threads", "1"), ("threads", "2")]
    assert world.api.requests == [("get_thread", "2", False)]


def test_failing_thread_with_every_thread_by_id() -> None:
    """With `always_fetch_by_id` it is read once too."""
    world = World(row(2), row(1), always_fetch_by_id=True)
    assert sorted(world.listed(row(1), failing=2)) == [("threads", "1"), ("threads", "2")]
    assert len(world.api.requests) == 2


def test_archived_failing_thread() -> None:
    """It is read as archived if it is not live."""
    world = World(not_found_error(), row(2, archived=True))
    assert world.listed(failing=2) == [("threads", "2")]


def test_failing_thread_that_cannot_be_read() -> None:
    """If it cannot be read by ID either, it is a failed thread and an error at the end."""
    world = World(transient_error())
    assert world.listed(failing=2) == []
    assert world.state.failed == {"2": 1}
    assert world.context.failures.threads.errors.keys() == {"2"}


@pytest.mark.parametrize(("known", "not_found"), [([], {}), (["2:lAAAAAA"], {"2": NOW})])
def test_failing_thread_that_is_not_found(known: list[str], not_found: dict[str, str]) -> None:
    """If it is not found, that counts as a check only for a known open thread."""
    world = World(not_found_error(), not_found_error(), state=DONE | {"open_threads": known})
    assert world.listed(failing=2) == []
    assert (world.state.not_found, world.state.failed) == (not_found, {})


def test_failing_thread_outside_the_filters() -> None:
    """A failing thread outside the filters is not emitted, unless it is a known open thread."""
    found = row(2, inboxId="9")
    assert World(found, inbox_ids=("1", "3")).listed(failing=2) == []
    known = DONE | {"open_threads": ["2:lAAAAAA"]}
    world = World(found, inbox_ids=("1", "3"), state=known)
    assert world.listed(failing=2) == [("threads", "2")]


def test_messages_of_a_failing_thread() -> None:
    """A failing thread in the first listing leaves its messages to the backfill."""
    world = World(row(2), state=LISTING, with_messages=True)
    events = world.pipeline.listed([ListedPage(page().rows, LATER, CHECKPOINT, ThreadRef("2"))])
    assert not any(isinstance(event, ReadMessages) for event in events)
