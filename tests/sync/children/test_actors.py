"""Actors: each once, a hundred a call, and none behind a STATE that covers who named it."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import DailyQuotaError, HubSpotError, RefusedError
from tap_hubspot_threads.models import CHECKPOINT, MAX_ACTORS, Record, StateChange
from tap_hubspot_threads.sync.children import actors as module
from tap_hubspot_threads.sync.children.actors import MOST_HELD, Actors, named_in
from tap_hubspot_threads.sync.context import MAX_CONSECUTIVE_FAILURES, Failures
from tests.sync.fakes import Inline, passing, row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_hubspot_threads.models import Event


class Account:
    """Has all actors but some, and refuses each batch in which one is that is at fault."""

    quota_share = None

    def __init__(
        self,
        *,
        unknown: Sequence[str] = (),
        at_fault: Sequence[str] = (),
        error: HubSpotError | None = None,
    ) -> None:
        self.asked: list[list[str]] = []
        self.once: list[bool] = []
        self.unknown, self.at_fault = unknown, at_fault
        self.error = error or RefusedError("400")

    def read_actors(self, ids: Sequence[str], *, once: bool = False) -> list[dict[str, Any]]:
        """As `HubSpotApi` says."""
        self.asked.append(list(ids))
        self.once.append(once)
        if set(ids) & set(self.at_fault):
            raise self.error
        return [{"id": name} for name in ids if name not in self.unknown]


class World:
    """The actors of an account; `log` is what happened, in its order."""

    def __init__(self, account: Account | None = None) -> None:
        self.account = account or Account()
        self.failures, self.log = Failures(), list[str]()
        api: Any = self.account
        self.actors = Actors(api, Inline(), self.failures.actors)

    def play(self, *events: Event | Iterable[Event]) -> list[str]:
        """Do what the loop that writes does; return what happened."""
        kinds = (Record, StateChange)
        each: Iterable[Any] = chain.from_iterable(
            [one] if isinstance(one, kinds) else one for one in events
        )
        for event in self.actors(each):
            if isinstance(event, Record):
                self.log.append(event.row["id"])
            elif isinstance(event, StateChange):
                event.apply()
        return self.log

    def then(self, word: str) -> StateChange:
        """Return a state change that notes a word."""
        return StateChange(lambda: self.log.append(word))


def thread(name: int, *actors: str) -> Record:
    """Make the record of a thread that names an actor."""
    return Record("threads", row(name, assignedTo=actors[0] if actors else None))


def message(name: str, *senders: str, **columns: Any) -> Record:
    """Make the record of a message of such senders."""
    blank = {"createdBy": None, "assignedTo": None, "assignedFrom": None, "recipients": None}
    found = [{"actorId": sender} for sender in senders]
    return Record("messages", {"id": name, "senders": found, **blank, **columns})


def many(count: int, first: int = 0) -> list[str]:
    """Return so many ids."""
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
    """Whom a thread or a message names, wherever; what is no id is left out."""
    assert list(named_in(record)) == ids


def test_nobody_named() -> None:
    """Outputs that name nobody are handed through as they are, and cost no call."""
    world = World()
    events: list[Event] = [thread(1), CHECKPOINT, thread(2), world.then("then")]
    assert list(world.actors(events)) == events
    assert world.account.asked == []


def test_each_once() -> None:
    """An actor that several rows name is asked for once, in this call and in later ones."""
    world = World()
    assert world.play(thread(1, "A-1"), message("m", "A-1", "A-2")) == ["1", "m", "A-1", "A-2"]
    assert world.play(thread(2, "A-2"))[4:] == ["2"]
    assert world.account.asked == [["A-1", "A-2"]]


def test_then_behind_its_actors() -> None:
    """What is done behind a row waits until the actors that it names are out, in its order."""
    world = World()
    first, second, third = (world.then(f"then {number}") for number in (1, 2, 3))
    world.play(thread(1, "A-1"), first, thread(2), second, third)
    assert world.log == ["1", "2", "A-1", "then 1", "then 2", "then 3"]


def test_then_of_a_message_before() -> None:
    """What is done behind a thread waits for whom its messages name."""
    world = World()
    world.play(message("m", "V-1"), world.then("settle"))
    assert world.log == ["m", "V-1", "settle"]


def test_first_does_not_wait() -> None:
    """What is done before a row is done before it."""
    world = World()
    first = world.then("first")._replace(save_now=True)
    events: list[Event] = [thread(1, "A-1"), first, thread(2, "A-2"), world.then("then")]
    assert world.play(events) == ["1", "first", "2", "A-1", "A-2", "then"]


def test_a_hundred_a_call() -> None:
    """They are asked for as soon as there are so many, and no more at once."""
    world = World()
    world.play(*[message(f"m{name}", name) for name in many(2 * MAX_ACTORS + 1)])
    assert [len(ids) for ids in world.account.asked] == [MAX_ACTORS, MAX_ACTORS, 1]
    assert world.log.index("V-0") < world.log.index(f"mV-{MAX_ACTORS}")


def test_row_that_names_more() -> None:
    """However many one row names, no more are asked for at once."""
    world = World()
    world.play(message("m", *many(2 * MAX_ACTORS + 50)))
    assert [len(ids) for ids in world.account.asked] == [MAX_ACTORS, MAX_ACTORS, 50]


def test_held_at_most_so_often() -> None:
    """What is done behind rows waits for so many others at the most, so that STATE goes on."""
    world = World()
    numbers = range(MOST_HELD)
    pairs = [(thread(number), world.then(f"then {number}")) for number in numbers]
    world.play(thread(9_999, "A-1"), *pairs, thread(8_888), world.then("then"))
    at_actor = world.log.index("A-1")
    assert sum(word.startswith("then") for word in world.log[:at_actor]) == 0
    assert world.log[at_actor - 1] == str(MOST_HELD - 1)
    assert world.log[-2:] == ["8888", "then"]


def test_actor_that_hubspot_does_not_have() -> None:
    """An actor that is not in the answer is no error, and what waits goes on."""
    world = World(Account(unknown=["V-1"]))
    world.play(message("m", "V-1", "V-2"), world.then("then"))
    assert world.log == ["m", "V-2", "then"]
    world.failures.check()


@pytest.mark.parametrize("error", [RefusedError("400"), passing()], ids=["refused", "passing"])
def test_batch_that_is_refused(error: HubSpotError) -> None:
    """A batch that is refused is halved, down to the ids at fault; only these have all tries."""
    account = Account(at_fault=["V-3", "V-60"], error=error)
    world = World(account)
    world.play(message("m", *many(MAX_ACTORS)), world.then("then"))
    assert world.log == ["m", *(n for n in many(MAX_ACTORS) if n not in account.at_fault), "then"]
    assert world.failures.actors.errors == dict.fromkeys(account.at_fault, error)
    assert account.once == [1 < len(ids) < MAX_ACTORS for ids in account.asked]
    assert len(account.asked) < 30
    with pytest.raises(HubSpotError, match=r"Could not read 2 actor\(s\);") as raised:
        world.failures.check()
    assert "V-3" not in str(raised.value)


def test_one_that_fails_is_not_asked_again() -> None:
    """An actor that could not be read is not asked for again in this sync, and counts once."""
    world = World(Account(at_fault=["V-1"]))
    world.play(message("m", "V-1"))
    world.play(message("n", "V-1"))
    assert len(world.account.asked) == 1
    assert len(world.failures.actors.failed) == 1


def test_failures_in_a_row_end_it() -> None:
    """So many actors that cannot be read one after the other: HubSpot is down; nothing is done."""
    world = World(Account(at_fault=many(MAX_ACTORS), error=passing()))
    with pytest.raises(HubSpotError, match=f"{MAX_CONSECUTIVE_FAILURES} actors in a row"):
        world.play(thread(1), message("m", *many(MAX_ACTORS)), world.then("then"))
    assert world.log == ["1", "m"]


def test_others_in_between() -> None:
    """Actors that can be read in between show that HubSpot is up."""
    names = many(4 * MAX_CONSECUTIVE_FAILURES)
    world = World(Account(at_fault=names[::2]))
    world.play(message("m", *names))
    assert world.log == ["m", *names[1::2]]
    assert len(world.failures.actors.errors) == 2 * MAX_CONSECUTIVE_FAILURES


def test_all_are_refused() -> None:
    """If every batch is refused, all rows come, few calls are made, and all actors are counted."""
    names = many(5 * MAX_ACTORS)
    world = World(Account(at_fault=names))
    rows = [message(f"m{name}", name) for name in names]
    world.play(*rows, world.then("then"))
    assert world.log == [*(f"m{name}" for name in names), "then"]
    assert len(world.failures.actors.errors) == len(names)
    assert len(world.account.asked) < 30


@pytest.mark.parametrize(
    "error", [HubSpotError("401", is_auth_error=True), DailyQuotaError("spent")], ids=["401", "day"]
)
def test_what_ends_the_sync(error: HubSpotError) -> None:
    """A token that is not accepted and a spent day end it; what waits is not done."""
    world = World(Account(at_fault=["A-1"], error=error))
    with pytest.raises(HubSpotError) as raised:
        world.play(thread(1, "A-1"), world.then("then"))
    assert raised.value is error
    assert world.log == ["1"]


def test_error_of_what_comes_in() -> None:
    """An error of what comes in is raised; what waits for actors is not done."""
    world = World()

    def events() -> Iterator[Event]:
        yield thread(1, "A-1")
        yield world.then("then")
        message = "source"
        raise HubSpotError(message)

    with pytest.raises(HubSpotError, match="source"):
        world.play(events())
    assert world.log == ["1"]


def test_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last ones that were named are not asked for again; one of before may be."""
    monkeypatch.setattr(module, "REMEMBERED", 3)
    world = World()
    world.play(message("m", "V-1", "V-2", "V-3"), message("n", "V-1"), message("o", "V-4"))
    world.play(message("p", "V-1", "V-3", "V-4"))
    assert world.account.asked == [["V-1", "V-2", "V-3", "V-4"]]
    world.play(message("q", "V-2"))
    assert world.account.asked[1:] == [["V-2"]]


def test_as_many_as_an_account_has() -> None:
    """So many that a large account's agents and its active visitors are all remembered."""
    assert module.REMEMBERED >= 50_000
