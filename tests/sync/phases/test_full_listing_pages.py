"""Pages of the full listing: which page comes next, and when the state moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import RefusedError
from tap_hubspot_threads.sync.phases.full_listing import FullListing, new_rows
from tap_hubspot_threads.sync.pipeline import ThreadPipeline
from tap_hubspot_threads.sync.state.listing_state import ARCHIVED, DONE, LIVE
from tests.sync.fakes import NOW, Inline, fake, make_context, make_state, page, row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.sync.pipeline import ListedPage
    from tap_hubspot_threads.sync.state.state import SyncState

LATER = "2026-11-20T12:05:00.000Z"
SECONDS = 3
"""Seconds that each page takes to arrive."""


def listing(
    api: Any,
    state: SyncState,
    *,
    include_archived: bool = True,
    once: bool = False,
    calls: int | None = None,
) -> Iterator[ListedPage]:
    """Yield the pages of a full listing."""
    context = make_context(state, include_archived=include_archived, always_fetch_by_id=once)
    full = FullListing(api, Inline(), ThreadPipeline(api, Inline(), context), context)
    full._pages_left = calls  # noqa: SLF001 - set by the settings in a sync
    return full._pages()  # noqa: SLF001 - before they become events


def listed(api: Any, state: SyncState, **options: Any) -> list[list[str]]:
    """Run a full listing and apply its state changes; return the IDs on each page."""
    pages = []
    for found in listing(api, state, **options):
        pages.append([row["id"] for row in found.rows])
        found.advance.apply()
    return pages


def test_live_then_archived() -> None:
    """Live threads are listed first, then archived ones, and the listing is done."""
    hubspot, state = fake(page(row(1), cursor="x"), page(row(2)), page(row(3))), make_state()
    assert listed(hubspot, state) == [["1"], ["2"], ["3"]]
    assert [archived for _, _, archived in hubspot.requests] == [False, False, True]
    assert state.listing.part == DONE


def test_first_listing_without_archived() -> None:
    """With `include_archived: false`, only the first listing omits archived threads."""
    hubspot, state = fake(page(row(1)), page(row(1)), page(row(2, archived=True))), make_state()
    assert listed(hubspot, state, include_archived=False) == [["1"]]
    assert state.listing.part == DONE
    state.listing.start()
    assert listed(hubspot, state, include_archived=False) == [["1"], ["2"]]
    assert [archived for _, _, archived in hubspot.requests] == [False, False, True]


@pytest.mark.parametrize(("include_archived", "first"), [(True, NOW), (False, LATER)])
def test_not_found_before_a_listing(first: str, *, include_archived: bool) -> None:
    """A listing without archived threads proves no deletion and restarts the grace period."""
    state = make_state(not_found=[["9", NOW]])
    hubspot = fake(page(row(1), now=LATER), page(now=LATER))
    listed(hubspot, state, include_archived=include_archived)
    assert state.not_found == {"9": first}


def test_state_moves_when_a_page_is_emitted() -> None:
    """The position of a listing moves when a page is emitted, not when it arrives."""
    state = make_state()
    first = next(listing(fake(page(row(1), cursor="x"), page(row(2))), state))
    assert first.now == NOW
    assert (state.listing.part, state.listing.cursor, state.listing.started_at) == (
        LIVE,
        None,
        None,
    )
    first.advance.apply()
    assert (state.listing.part, state.listing.cursor, state.listing.started_at) == (LIVE, "x", NOW)


def test_bookmark_of_the_first_listing() -> None:
    """The first listing sets the bookmark to HubSpot's clock at its first page."""
    state = make_state()
    listed(fake(page(row(1)), page(row(2), now=LATER)), state)
    assert state.bookmark == NOW
    assert (state.listing.full_started_at, state.listing.full_completed_at) == (NOW, LATER)


def test_no_bookmark_before_the_end() -> None:
    """An unfinished first listing has no bookmark."""
    state = make_state()
    assert listed(fake(page(row(1))), state, calls=1) == [["1"]]
    assert (state.bookmark, state.listing.part, state.listing.cursor) == (None, ARCHIVED, None)


def test_page_limit() -> None:
    """No more pages are requested than the limit allows."""
    hubspot = fake(page(row(1), cursor="x"), page(row(2), cursor="y"), page(row(3)))
    assert listed(hubspot, make_state(), calls=2) == [["1"], ["2"]]
    assert len(hubspot.requests) == 2


