"""Messages of threads: their order, and what happens if they cannot be read."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import DailyQuotaError, HubSpotError, RefusedError
from tap_hubspot_threads.models import (
    CHECKPOINT,
    Page,
    ReadMessages,
    Record,
    StateChange,
    ThreadRef,
)
from tap_hubspot_threads.sync.children.messages import CHUNK_BYTES, COMPLETE_STATUSES, Messages
from tap_hubspot_threads.sync.context import FAILING_SYNCS, MAX_CONSECUTIVE_FAILURES
from tap_hubspot_threads.sync.state.sync_state import SyncState
from tests.sync.fakes import (
    NOW,
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
    from collections.abc import Iterator

    from tap_hubspot_threads.models import Event

TRUNCATED = ["TRUNCATED", "HALVED"]


class World:
    """The messages of a scripted API.

    Args:
        answers: What HubSpot answers, in order.
        failed: Threads with pending messages, each with its number of consecutive failed syncs.
        with_originals: Whether the full text of truncated messages is read.
    """

    def __init__(
        self,
        *answers: object,
        failed: dict[str, int] | None = None,
        with_originals: bool = False,
    ) -> None:
        self.api = fake(*answers)
        messages = {"failed": list((failed or {}).items()), "replication_key_value": NOW}
        threads = {"replication_key_value": NOW}
        state = SyncState(
            {"threads": threads, "messages": messages}, filters="", with_messages=True
        )
        context = make_context(state, fetch_original_content=with_originals)
        self.state, self.seen, self.stats = state.messages, context.seen, context.stats
        self.failures = context.failures
        self.messages = Messages(self.api, Inline(), context)

    def write(self, *threads: list[Event]) -> list[tuple[str, str]]:
        """Write events like the writing loop."""
        return write(self.messages(chain(*threads)))

    @property
    def requests(self) -> list[Any]:
        """The API calls so far."""
        found: list[Any] = self.api.requests
        return found


def message(name: str, status: str | None = None, text: str = "") -> dict[str, Any]:
    """Return a message."""
    return {"id": name, "truncationStatus": status, "text": text, "richText": None}


def thread(name: int | str, *, change: Any = None) -> list[Event]:
    """Return the events of a thread whose messages are read."""
    messages = ReadMessages(ThreadRef(str(name)))
    return [Record("threads", row(name)), messages, *([StateChange(change)] if change else [])]


def messages_page(*names: str, cursor: str | None = None) -> Any:
    """Return a page of messages with these IDs."""
    return page(*map(message, names), cursor=cursor)


def list_call(name: int | str, cursor: str | None = None) -> tuple[Any, ...]:
    """Return the API call for a page of a thread's messages."""
    return ("list_messages", str(name), cursor)


def test_messages_precede_the_state_change() -> None:
    """Messages are emitted after their thread's record and before its state change."""
    log: list[Any] = []
    world = World(messages_page("a", cursor="x"), messages_page("b"))
    for event in world.messages(thread(1, change=lambda: log.append("change"))):
        if isinstance(event, Record):
            log.append(event.row["id"])
        elif isinstance(event, StateChange):
            event.apply()
    assert log == ["1", "a", "b", "change"]
    assert world.requests == [list_call(1), list_call(1, "x")]


def test_order() -> None:
    """Messages are emitted in the order of their threads."""
    world = World(messages_page("a", "b"), messages_page("c"))
    assert world.write(thread(2), thread(1)) == [
        *(("threads", "2"), ("messages", "a"), ("messages", "b")),
        *(("threads", "1"), ("messages", "c")),
    ]


def test_other_events_keep_their_place() -> None:
    """Events other than `ReadMessages` pass through in place and cost no API call."""
    world = World()
    events: list[Event] = [
        Record("threads", row(1)),
        CHECKPOINT,
        Record("deleted_threads", {"id": "2"}),
    ]
    assert list(world.messages(events)) == events
    assert world.requests == []


