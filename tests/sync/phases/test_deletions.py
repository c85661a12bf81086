"""What is told deleted: after how many looks, and what speaks against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import MassDeletionError
from tap_hubspot_threads.models import Record
from tap_hubspot_threads.sync.phases.deletions import (
    MASS_DELETION_MIN,
    MIN_SECONDS_BETWEEN_CHECKS,
    Deletions,
)
from tap_hubspot_threads.values import shift
from tests.sync.fakes import NOW, context, kept, knows, row, write

if TYPE_CHECKING:
    from tap_hubspot_threads.sync.state.state import SyncState

BEFORE = shift(NOW, seconds=-MIN_SECONDS_BETWEEN_CHECKS)
LONG_AGO = shift(NOW, seconds=-7_200)
HOUR_AGO = shift(NOW, seconds=-3_600)


def ids(first: int, count: int) -> list[str]:
    """Return so many ids."""
    return [str(number) for number in range(first, first + count)]


class World:
    """A state that knows threads, some of them missed, and a sync that looked for them.

    Args:
        missed: How many were missed, all of them again in this sync.
        seen: How many others that the state knows this sync saw.
        first: When they were missed first.
        look: When they were missed in this sync; None: HubSpot did not say.
        is_confirmed: Whether the account is known to be the state's.
        state: What else the state has.
    """

    def __init__(
        self,
        missed: int = 1,
        seen: int = 5,
        *,
        first: str = BEFORE,
        look: str | None = NOW,
        is_confirmed: bool = True,
        **state: Any,
    ) -> None:
        self.not_found, self.seen = ids(1, missed), ids(1 + missed, seen)
        pairs = [[name, first] for name in self.not_found]
        rows = map(row, [*self.not_found, *self.seen])
        self.state: SyncState = knows(*rows, not_found=pairs, **state)
        self.context = context(self.state)
        self.stats = self.context.stats
        self.context.seen.now = NOW
        self.context.seen.not_found_at = dict.fromkeys(self.not_found, look)
        self.context.seen.known_open = set(self.seen)
        self.deletions = Deletions(self.context, is_confirmed=is_confirmed)

    def told(self) -> list[str]:
        """Write what is told, and return the ids."""
        written = write(self.deletions.run())
        assert all(stream == "deleted_threads" for stream, _ in written)
        return [thread_id for _, thread_id in written]


def test_two_looks() -> None:
    """A thread that was missed twice, ten minutes apart, is told, and is forgotten then."""
    world = World()
    assert world.told() == ["1"]
    assert world.state.not_found == {}
    assert "1" not in world.state.open
    assert world.stats.withheld_deletions == 0


def test_what_is_told() -> None:
    """The row has the id and HubSpot's clock, and is forgotten only when it is out."""
    world = World()
    record, _ = world.deletions.run()
    assert record == Record("deleted_threads", {"id": "1", "detectedAt": NOW})
    assert world.state.not_found == {"1": BEFORE}


@pytest.mark.parametrize("seconds", [0, 1, MIN_SECONDS_BETWEEN_CHECKS - 1])
def test_too_close(seconds: float) -> None:
    """A second look before ten minutes have passed tells nothing; the first one stays."""
    world = World(first=shift(NOW, seconds=-seconds))
    assert world.told() == []
    assert "1" in world.state.not_found
    assert world.stats.withheld_deletions == 0


def test_no_date_is_no_look() -> None:
    """An answer that does not say when it was given is no second look."""
    world = World(look=None)
    assert world.told() == []
    assert "1" in world.state.not_found


def test_first_look_without_a_date() -> None:
    """A thread whose only miss is of this sync, and of no known time, is not told."""
    world = World(missed=0)
    world.context.seen.not_found_at = {"1": None}
    assert world.told() == []


def test_missed_but_not_looked_for() -> None:
    """A once missed thread that this sync did not look for is not told, however long ago it was."""
    world = World(first=LONG_AGO)
    world.context.seen.not_found_at = {}
    assert world.told() == []


def test_only_those_that_were_missed_twice() -> None:
    """Of several missing threads those are told that were missed before."""
    world = World(missed=2)
    world.state.not_found["2"] = NOW
    assert world.told() == ["1"]
    assert world.state.not_found == {"2": NOW}


def test_few_are_no_purge() -> None:
    """All of a few threads may go at once."""
    world = World(missed=MASS_DELETION_MIN - 1, seen=0)
    assert not world.deletions.is_mass_deletion
    assert world.told() == world.not_found


@pytest.mark.parametrize(
    ("missed", "seen", "is_mass_deletion"),
    [(10, 10, False), (11, 9, True), (10, 9, False), (11, 10, True), (11, 12, False)],
)
def test_more_than_half_of_many(missed: int, seen: int, *, is_mass_deletion: bool) -> None:
    """A purge is more than half of twenty or more."""
    assert World(missed, seen).deletions.is_mass_deletion is is_mass_deletion


