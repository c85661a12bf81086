"""The loop that writes: what comes in which order, and when STATE goes out."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import HubSpotError
from tap_hubspot_threads.models import (
    CHECKPOINT,
    ReadMessages,
    Record,
    StateChange,
    ThreadRef,
)
from tap_hubspot_threads.signals import Stop, Stopped
from tap_hubspot_threads.singer.progress import Progress
from tap_hubspot_threads.singer.writer import OPEN_THREADS_PER_RECORD, EventWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_hubspot_threads.models import Event

INTERVAL = 5.0


class FakeStream:
    """Notes what is to be written."""

    def __init__(self, name: str, log: list[Any]) -> None:
        self._name, self._log = name, log
        self.value = 0

    def write_schema(self) -> None:
        """Note it."""
        self._log.append(f"SCHEMA {self._name}")

    def write(self, row: dict[str, Any]) -> None:
        """Note it."""
        self._log.append(f"{self._name} {row['id']}")

    def get_record_counter(self) -> Any:
        """Count rows."""
        return self

    def get_sync_timer(self) -> Any:
        """Time nothing."""
        return nullcontext()

    def increment(self, value: int) -> None:
        """Count so many rows."""
        self.value += value

    def exit(self) -> None:
        """End counting."""


class World:
    """A loop over two streams; `log` is what happened, in its order."""

    def __init__(
        self,
        *,
        keeps: bool = True,
        streams: tuple[str, ...] = ("threads", "deleted_threads"),
        given: dict[str, Any] | None = None,
    ) -> None:
        self.log: list[Any] = []
        self.seconds = 0.0
        self.stop = Stop()
        self.states: list[dict[str, Any]] = []
        self.streams = {name: FakeStream(name, self.log) for name in streams}
        traffic = SimpleNamespace(request_count=0, retry_count=0, quota=(None, None), now=None)
        self.progress = Progress(lambda: self.seconds, traffic)
        self.kept: dict[str, Any] = {}
        self._keeps = keeps
        self.writer = EventWriter(
            self.streams,  # type: ignore[arg-type] # as far as the loop looks at them
            given=given or {},
            write_state=self._write_state,
            stop=self.stop,
            progress=self.progress,
            state_interval=INTERVAL,
        )

    def _write_state(self, state: dict[str, Any]) -> None:
        self.states.append(state)
        self.log.append("STATE")

    def note(self, word: str, seconds: float = 0, *, save_now: bool = False) -> StateChange:
        """Return a state change that notes a word, and lets time pass."""

        def apply() -> None:
            self.log.append(word)
            self.seconds += seconds

        return StateChange(apply, save_now=save_now)

    def bookmarks(self, *, is_final: bool) -> dict[str, Any]:
        """As `AccountSync` says."""
        return {"threads": {**self.kept, "is_final": is_final}}

    def play(self, *events: Event | Exception, max_records: int | None = None) -> list[Any]:
        """Write such events; return what happened after the SCHEMAs."""
        return self.write(each(events), max_records=max_records)

    def write(self, events: Iterable[Event], *, max_records: int | None = None) -> list[Any]:
        """Write events; return what happened after the SCHEMAs."""
        bookmarks = self.bookmarks if self._keeps else None
        self.writer.run(events, bookmarks, max_records=max_records)
        return self.log[len(self.streams) :]


def each(events: Iterable[Event | Exception]) -> Iterator[Event]:
    """Yield events; raise an error at its place."""
    for event in events:
        if isinstance(event, Exception):
            raise event
        yield event


def thread(thread_id: str, **columns: Any) -> Record:
    """Make the record of a thread."""
    return Record("threads", {"id": thread_id, "archived": False, **columns})


def test_schemas_first_state_last() -> None:
    """The SCHEMA of each selected stream comes first, STATE last."""
    world = World()
    world.play(thread("1"))
    assert world.log == ["SCHEMA threads", "SCHEMA deleted_threads", "threads 1", "STATE"]


def test_nothing_to_read() -> None:
    """Without a sync there are SCHEMAs, and the state as it was given."""
    given = {"bookmarks": {"threads": {"replication_key_value": "x"}}}
    world = World(given=given)
    world.writer.run(())
    assert world.log == ["SCHEMA threads", "SCHEMA deleted_threads", "STATE"]
    assert world.states == [given]


def test_change_after_its_record() -> None:
    """A state change is applied when its record is written, before the next event is asked for."""
    world = World()

    def events() -> Iterator[Event]:
        for number in "12":
            yield thread(number)
            yield world.note(f"change {number}")
            world.log.append("asked for more")

    assert world.write(events()) == [
        *("threads 1", "change 1", "asked for more"),
        *("threads 2", "change 2", "asked for more", "STATE"),
    ]


def test_change_that_is_saved_now() -> None:
    """A change that has to be saved before a record is in a STATE before it."""
    world = World()
    events: list[Event] = [world.note("change", save_now=True), thread("1")]
    assert world.play(*events) == ["change", "STATE", "threads 1", "STATE"]


def test_messages_that_nobody_reads() -> None:
    """A `ReadMessages` that no stream has replaced writes nothing."""
    assert World().play(ReadMessages(ThreadRef("1"))) == ["STATE"]


def test_stream_that_is_not_selected() -> None:
    """A row of a stream that is not selected stays in; what is behind it is done all the same."""
    world = World(streams=("deleted_threads",))
    assert world.play(thread("1"), world.note("change")) == ["change", "STATE"]


def test_each_row_to_its_stream() -> None:
    """Rows of several streams go out in one order, each by its own stream."""
    world = World()
    log = world.play(thread("1"), Record("deleted_threads", {"id": "2"}), thread("3"))
    assert log == ["threads 1", "deleted_threads 2", "threads 3", "STATE"]
    assert [stream.value for stream in world.streams.values()] == [2, 1]


def test_state_when_its_time_has_come() -> None:
    """STATE goes out where a row ends nothing, not more often than every few seconds."""
    world = World()
    log = world.play(
        thread("1"),
        world.note("page", INTERVAL - 1),
        thread("2"),
        world.note("page", 1),
        thread("3"),
        world.note("page", INTERVAL - 1),
    )
    assert log == [
        *("threads 1", "page"),
        *("threads 2", "page", "STATE"),
        *("threads 3", "page", "STATE"),
    ]


def test_no_state_between_records() -> None:
    """However much time passes, STATE comes after a state change only."""
    world = World()

    def events() -> Iterator[Event]:
        for number in range(3):
            yield thread(str(number))
            world.seconds += 60

    log = world.write(events())
    assert log.count("STATE") == 1
    assert log[-1] == "STATE"


def test_state_has_what_was_kept_then() -> None:
    """A STATE is made when it is written, and says whether it is the last."""
    world = World()

    def keep() -> None:
        world.kept["page"] = 1
        world.seconds += INTERVAL

    world.play(StateChange(keep), thread("1"))
    kept = [state["bookmarks"]["threads"] for state in world.states]
    assert kept == [{"page": 1, "is_final": False}, {"page": 1, "is_final": True}]
    assert world.writer.saved == kept[-1]


@pytest.mark.parametrize(("rows", "states"), [(1, 2), (2, 3)])
def test_long_state_waits_for_records(rows: int, states: int) -> None:
    """After a STATE with many open threads, enough records for its length come before the next."""
    world = World()

    def keep() -> None:
        world.kept["open_threads"] = [""] * (2 * OPEN_THREADS_PER_RECORD)
        world.seconds += INTERVAL

    change = StateChange(keep)
    world.play(change, *[thread(str(number)) for number in range(rows)], change)
    assert len(world.states) == states


def test_long_state_that_is_saved_now() -> None:
    """What has to be saved before a record is, however long the state."""
    world = World()

    def keep() -> None:
        world.kept["open_threads"] = [""] * 1_000

    world.play(StateChange(keep, save_now=True), thread("1"))
    assert len(world.states) == 2


def test_what_is_not_kept_stays_as_it_was() -> None:
    """A sync that keeps nothing gives back the state that it was given; other streams' too."""
    given = {"bookmarks": {"threads": {"a": 1}, "thread_index": {"b": 2}}}
    world = World(given=given, keeps=False)
    world.play(thread("1"))
    assert world.states == [given]
    other = World(given=given)
    other.play(thread("1"))
    assert other.states[-1]["bookmarks"] == {
        "threads": {"is_final": True},
        "thread_index": {"b": 2},
    }


