"""Messages of threads: their place, their order, what becomes of those that cannot be read."""

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
from tap_hubspot_threads.sync.children.messages import CHUNK, WHOLE, Messages
from tap_hubspot_threads.sync.context import FAILING_SYNCS, MAX_CONSECUTIVE_FAILURES
from tap_hubspot_threads.sync.state.state import SyncState
from tests.sync.fakes import (
    NOW,
    Inline,
    context,
    fake,
    missing,
    page,
    passing,
    records,
    row,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.models import Event

CUT_OFF = ["TRUNCATED", "HALVED"]


class World:
    """Messages of an account that answers so.

    Args:
        answers: What HubSpot answers, one after the other.
        failed: The threads whose messages are owed, each with in how many syncs in a row.
        with_originals: Whether whole texts are read.
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
        of = context(state, fetch_original_content=with_originals)
        self.state, self.seen, self.stats = state.messages, of.seen, of.stats
        self.failures = of.failures
        self.messages = Messages(self.api, Inline(), of)

    def write(self, *threads: list[Event]) -> list[tuple[str, str]]:
        """Write the events as the loop that writes does."""
        return write(self.messages(chain(*threads)))

    @property
    def asked(self) -> list[Any]:
        """What was asked."""
        found: list[Any] = self.api.asked
        return found


def message(name: str, status: str | None = None, text: str = "") -> dict[str, Any]:
    """Make a message."""
    return {"id": name, "truncationStatus": status, "text": text, "richText": None}


def thread(name: int | str, *, then: Any = None) -> list[Event]:
    """Make the events of a thread whose messages are read."""
    messages = ReadMessages(ThreadRef(str(name)))
    return [Record("threads", row(name)), messages, *([StateChange(then)] if then else [])]


def of_page(*names: str, cursor: str | None = None) -> Any:
    """Make a page of such messages."""
    return page(*map(message, names), cursor=cursor)


def asks(name: int | str, cursor: str | None = None) -> tuple[Any, ...]:
    """Return what is asked for a page of messages."""
    return ("list_messages", str(name), cursor)


def test_between_the_record_and_its_state_change() -> None:
    """Messages come after their thread's record, and its state change after the last of them."""
    log: list[Any] = []
    world = World(of_page("a", cursor="x"), of_page("b"))
    for event in world.messages(thread(1, then=lambda: log.append("then"))):
        if isinstance(event, Record):
            log.append(event.row["id"])
        elif isinstance(event, StateChange):
            event.apply()
    assert log == ["1", "a", "b", "then"]
    assert world.asked == [asks(1), asks(1, "x")]


def test_in_the_order_of_the_threads() -> None:
    """Threads, and each one's messages, come in the order of the threads."""
    world = World(of_page("a", "b"), of_page("c"))
    assert world.write(thread(2), thread(1)) == [
        *(("threads", "2"), ("messages", "a"), ("messages", "b")),
        *(("threads", "1"), ("messages", "c")),
    ]


def test_other_events_keep_their_place() -> None:
    """An event that is no `ReadMessages` stays as it is, and costs no call."""
    world = World()
    events: list[Event] = [
        Record("threads", row(1)),
        CHECKPOINT,
        Record("deleted_threads", {"id": "2"}),
    ]
    assert list(world.messages(events)) == events
    assert world.asked == []


def test_messages_without_a_record() -> None:
    """A thread whose record is not emitted has its messages read all the same."""
    assert World(of_page("a")).write([ReadMessages(ThreadRef("1"))]) == [("messages", "a")]


def test_settled_after_the_last() -> None:
    """A thread with pending messages is settled when they are written, not when they were read."""
    world = World(of_page("a", "b"), failed={"1": 1})
    events = list(world.messages(thread(1)))
    assert [name for _, name in records(events)] == ["1", "a", "b"]
    assert world.state.pending == {"1": 1}
    write(events)
    assert world.state.pending == {}


def test_no_messages() -> None:
    """A thread without a message is no error."""
    world = World(of_page(), failed={"1": 1})
    assert world.write(thread(1)) == [("threads", "1")]
    assert world.state.pending == {}
    assert world.stats.threads_with_messages == 1


def test_repeated_rows() -> None:
    """A message that is on two pages, or twice on one, goes out once."""
    world = World(of_page("a", "b", "b", cursor="x"), of_page("b", "c"))
    assert [name for _, name in world.write(thread(1))] == ["1", "a", "b", "c"]


def test_cursor_that_repeats() -> None:
    """Pages that would never end are a failure of the thread, and others go on."""
    pages = [of_page("a", cursor="x"), of_page("b", cursor="x")]
    world = World(*pages, of_page("c"))
    assert [name for _, name in world.write(thread(1), thread(2))] == ["1", "a", "b", "2", "c"]
    assert world.state.pending == {"1": 1}


@pytest.mark.parametrize("error", [passing(), RefusedError("400")], ids=["passing", "refused"])
def test_failure_of_one_thread(error: HubSpotError) -> None:
    """Messages that cannot be read are owed behind the row; others go on, it is an error then."""
    done: list[int] = []
    world = World(error, of_page("c"))
    written = world.write(thread(1, then=lambda: done.append(1)), thread(2))
    assert written == [("threads", "1"), ("threads", "2"), ("messages", "c")]
    assert done == [1]
    assert world.state.pending == {"1": 1}
    assert world.failures.messages.errors == {"1": error}
    with pytest.raises(HubSpotError, match=r"Could not read the messages of 1 thread\(s\);"):
        world.failures.check()


def test_owed_before_what_is_done_then() -> None:
    """That messages are owed is kept no later than what is done behind the row."""
    world = World(passing())
    kept: list[Any] = []
    world.write(thread(1, then=lambda: kept.append(dict(world.state.pending))))
    assert kept == [{"1": 1}]


def test_failure_behind_a_page() -> None:
    """What came of a thread before its failure goes out; it is owed all the same."""
    world = World(of_page("a", cursor="x"), passing())
    assert world.write(thread(1)) == [("threads", "1"), ("messages", "a")]
    assert world.state.pending == {"1": 1}


def test_read_after_all() -> None:
    """A thread that failed and then is read in the same sync is neither owed nor an error."""
    world = World(passing(), of_page("a"))
    world.write(thread(1))
    world.write(thread(1))
    assert world.state.pending == {}
    world.failures.check()


def test_fails_for_long(caplog: pytest.LogCaptureFixture) -> None:
    """From the third sync in a row on it is tried once, a warning, kept, and no error."""
    world = World(passing(), failed={"1": FAILING_SYNCS - 1})
    world.write(thread(1))
    assert world.asked == [("list_messages", "1", None, True)]
    assert world.state.pending == {"1": FAILING_SYNCS}
    assert f"messages of thread 1 could not be read for {FAILING_SYNCS} syncs" in caplog.text
    world.failures.check()


def test_failures_in_a_row_end_it() -> None:
    """So many neighbours whose messages cannot be read: HubSpot is down."""
    count = MAX_CONSECUTIVE_FAILURES
    world = World(*[passing()] * count, of_page("a"))
    written: list[tuple[str, str]] = []
    outs = world.messages(chain.from_iterable(map(thread, range(1, count + 2))))
    with pytest.raises(HubSpotError, match=f"{count} threads' messages in a row"):
        write(outs, written)
    assert [name for _, name in written] == [str(number) for number in range(1, count + 1)]
    assert len(world.asked) == count


def test_an_answer_in_between() -> None:
    """Messages of a thread in between show that HubSpot is up."""
    few = [passing()] * (MAX_CONSECUTIVE_FAILURES - 1)
    world = World(*few, of_page("a"), *few)
    world.write(*map(thread, range(1, 2 * MAX_CONSECUTIVE_FAILURES)))
    assert len(world.state.pending) == 2 * len(few)


def test_suspects_say_nothing_of_hubspot() -> None:
    """However many threads fail that have failed for long, that does not end the sync."""
    names = [str(number) for number in range(2 * MAX_CONSECUTIVE_FAILURES)]
    world = World(*[passing()] * len(names), failed=dict.fromkeys(names, FAILING_SYNCS))
    world.write(*map(thread, names))
    assert set(world.state.pending.values()) == {FAILING_SYNCS + 1}


@pytest.mark.parametrize("before", range(FAILING_SYNCS))
def test_gone_meanwhile(before: int) -> None:
    """A thread that was deleted behind its row is no error; HubSpot is believed the third time."""
    world = World(missing(), missing(), missing(), failed={"1": before} if before else {})
    assert world.write(thread(1)) == [("threads", "1")]
    assert len(world.asked) == 3
    owed = {} if before + 1 == FAILING_SYNCS else {"1": before + 1}
    assert (world.seen.without_thread, world.stats.unavailable, world.state.pending) == (
        ["1"],
        [],
        owed,
    )
    world.failures.check()


def test_looked_for_where_it_was() -> None:
    """An archived thread whose messages are not there is looked for on its side first."""
    world = World(missing(), row(1, archived=True), missing())
    world.write([ReadMessages(ThreadRef("1", archived=True))])
    assert world.asked[1:] == [("get_thread", "1", True), (*asks(1), True, True)]


def test_messages_of_the_archived_side() -> None:
    """If a thread is there and its messages are a 404, the archived ones are asked for, once."""
    world = World(missing(), row(1, archived=True), of_page("a", cursor="x"), of_page("b"))
    found = world.write([ReadMessages(ThreadRef("1", archived=True))])
    assert found == [("messages", "a"), ("messages", "b")]
    assert world.asked[2:] == [(*asks(1), True, True), (*asks(1, "x"), True, True)]
    assert world.stats.unavailable == []


def test_later_page_that_is_not_found() -> None:
    """A 404 for a later page of a thread that is there is a failure: its messages are owed."""
    world = World(of_page("a", cursor="x"), missing(), row(1))
    assert world.write(thread(1)) == [("threads", "1"), ("messages", "a")]
    assert (world.stats.unavailable, world.state.pending) == ([], {"1": 1})


def test_messages_that_are_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    """A thread that is there, and its messages are not, is counted and warned of, and no error."""
    never = [missing(), row(1), missing()]
    world = World(*never, missing(), row(2), missing(), failed={"1": 1})
    assert world.write(thread(1), thread(2)) == [("threads", "1"), ("threads", "2")]
    assert (world.stats.unavailable, world.seen.without_thread, world.state.pending) == (
        ["1", "2"],
        [],
        {},
    )
    world.stats.warn()
    assert "HubSpot has 2 thread(s), but does not show their messages: 1, 2" in caplog.text
    world.failures.check()


def test_hidden_is_no_failure_in_a_row() -> None:
    """However many threads do not show their messages, that does not end the sync."""
    answers = [found for number in range(9) for found in (missing(), row(number), missing())]
    world = World(*answers)
    world.write(*map(thread, range(9)))
    assert len(world.stats.unavailable) == 9


def test_look_that_fails() -> None:
    """Where it cannot be told whether the thread is there, its messages are owed."""
    world = World(missing(), passing())
    world.write(thread(1))
    assert world.state.pending == {"1": 1}
    assert (world.stats.unavailable, world.seen.without_thread) == ([], [])


def test_whole_texts_that_never_come() -> None:
    """After some in a row no whole text is asked for any more in this sync; all are counted."""
    cut = [message(str(number), "TRUNCATED") for number in range(9)]
    world = World(
        page(*cut), *[RefusedError("403")] * MAX_CONSECUTIVE_FAILURES, with_originals=True
    )
    assert len(world.write(thread(1))) == 1 + len(cut)
    assert len(world.asked) == 1 + MAX_CONSECUTIVE_FAILURES
    assert len(world.stats.truncated) == len(cut)


def test_gone_between_pages() -> None:
    """A thread that is deleted while its messages are paged is gone."""
    world = World(of_page("a", cursor="x"), missing(), missing(), missing())
    assert world.write(thread(1)) == [("threads", "1"), ("messages", "a")]
    assert (world.seen.without_thread, world.state.pending) == (["1"], {"1": 1})


@pytest.mark.parametrize(
    "error", [HubSpotError("401", is_auth_error=True), DailyQuotaError("spent")], ids=["401", "day"]
)
def test_what_ends_the_sync(error: HubSpotError) -> None:
    """What no other thread would fare better with is raised behind the row, and nothing settled."""
    world, written = World(error, failed={"1": 1}), list[tuple[str, str]]()
    done: list[int] = []
    outs = world.messages(thread(1, then=lambda: done.append(1)))
    with pytest.raises(HubSpotError) as raised:
        write(outs, written)
    assert raised.value is error
    assert written == [("threads", "1")]
    assert (world.state.pending, done) == ({"1": 1}, [])


def test_error_of_what_comes_in() -> None:
    """An error of what comes in arrives behind all that was before it, messages and all."""

    def events() -> Iterator[Event]:
        yield from thread(1)
        message = "source"
        raise HubSpotError(message)

    world, written = World(of_page("a"), failed={"1": 1}), list[tuple[str, str]]()
    with pytest.raises(HubSpotError, match="source"):
        write(world.messages(events()), written)
    assert written == [("threads", "1"), ("messages", "a")]
    assert world.state.pending == {}


def test_taken_when_handed_out() -> None:
    """Whose messages are read is noted as soon as that is begun."""
    world = World(of_page("a"))
    events = world.messages(thread(1))
    assert [next(events), next(events)]
    assert world.seen.with_messages == {"1"}


def whole(text: str | None, rich: str | None = None) -> dict[str, Any]:
    """Make the answer with a whole text."""
    return {"text": text, "richText": rich}


def emitted(world: World) -> list[dict[str, Any]]:
    """Return the messages of thread 1 that are emitted."""
    events = [event for event in world.messages(thread(1)) if isinstance(event, Record)]
    return [event.row for event in events if event.stream == "messages"]


def texts(world: World) -> list[str]:
    """Return their texts."""
    return [message["text"] for message in emitted(world)]


@pytest.mark.parametrize("status", CUT_OFF)
def test_whole_text(status: str) -> None:
    """The whole text is read of a message that was cut off, whatever HubSpot calls that."""
    found = page(message("a", None, "one"), message("b", status, "tw"), message("c", None, "three"))
    world = World(found, whole("two"), with_originals=True)
    assert texts(world) == ["one", "two", "three"]
    assert world.asked[1:] == [("get_original_content", "1", "b")]


@pytest.mark.parametrize("status", sorted(WHOLE, key=str))
def test_no_call_for_a_whole_one(status: str | None) -> None:
    """Nothing is asked where nothing is lost but the replies that are quoted."""
    world = World(page(message("a", status, "one")), with_originals=True)
    assert texts(world) == ["one"]
    assert len(world.asked) == 1


@pytest.mark.parametrize("status", CUT_OFF)
def test_no_whole_text_unasked(status: str) -> None:
    """Where whole texts are not wanted, none is asked for."""
    world = World(page(message("a", status, "on")))
    assert texts(world) == ["on"]
    assert len(world.asked) == 1


def test_whole_text_leaves_the_rest() -> None:
    """A text that the answer does not have stays as it was."""
    short = page(message("a", "TRUNCATED", "on") | {"richText": "<p>on</p>"})
    world = World(short, whole("one"), with_originals=True)
    (found,) = emitted(world)
    assert (found["text"], found["richText"]) == ("one", "<p>on</p>")


@pytest.mark.parametrize(
    "error", [passing(), RefusedError("400"), missing()], ids=["passing", "refused", "missing"]
)
def test_whole_text_that_cannot_be_had(
    error: HubSpotError, caplog: pytest.LogCaptureFixture
) -> None:
    """A failure there leaves the short text, is counted and warned of, and is no error."""
    found = page(message("a", "TRUNCATED", "on"), message("b", "TRUNCATED", "tw"))
    world = World(found, error, whole("two"), with_originals=True, failed={"1": 1})
    assert texts(world) == ["on", "two"]
    assert world.stats.truncated == ["a"]
    assert world.failures.messages.errors == {}
    world.stats.warn()
    assert "1 message(s) are cut off" in caplog.text


def test_whole_texts_in_parts() -> None:
    """Many whole texts of a page are handed on in parts, so that they are not all held at once."""
    found = page(*(message(name, "TRUNCATED") for name in "abc"))
    world = World(found, *[whole("x" * CHUNK)] * 3, with_originals=True)
    events = world.messages(thread(1))
    assert records([next(events), next(events)]) == [("threads", "1"), ("messages", "a")]
    assert len(world.asked) == 2
    assert len(list(events)) == 3


class CountedRows(list[Any]):
    """Rows that count how often they are made."""

    made = 0

    def __iter__(self) -> Iterator[Any]:
        """Make the rows."""
        self.made += 1
        return super().__iter__()


@pytest.mark.parametrize("with_originals", [False, True])
@pytest.mark.parametrize("status", ["TRUNCATED", "NOT_TRUNCATED"])
def test_rows_are_made_once(status: str, *, with_originals: bool) -> None:
    """A page's rows are made once, whether or not whole texts are read."""
    rows = CountedRows([message("a", status), message("b", status)])
    world = World(Page(rows, None, NOW), *[whole("x")] * 2, with_originals=with_originals)
    assert [name for _, name in world.write(thread(1))] == ["1", "a", "b"]
    assert rows.made == 1


def test_day_that_ends_at_a_whole_text() -> None:
    """A day's calls that are spent at a whole text end the sync, and nothing is settled."""
    found = page(message("a", "TRUNCATED", "on"))
    world = World(found, DailyQuotaError("spent"), with_originals=True, failed={"1": 1})
    with pytest.raises(DailyQuotaError):
        world.write(thread(1))
    assert world.state.pending == {"1": 1}
