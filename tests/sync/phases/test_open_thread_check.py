"""Open threads again: each step sees what the one before left, and all keep to their calls."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import DailyQuotaError, HubSpotError, RefusedError
from tap_hubspot_threads.models import CHECKPOINT, Page
from tap_hubspot_threads.sync.phases.open_thread_check import LISTING_SECONDS, OpenThreadCheck
from tap_hubspot_threads.sync.pipeline import MAX_CALLS_PER_THREAD, ThreadPipeline
from tap_hubspot_threads.values import shift
from tests.sync.fakes import NOW, Inline, context, fake, knows, missing, page, passing, row, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.models import Event

BEFORE = shift(NOW, seconds=-3_600)
STATUS, ALL = ("list_open_threads", None, False), ("list_threads", None, False)


class World:
    """A state that knows open threads, and a phase 3 that finds these answers.

    Args:
        answers: What HubSpot answers, one after the other.
        known: How many threads are known to be open: 1, 2, …
        seconds: What a page of a listing takes to come.
        state: What else the state has.
        include_archived: The setting.
        calls: Of `open_threads_max_calls`.
        are_listed: Whether listings are used, not `always_fetch_by_id`.
    """

    def __init__(
        self,
        *answers: object,
        known: int = 6,
        seconds: float = 0.1,
        state: dict[str, Any] | None = None,
        include_archived: bool = False,
        calls: int = 100,
        are_listed: bool = True,
    ) -> None:
        timed = (
            replace(found, seconds=seconds) if isinstance(found, Page) else found
            for found in answers
        )
        self.api = fake(*timed)
        self.state = knows(*map(row, range(1, known + 1)), **state or {})
        of = context(
            self.state,
            include_archived=include_archived,
            open_threads_max_calls=calls,
            always_fetch_by_id=not are_listed,
        )
        self.seen = of.seen
        pipeline = ThreadPipeline(self.api, Inline(), of)
        self.part = OpenThreadCheck(self.api, Inline(), pipeline, of)

    def events(self) -> Iterator[Event]:
        """Yield the events of its steps, when no full listing is due."""
        yield from self.part.not_found_once()
        yield from self.part.by_status()
        yield from self.part.by_listing_all()
        yield from self.part.by_id()

    def run(self) -> list[str]:
        """Go through it as the loop that writes does; return the IDs that are emitted."""
        return [thread_id for _, thread_id in write(self.events())]

    @property
    def asked(self) -> list[Any]:
        """What was asked."""
        found: list[Any] = self.api.asked
        return found


def by_id(*ids: int) -> list[Any]:
    """Return what is asked when these threads are read by id."""
    return [("get_thread", str(number), False) for number in ids]


def rows(*ids: int, **columns: Any) -> list[dict[str, Any]]:
    """Return rows of such threads."""
    return [row(number, **columns) for number in ids]


def pages_known(pages: int, seconds: float = 1) -> dict[str, Any]:
    """Return what a state has of a last listing of so many pages."""
    return {"full_listing_pages": pages, "full_listing_milliseconds": round(seconds * 1000)}


def test_each_step_sees_what_the_one_before_left() -> None:
    """By status, then by a listing of all, then by id: each for what is still unseen."""
    answers = [page(*rows(1, 2, 3)), page(*rows(1, 4, 5)), row(6)]
    world = World(*answers, state=pages_known(1))
    assert world.run() == []
    assert world.asked == [STATUS, ALL, *by_id(6)]
    assert world.seen.known_open == set("123456")


def test_filter_that_works() -> None:
    """Where the filter shows all, nothing else is asked."""
    world = World(page(*rows(1, 2, 3, 4, 5, 6)), state=pages_known(1))
    world.run()
    assert world.asked == [STATUS]


def test_change_that_the_filter_shows() -> None:
    """It is not believed, as an index may be wrong for ever: what was known is read by id."""
    stale, new = row(2, spam=True), row(7)
    world = World(page(*rows(1, 3, 4, 5, 6), stale, new), row(2, assignedTo="A-1"))
    assert world.run() == ["2"]
    assert world.asked == [STATUS, *by_id(2)]
    assert "7" not in world.seen.tracked


def test_both_sides() -> None:
    """Archived threads are listed behind the live ones, where they are wanted."""
    world = World(page(*rows(1, 2, 3)), page(*rows(4, 5, 6)), include_archived=True)
    world.run()
    assert world.asked == [STATUS, ("list_open_threads", None, True)]


def test_filter_that_is_ignored() -> None:
    """A page that is mostly closed ends its step after that call, on the other side too."""
    closed = rows(7, 8, 9, status="CLOSED")
    first = page(*rows(1, 2), *closed, cursor="x")
    world = World(first, *rows(1, 2, 3, 4, 5, 6), include_archived=True)
    world.run()
    assert world.asked == [STATUS, *by_id(1, 2, 3, 4, 5, 6)]


def test_page_that_is_half_closed() -> None:
    """Half is not most: an index may lag."""
    first = page(*rows(1, 2), *rows(7, 8, status="CLOSED"), cursor="x")
    world = World(first, page(*rows(3, 4, 5, 6)))
    assert world.run() == []
    assert world.asked == [STATUS, ("list_open_threads", "x", False)]


@pytest.mark.parametrize(
    "failure",
    [RefusedError("400"), passing(), HubSpotError("404")],
    ids=["refused", "passing", "other"],
)
def test_filter_that_fails(failure: HubSpotError) -> None:
    """Any failure of it ends its step after one call, without harm: the next step goes on."""
    world = World(failure, *rows(1, 2, 3, 4, 5, 6), include_archived=True)
    world.run()
    assert world.asked == [STATUS, *by_id(1, 2, 3, 4, 5, 6)]
    assert world.seen.known_open == set("123456")


@pytest.mark.parametrize(
    "error", [HubSpotError("401", is_auth_error=True), DailyQuotaError("spent")], ids=["401", "day"]
)
def test_what_ends_the_sync(error: HubSpotError) -> None:
    """A token that is not accepted and a spent day are no failures of the filter's."""
    world = World(error, *rows(1, 2, 3, 4, 5, 6))
    with pytest.raises(HubSpotError) as raised:
        world.run()
    assert raised.value is error


