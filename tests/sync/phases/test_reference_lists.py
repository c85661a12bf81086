"""Streams that are listed as a whole: what is asked, what a refusal costs, a sync of them alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import (
    EX_CONFIG,
    DailyQuotaError,
    HubSpotError,
    PaginationLoopError,
    RefusedError,
    UnlistedError,
    WrongAccountError,
)
from tap_hubspot_threads.models import REFERENCE_LISTS, ReferenceList
from tap_hubspot_threads.settings.settings import ThreadFilter
from tap_hubspot_threads.sync.phases.reference_lists import ListsSync, ReferenceLists
from tests.sync.fakes import LOG, Inline, fake, kept, page, passing, row, write

if TYPE_CHECKING:
    from tap_hubspot_threads.sync.state.state import SyncState

INBOXES, CHANNELS, ACCOUNTS = REFERENCE_LISTS
ACCOUNT = 53


def lists(hubspot: Any, *listed: ReferenceList) -> ReferenceLists:
    """Make such streams of an account."""
    return ReferenceLists(hubspot, Inline(), listed, log=LOG)


def sync(
    hubspot: Any,
    *listed: ReferenceList,
    index: ThreadFilter | None = None,
    of: SyncState | None = None,
) -> ListsSync:
    """Make a sync of such streams alone."""
    return ListsSync(
        hubspot,
        Inline(),
        kept() if of is None else of,
        lists=lists(hubspot, *listed),
        index=index,
        log=LOG,
    )


def thing(name: str) -> dict[str, Any]:
    """Make a row of such a stream."""
    return {"id": name}


def test_all_pages() -> None:
    """A stream comes whole, from page to page."""
    hubspot = fake(page(thing("1"), cursor="x"), page(thing("2")))
    assert write(lists(hubspot, CHANNELS).run()) == [("channels", "1"), ("channels", "2")]
    assert hubspot.asked == [
        ("page_of", CHANNELS, None, False),
        ("page_of", CHANNELS, "x", False),
    ]


@pytest.mark.parametrize("listed", REFERENCE_LISTS, ids=lambda listed: listed.name)
def test_archived_side_where_there_is_one(listed: ReferenceList) -> None:
    """Archived ones are asked for behind the others, and only where the API has them."""
    hubspot = fake(page(thing("1")), page(thing("2")))
    write(lists(hubspot, listed).run())
    assert [archived for *_, archived in hubspot.asked] == (
        [False, True] if listed.has_archived else [False]
    )


def test_a_pause_behind_each_page() -> None:
    """Behind each page STATE may go out."""
    outs = lists(fake(page(thing("1"), cursor="x"), page(thing("2"))), CHANNELS).run()
    assert [out.row is None for out in outs] == [False, True, False, True]


def test_nothing_selected() -> None:
    """No stream is no call, and no error."""
    hubspot = fake()
    none = lists(hubspot)
    assert write(none.run()) == []
    none.check()
    assert hubspot.asked == []


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (RefusedError("403"), 1),
        (RefusedError("403", lacks_scope=True), 78),
        (passing(), 1),
        (HubSpotError("404"), 78),
        (PaginationLoopError("again"), 1),
    ],
    ids=["refused", "no scope", "transient", "other", "no progress"],
)
def test_refusal_of_one(
    error: HubSpotError, exit_code: int, caplog: pytest.LogCaptureFixture
) -> None:
    """One that cannot be listed is told, does not stop the others, and is an error at the end."""
    some = lists(fake(error, page(thing("1"))), INBOXES, CHANNELS)
    assert write(some.run()) == [("channels", "1")]
    assert "inboxes could not be loaded" in caplog.text
    with pytest.raises(UnlistedError, match="inboxes could not be loaded, all else was") as raised:
        some.check()
    assert raised.value.exit_code == exit_code


def test_refusal_between_pages() -> None:
    """What came of a stream before its refusal stays out."""
    some = lists(fake(page(thing("1"), cursor="x"), RefusedError("400")), CHANNELS)
    assert write(some.run()) == [("channels", "1")]
    with pytest.raises(UnlistedError):
        some.check()


def test_refusals_of_several() -> None:
    """All that could not be listed are named, and the code is that of what has to be mended."""
    some = lists(fake(RefusedError("403", lacks_scope=True), passing()), INBOXES, CHANNELS)
    write(some.run())
    with pytest.raises(UnlistedError, match="inboxes and channels") as raised:
        some.check()
    assert raised.value.exit_code == EX_CONFIG


@pytest.mark.parametrize(
    "error", [HubSpotError("401", is_auth_error=True), DailyQuotaError("spent")], ids=["401", "day"]
)
def test_what_ends_the_sync(error: HubSpotError) -> None:
    """A token that is not accepted and a spent day end it all."""
    hubspot = fake(error, page(thing("1")))
    with pytest.raises(HubSpotError) as raised:
        write(lists(hubspot, INBOXES, CHANNELS).run())
    assert raised.value is error
    assert len(hubspot.asked) == 1


def test_account_first() -> None:
    """Alone, they are listed behind the question which account it is."""
    hubspot = fake(ACCOUNT, page(thing("1")))
    run = sync(hubspot, CHANNELS, of=kept(account=ACCOUNT))
    assert write(run.run()) == [("channels", "1")]
    assert [asked[0] for asked in hubspot.asked] == ["account_number", "page_of"]


def test_other_account() -> None:
    """Nothing is read of another account than the state's."""
    hubspot = fake(ACCOUNT + 1, page(thing("1")))
    with pytest.raises(WrongAccountError):
        write(sync(hubspot, CHANNELS, of=kept(account=ACCOUNT)).run())
    assert len(hubspot.asked) == 1


def test_error_at_the_end_of_a_sync() -> None:
    """Alone, one that could not be listed is an error behind all others."""
    written: list[tuple[str, str]] = []
    with pytest.raises(UnlistedError):
        write(sync(fake(ACCOUNT, passing(), page(thing("1"))), INBOXES, CHANNELS).run(), written)
    assert written == [("channels", "1")]


def test_index_of_both_sides() -> None:
    """Each thread goes out as an entry of the index: live ones, then archived ones."""
    hubspot = fake(ACCOUNT, page(row(1), cursor="x"), page(row(2)), page(row(3)))
    assert write(sync(hubspot, index=ThreadFilter()).run()) == [
        ("thread_index", "1"),
        ("thread_index", "2"),
        ("thread_index", "3"),
    ]
    assert [asked[-1] for asked in hubspot.asked[1:]] == [False, False, True]


def test_index_of_what_is_wanted() -> None:
    """What the settings do not want stays out, a whole side too."""
    wanted = ThreadFilter(inbox_ids=("1",), include_archived=False)
    hubspot = fake(ACCOUNT, page(row(1, inboxId="2"), row(2, inboxId="1")))
    assert write(sync(hubspot, index=wanted).run()) == [("thread_index", "2")]


def test_no_index_unasked() -> None:
    """Where the index is not selected, no thread is listed."""
    hubspot = fake(ACCOUNT)
    assert write(sync(hubspot).run()) == []
    assert len(hubspot.asked) == 1


def test_a_pause_behind_each_page_of_the_index() -> None:
    """Behind each page of threads STATE may go out."""
    run = sync(fake(ACCOUNT, page(row(1)), page(row(2))), index=ThreadFilter())
    assert [out.row is None for out in run.run()] == [False, True, False, True]


def test_keeps_nothing() -> None:
    """The next sync is told nothing."""
    assert sync(fake()).pack(is_final=True) is None
