"""Listing by id: which page comes next, and what moves on when a page is out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import RefusedError
from tap_hubspot_threads.sync.phases.full_listing import FullListing, new_rows
from tap_hubspot_threads.sync.pipeline import ThreadPipeline
from tap_hubspot_threads.sync.state.listing_state import ARCHIVED, DONE, LIVE
from tests.sync.fakes import NOW, Inline, context, fake, kept, page, row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.sync.pipeline import ListedPage
    from tap_hubspot_threads.sync.state.state import SyncState

LATER = "2026-11-20T12:05:00.000Z"
SECONDS = 3
"""What each page takes to come."""


def listing(
    api: Any,
    state: SyncState,
    *,
    include_archived: bool = True,
    once: bool = False,
    calls: int | None = None,
) -> Iterator[ListedPage]:
    """Yield the pages of a full listing."""
    of = context(state, include_archived=include_archived, always_fetch_by_id=once)
    full = FullListing(api, Inline(), ThreadPipeline(api, Inline(), of), of)
    full._pages_left = calls  # noqa: SLF001 - as the settings say
    return full._pages()  # noqa: SLF001 - before anything follows from them


def listed(api: Any, state: SyncState, **options: Any) -> list[list[str]]:
    """List an account, and apply the state changes; return the IDs on each page."""
    pages = []
    for found in listing(api, state, **options):
        pages.append([row["id"] for row in found.rows])
        found.advance.apply()
    return pages


def test_live_then_archived() -> None:
    """All live threads come, then all archived ones, and the listing is done."""
    hubspot, of = fake(page(row(1), cursor="x"), page(row(2)), page(row(3))), kept()
    assert listed(hubspot, of) == [["1"], ["2"], ["3"]]
    assert [archived for _, _, archived in hubspot.asked] == [False, False, True]
    assert of.listing.part == DONE


def test_live_alone_at_first() -> None:
    """Without archived threads, the first listing, and no later one, ends with the live ones."""
    hubspot, of = fake(page(row(1)), page(row(1)), page(row(2, archived=True))), kept()
    assert listed(hubspot, of, include_archived=False) == [["1"]]
    assert of.listing.part == DONE
    of.listing.start()
    assert listed(hubspot, of, include_archived=False) == [["1"], ["2"]]
    assert [archived for _, _, archived in hubspot.asked] == [False, False, True]


@pytest.mark.parametrize(("include_archived", "first"), [(True, NOW), (False, LATER)])
def test_not_found_before_a_listing(first: str, *, include_archived: bool) -> None:
    """A listing without archived threads is no proof that a thread not found before is deleted."""
    of = kept(not_found=[["9", NOW]])
    hubspot = fake(page(row(1), now=LATER), page(now=LATER))
    listed(hubspot, of, include_archived=include_archived)
    assert of.not_found == {"9": first}


def test_moves_on_behind_the_page() -> None:
    """Where the listing stands is kept when a page is out, and not when it has come."""
    of = kept()
    first = next(listing(fake(page(row(1), cursor="x"), page(row(2))), of))
    assert first.now == NOW
    assert (of.listing.part, of.listing.cursor, of.listing.started_at) == (LIVE, None, None)
    first.advance.apply()
    assert (of.listing.part, of.listing.cursor, of.listing.started_at) == (LIVE, "x", NOW)


def test_first_listing_ends_in_its_bookmark() -> None:
    """The bookmark is HubSpot's clock at the first page of all, not at the last."""
    of = kept()
    listed(fake(page(row(1)), page(row(2), now=LATER)), of)
    assert of.bookmark == NOW
    assert (of.listing.full_started_at, of.listing.full_completed_at) == (NOW, LATER)


def test_no_bookmark_before_the_end() -> None:
    """A first listing that has not ended has no bookmark."""
    of = kept()
    assert listed(fake(page(row(1))), of, calls=1) == [["1"]]
    assert (of.bookmark, of.listing.part, of.listing.cursor) == (None, ARCHIVED, None)


def test_so_many_calls() -> None:
    """No more pages are asked for than there are calls."""
    hubspot = fake(page(row(1), cursor="x"), page(row(2), cursor="y"), page(row(3)))
    assert listed(hubspot, kept(), calls=2) == [["1"], ["2"]]
    assert len(hubspot.asked) == 2


