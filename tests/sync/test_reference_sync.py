"""A sync of reference lists and the index alone: what is requested, what a failure costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import IncompleteError, WrongAccountError
from tap_hubspot_threads.models import CHECKPOINT, REFERENCE_LISTS, ReferenceList, Selection
from tap_hubspot_threads.sync.reference_sync import ReferenceSync
from tests.sync.fakes import Inline, context, fake, kept, page, passing, row, write

if TYPE_CHECKING:
    from tap_hubspot_threads.sync.state.state import SyncState

INBOXES, CHANNELS, ACCOUNTS = REFERENCE_LISTS
ACCOUNT = 53


def sync(
    api: Any,
    *selected: ReferenceList,
    thread_index: bool = False,
    state: SyncState | None = None,
    **settings: Any,
) -> ReferenceSync:
    """Make a sync of such streams alone."""
    selection = Selection(threads=False, thread_index=thread_index, reference_lists=selected)
    return ReferenceSync(api, Inline(), context(state, selection, **settings))


def thing(name: str) -> dict[str, Any]:
    """Make a row of such a stream."""
    return {"id": name}


def test_account_first() -> None:
    """Alone, they are listed behind the question which account it is."""
    hubspot = fake(ACCOUNT, page(thing("1")))
    run = sync(hubspot, CHANNELS, state=kept(account_id=ACCOUNT))
    assert write(run.run()) == [("channels", "1")]
    assert [asked[0] for asked in hubspot.asked] == ["get_account_id", "list_all"]


def test_other_account() -> None:
    """Nothing is read of another account than the state's."""
    hubspot = fake(ACCOUNT + 1, page(thing("1")))
    with pytest.raises(WrongAccountError):
        write(sync(hubspot, CHANNELS, state=kept(account_id=ACCOUNT)).run())
    assert len(hubspot.asked) == 1


def test_error_at_the_end_of_a_sync() -> None:
    """Alone, one that could not be listed is an error behind all others."""
    written: list[tuple[str, str]] = []
    with pytest.raises(IncompleteError):
        write(sync(fake(ACCOUNT, passing(), page(thing("1"))), INBOXES, CHANNELS).run(), written)
    assert written == [("channels", "1")]


def test_index_of_both_sides() -> None:
    """Each thread goes out as an entry of the index: live ones, then archived ones."""
    hubspot = fake(ACCOUNT, page(row(1), cursor="x"), page(row(2)), page(row(3)))
    assert write(sync(hubspot, thread_index=True).run()) == [
        ("thread_index", "1"),
        ("thread_index", "2"),
        ("thread_index", "3"),
    ]
    assert [asked[-1] for asked in hubspot.asked[1:]] == [False, False, True]


def test_index_of_what_is_wanted() -> None:
    """What the settings do not want stays out, a whole side too."""
    filters: dict[str, Any] = {"inbox_ids": ("1",), "include_archived": False}
    hubspot = fake(ACCOUNT, page(row(1, inboxId="2"), row(2, inboxId="1")))
    assert write(sync(hubspot, thread_index=True, **filters).run()) == [("thread_index", "2")]


def test_no_index_unasked() -> None:
    """Where the index is not selected, no thread is listed."""
    hubspot = fake(ACCOUNT)
    assert write(sync(hubspot).run()) == []
    assert len(hubspot.asked) == 1


def test_a_pause_behind_each_page_of_the_index() -> None:
    """Behind each page of threads STATE may go out."""
    run = sync(fake(ACCOUNT, page(row(1)), page(row(2))), thread_index=True)
    _, first, _, second = run.run()
    assert [first, second] == [CHECKPOINT] * 2
