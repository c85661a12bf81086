"""A sync of configured ids: what is read, what is told, what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import MAX_NAMED_IDS, IncompleteError
from tap_hubspot_threads.models import ReadMessages, ReferenceList, Selection
from tap_hubspot_threads.sync.configured import ConfiguredSync
from tap_hubspot_threads.sync.pipeline import ThreadPipeline
from tests.sync.fakes import Inline, context, fake, missing, page, passing, records, row, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_hubspot_threads.models import Event
    from tap_hubspot_threads.sync.context import SyncContext
    from tap_hubspot_threads.sync.pipeline import ChildStream

INBOXES = ReferenceList("inboxes", "/inboxes")


def sync(
    api: Any,
    *ids: str,
    children: tuple[ChildStream, ...] = (),
    listed: tuple[ReferenceList, ...] = (),
    of: SyncContext | None = None,
    **selected: bool,
) -> ConfiguredSync:
    """Make a sync of IDs."""
    of = of or context(None, Selection(**selected, reference_lists=listed))
    pipeline = ThreadPipeline(api, Inline(), of, children)
    return ConfiguredSync(ids, api, Inline(), pipeline, of)


class Child:
    """A child stream that notes whose messages are read."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, events: Iterable[Event], /) -> Iterator[Event]:
        """As `ChildStream` says."""
        for event in events:
            if isinstance(event, ReadMessages):
                self.asked.append(event.thread.id)
            yield event


def test_in_their_order() -> None:
    """The threads go out in the order of the ids, and nothing else is asked."""
    hubspot = fake(row(2), row(1))
    assert write(sync(hubspot, "2", "1").run()) == [("threads", "2"), ("threads", "1")]
    assert hubspot.asked == [("get_thread", "2", False), ("get_thread", "1", False)]


def test_no_ids() -> None:
    """No ids mean no request."""
    hubspot = fake()
    assert write(sync(hubspot).run()) == []
    assert hubspot.asked == []


def test_archived() -> None:
    """An archived thread is found by a second look."""
    assert write(sync(fake(missing(), row(1, archived=True)), "1").run()) == [("threads", "1")]


def test_missing(caplog: pytest.LogCaptureFixture) -> None:
    """A missing thread costs two looks, is a warning that names it, and no deleted thread."""
    hubspot = fake(missing(), missing(), row(2))
    assert write(sync(hubspot, "1", "2").run()) == [("threads", "2")]
    assert "1 thread(s) not found, neither live nor archived: 1" in caplog.text


def test_many_missing(caplog: pytest.LogCaptureFixture) -> None:
    """Of many missing threads so many are named, and all are counted."""
    count = MAX_NAMED_IDS + 5
    ids = [str(number) for number in range(100, 100 + count)]
    write(sync(fake(*[missing()] * 2 * count), *ids).run())
    assert f"{count} thread(s)" in caplog.text
    assert f"{ids[MAX_NAMED_IDS - 1]} and 5 more" in caplog.text
    assert ids[MAX_NAMED_IDS] not in caplog.text


def test_unread(caplog: pytest.LogCaptureFixture) -> None:
    """A thread that cannot be read is an error at the end, behind all others and the missing."""
    written: list[tuple[str, str]] = []
    hubspot = fake(passing(), missing(), missing(), row(3))
    with pytest.raises(IncompleteError, match=r"Could not read 1 thread\(s\);"):
        write(sync(hubspot, "1", "2", "3").run(), written)
    assert written == [("threads", "3")]
    assert "not found" in caplog.text


def test_messages_of_each() -> None:
    """Where messages are selected, each thread's are read behind its row, but of missing ones."""
    child = Child()
    hubspot = fake(row(2), missing(), missing(), row(3))
    run = sync(hubspot, "2", "1", "3", children=(child,), messages=True)
    assert write(run.run()) == [("threads", "2"), ("threads", "3")]
    assert child.asked == ["2", "3"]


def test_no_messages_unasked() -> None:
    """Where messages are not selected, none is read."""
    child = Child()
    write(sync(fake(row(1)), "1", children=(child,)).run())
    assert child.asked == []


def test_messages_alone() -> None:
    """Where threads are not selected, the messages are read without a call for the thread."""
    hubspot, child = fake(), Child()
    run = sync(hubspot, "2", "1", children=(child,), threads=False, messages=True)
    assert write(run.run()) == []
    assert child.asked == ["2", "1"]
    assert hubspot.asked == []


def test_missing_by_their_messages(caplog: pytest.LogCaptureFixture) -> None:
    """Where messages alone are selected, a thread that is not there is missing all the same."""
    of = context(None, Selection(threads=False, messages=True))
    of.seen.without_thread.append("1")
    write(sync(fake(), "1", "2", of=of).run())
    assert "1 thread(s) not found, neither live nor archived: 1" in caplog.text
    assert of.stats.not_found == 1


def test_actors_alone() -> None:
    """Where actors alone are selected, threads are read for whom they name."""
    hubspot = fake(row(1))
    assert records(sync(hubspot, "1", threads=False, actors=True).run()) == [("threads", "1")]


def test_lists_alone() -> None:
    """Where only streams are selected that are listed as a whole, no thread is asked for."""
    hubspot = fake(page({"id": "7"}))
    run = sync(hubspot, "1", listed=(INBOXES,), threads=False)
    assert write(run.run()) == [("inboxes", "7")]
    assert hubspot.asked == [("list_all", INBOXES, None, False)]


def test_lists_behind_the_threads() -> None:
    """Streams that are listed as a whole come behind the threads; a refusal is the end's error."""
    written: list[tuple[str, str]] = []
    with pytest.raises(IncompleteError, match="inboxes"):
        write(sync(fake(row(1), passing()), "1", listed=(INBOXES,)).run(), written)
    assert written == [("threads", "1")]