def test_goes_on_among_live_threads() -> None:
    """A listing that stopped among live threads goes on there, then with the archived ones."""
    hubspot = fake(page(row(2)), page(row(3)))
    of = kept(listing=LIVE, listing_cursor="x", listing_started_at=NOW)
    assert listed(hubspot, of) == [["2"], ["3"]]
    assert hubspot.asked == [("list_threads", "x", False), ("list_threads", None, True)]


def test_goes_on_among_archived_threads() -> None:
    """A listing that stopped among archived threads lists no live one again."""
    hubspot = fake(page(row(3)))
    of = kept(listing=ARCHIVED, listing_cursor="x", listing_started_at=NOW)
    assert listed(hubspot, of) == [["3"]]
    assert hubspot.asked == [("list_threads", "x", True)]


def test_bookmark_of_a_resumed_listing() -> None:
    """Resumed, a first listing ends in the clock at which it was begun."""
    of = kept(listing=LIVE, listing_cursor="x", listing_started_at=NOW)
    listed(fake(page(row(1), now=LATER), page(now=LATER)), of)
    assert of.bookmark == NOW


def test_later_listing_leaves_the_bookmark() -> None:
    """The end of a later listing does not move the bookmark."""
    of = kept(replication_key_value=NOW)
    of.listing.start()
    listed(fake(page(now=LATER), page(now=LATER)), of)
    assert of.bookmark == NOW


@pytest.mark.parametrize("stage", [LIVE, ARCHIVED])
def test_refused_cursor(stage: str, caplog: pytest.LogCaptureFixture) -> None:
    """A saved cursor that HubSpot does not know any more restarts the pass, with a warning."""
    hubspot = fake(RefusedError("400"), page(row(1), now=LATER), page(row(2), now=LATER))
    of = kept(listing=stage, listing_cursor="old", listing_started_at=NOW, listing_pages=9)
    assert listed(hubspot, of) == [["1"], ["2"]]
    sides = [("old", stage == ARCHIVED), (None, False), (None, True)]
    assert [(cursor, archived) for _, cursor, archived in hubspot.asked] == sides
    assert (of.listing.full_started_at, of.listing.full_pages) == (LATER, 2)
    assert "starts over" in caplog.text


def test_refused_cursor_ignores_the_calls() -> None:
    """The pass that is begun anew goes to its end: cursors may not live until the next sync."""
    pages = [page(row(1), cursor="x"), page(row(2), cursor="y"), page(row(3)), page()]
    of = kept(listing=LIVE, listing_cursor="old", listing_started_at=NOW)
    assert listed(fake(RefusedError("400"), *pages), of, calls=1) == [["1"], ["2"], ["3"], []]
    assert of.listing.part == DONE


def test_refused_without_a_cursor() -> None:
    """A refusal of the first page is an error."""
    with pytest.raises(RefusedError):
        listed(fake(RefusedError("400")), kept())


@pytest.mark.parametrize(("once", "archived"), [(True, []), (False, ["1"])])
def test_thread_on_both_sides(*, once: bool, archived: list[str]) -> None:
    """A thread that is archived meanwhile comes on both sides, but where it is to come once."""
    hubspot = fake(page(row(1)), page(row(1, archived=True)))
    assert listed(hubspot, kept(), once=once) == [["1"], archived]


def test_thread_on_two_pages() -> None:
    """A thread that is on two pages of a side comes with the first."""
    hubspot = fake(page(row(1), row(2), cursor="x"), page(row(2), row(3)), page())
    assert listed(hubspot, kept()) == [["1", "2"], ["3"], []]


def test_pages_and_seconds() -> None:
    """How many pages a whole listing has, and what they took, is known at its end only."""
    of = kept(replication_key_value=NOW, full_listing_pages=7, full_listing_milliseconds=50_000)
    of.listing.start()
    pages = [page(row(1), cursor="x", seconds=SECONDS), page(row(2), seconds=SECONDS)]
    listed(fake(*pages), of, calls=2)
    assert (of.listing.full_pages, of.listing.full_seconds) == (7, 50)
    listed(fake(page(row(3), seconds=SECONDS)), of)
    assert (of.listing.full_pages, of.listing.full_seconds) == (3, 3 * SECONDS)


def test_new_rows() -> None:
    """A thread that was seen before is left out, and so is its second row."""
    seen = {1}
    assert new_rows(page(row(1), row(2), row(2), row(3)), seen) == [row(2), row(3)]
    assert seen == {1, 2, 3}