def test_messages_without_a_record() -> None:
    """Messages are read even if the record of their thread is not emitted."""
    assert World(messages_page("a")).write([ReadMessages(ThreadRef("1"))]) == [("messages", "a")]


def test_pending_messages_settle_when_written() -> None:
    """Pending messages settle when they are written, not when they are read."""
    world = World(messages_page("a", "b"), failed={"1": 1})
    events = list(world.messages(thread(1)))
    assert [name for _, name in records(events)] == ["1", "a", "b"]
    assert world.state.pending == {"1": 1}
    write(events)
    assert world.state.pending == {}


def test_thread_without_messages() -> None:
    """A thread without messages is no error."""
    world = World(messages_page(), failed={"1": 1})
    assert world.write(thread(1)) == [("threads", "1")]
    assert world.state.pending == {}
    assert world.stats.threads_with_messages == 1


def test_repeated_message_is_emitted_once() -> None:
    """A message that repeats on a page or across pages is emitted once."""
    world = World(messages_page("a", "b", "b", cursor="x"), messages_page("b", "c"))
    assert [name for _, name in world.write(thread(1))] == ["1", "a", "b", "c"]


def test_repeated_cursor() -> None:
    """A repeated cursor is a failure of that thread, and other threads continue."""
    pages = [messages_page("a", cursor="x"), messages_page("b", cursor="x")]
    world = World(*pages, messages_page("c"))
    assert [name for _, name in world.write(thread(1), thread(2))] == ["1", "a", "b", "2", "c"]
    assert world.state.pending == {"1": 1}


@pytest.mark.parametrize(
    "error", [transient_error(), RefusedError("400")], ids=["transient", "refused"]
)
def test_failure_of_one_thread(error: HubSpotError) -> None:
    """Failed messages become pending and an error at the end, and other threads continue."""
    done: list[int] = []
    world = World(error, messages_page("c"))
    written = world.write(thread(1, change=lambda: done.append(1)), thread(2))
    assert written == [("threads", "1"), ("threads", "2"), ("messages", "c")]
    assert done == [1]
    assert world.state.pending == {"1": 1}
    assert world.failures.messages.errors == {"1": error}
    with pytest.raises(HubSpotError, match=r"Could not read the messages of 1 thread\(s\);"):
        world.failures.check()


def test_pending_before_the_state_change() -> None:
    """Failed messages become pending before the state change of their thread is applied."""
    world = World(transient_error())
    pending: list[Any] = []
    world.write(thread(1, change=lambda: pending.append(dict(world.state.pending))))
    assert pending == [{"1": 1}]


def test_failure_after_a_page() -> None:
    """Messages read before a failure are emitted, and the thread's messages become pending."""
    world = World(messages_page("a", cursor="x"), transient_error())
    assert world.write(thread(1)) == [("threads", "1"), ("messages", "a")]
    assert world.state.pending == {"1": 1}


def test_success_after_a_failure() -> None:
    """Messages that fail and then succeed in one sync are neither pending nor an error."""
    world = World(transient_error(), messages_page("a"))
    world.write(thread(1))
    world.write(thread(1))
    assert world.state.pending == {}
    world.failures.check()


def test_quarantined_thread(caplog: pytest.LogCaptureFixture) -> None:
    """From the third failed sync in a row on, messages get one attempt and only a warning."""
    world = World(transient_error(), failed={"1": FAILING_SYNCS - 1})
    world.write(thread(1))
    assert world.requests == [("list_messages", "1", None, True)]
    assert world.state.pending == {"1": FAILING_SYNCS}
    assert f"messages of thread 1 could not be read for {FAILING_SYNCS} syncs" in caplog.text
    world.failures.check()


def test_consecutive_failures_end_the_sync() -> None:
    """Too many consecutive transient failures end the sync."""
    count = MAX_CONSECUTIVE_FAILURES
    world = World(*[transient_error()] * count, messages_page("a"))
    written: list[tuple[str, str]] = []
    events = world.messages(chain.from_iterable(map(thread, range(1, count + 2))))
    with pytest.raises(HubSpotError, match=f"messages failed {count} times in a row"):
        write(events, written)
    assert [name for _, name in written] == [str(number) for number in range(1, count + 1)]
    assert len(world.requests) == count


