"""Deletions: when a thread is emitted as deleted, and what prevents it."""

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
from tests.sync.fakes import NOW, make_context, make_state, make_state_with_open, row, write

if TYPE_CHECKING:
    from tap_hubspot_threads.sync.state.sync_state import SyncState

BEFORE = shift(NOW, seconds=-MIN_SECONDS_BETWEEN_CHECKS)
LONG_AGO = shift(NOW, seconds=-7_200)
HOUR_AGO = shift(NOW, seconds=-3_600)


def ids(first: int, count: int) -> list[str]:
    """Return `count` IDs."""
    return [str(number) for number in range(first, first + count)]


class World:
    """A state with threads not found before, and a sync that did not find them again.

    Args:
        not_found: The number of threads that were not found, before and in this sync.
        seen: The number of other known open threads, which this sync saw.
        first: The time of the first check.
        checked: The time of this sync's check; None if the response had no `Date`.
        is_confirmed: Whether the account ID is confirmed.
        state: Further values in the state.
    """

    def __init__(
        self,
        not_found: int = 1,
        seen: int = 5,
        *,
        first: str = BEFORE,
        checked: str | None = NOW,
        is_confirmed: bool = True,
        **state: Any,
    ) -> None:
        self.not_found, self.seen = ids(1, not_found), ids(1 + not_found, seen)
        pairs = [[name, first] for name in self.not_found]
        rows = map(row, [*self.not_found, *self.seen])
        self.state: SyncState = make_state_with_open(*rows, not_found=pairs, **state)
        self.context = make_context(self.state)
        self.stats = self.context.stats
        self.context.seen.now = NOW
        self.context.seen.not_found_at = dict.fromkeys(self.not_found, checked)
        self.context.seen.unseen_open.difference_update(self.seen)
        self.deletions = Deletions(self.context, is_confirmed=is_confirmed)

    def deleted_ids(self) -> list[str]:
        """Write the deletions; return their thread IDs."""
        written = write(self.deletions.run())
        assert all(stream == "deleted_threads" for stream, _ in written)
        return [thread_id for _, thread_id in written]


def test_two_checks() -> None:
    """A thread not found twice, 10 minutes apart, is emitted as deleted and forgotten."""
    world = World()
    assert world.deleted_ids() == ["1"]
    assert world.state.not_found == {}
    assert "1" not in world.state.open
    assert world.stats.withheld_deletions == 0


def test_record() -> None:
    """The record has HubSpot's time, and the thread is forgotten only once it is emitted."""
    world = World()
    record, _ = world.deletions.run()
    assert record == Record("deleted_threads", {"id": "1", "detectedAt": NOW})
    assert world.state.not_found == {"1": BEFORE}


@pytest.mark.parametrize("seconds", [0, 1, MIN_SECONDS_BETWEEN_CHECKS - 1])
def test_checks_too_close(seconds: float) -> None:
    """A second check within 10 minutes proves no deletion, and the first check stays."""
    world = World(first=shift(NOW, seconds=-seconds))
    assert world.deleted_ids() == []
    assert "1" in world.state.not_found
    assert world.stats.withheld_deletions == 0


def test_check_without_a_date() -> None:
    """A response without a `Date` is no second check."""
    world = World(checked=None)
    assert world.deleted_ids() == []
    assert "1" in world.state.not_found


def test_first_check_without_a_date() -> None:
    """A thread whose only 404 had no `Date` is not deleted."""
    world = World(not_found=0)
    world.context.seen.not_found_at = {"1": None}
    assert world.deleted_ids() == []


def test_thread_not_checked_in_this_sync() -> None:
    """A thread that this sync did not check is not deleted, however old its first check is."""
    world = World(first=LONG_AGO)
    world.context.seen.not_found_at = {}
    assert world.deleted_ids() == []


def test_one_check_is_not_enough() -> None:
    """Of two threads not found, only the one with an earlier check is deleted."""
    world = World(not_found=2)
    world.state.not_found["2"] = NOW
    assert world.deleted_ids() == ["1"]
    assert world.state.not_found == {"2": NOW}


def test_few_are_no_mass_deletion() -> None:
    """All of a few threads may be deleted at once."""
    world = World(not_found=MASS_DELETION_MIN - 1, seen=0)
    assert not world.deletions.is_mass_deletion
    assert world.deleted_ids() == world.not_found


@pytest.mark.parametrize(
    ("not_found", "seen", "is_mass_deletion"),
    [(10, 10, False), (11, 9, True), (10, 9, False), (11, 10, True), (11, 12, False)],
)
def test_more_than_half_of_many(not_found: int, seen: int, *, is_mass_deletion: bool) -> None:
    """A mass deletion is more than half of 20 or more threads."""
    assert World(not_found, seen).deletions.is_mass_deletion is is_mass_deletion