def test_filter_that_finds_nothing() -> None:
    """An empty page is one side's end, and shows nothing gone."""
    world = World(page(), page(), *rows(1, 2, 3, 4, 5, 6), include_archived=True)
    assert world.run() == []
    assert len(world.asked) == 2 + 6
    assert world.state.not_found == {}


def test_filter_that_misses_some() -> None:
    """What the filter does not show is read by id."""
    world = World(page(*rows(1, 3, 5)), *rows(2, 4, 6))
    world.run()
    assert world.asked == [STATUS, *by_id(2, 4, 6)]


@pytest.mark.parametrize(("known", "is_listed"), [(1, False), (2, True)])
def test_no_listing_for_less_than_it_costs(known: int, *, is_listed: bool) -> None:
    """A thread for each side is read by id at once: listing takes as many calls."""
    world = World(page(*rows(1, 2)) if is_listed else row(1), known=known)
    world.run()
    assert world.asked == ([STATUS] if is_listed else by_id(1))


@pytest.mark.parametrize(("pages", "is_listed"), [(5, True), (6, False), (7, False), (None, False)])
def test_all_is_listed_if_that_is_less(pages: int | None, *, is_listed: bool) -> None:
    """Everything is listed if more threads are unseen than the last listing had pages."""
    state = {} if pages is None else pages_known(pages)
    listing = [page(*rows(1, 2, 3, 4, 5, 6))] if is_listed else rows(1, 2, 3, 4, 5, 6)
    world = World(RefusedError("400"), *listing, state=state)
    world.run()
    assert world.asked[1:] == ([ALL] if is_listed else by_id(1, 2, 3, 4, 5, 6))


@pytest.mark.parametrize(("calls", "is_listed"), [(12, True), (11, False)])
def test_listings_take_half_of_the_calls(calls: int, *, is_listed: bool) -> None:
    """Everything is listed only where that fits into half of the calls, with the first listing."""
    listing = [page(*rows(*range(1, 21)))] if is_listed else rows(*range(1, 21))
    world = World(RefusedError("400"), *listing, known=20, calls=calls, state=pages_known(5))
    world.run()
    assert (ALL in world.asked) is is_listed


@pytest.mark.parametrize(
    ("last", "increment", "is_listed"),
    [(LISTING_SECONDS - 1, 0, True), (LISTING_SECONDS, 0, False), (30, 22, True), (30, 24, False)],
)
def test_listings_take_a_minute(last: float, increment: float, *, is_listed: bool) -> None:
    """Everything is listed only where the minute holds it, with all pages before it."""
    listing = [page(*rows(1, 2, 3, 4, 5, 6))] if is_listed else rows(1, 2, 3, 4, 5, 6)
    world = World(page(), *listing, state=pages_known(1, last), seconds=1)
    world.seen.listing_seconds = increment
    world.run()
    assert (ALL in world.asked) is is_listed


def test_slow_pages() -> None:
    """A listing is left when its next page would not fit into the minute; the rest is by id."""
    pages = [page(row(number), cursor=str(number)) for number in (1, 2, 3)]
    world = World(*pages, *rows(4, 5, 6), seconds=16)
    world.run()
    assert [asked[0] for asked in world.asked] == ["list_open_threads"] * 3 + ["get_thread"] * 3


def test_listing_ends_with_its_calls() -> None:
    """A listing that has more pages than half of the calls is left there.

    The last call is not used: a missing thread would take two.
    """
    pages = [page(row(number), cursor=str(number)) for number in (1, 2)]
    world = World(*pages, *rows(3, 4, 5, 6), calls=4)
    world.run()
    assert world.asked == [STATUS, ("list_open_threads", "1", False), *by_id(3)]