def test_success_resets_the_failure_count() -> None:
    """Messages that can be read reset the count of consecutive failures."""
    few = [transient_error()] * (MAX_CONSECUTIVE_FAILURES - 1)
    world = World(*few, messages_page("a"), *few)
    world.write(*map(thread, range(1, 2 * MAX_CONSECUTIVE_FAILURES)))
    assert len(world.state.pending) == 2 * len(few)


def test_quarantined_threads_never_end_the_sync() -> None:
    """Failures of quarantined threads never end the sync, however many fail."""
    names = [str(number) for number in range(2 * MAX_CONSECUTIVE_FAILURES)]
    world = World(*[transient_error()] * len(names), failed=dict.fromkeys(names, FAILING_SYNCS))
    world.write(*map(thread, names))
    assert set(world.state.pending.values()) == {FAILING_SYNCS + 1}


@pytest.mark.parametrize("before", range(FAILING_SYNCS))
def test_thread_deleted_after_its_record(before: int) -> None:
    """A thread deleted after its record is no error. Its messages settle in the third sync."""
    world = World(
        not_found_error(),
        not_found_error(),
        not_found_error(),
        failed={"1": before} if before else {},
    )
    assert world.write(thread(1)) == [("threads", "1")]
    assert len(world.requests) == 3
    pending = {} if before + 1 == FAILING_SYNCS else {"1": before + 1}
    assert (world.seen.without_thread, world.stats.unavailable, world.state.pending) == (
        ["1"],
        [],
        pending,
    )
    world.failures.check()


@pytest.mark.parametrize("is_deleted_first", [True, False])
def test_failed_and_deleted_in_one_sync(*, is_deleted_first: bool) -> None:
    """A thread that fails and is also not found in one sync counts as one failure."""
    not_found, failed = [not_found_error()] * 3, [transient_error()]
    answers = not_found + failed if is_deleted_first else failed + not_found
    world = World(*answers, failed={"1": 1})
    world.write(thread(1))
    world.write(thread(1))
    assert (len(world.requests), world.state.pending) == (4, {"1": 2})


def test_404_for_messages_of_an_archived_thread() -> None:
    """After a 404 for its messages, an archived thread is first requested as archived."""
    world = World(not_found_error(), row(1, archived=True), not_found_error())
    world.write([ReadMessages(ThreadRef("1", archived=True))])
    assert world.requests[1:] == [("get_thread", "1", True), (*list_call(1), True)]


def test_messages_requested_as_archived() -> None:
    """If the thread exists, messages not found are requested with `archived=true`, with retries."""
    world = World(
        not_found_error(), row(1, archived=True), messages_page("a", cursor="x"), messages_page("b")
    )
    found = world.write([ReadMessages(ThreadRef("1", archived=True))])
    assert found == [("messages", "a"), ("messages", "b")]
    assert world.requests[2:] == [(*list_call(1), True), (*list_call(1, "x"), True)]
    assert world.stats.unavailable == []


def test_404_for_a_later_page() -> None:
    """A 404 for a later page of an existing thread is a failure, and its messages are pending."""
    world = World(messages_page("a", cursor="x"), not_found_error(), row(1))
    assert world.write(thread(1)) == [("threads", "1"), ("messages", "a")]
    assert (world.stats.unavailable, world.state.pending) == ([], {"1": 1})


def test_404_for_a_later_page_of_archived_messages() -> None:
    """The same holds for a later page of the messages requested with `archived=true`."""
    archived = row(1, archived=True)
    world = World(
        not_found_error(), archived, messages_page("a", cursor="x"), not_found_error(), archived
    )
    world.write([ReadMessages(ThreadRef("1", archived=True))])
    assert (world.stats.unavailable, world.state.pending) == ([], {"1": 1})


