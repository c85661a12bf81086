"""A sync of `thread_index` alone."""

from __future__ import annotations

from tap_hubspot_threads.sync.index import IndexSync
from tap_hubspot_threads.sync.wanted import Wanted
from tests.sync.fakes import Inline, fake, page, row, write


def test_lists_both_sides() -> None:
    """Each thread goes out as an entry of the index: live ones, then archived ones."""
    hubspot = fake(page(row(1), cursor="x"), page(row(2)), page(row(3)))
    sync = IndexSync(hubspot, Inline(), wanted=Wanted())
    assert write(sync.run()) == [
        ("thread_index", "1"),
        ("thread_index", "2"),
        ("thread_index", "3"),
    ]
    assert [archived for *_, archived in hubspot.asked] == [False, False, True]


def test_only_what_is_wanted() -> None:
    """What the settings do not want stays out, a whole side too."""
    wanted = Wanted(inbox_ids=("1",), include_archived=False)
    hubspot = fake(page(row(1, inboxId="2"), row(2, inboxId="1")))
    assert write(IndexSync(hubspot, Inline(), wanted=wanted).run()) == [("thread_index", "2")]


def test_a_pause_behind_each_page() -> None:
    """Behind each page STATE may go out."""
    sync = IndexSync(fake(page(row(1)), page(row(2))), Inline(), wanted=Wanted())
    assert [out.row is None for out in sync.run()] == [False, True, False, True]


def test_keeps_nothing() -> None:
    """The next sync is told nothing."""
    assert IndexSync(fake(), Inline(), wanted=Wanted()).pack(is_final=True) is None
