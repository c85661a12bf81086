"""Syncs of reference lists and `thread_index` alone: their requests, and the cost of a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_hubspot_threads.errors import IncompleteError, WrongAccountError
from tap_hubspot_threads.models import CHECKPOINT, Selection
from tap_hubspot_threads.reference_lists import REFERENCE_LISTS, ReferenceList
from tap_hubspot_threads.sync.id_ranges import cursor_after
from tap_hubspot_threads.sync.reference_sync import ReferenceSync
from tests.sync.fakes import (
    Inline,
    fake,
    make_context,
    make_state,
    not_found_error,
    page,
    row,
    transient_error,
    write,
)

if TYPE_CHECKING:
    from tap_hubspot_threads.sync.state.sync_state import SyncState

INBOXES, CHANNELS, ACCOUNTS = REFERENCE_LISTS
ACCOUNT = 53


def sync(
    api: Any,
    *selected: ReferenceList,
    thread_index: bool = False,
    state: SyncState | None = None,
    **settings: Any,
) -> ReferenceSync:
    """Return a sync of these streams alone."""
    selection = Selection(threads=False, thread_index=thread_index, reference_lists=selected)
    return ReferenceSync(api, Inline(), make_context(state, selection, **settings))


FAILING = (transient_error(), None, page(row(3)), None)
"""Answers that show that thread 2 makes a page fail: none after 1, but one after 2."""


def list_row(name: str) -> dict[str, Any]:
    """Return a row of a reference list."""
    return {"id": name}


def test_account_first() -> None:
    """The account is identified before anything is listed."""
    hubspot = fake(ACCOUNT, page(list_row("1")))
    run = sync(hubspot, CHANNELS, state=make_state(account_id=ACCOUNT))
    assert write(run.run()) == [("channels", "1")]
    assert [call[0] for call in hubspot.requests] == ["get_account_id", "list_all"]


def test_wrong_account() -> None:
    """Nothing is read from another account than the state's."""
    hubspot = fake(ACCOUNT + 1, page(list_row("1")))
    with pytest.raises(WrongAccountError):
        write(sync(hubspot, CHANNELS, state=make_state(account_id=ACCOUNT)).run())
    assert len(hubspot.requests) == 1


def test_failed_list() -> None:
    """A failed list is an error at the end, after all other lists."""
    written: list[tuple[str, str]] = []
    with pytest.raises(IncompleteError):
        write(
            sync(fake(ACCOUNT, transient_error(), page(list_row("1"))), INBOXES, CHANNELS).run(),
            written,
        )
    assert written == [("channels", "1")]


def test_index() -> None:
    """`thread_index` has live threads first, then archived ones."""
    hubspot = fake(ACCOUNT, page(row(1), cursor="x"), page(row(2)), page(row(3)))
    assert write(sync(hubspot, thread_index=True).run()) == [
        ("thread_index", "1"),
        ("thread_index", "2"),
        ("thread_index", "3"),
    ]
    assert [call[-1] for call in hubspot.requests[1:]] == [False, False, True]


def test_index_within_the_filters() -> None:
    """`thread_index` has only threads within the filters."""
    filters: dict[str, Any] = {"inbox_ids": ("1",), "include_archived": False}
    hubspot = fake(ACCOUNT, page(row(1, inboxId="2"), row(2, inboxId="1")))
    assert write(sync(hubspot, thread_index=True, **filters).run()) == [("thread_index", "2")]


@pytest.mark.parametrize(
    ("answer", "listed"),
    [
        (row(2, inboxId="1"), ["1", "2", "3"]),
        (row(2, inboxId="2"), ["1", "3"]),
        (transient_error(), ["1", "3"]),
    ],
    ids=["found", "outside the filters", "failed"],
)
def test_failing_thread(answer: object, listed: list[str]) -> None:
    """A thread that makes its page fail is read by ID; if that fails too, it is an error."""
    first = page(row(1), cursor=cursor_after(1))
    hubspot = fake(ACCOUNT, first, *FAILING, answer, page(row(3)))
    filters: dict[str, Any] = {"inbox_ids": ("1",), "include_archived": False}
    run, written = sync(hubspot, thread_index=True, **filters), list[tuple[str, str]]()
    if isinstance(answer, Exception):
        with pytest.raises(IncompleteError):
            write(run.run(), written)
    else:
        write(run.run(), written)
    assert [name for _, name in written] == listed


def test_failing_thread_that_does_not_exist() -> None:
    """If HubSpot has no such thread, it is no error: the search can end at any ID."""
    first, missing = page(row(1), cursor=cursor_after(1)), [not_found_error(), not_found_error()]
    hubspot = fake(ACCOUNT, first, *FAILING, *missing, page(row(3)))
    run = sync(hubspot, thread_index=True, include_archived=False)
    assert [name for _, name in write(run.run())] == ["1", "3"]


def test_index_not_selected() -> None:
    """Without `thread_index`, no thread is listed."""
    hubspot = fake(ACCOUNT)
    assert write(sync(hubspot).run()) == []
    assert len(hubspot.requests) == 1


def test_checkpoint_after_each_page() -> None:
    """A checkpoint follows each page of `thread_index`."""
    run = sync(fake(ACCOUNT, page(row(1)), page(row(2))), thread_index=True)
    _, first, _, second = run.run()
    assert [first, second] == [CHECKPOINT] * 2