@pytest.mark.parametrize("error", [HubSpotError("no"), None], ids=["error", "signal"])
def test_early_end(error: HubSpotError | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of HubSpot's and a signal end in a STATE, the last of its sync."""
    world = World()
    if error is None:

        def check() -> None:
            if "threads 1" in world.log:
                raise Stopped(15)

        monkeypatch.setattr(world.stop, "check", check)
    with pytest.raises(HubSpotError if error else Stopped):
        world.play(thread("1"), *([error] if error else []), thread("2"))
    assert world.log[2:] == ["threads 1", "STATE"]
    assert world.states[-1]["bookmarks"]["threads"]["is_final"] is True


def test_pipe_that_breaks() -> None:
    """Where nothing can be written any more, no STATE is tried."""
    world = World()
    with pytest.raises(BrokenPipeError):
        world.play(thread("1"), BrokenPipeError())
    assert world.states == []


def test_so_many_rows() -> None:
    """A trial ends after so many rows, of whichever stream, with STATE, and reads no further."""
    world = World()
    log = world.play(
        thread("1"), CHECKPOINT, Record("deleted_threads", {"id": "2"}), thread("3"), max_records=2
    )
    assert log == ["threads 1", "deleted_threads 2", "STATE"]


def test_rows_are_counted() -> None:
    """Progress is told of threads that go out, and how many are archived."""
    world = World()
    world.play(thread("1"), thread("2", archived=True), Record("deleted_threads", {"id": "3"}))
    assert (world.progress.records["threads"], world.progress.archived) == (2, 1)
