"""The writing loop: the order of its output, and when it writes STATE."""

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
from tap_hubspot_threads.singer.writer import STATE_BYTES_PER_RECORD, EventWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_hubspot_threads.models import Event

INTERVAL = 5.0


class FakeStream:
    """A stream that records in `log` what it is asked to write."""

    def __init__(self, name: str, log: list[Any]) -> None:
        self._name, self._log = name, log
        self.value = 0

    def write_schema(self) -> None:
        """Log the call."""
        self._log.append(f"SCHEMA {self._name}")

    def write(self, row: dict[str, Any]) -> None:
        """Log the call."""
        self._log.append(f"{self._name} {row['id']}")

    def get_record_counter(self) -> Any:
        """Return the record counter, which is this object."""
        return self

    def get_sync_timer(self) -> Any:
        """Return a timer that does nothing."""
        return nullcontext()

    def increment(self, value: int) -> None:
        """Count rows."""
        self.value += value

    def exit(self) -> None:
        """Do nothing."""


class WriterSetup:
    """A writer for fake streams; `log` lists all writes and state changes in order."""

    def __init__(
        self,
        *,
        has_state: bool = True,
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
        self.threads_state: dict[str, Any] = {}
        self._has_state = has_state
        self.writer = EventWriter(
            self.streams,  # type: ignore[arg-type] # the part that the writer uses
            initial_state=given or {},
            write_state=self._write_state,
            stop=self.stop,
            progress=self.progress,
            state_interval=INTERVAL,
        )

    def _write_state(self, state: dict[str, Any]) -> None:
        self.states.append(state)
        self.log.append("STATE")

    def change(self, word: str, seconds: float = 0, *, save_now: bool = False) -> StateChange:
        """Return a state change that logs a word and advances the clock."""

        def apply() -> None:
            self.log.append(word)
            self.seconds += seconds

        return StateChange(apply, save_now=save_now)

    def bookmarks(self, *, is_final: bool) -> dict[str, Any]:
        """Implement `AccountSync.bookmarks`."""
        return {"threads": {**self.threads_state, "is_final": is_final}}

    def write_events(self, *events: Event | Exception, max_records: int | None = None) -> list[Any]:
        """Write these events; return the log after the SCHEMAs."""
        return self.write_from(replay(events), max_records=max_records)

    def write_from(self, events: Iterable[Event], *, max_records: int | None = None) -> list[Any]:
        """Write events from an iterable; return the log after the SCHEMAs."""
        bookmarks = self.bookmarks if self._has_state else None
        self.writer.run(events, bookmarks, max_records=max_records)
        return self.log[len(self.streams) :]


def replay(events: Iterable[Event | Exception]) -> Iterator[Event]:
    """Yield events, and raise an exception in place of one."""
    for event in events:
        if isinstance(event, Exception):
            raise event
        yield event


def thread(thread_id: str, **columns: Any) -> Record:
    """Return the record of a thread."""
    return Record("threads", {"id": thread_id, "archived": False, **columns})


def test_schemas_first_state_last() -> None:
    """The SCHEMA of each selected stream comes first, STATE last."""
    setup = WriterSetup()
    setup.write_events(thread("1"))
    assert setup.log == ["SCHEMA threads", "SCHEMA deleted_threads", "threads 1", "STATE"]


def test_nothing_to_read() -> None:
    """Without events, the SCHEMAs and the given state are written."""
    given = {"bookmarks": {"threads": {"replication_key_value": "x"}}}
    setup = WriterSetup(given=given)
    setup.writer.run(())
    assert setup.log == ["SCHEMA threads", "SCHEMA deleted_threads", "STATE"]
    assert setup.states == [given]


def test_change_after_its_record() -> None:
    """A state change is applied when its record is written, before the next event is asked for."""
    setup = WriterSetup()

    def events() -> Iterator[Event]:
        for number in "12":
            yield thread(number)
            yield setup.change(f"change {number}")
            setup.log.append("next event")

    assert setup.write_from(events()) == [
        *("threads 1", "change 1", "next event"),
        *("threads 2", "change 2", "next event", "STATE"),
    ]


def test_change_with_save_now() -> None:
    """A state change with `save_now` is in a STATE before the next record."""
    setup = WriterSetup()
    events: list[Event] = [setup.change("change", save_now=True), thread("1")]
    assert setup.write_events(*events) == ["change", "STATE", "threads 1", "STATE"]


def test_unreplaced_read_messages() -> None:
    """A `ReadMessages` that was not replaced writes nothing."""
    assert WriterSetup().write_events(ReadMessages(ThreadRef("1"))) == ["STATE"]


def test_unselected_stream() -> None:
    """A record of an unselected stream is not written; later state changes still apply."""
    setup = WriterSetup(streams=("deleted_threads",))
    assert setup.write_events(thread("1"), setup.change("change")) == ["change", "STATE"]


def test_each_record_to_its_stream() -> None:
    """Records of several streams are written in their order, each by its own stream."""
    setup = WriterSetup()
    log = setup.write_events(thread("1"), Record("deleted_threads", {"id": "2"}), thread("3"))
    assert log == ["threads 1", "deleted_threads 2", "threads 3", "STATE"]
    assert [stream.value for stream in setup.streams.values()] == [2, 1]


def test_state_interval() -> None:
    """STATE is written after a state change, at most once per interval."""
    setup = WriterSetup()
    log = setup.write_events(
        thread("1"),
        setup.change("page", INTERVAL - 1),
        thread("2"),
        setup.change("page", 1),
        thread("3"),
        setup.change("page", INTERVAL - 1),
    )
    assert log == [
        *("threads 1", "page"),
        *("threads 2", "page", "STATE"),
        *("threads 3", "page", "STATE"),
    ]


def test_no_state_between_records() -> None:
    """STATE is written only after a state change, however much time passes."""
    setup = WriterSetup()

    def events() -> Iterator[Event]:
        for number in range(3):
            yield thread(str(number))
            setup.seconds += 60

    log = setup.write_from(events())
    assert log.count("STATE") == 1
    assert log[-1] == "STATE"


def test_state_is_current() -> None:
    """A STATE has the bookmarks at the time of writing, and the last one is final."""
    setup = WriterSetup()

    def apply() -> None:
        setup.threads_state["page"] = 1
        setup.seconds += INTERVAL

    setup.write_events(StateChange(apply), thread("1"))
    saved = [state["bookmarks"]["threads"] for state in setup.states]
    assert saved == [{"page": 1, "is_final": False}, {"page": 1, "is_final": True}]
    assert setup.writer.saved == saved[-1]


@pytest.mark.parametrize(("rows", "states"), [(1, 2), (2, 3)])
def test_long_state_waits_for_records(rows: int, states: int) -> None:
    """The more open threads a STATE has, the more records are written before the next STATE."""
    setup = WriterSetup()

    def apply() -> None:
        setup.threads_state["open_threads"] = ["x" * STATE_BYTES_PER_RECORD] * 2
        setup.seconds += INTERVAL

    change = StateChange(apply)
    setup.write_events(change, *[thread(str(number)) for number in range(rows)], change)
    assert len(setup.states) == states


def test_long_state_with_save_now() -> None:
    """A state change with `save_now` is saved at once, however long the state is."""
    setup = WriterSetup()

    def apply() -> None:
        setup.threads_state["open_threads"] = ["x" * 1_000_000]

    setup.write_events(StateChange(apply, save_now=True), thread("1"))
    assert len(setup.states) == 2


def test_given_state_is_returned() -> None:
    """A sync without a state returns the given one; other streams' bookmarks stay, too."""
    given = {"bookmarks": {"threads": {"a": 1}, "thread_index": {"b": 2}}}
    setup = WriterSetup(given=given, has_state=False)
    setup.write_events(thread("1"))
    assert setup.states == [given]
    other = WriterSetup(given=given)
    other.write_events(thread("1"))
    assert other.states[-1]["bookmarks"] == {
        "threads": {"is_final": True},
        "thread_index": {"b": 2},
    }


@pytest.mark.parametrize("error", [HubSpotError("no"), None], ids=["error", "signal"])
def test_early_end(error: HubSpotError | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a HubSpot error or a signal, a final STATE is written."""
    setup = WriterSetup()
    if error is None:

        def check() -> None:
            if "threads 1" in setup.log:
                raise Stopped(15)

        monkeypatch.setattr(setup.stop, "check", check)
    with pytest.raises(HubSpotError if error else Stopped):
        setup.write_events(thread("1"), *([error] if error else []), thread("2"))
    assert setup.log[2:] == ["threads 1", "STATE"]
    assert setup.states[-1]["bookmarks"]["threads"]["is_final"] is True


def test_broken_pipe() -> None:
    """After a broken pipe, no STATE is written."""
    setup = WriterSetup()
    with pytest.raises(BrokenPipeError):
        setup.write_events(thread("1"), BrokenPipeError())
    assert setup.states == []


def test_max_records() -> None:
    """With `max_records`, the writer stops after that many records of any stream, with a STATE."""
    setup = WriterSetup()
    log = setup.write_events(
        thread("1"), CHECKPOINT, Record("deleted_threads", {"id": "2"}), thread("3"), max_records=2
    )
    assert log == ["threads 1", "deleted_threads 2", "STATE"]


def test_threads_are_counted() -> None:
    """Progress counts the emitted threads, and the archived ones among them."""
    setup = WriterSetup()
    setup.write_events(
        thread("1"), thread("2", archived=True), Record("deleted_threads", {"id": "3"})
    )
    assert (setup.progress.records["threads"], setup.progress.archived) == (2, 1)