def test_unavailable_messages(caplog: pytest.LogCaptureFixture) -> None:
    """Messages that HubSpot withholds for an existing thread are a warning and no error."""
    unavailable = [not_found_error(), row(1), not_found_error()]
    world = World(*unavailable, not_found_error(), row(2), not_found_error(), failed={"1": 1})
    assert world.write(thread(1), thread(2)) == [("threads", "1"), ("threads", "2")]
    assert (world.stats.unavailable, world.seen.without_thread, world.state.pending) == (
        ["1", "2"],
        [],
        {},
    )
    world.stats.warn()
    assert "HubSpot has 2 thread(s) but returns 404 for their messages: 1, 2" in caplog.text
    world.failures.check()


def test_unavailable_messages_never_end_the_sync() -> None:
    """Unavailable messages never end the sync, however many threads are affected."""
    answers = [
        found
        for number in range(9)
        for found in (not_found_error(), row(number), not_found_error())
    ]
    world = World(*answers)
    world.write(*map(thread, range(9)))
    assert len(world.stats.unavailable) == 9


def test_failed_check_of_the_thread() -> None:
    """If the check of the thread fails, its messages become pending."""
    world = World(not_found_error(), transient_error())
    world.write(thread(1))
    assert world.state.pending == {"1": 1}
    assert (world.stats.unavailable, world.seen.without_thread) == ([], [])


def test_full_texts_that_always_fail() -> None:
    """After several consecutive failures no full text is requested; all truncated ones count."""
    cut = [message(str(number), "TRUNCATED") for number in range(9)]
    world = World(
        page(*cut), *[RefusedError("403")] * MAX_CONSECUTIVE_FAILURES, with_originals=True
    )
    assert len(world.write(thread(1))) == 1 + len(cut)
    assert len(world.requests) == 1 + MAX_CONSECUTIVE_FAILURES
    assert len(world.stats.truncated) == len(cut)


def test_thread_deleted_between_pages() -> None:
    """A thread deleted between two pages of its messages counts as not found."""
    world = World(
        messages_page("a", cursor="x"), not_found_error(), not_found_error(), not_found_error()
    )
    assert world.write(thread(1)) == [("threads", "1"), ("messages", "a")]
    assert (world.seen.without_thread, world.state.pending) == (["1"], {"1": 1})


@pytest.mark.parametrize(
    "error",
    [HubSpotError("401", is_auth_error=True), DailyQuotaError("spent")],
    ids=["401", "quota"],
)
def test_token_and_quota_errors_end_the_sync(error: HubSpotError) -> None:
    """A rejected token or a spent daily quota ends the sync, and nothing is settled."""
    world, written = World(error, failed={"1": 1}), list[tuple[str, str]]()
    done: list[int] = []
    events = world.messages(thread(1, change=lambda: done.append(1)))
    with pytest.raises(HubSpotError) as raised:
        write(events, written)
    assert raised.value is error
    assert written == [("threads", "1")]
    assert (world.state.pending, done) == ({"1": 1}, [])


def test_error_of_the_source() -> None:
    """An error of the event source is raised after all earlier records and messages."""

    def events() -> Iterator[Event]:
        yield from thread(1)
        message = "source"
        raise HubSpotError(message)

    world, written = World(messages_page("a"), failed={"1": 1}), list[tuple[str, str]]()
    with pytest.raises(HubSpotError, match="source"):
        write(world.messages(events()), written)
    assert written == [("threads", "1"), ("messages", "a")]
    assert world.state.pending == {}


def test_noted_when_reading_starts() -> None:
    """A thread counts as read as soon as the reading of its messages starts."""
    world = World(messages_page("a"))
    events = world.messages(thread(1))
    assert [next(events), next(events)]
    assert world.seen.with_messages == {"1"}


def original(text: str | None, rich: str | None = None) -> dict[str, Any]:
    """Return a response with the full text."""
    return {"text": text, "richText": rich}


def emitted(world: World) -> list[dict[str, Any]]:
    """Return the emitted messages of thread 1."""
    events = [event for event in world.messages(thread(1)) if isinstance(event, Record)]
    return [event.row for event in events if event.stream == "messages"]