def test_longest_unread_first() -> None:
    """By id the threads are read in the order in which they were last read."""
    world = World(*rows(2, 3, 1), known=3, are_listed=False)
    world.state.open.postpone("1")
    world.run()
    assert world.asked == by_id(2, 3, 1)


def test_side_is_handed_on() -> None:
    """A thread that was archived is looked for among archived ones first."""
    world = World(row(1, archived=True), known=0)
    world.state.open.note("1", "aAAAAAA")
    world.run()
    assert world.asked == [("get_thread", "1", True)]


def test_what_was_read_already() -> None:
    """A thread that this sync has taken or seen is not read again."""
    world = World(row(3), known=3)
    world.seen.fetched.add("1")
    world.seen.tracked.add("2")
    world.run()
    assert world.asked == by_id(3)


@pytest.mark.parametrize("calls", range(MAX_CALLS_PER_THREAD, 14))
@pytest.mark.parametrize("are_gone", [False, True])
def test_never_beyond_the_calls(calls: int, *, are_gone: bool) -> None:
    """However many threads are missing, which takes two calls each, the calls are kept to."""
    answers = [missing()] * 40 if are_gone else rows(*range(1, 21))
    world = World(*answers, known=20, calls=calls, are_listed=False)
    world.run()
    assert calls - 1 <= len(world.asked) <= calls


@pytest.mark.parametrize("are_listed", [False, True])
def test_no_calls(*, are_listed: bool) -> None:
    """Without calls nothing is read, and nobody is told of it."""
    world = World(calls=0, are_listed=are_listed, state={"not_found": [["1", BEFORE]]})
    assert world.run() == []
    assert world.asked == []


def test_by_id_alone() -> None:
    """Where threads are fetched by id, no listing is asked."""
    world = World(*rows(1, 2, 3, 4, 5, 6), are_listed=False, state=pages_known(1))
    world.run()
    assert world.asked == by_id(1, 2, 3, 4, 5, 6)


def test_once_missed_first() -> None:
    """A once missed thread is read by id before anything else, whatever the listings show."""
    world = World(row(5), page(*rows(1, 2, 3, 4, 6)), state={"not_found": [["5", BEFORE]]})
    world.run()
    assert world.asked == [*by_id(5), STATUS]
    assert world.state.not_found == {}


def test_once_missed_take_a_quarter() -> None:
    """Of the calls the once missed take a quarter, longest missed first; the others wait."""
    missed = [[str(number), BEFORE] for number in (6, 5, 4, 3)]
    answers = [missing()] * 4 + rows(1, 2)
    world = World(*answers, calls=16, are_listed=False, state={"not_found": missed})
    world.run()
    tried = [thread_id for _, thread_id, _ in world.asked]
    assert tried == ["6", "6", "5", "5", "1", "2"]
    assert world.state.not_found == {"6": BEFORE, "5": BEFORE, "4": BEFORE, "3": BEFORE}


def test_missed_that_a_listing_shows() -> None:
    """A missed thread's row does not go out of a listing, and it stays missed."""
    world = World(
        *[missing()] * 2,
        page(row(5, status="WAITING"), *rows(1, 2, 3, 4, 6)),
        state={"not_found": [["5", BEFORE]]},
    )
    assert world.run() == []
    assert world.state.not_found == {"5": BEFORE}


def test_row_of_a_thread_that_was_read_by_id() -> None:
    """A listing's row never goes out over a reading by id of this sync."""
    world = World(page(row(1, status="WAITING"), *rows(2, 3, 4, 5, 6)))
    world.seen.fetched.add("1")
    assert world.run() == []


def test_what_goes_out() -> None:
    """Of a listing of all go out changed rows, and open threads that were not known to be."""
    found = [row(1, status="CLOSED"), *rows(2, 3, 4, 5, 6, 7), row(8, status="CLOSED")]
    world = World(RefusedError("400"), page(*found), state=pages_known(1))
    assert world.run() == ["1", "7"]
    assert world.state.open.ids()[-1] == ("7", False)
    assert "1" not in world.state.open


def test_state_may_go_out_behind_each_page() -> None:
    """Behind a page of a listing there is a place for STATE."""
    *_, last = World(page(*rows(1, 2, 3, 4, 5, 6))).part.by_status()
    assert last is CHECKPOINT


def test_what_it_came_to(caplog: pytest.LogCaptureFixture) -> None:
    """One line says how many threads were known, and how they were seen."""
    caplog.set_level(logging.INFO)
    World(page(*rows(1, 2, 3, 4)), *rows(5, 6)).run()
    (line,) = [record.message for record in caplog.records if "Open threads" in record.message]
    assert line.startswith("Open threads: 6 known; 4 listed in 1 ")
    assert line.endswith("2 read by ID")