def test_earlier_syncs_count() -> None:
    """Threads that earlier syncs did not find count, even if this sync did not check them."""
    world = World(MASS_DELETION_MIN, 0)
    world.context.seen.not_found_at = {}
    assert world.deletions.is_mass_deletion


def test_mass_deletion_waits_for_a_full_listing(caplog: pytest.LogCaptureFixture) -> None:
    """A mass deletion waits for a full listing, and the log says how many threads wait."""
    world = World(MASS_DELETION_MIN, 0)
    assert world.deleted_ids() == []
    assert world.stats.withheld_deletions == MASS_DELETION_MIN
    assert f"{MASS_DELETION_MIN} deletion(s) pending, because most open threads" in caplog.text
    world.deletions.check()


@pytest.mark.parametrize(
    ("started", "count"), [(LONG_AGO, 0), (HOUR_AGO, 0), (NOW, MASS_DELETION_MIN)]
)
def test_full_listing_after_the_first_check(started: str, count: int) -> None:
    """A full listing proves a deletion only if it started after the first check."""
    done: dict[str, Any] = {"full_listing_started_at": started, "full_listing_completed_at": NOW}
    world = World(MASS_DELETION_MIN, 0, first=HOUR_AGO, **done)
    assert len(world.deleted_ids()) == count
    assert world.stats.withheld_deletions == MASS_DELETION_MIN - count


def test_full_listing_before_some_first_checks() -> None:
    """Threads first not found after the full listing started wait for the next one."""
    world = World(MASS_DELETION_MIN, 0, first=LONG_AGO, full_listing_started_at=HOUR_AGO)
    world.state.not_found["1"] = world.state.not_found["2"] = shift(HOUR_AGO, seconds=1)
    assert world.deleted_ids() == world.not_found[2:]
    assert world.stats.withheld_deletions == 2


def test_full_listing_that_shows_the_thread() -> None:
    """A thread that the full listing shows is not deleted: its first check is moved."""
    world = World(MASS_DELETION_MIN, 0, first=LONG_AGO, full_listing_started_at=HOUR_AGO)
    world.state.move_first_check("1", shift(HOUR_AGO, seconds=1))
    assert world.deleted_ids() == world.not_found[1:]


def test_mass_deletion_too_close() -> None:
    """A full listing within 10 minutes of the first check proves no deletion."""
    first = shift(NOW, seconds=1 - MIN_SECONDS_BETWEEN_CHECKS)
    world = World(
        MASS_DELETION_MIN, 0, first=first, full_listing_started_at=shift(first, seconds=1)
    )
    assert world.deleted_ids() == []


def test_mass_deletion_without_a_second_check() -> None:
    """In a mass deletion the full listing is proof enough: one sync cannot check all again."""
    world = World(MASS_DELETION_MIN, 0, first=LONG_AGO, full_listing_started_at=HOUR_AGO)
    world.context.seen.not_found_at = {}
    assert world.deleted_ids() == world.not_found


def test_unconfirmed_mass_deletion(caplog: pytest.LogCaptureFixture) -> None:
    """With an unconfirmed account ID, a mass deletion is an error and emits nothing."""
    world = World(
        MASS_DELETION_MIN, 3, first=LONG_AGO, is_confirmed=False, full_listing_started_at=HOUR_AGO
    )
    assert world.deleted_ids() == []
    assert world.stats.withheld_deletions == MASS_DELETION_MIN
    assert "to belong to the state's account" in caplog.text
    with pytest.raises(
        MassDeletionError, match=f"{MASS_DELETION_MIN} of {MASS_DELETION_MIN + 3} open threads"
    ):
        world.deletions.check()


@pytest.mark.parametrize(("seen", "count"), [(0, 0), (2, 0), (3, 3), (4, 3)])
def test_unconfirmed_few(seen: int, count: int) -> None:
    """With an unconfirmed account ID, more threads not found than seen emit nothing."""
    world = World(3, seen, is_confirmed=False)
    assert len(world.deleted_ids()) == count
    assert world.stats.withheld_deletions == 3 - count
    world.deletions.check()


def test_nothing_to_delete(caplog: pytest.LogCaptureFixture) -> None:
    """If every thread is found, nothing is logged."""
    world = World(0)
    assert world.deleted_ids() == []
    world.deletions.check()
    assert caplog.text == ""


@pytest.mark.parametrize(("lists_all", "deleted"), [(True, 20), (False, 0)])
def test_filtered_listing_proves_no_deletion(*, lists_all: bool, deleted: int) -> None:
    """A full listing of one inbox does not prove that a thread is deleted."""
    not_found = [[str(number), shift(NOW, seconds=-900)] for number in range(1, 21)]
    state = make_state(not_found=not_found, full_listing_started_at=shift(NOW, seconds=-60))
    filters: dict[str, Any] = {} if lists_all else {"inbox_ids": ("1",)}
    context = make_context(state, **filters)
    context.seen.now = NOW
    deletions = Deletions(context, is_confirmed=True)
    assert len(write(deletions.run())) == deleted
