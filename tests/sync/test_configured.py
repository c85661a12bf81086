"""A sync of configured IDs: what is read, logged and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import MAX_NAMED_IDS, IncompleteError
from tap_hubspot_threads.models import ReadMessages, ReferenceList, Selection
from tap_hubspot_threads.sync.configured import ConfiguredSync
from tap_hubspot_threads.sync.pipeline import ThreadPipeline
from tests.sync.fakes import (
    Inline,
    fake,
    make_context,
    not_found_error,
    page,
    records,
    row,
    transient_error,
    write,
)

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
    context: SyncContext | None = None,
    **selected: bool,
) -> ConfiguredSync:
    """Return a sync of these IDs."""
    context = context or make_context(None, Selection(**selected, reference_lists=listed))
    pipeline = ThreadPipeline(api, Inline(), context, children)
    return ConfiguredSync(ids, api, Inline(), pipeline, context)


class Child:
    """A child stream that notes the threads whose messages are read."""

    def __init__(self) -> None:
        self.thread_ids: list[str] = []

    def __call__(self, events: Iterable[Event], /) -> Iterator[Event]:
        """Pass the events through, as a `ChildStream` does."""
        for event in events:
            if isinstance(event, ReadMessages):
                self.thread_ids.append(event.thread.id)
            yield event


def test_order() -> None:
    """Threads are emitted in the order of the IDs, and nothing else is requested."""
    hubspot = fake(row(2), row(1))
    assert write(sync(hubspot, "2", "1").run()) == [("threads", "2"), ("threads", "1")]
    assert hubspot.requests == [("get_thread", "2", False), ("get_thread", "1", False)]


def test_no_ids() -> None:
    """Without IDs there is no request."""
    hubspot = fake()
    assert write(sync(hubspot).run()) == []
    assert hubspot.requests == []


def test_archived() -> None:
    """An archived thread is found by a second API call."""
    assert write(sync(fake(not_found_error(), row(1, archived=True)), "1").run()) == [
        ("threads", "1")
    ]


def test_not_found(caplog: pytest.LogCaptureFixture) -> None:
    """A thread not found costs two API calls and is a warning that names it."""
    hubspot = fake(not_found_error(), not_found_error(), row(2))
    assert write(sync(hubspot, "1", "2").run()) == [("threads", "2")]
    assert "1 thread(s) not found, neither live nor archived: 1" in caplog.text


def test_many_not_found(caplog: pytest.LogCaptureFixture) -> None:
    """Of many threads not found, a limited number is named, and all are counted."""
    count = MAX_NAMED_IDS + 5
    ids = [str(number) for number in range(100, 100 + count)]
    write(sync(fake(*[not_found_error()] * 2 * count), *ids).run())
    assert f"{count} thread(s)" in caplog.text
    assert f"{ids[MAX_NAMED_IDS - 1]} and 5 more" in caplog.text
    assert ids[MAX_NAMED_IDS] not in caplog.text


def test_failed_thread(caplog: pytest.LogCaptureFixture) -> None:
    """A failed thread is an error at the end, after the other threads and the warning."""
    written: list[tuple[str, str]] = []
    hubspot = fake(transient_error(), not_found_error(), not_found_error(), row(3))
    with pytest.raises(IncompleteError, match=r"Could not read 1 thread\(s\);"):
        write(sync(hubspot, "1", "2", "3").run(), written)
    assert written == [("threads", "3")]
    assert "not found" in caplog.text


def test_messages() -> None:
    """If messages are selected, they are read for every thread that is found."""
    child = Child()
    hubspot = fake(row(2), not_found_error(), not_found_error(), row(3))
    run = sync(hubspot, "2", "1", "3", children=(child,), messages=True)
    assert write(run.run()) == [("threads", "2"), ("threads", "3")]
    assert child.thread_ids == ["2", "3"]


def test_messages_not_selected() -> None:
    """If messages are not selected, none are read."""
    child = Child()
    write(sync(fake(row(1)), "1", children=(child,)).run())
    assert child.thread_ids == []


def test_messages_alone() -> None:
    """Without `threads`, messages are read without a call for their thread."""
    hubspot, child = fake(), Child()
    run = sync(hubspot, "2", "1", children=(child,), threads=False, messages=True)
    assert write(run.run()) == []
    assert child.thread_ids == ["2", "1"]
    assert hubspot.requests == []


def test_not_found_by_messages(caplog: pytest.LogCaptureFixture) -> None:
    """With `messages` alone, a thread not found is a warning too."""
    context = make_context(None, Selection(threads=False, messages=True))
    context.seen.without_thread.append("1")
    write(sync(fake(), "1", "2", context=context).run())
    assert "1 thread(s) not found, neither live nor archived: 1" in caplog.text
    assert context.stats.not_found == 1


def test_actors_alone() -> None:
    """With `actors` alone, threads are read for the actors that they name."""
    hubspot = fake(row(1))
    assert records(sync(hubspot, "1", threads=False, actors=True).run()) == [("threads", "1")]


def test_reference_lists_alone() -> None:
    """With only reference lists selected, no thread is requested."""
    hubspot = fake(page({"id": "7"}))
    run = sync(hubspot, "1", listed=(INBOXES,), threads=False)
    assert write(run.run()) == [("inboxes", "7")]
    assert hubspot.requests == [("list_all", INBOXES, None, False)]


def test_reference_lists_follow_the_threads() -> None:
    """Reference lists follow the threads, and a failed one is an error at the end."""
    written: list[tuple[str, str]] = []
    with pytest.raises(IncompleteError, match="inboxes"):
        write(sync(fake(row(1), transient_error()), "1", listed=(INBOXES,)).run(), written)
    assert written == [("threads", "1")]