def test_resume_among_live_threads() -> None:
    """A listing that stopped among live threads resumes there, then lists archived ones."""
    hubspot = fake(page(row(2)), page(row(3)))
    state = make_state(listing=LIVE, listing_cursor="x", listing_started_at=NOW)
    assert listed(hubspot, state) == [["2"], ["3"]]
    assert hubspot.requests == [("list_threads", "x", False), ("list_threads", None, True)]


def test_resume_among_archived_threads() -> None:
    """A listing that stopped among archived threads lists no live thread again."""
    hubspot = fake(page(row(3)))
    state = make_state(listing=ARCHIVED, listing_cursor="x", listing_started_at=NOW)
    assert listed(hubspot, state) == [["3"]]
    assert hubspot.requests == [("list_threads", "x", True)]


def test_bookmark_of_a_resumed_listing() -> None:
    """A resumed first listing sets the bookmark to the time when it first started."""
    state = make_state(listing=LIVE, listing_cursor="x", listing_started_at=NOW)
    listed(fake(page(row(1), now=LATER), page(now=LATER)), state)
    assert state.bookmark == NOW


def test_later_listing_leaves_the_bookmark() -> None:
    """A later listing does not move the bookmark."""
    state = make_state(replication_key_value=NOW)
    state.listing.start()
    listed(fake(page(now=LATER), page(now=LATER)), state)
    assert state.bookmark == NOW


@pytest.mark.parametrize("stage", [LIVE, ARCHIVED])
def test_refused_cursor(stage: str, caplog: pytest.LogCaptureFixture) -> None:
    """If HubSpot refuses a saved cursor, the listing starts over, with a warning."""
    hubspot = fake(RefusedError("400"), page(row(1), now=LATER), page(row(2), now=LATER))
    state = make_state(listing=stage, listing_cursor="old", listing_started_at=NOW, listing_pages=9)
    assert listed(hubspot, state) == [["1"], ["2"]]
    expected = [("old", stage == ARCHIVED), (None, False), (None, True)]
    assert [(cursor, archived) for _, cursor, archived in hubspot.requests] == expected
    assert (state.listing.full_started_at, state.listing.full_pages) == (LATER, 2)
    assert "starts over" in caplog.text


def test_refused_cursor_ignores_the_page_limit() -> None:
    """A listing that starts over ignores the page limit, because cursors may expire."""
    pages = [page(row(1), cursor="x"), page(row(2), cursor="y"), page(row(3)), page()]
    state = make_state(listing=LIVE, listing_cursor="old", listing_started_at=NOW)
    assert listed(fake(RefusedError("400"), *pages), state, calls=1) == [["1"], ["2"], ["3"], []]
    assert state.listing.part == DONE


def test_refused_first_page() -> None:
    """A refusal of the first page is an error."""
    with pytest.raises(RefusedError):
        listed(fake(RefusedError("400")), make_state())


@pytest.mark.parametrize(("once", "archived"), [(True, []), (False, ["1"])])
def test_thread_archived_while_listing(*, once: bool, archived: list[str]) -> None:
    """A thread archived during the listing comes twice, but once if threads are read by ID."""
    hubspot = fake(page(row(1)), page(row(1, archived=True)))
    assert listed(hubspot, make_state(), once=once) == [["1"], archived]


def test_thread_on_two_pages() -> None:
    """A thread on two pages of a list comes only with the first."""
    hubspot = fake(page(row(1), row(2), cursor="x"), page(row(2), row(3)), page())
    assert listed(hubspot, make_state()) == [["1", "2"], ["3"], []]


def test_pages_and_seconds() -> None:
    """The pages and seconds of a listing are saved only at its end."""
    state = make_state(
        replication_key_value=NOW, full_listing_pages=7, full_listing_milliseconds=50_000
    )
    state.listing.start()
    pages = [page(row(1), cursor="x", seconds=SECONDS), page(row(2), seconds=SECONDS)]
    listed(fake(*pages), state, calls=2)
    assert (state.listing.full_pages, state.listing.full_seconds) == (7, 50)
    listed(fake(page(row(3), seconds=SECONDS)), state)
    assert (state.listing.full_pages, state.listing.full_seconds) == (3, 3 * SECONDS)


def test_new_rows() -> None:
    """`new_rows` drops rows of threads seen before, and repeated rows."""
    seen = {1}
    assert new_rows(page(row(1), row(2), row(2), row(3)), seen) == [row(2), row(3)]
    assert seen == {1, 2, 3}
