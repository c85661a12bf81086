"""The loop that writes: what comes in which order, and when STATE goes out."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import HubSpotError
from tap_hubspot_threads.models import Out
from tap_hubspot_threads.signals import Stop, Stopped
from tap_hubspot_threads.singer.progress import Progress
from tap_hubspot_threads.singer.writer import LINES_PER_ROW, EventWriter
from tap_hubspot_threads.sync.stats import Read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

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


class FakeSync:
    """Yields what it is given; what it keeps is `kept`, and whether it was the last time."""

    def __init__(self, outs: Iterable[Out | Exception], *, keeps: bool) -> None:
        self._outs, self._keeps = outs, keeps
        self.read = Read()
        self.kept: dict[str, Any] = {}

    def run(self) -> Iterator[Out]:
        """As `Sync` says."""
        for out in self._outs:
            if isinstance(out, Exception):
                raise out
            yield out

    def pack(self, *, is_final: bool) -> dict[str, Any] | None:
        """As `Sync` says."""
        kept = {"threads": {**self.kept, "is_final": is_final}}
        return kept if self._keeps else None


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
        traffic = SimpleNamespace(calls=0, retries=0, quota=(None, None))
        self.progress = Progress(lambda: self.seconds, self.log.append, traffic)
        self._keeps = keeps
        self.sync = FakeSync((), keeps=keeps)
        self.loop = EventWriter(
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

    def note(self, word: str, seconds: float = 0) -> Callable[[], None]:
        """Return what notes a word, and lets time pass."""

        def do() -> None:
            self.log.append(word)
            self.seconds += seconds

        return do

    def play(self, *outs: Out | Exception, most: int | None = None) -> list[Any]:
        """Run such a sync; return what happened behind the SCHEMAs."""
        self.sync = FakeSync(outs, keeps=self._keeps)
        self.loop.run(self.sync, most=most)
        return self.log[len(self.streams) :]


def thread(thread_id: str, then: Callable[[], None] | None = None, **columns: Any) -> Out:
    """Make an output of a thread."""
    return Out("threads", {"id": thread_id, "archived": False, **columns}, then)


def test_schemas_first_state_last() -> None:
    """The SCHEMA of each selected stream comes first, STATE last."""
    world = World()
    world.play(thread("1"))
    assert world.log == ["SCHEMA threads", "SCHEMA deleted_threads", "threads 1", "STATE"]


def test_nothing_to_read() -> None:
    """Without a sync there are SCHEMAs, and the state as it was given."""
    given = {"bookmarks": {"threads": {"replication_key_value": "x"}}}
    world = World(given=given)
    world.loop.run(None)
    assert world.log == ["SCHEMA threads", "SCHEMA deleted_threads", "STATE"]
    assert world.states == [given]


def test_then_behind_its_row() -> None:
    """What is to be done behind a row is done when it is out, and before the next is asked for."""
    world = World()

    def outs() -> Iterator[Out]:
        yield thread("1", world.note("then 1"))
        world.log.append("asked for more")
        yield thread("2", world.note("then 2"))

    world.sync = FakeSync(outs(), keeps=True)
    world.loop.run(world.sync)
    assert world.log[2:] == [
        "threads 1",
        "then 1",
        "asked for more",
        "threads 2",
        "then 2",
        "STATE",
    ]


def test_first_is_saved_before_its_row() -> None:
    """What is to be known before a row goes out is in a STATE in front of it."""
    world = World()
    out = Out("threads", {"id": "1", "archived": False}, world.note("then"), world.note("first"))
    assert world.play(out) == ["first", "STATE", "threads 1", "then", "STATE"]


def test_stream_that_is_not_selected() -> None:
    """A row of a stream that is not selected stays in; what is behind it is done all the same."""
    world = World(streams=("deleted_threads",))
    assert world.play(thread("1", world.note("then"))) == ["then", "STATE"]


def test_each_row_to_its_stream() -> None:
    """Rows of several streams go out in one order, each by its own stream."""
    world = World()
    log = world.play(thread("1"), Out("deleted_threads", {"id": "2"}), thread("3"))
    assert log == ["threads 1", "deleted_threads 2", "threads 3", "STATE"]
    assert [stream.value for stream in world.streams.values()] == [2, 1]


def test_state_when_its_time_has_come() -> None:
    """STATE goes out where a row ends nothing, not more often than every few seconds."""
    world = World()
    log = world.play(
        thread("1"),
        Out(then=world.note("page", INTERVAL - 1)),
        thread("2"),
        Out(then=world.note("page", 1)),
        thread("3"),
        Out(then=world.note("page", INTERVAL - 1)),
    )
    assert log == [
        *("threads 1", "page"),
        *("threads 2", "page", "STATE"),
        *("threads 3", "page", "STATE"),
    ]


def test_no_state_between_a_row_and_its_page() -> None:
    """However much time passes, no STATE comes behind a row of a page that goes on."""
    world = World()
    log = world.play(*[thread(str(number), world.note("then", 60)) for number in range(3)])
    assert log.count("STATE") == 1
    assert log[-1] == "STATE"


def test_state_has_what_was_kept_then() -> None:
    """A STATE is packed when it goes out, and says whether it is the last."""
    world = World()

    def keep() -> None:
        world.sync.kept["page"] = 1
        world.seconds += INTERVAL

    world.play(Out(then=keep), thread("1"))
    kept = [state["bookmarks"]["threads"] for state in world.states]
    assert kept == [{"page": 1, "is_final": False}, {"page": 1, "is_final": True}]
    assert world.loop.kept == kept[-1]


@pytest.mark.parametrize(("rows", "states"), [(1, 2), (2, 3)])
def test_long_state_waits_for_rows(rows: int, states: int) -> None:
    """Behind a STATE with many open threads enough rows go out for its length, then the next."""
    world = World()

    def keep() -> None:
        world.sync.kept["open_threads"] = [""] * (2 * LINES_PER_ROW)
        world.seconds += INTERVAL

    world.play(Out(then=keep), *[thread(str(number)) for number in range(rows)], Out(then=keep))
    assert len(world.states) == states


def test_long_state_in_front_of_a_row() -> None:
    """What has to be saved before a row is, however long the state."""
    world = World()

    def keep() -> None:
        world.sync.kept["open_threads"] = [""] * 1_000

    world.play(Out("threads", {"id": "1", "archived": False}, None, keep))
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
    log = world.play(thread("1"), Out(), Out("deleted_threads", {"id": "2"}), thread("3"), most=2)
    assert log == ["threads 1", "deleted_threads 2", "STATE"]


def test_rows_are_counted() -> None:
    """Progress is told of threads that go out, and how many are archived."""
    world = World()
    world.play(thread("1"), thread("2", archived=True), Out("deleted_threads", {"id": "3"}))
    assert (world.progress.rows["threads"], world.progress.archived) == (2, 1)
