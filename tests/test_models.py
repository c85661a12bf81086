"""`Selection`: what the selected streams mean for reading."""

from __future__ import annotations

import pytest

from tap_hubspot_threads.models import Selection
from tap_hubspot_threads.reference_lists import REFERENCE_LISTS

NAMES = ["threads", "thread_index", "messages", "actors", "inboxes", "channel_accounts"]


@pytest.mark.parametrize("name", NAMES[:4])
def test_single_stream(name: str) -> None:
    """Each stream's name sets its own attribute only."""
    selection = Selection.of([name])
    assert [getattr(selection, other) for other in NAMES[:4]] == [
        other == name for other in NAMES[:4]
    ]
    assert selection.reference_lists == ()


def test_order_of_reference_lists() -> None:
    """Reference lists are in the order of `REFERENCE_LISTS`, not of the names."""
    assert Selection.of(NAMES[::-1]).reference_lists == (REFERENCE_LISTS[0], REFERENCE_LISTS[2])
    assert (
        Selection.of({listed.name: None for listed in REFERENCE_LISTS}).reference_lists
        == REFERENCE_LISTS
    )


@pytest.mark.parametrize(
    ("name", "needs_threads"),
    [
        *(("threads", True), ("messages", True), ("actors", True)),
        *(("thread_index", False), ("deleted_threads", False), ("inboxes", False)),
    ],
)
def test_needs_threads(name: str, *, needs_threads: bool) -> None:
    """Threads must be read if threads, messages or actors are selected."""
    assert Selection.of([name]).needs_threads is needs_threads