def test_missing_whichever_sync_missed_them() -> None:
    """Those that were missed by earlier syncs count, though this one did not look for them."""
    world = World(MASS_DELETION_MIN, 0)
    world.context.seen.not_found_at = {}
    assert world.deletions.is_mass_deletion


def test_seen_by_a_listing_only() -> None:
    """A missed thread is missing, not seen, whatever has shown it."""
    world = World(11, 9)
    world.context.seen.known_open.update(world.not_found)
    assert world.deletions.is_mass_deletion


def test_purge_waits_for_a_listing(caplog: pytest.LogCaptureFixture) -> None:
    """Of a purge none is told before a listing has ended without it; it is said how many wait."""
    world = World(MASS_DELETION_MIN, 0)
    assert world.told() == []
    assert world.stats.withheld_deletions == MASS_DELETION_MIN
    assert f"{MASS_DELETION_MIN} deletion(s) pending, because most open threads" in caplog.text
    world.deletions.check()


@pytest.mark.parametrize(
    ("begun", "count"), [(LONG_AGO, 0), (HOUR_AGO, 0), (NOW, MASS_DELETION_MIN)]
)
def test_listing_begun_after_the_first_look(begun: str, count: int) -> None:
    """A listing shows that a thread is gone only if it was begun after the first look."""
    done: dict[str, Any] = {"full_listing_started_at": begun, "full_listing_completed_at": NOW}
    world = World(MASS_DELETION_MIN, 0, first=HOUR_AGO, **done)
    assert len(world.told()) == count
    assert world.stats.withheld_deletions == MASS_DELETION_MIN - count


def test_each_after_its_own_first_look() -> None:
    """Threads that were missed later than the listing was begun wait for the next one."""
    world = World(MASS_DELETION_MIN, 0, first=LONG_AGO, full_listing_started_at=HOUR_AGO)
    world.state.not_found["1"] = world.state.not_found["2"] = shift(HOUR_AGO, seconds=1)
    assert world.told() == world.not_found[2:]
    assert world.stats.withheld_deletions == 2


def test_listing_that_shows_it() -> None:
    """A thread that the listing showed is not told: its first look is as late as that."""
    world = World(MASS_DELETION_MIN, 0, first=LONG_AGO, full_listing_started_at=HOUR_AGO)
    world.state.restart_grace_period("1", shift(HOUR_AGO, seconds=1))
    assert world.told() == world.not_found[1:]


def test_purge_too_close() -> None:
    """A listing right behind the first look proves nothing within ten minutes of it."""
    first = shift(NOW, seconds=1 - MIN_SECONDS_BETWEEN_CHECKS)
    world = World(
        MASS_DELETION_MIN, 0, first=first, full_listing_started_at=shift(first, seconds=1)
    )
    assert world.told() == []


def test_purge_of_those_that_were_not_looked_for_again() -> None:
    """Of a purge a listing is proof enough: not all can be looked for again in one sync."""
    world = World(MASS_DELETION_MIN, 0, first=LONG_AGO, full_listing_started_at=HOUR_AGO)
    world.context.seen.not_found_at = {}
    assert world.told() == world.not_found


def test_unconfirmed_purge(caplog: pytest.LogCaptureFixture) -> None:
    """Where the account may be another, a purge is an error, and tells nobody deleted."""
    world = World(
        MASS_DELETION_MIN, 3, first=LONG_AGO, is_confirmed=False, full_listing_started_at=HOUR_AGO
    )
    assert world.told() == []
    assert world.stats.withheld_deletions == MASS_DELETION_MIN
    assert "to belong to the state's account" in caplog.text
    with pytest.raises(
        MassDeletionError, match=f"{MASS_DELETION_MIN} of {MASS_DELETION_MIN + 3} open threads"
    ):
        world.deletions.check()


@pytest.mark.parametrize(("seen", "count"), [(0, 0), (2, 0), (3, 3), (4, 3)])
def test_unconfirmed_few(seen: int, count: int) -> None:
    """Where the account may be another, a sync that saw fewer than it missed tells nothing."""
    world = World(3, seen, is_confirmed=False)
    assert len(world.told()) == count
    assert world.stats.withheld_deletions == 3 - count
    world.deletions.check()


def test_nothing_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    """A sync that missed nothing says nothing."""
    world = World(0)
    assert world.told() == []
    world.deletions.check()
    assert caplog.text == ""


@pytest.mark.parametrize(("lists_all", "told"), [(True, 20), (False, 0)])
def test_listing_of_some_proves_nothing(*, lists_all: bool, told: int) -> None:
    """That a thread is not in a listing of one inbox does not tell that it is gone."""
    missed = [[str(number), shift(NOW, seconds=-900)] for number in range(1, 21)]
    of = kept(not_found=missed, full_listing_started_at=shift(NOW, seconds=-60))
    filters: dict[str, Any] = {} if lists_all else {"inbox_ids": ("1",)}
    of_sync = context(of, **filters)
    of_sync.seen.now = NOW
    deletions = Deletions(of_sync, is_confirmed=True)
    assert len(write(deletions.run())) == told
