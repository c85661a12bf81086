"""Actors: each is read once, 100 per API call, and emitted before the state covers its record."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import DailyQuotaError, HubSpotError, RefusedError
from tap_hubspot_threads.models import CHECKPOINT, MAX_ACTORS, Record, StateChange
from tap_hubspot_threads.sync.children import actors as module
from tap_hubspot_threads.sync.children.actors import MAX_HELD, Actors, named_in
from tap_hubspot_threads.sync.context import MAX_CONSECUTIVE_FAILURES, Failures
from tests.sync.fakes import Inline, row, transient_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_hubspot_threads.models import Event


class Account:
    """An account with every actor but `unknown`; it refuses each batch with one `at_fault`."""

    quota_share = None

    def __init__(
        self,
        *,
        unknown: Sequence[str] = (),
        at_fault: Sequence[str] = (),
        error: HubSpotError | None = None,
    ) -> None:
        self.requests: list[list[str]] = []
        self.once: list[bool] = []
        self.unknown, self.at_fault = unknown, at_fault
        self.error = error or RefusedError("400")

    def read_actors(self, ids: Sequence[str], *, once: bool = False) -> list[dict[str, Any]]:
        """Return the actors, as `HubSpotApi.read_actors` does."""
        self.requests.append(list(ids))
        self.once.append(once)
        if set(ids) & set(self.at_fault):
            raise self.error
        return [{"id": name} for name in ids if name not in self.unknown]


class World:
    """The actors of an account; `log` holds records and state changes in order."""

    def __init__(self, account: Account | None = None) -> None:
        self.account = account or Account()
        self.failures, self.log = Failures(), list[str]()
        api: Any = self.account
        self.actors = Actors(api, Inline(), self.failures.actors)

    def write(self, *events: Event | Iterable[Event]) -> list[str]:
        """Write events like the writing loop; return the log."""
        kinds = (Record, StateChange)
        flat: Iterable[Any] = chain.from_iterable(
            [item] if isinstance(item, kinds) else item for item in events
        )
        for event in self.actors(flat):
            if isinstance(event, Record):
                self.log.append(event.row["id"])
            elif isinstance(event, StateChange):
                event.apply()
        return self.log

    def change(self, word: str) -> StateChange:
        """Return a state change that logs a word."""
        return StateChange(lambda: self.log.append(word))


def thread(name: int, *actors: str) -> Record:
    """Return the record of a thread, assigned to the actor if one is given."""
    return Record("threads", row(name, assignedTo=actors[0] if actors else None))


def message(name: str, *senders: str, **columns: Any) -> Record:
    """Return the record of a message from these senders."""
    blank = {"createdBy": None, "assignedTo": None, "assignedFrom": None, "recipients": None}
    found = [{"actorId": sender} for sender in senders]
    return Record("messages", {"id": name, "senders": found, **blank, **columns})


def actor_ids(count: int, first: int = 0) -> list[str]:
    """Return `count` actor IDs."""
    return [f"V-{number}" for number in range(first, first + count)]


@pytest.mark.parametrize(
    ("record", "ids"),
    [
        (thread(1, "A-1"), ["A-1"]),
        (thread(1), []),
        (message("m", "V-1", "V-2", createdBy="A-1"), ["A-1", "V-1", "V-2"]),
        (message("m", assignedTo="A-1", assignedFrom="A-2"), ["A-1", "A-2"]),
        (message("m", recipients=[{"actorId": "E-x"}, {"actorId": None}, {}, "V-9"]), ["E-x"]),
        (message("m", senders=None, createdBy=""), []),
        (Record("deleted_threads", {"id": "1", "detectedAt": ""}), []),
        (Record("thread_index", row(1, assignedTo="A-1")), []),
    ],
    ids=range(8),
)
def test_named_in(record: Record, ids: list[str]) -> None:
    """`named_in` yields every actor that a record names, and skips values without an ID."""
    assert list(named_in(record)) == ids


def test_records_without_actors() -> None:
    """Events that name no actor pass through unchanged and cost no API call."""
    world = World()
    events: list[Event] = [thread(1), CHECKPOINT, thread(2), world.change("change")]
    assert list(world.actors(events)) == events
    assert world.account.requests == []


def test_each_actor_is_read_once() -> None:
    """An actor that several records name is read and emitted once per sync."""
    world = World()
    assert world.write(thread(1, "A-1"), message("m", "A-1", "A-2")) == ["1", "m", "A-1", "A-2"]
    assert world.write(thread(2, "A-2"))[4:] == ["2"]
    assert world.account.requests == [["A-1", "A-2"]]


def test_state_change_waits_for_actors() -> None:
    """State changes wait for the actors named before them, and keep their order."""
    world = World()
    first, second, third = (world.change(f"change {number}") for number in (1, 2, 3))
    world.write(thread(1, "A-1"), first, thread(2), second, third)
    assert world.log == ["1", "2", "A-1", "change 1", "change 2", "change 3"]


def test_state_change_waits_for_actors_of_messages() -> None:
    """The state change of a thread waits for the actors that its messages name."""
    world = World()
    world.write(message("m", "V-1"), world.change("settle"))
    assert world.log == ["m", "V-1", "settle"]


def test_save_now_does_not_wait() -> None:
    """A state change with `save_now` is applied before the next record, without waiting."""
    world = World()
    first = world.change("first")._replace(save_now=True)
    events: list[Event] = [thread(1, "A-1"), first, thread(2, "A-2"), world.change("change")]
    assert world.write(events) == ["1", "first", "2", "A-1", "A-2", "change"]


def test_100_actors_per_call() -> None:
    """Actors are read as soon as 100 are due, and at most 100 per API call."""
    world = World()
    world.write(*[message(f"m{name}", name) for name in actor_ids(2 * MAX_ACTORS + 1)])
    assert [len(ids) for ids in world.account.requests] == [MAX_ACTORS, MAX_ACTORS, 1]
    assert world.log.index("V-0") < world.log.index(f"mV-{MAX_ACTORS}")


def test_record_that_names_many_actors() -> None:
    """A record that names more than 100 actors takes several API calls."""
    world = World()
    world.write(message("m", *actor_ids(2 * MAX_ACTORS + 50)))
    assert [len(ids) for ids in world.account.requests] == [MAX_ACTORS, MAX_ACTORS, 50]


def test_held_state_changes_are_bounded() -> None:
    """At most `MAX_HELD` state changes wait for actors, so that STATE keeps advancing."""
    world = World()
    numbers = range(MAX_HELD)
    pairs = [(thread(number), world.change(f"change {number}")) for number in numbers]
    world.write(thread(9_999, "A-1"), *pairs, thread(8_888), world.change("change"))
    at_actor = world.log.index("A-1")
    assert sum(word.startswith("change") for word in world.log[:at_actor]) == 0
    assert world.log[at_actor - 1] == str(MAX_HELD - 1)
    assert world.log[-2:] == ["8888", "change"]


def test_unknown_actor() -> None:
    """An actor that the response omits is no error and holds no state change back."""
    world = World(Account(unknown=["V-1"]))
    world.write(message("m", "V-1", "V-2"), world.change("change"))
    assert world.log == ["m", "V-2", "change"]
    world.failures.check()


@pytest.mark.parametrize(
    "error", [RefusedError("400"), transient_error()], ids=["refused", "transient"]
)
def test_failed_batch_is_halved(error: HubSpotError) -> None:
    """A failed batch is halved down to the actors at fault. The halves get one attempt each."""
    account = Account(at_fault=["V-3", "V-60"], error=error)
    world = World(account)
    world.write(message("m", *actor_ids(MAX_ACTORS)), world.change("change"))
    assert world.log == [
        "m",
        *(n for n in actor_ids(MAX_ACTORS) if n not in account.at_fault),
        "change",
    ]
    assert world.failures.actors.errors == dict.fromkeys(account.at_fault, error)
    assert account.once == [1 < len(ids) < MAX_ACTORS for ids in account.requests]
    assert len(account.requests) < 30
    with pytest.raises(HubSpotError, match=r"Could not read 2 actor\(s\);") as raised:
        world.failures.check()
    assert "V-3" not in str(raised.value)


def test_failed_actor_is_not_read_again() -> None:
    """A failed actor is not read again in this sync, and counts once."""
    world = World(Account(at_fault=["V-1"]))
    world.write(message("m", "V-1"))
    world.write(message("n", "V-1"))
    assert len(world.account.requests) == 1
    assert len(world.failures.actors.failed) == 1


def test_consecutive_failures_end_the_sync() -> None:
    """Too many consecutive transient failures end the sync, and no state change is applied."""
    world = World(Account(at_fault=actor_ids(MAX_ACTORS), error=transient_error()))
    with pytest.raises(HubSpotError, match=f"{MAX_CONSECUTIVE_FAILURES} times in a row"):
        world.write(thread(1), message("m", *actor_ids(MAX_ACTORS)), world.change("change"))
    assert world.log == ["1", "m"]


def test_success_resets_the_failure_count() -> None:
    """An actor that can be read resets the count of consecutive failures."""
    names = actor_ids(4 * MAX_CONSECUTIVE_FAILURES)
    world = World(Account(at_fault=names[::2]))
    world.write(message("m", *names))
    assert world.log == ["m", *names[1::2]]
    assert len(world.failures.actors.errors) == 2 * MAX_CONSECUTIVE_FAILURES


def test_all_batches_refused() -> None:
    """If every batch is refused, all records are emitted, few calls are made, all actors count."""
    names = actor_ids(5 * MAX_ACTORS)
    world = World(Account(at_fault=names))
    rows = [message(f"m{name}", name) for name in names]
    world.write(*rows, world.change("change"))
    assert world.log == [*(f"m{name}" for name in names), "change"]
    assert len(world.failures.actors.errors) == len(names)
    assert len(world.account.requests) < 30


@pytest.mark.parametrize(
    "error",
    [HubSpotError("401", is_auth_error=True), DailyQuotaError("spent")],
    ids=["401", "quota"],
)
def test_token_and_quota_errors_end_the_sync(error: HubSpotError) -> None:
    """A rejected token or a spent daily quota ends the sync, and no state change is applied."""
    world = World(Account(at_fault=["A-1"], error=error))
    with pytest.raises(HubSpotError) as raised:
        world.write(thread(1, "A-1"), world.change("change"))
    assert raised.value is error
    assert world.log == ["1"]


def test_error_of_the_source() -> None:
    """An error of the event source is raised, and state changes that wait are not applied."""
    world = World()

    def events() -> Iterator[Event]:
        yield thread(1, "A-1")
        yield world.change("change")
        message = "source"
        raise HubSpotError(message)

    with pytest.raises(HubSpotError, match="source"):
        world.write(events())
    assert world.log == ["1"]


def test_latest_actors_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The actors named last are not read again. An actor named earlier may be."""
    monkeypatch.setattr(module, "MAX_REMEMBERED", 3)
    world = World()
    world.write(message("m", "V-1", "V-2", "V-3"), message("n", "V-1"), message("o", "V-4"))
    world.write(message("p", "V-1", "V-3", "V-4"))
    assert world.account.requests == [["V-1", "V-2", "V-3", "V-4"]]
    world.write(message("q", "V-2"))
    assert world.account.requests[1:] == [["V-2"]]


def test_actors_of_a_large_account_are_remembered() -> None:
    """The agents and active visitors of a large account are all remembered."""
    assert module.MAX_REMEMBERED >= 50_000
