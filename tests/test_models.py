"""Which streams are selected, as far as that decides what is read."""

from __future__ import annotations

import pytest

from tap_hubspot_threads.models import REFERENCE_LISTS, Selection

NAMES = ["threads", "thread_index", "messages", "actors", "inboxes", "channel_accounts"]


@pytest.mark.parametrize("name", NAMES[:4])
def test_each_alone(name: str) -> None:
    """A stream's name says that it is selected, and no other."""
    selection = Selection.of([name])
    assert [getattr(selection, other) for other in NAMES[:4]] == [
        other == name for other in NAMES[:4]
    ]
    assert selection.reference_lists == ()


def test_listed_in_one_order() -> None:
    """Streams that are listed as a whole come in the order of the API's, whatever the names'."""
    assert Selection.of(NAMES[::-1]).reference_lists == (REFERENCE_LISTS[0], REFERENCE_LISTS[2])
    assert (
        Selection.of({listed.name: None for listed in REFERENCE_LISTS}).reference_lists
        == REFERENCE_LISTS
    )


@pytest.mark.parametrize(
    ("name", "follows"),
    [
        *(("threads", True), ("messages", True), ("actors", True)),
        *(("thread_index", False), ("deleted_threads", False), ("inboxes", False)),
    ],
)
def test_follows_threads(name: str, *, follows: bool) -> None:
    """Threads are followed for their rows, for their messages, and for whom these name."""
    assert Selection.of([name]).follows_threads is follows