def texts(world: World) -> list[str]:
    """Return the emitted texts of thread 1."""
    return [message["text"] for message in emitted(world)]


@pytest.mark.parametrize("status", TRUNCATED)
def test_full_text(status: str) -> None:
    """The full text of a truncated message is read, also with an unknown truncation status."""
    found = page(message("a", None, "one"), message("b", status, "tw"), message("c", None, "three"))
    world = World(found, original("two"), with_originals=True)
    assert texts(world) == ["one", "two", "three"]
    assert world.requests[1:] == [("get_original_content", "1", "b")]


@pytest.mark.parametrize("status", sorted(COMPLETE_STATUSES, key=str))
def test_no_call_without_truncation(status: str | None) -> None:
    """A message that lost nothing, or only quoted replies, costs no extra call."""
    world = World(page(message("a", status, "one")), with_originals=True)
    assert texts(world) == ["one"]
    assert len(world.requests) == 1


@pytest.mark.parametrize("status", TRUNCATED)
def test_full_text_is_optional(status: str) -> None:
    """Full texts are read only with `fetch_original_content`."""
    world = World(page(message("a", status, "on")))
    assert texts(world) == ["on"]
    assert len(world.requests) == 1


def test_text_that_the_response_omits() -> None:
    """A text that the response omits keeps its truncated value."""
    short = page(message("a", "TRUNCATED", "on") | {"richText": "<p>on</p>"})
    world = World(short, original("one"), with_originals=True)
    (found,) = emitted(world)
    assert (found["text"], found["richText"]) == ("one", "<p>on</p>")


@pytest.mark.parametrize(
    "error",
    [transient_error(), RefusedError("400"), not_found_error()],
    ids=["transient", "refused", "not found"],
)
def test_failed_full_text(error: HubSpotError, caplog: pytest.LogCaptureFixture) -> None:
    """If a full text fails, the truncated text is emitted, with a warning and no error."""
    found = page(message("a", "TRUNCATED", "on"), message("b", "TRUNCATED", "tw"))
    world = World(found, error, original("two"), with_originals=True, failed={"1": 1})
    assert texts(world) == ["on", "two"]
    assert world.stats.truncated == ["a"]
    assert world.failures.messages.errors == {}
    world.stats.warn()
    assert "1 message(s) are truncated" in caplog.text


def test_full_texts_in_chunks() -> None:
    """Many full texts of a page are emitted in chunks, so that few are in memory at once."""
    found = page(*(message(name, "TRUNCATED") for name in "abc"))
    world = World(found, *[original("x" * CHUNK_BYTES)] * 3, with_originals=True)
    events = world.messages(thread(1))
    assert records([next(events), next(events)]) == [("threads", "1"), ("messages", "a")]
    assert len(world.requests) == 2
    assert len(list(events)) == 3


class CountedRows(list[Any]):
    """Rows that count how often they are iterated."""

    made = 0

    def __iter__(self) -> Iterator[Any]:
        """Count the iteration."""
        self.made += 1
        return super().__iter__()


@pytest.mark.parametrize("with_originals", [False, True])
@pytest.mark.parametrize("status", ["TRUNCATED", "NOT_TRUNCATED"])
def test_rows_are_built_once(status: str, *, with_originals: bool) -> None:
    """The rows of a page are built once, whether or not full texts are read."""
    rows = CountedRows([message("a", status), message("b", status)])
    world = World(Page(rows, None, NOW), *[original("x")] * 2, with_originals=with_originals)
    assert [name for _, name in world.write(thread(1))] == ["1", "a", "b"]
    assert rows.made == 1


def test_quota_spent_at_a_full_text() -> None:
    """A daily quota spent at a full text ends the sync, and nothing is settled."""
    found = page(message("a", "TRUNCATED", "on"))
    world = World(found, DailyQuotaError("spent"), with_originals=True, failed={"1": 1})
    with pytest.raises(DailyQuotaError):
        world.write(thread(1))
    assert world.state.pending == {"1": 1}
