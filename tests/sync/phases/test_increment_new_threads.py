"""New threads in an increment: listed by ID, whatever the times of their messages are."""

from __future__ import annotations

from typing import Any

import pytest

from tap_hubspot_threads.errors import DailyQuotaError, RefusedError
from tap_hubspot_threads.models import ThreadRef
from tap_hubspot_threads.sync.id_ranges import cursor_after
from tap_hubspot_threads.sync.phases.increment import Increment
from tap_hubspot_threads.sync.pipeline import ThreadPipeline
from tap_hubspot_threads.values import shift
from tests.sync.fakes import (
    NOW,
    Inline,
    fake,
    make_context,
    make_state,
    page,
    row,
    transient_error,
)

BOOKMARK, LOOKBACK = shift(NOW, seconds=-900), 3_600
EARLY, LONG_AGO = shift(NOW, seconds=-7_200), "2020-01-01T00:00:00.000Z"
NEWEST = {"newest_ids": [[EARLY, "5"]]}
BY_ID = ("list_threads", cursor_after(5), False)


class Run:
    """An increment of live threads whose state knows 5 as the highest ID, by default."""

    def __init__(self, *answers: object, **state: Any) -> None:
        self.api = fake(*answers)
        self.state = make_state(replication_key_value=BOOKMARK, **(NEWEST | state))
        context = make_context(self.state, include_archived=False, lookback_seconds=LOOKBACK)
        pipeline = ThreadPipeline(self.api, Inline(), context)
        self.increment = Increment(self.api, Inline(), pipeline, context)

    def read(self) -> list[str]:
        """Apply all state changes; return the IDs of the threads to read."""
        ids = []
        for item in self.increment._changed(LOOKBACK):  # noqa: SLF001 - before the pipeline
            if isinstance(item, ThreadRef):
                ids.append(item.id)
            else:
                item.apply()  # type: ignore[union-attr]
        return ids


def test_new_threads() -> None:
    """A new thread is read although its times are old or missing."""
    run = Run(page(), page(row(6, LONG_AGO), row(7, None)))
    assert run.read() == ["6", "7"]
    assert run.api.requests[1:] == [BY_ID]


def test_thread_in_both_lists() -> None:
    """A new thread that the list by time shows too is read once."""
    assert Run(page(row(6)), page(row(6), row(7))).read() == ["6", "7"]


def test_many_new_threads() -> None:
    """New threads are listed to the end of the list."""
    pages = [page(row(6), cursor=cursor_after(6)), page(row(7), cursor=cursor_after(7)), page()]
    assert Run(page(), *pages).read() == ["6", "7"]


def test_thread_that_was_emitted() -> None:
    """A new thread that was emitted with the same time before costs no call."""
    recent = [["6", LONG_AGO], ["7", None], ["8", LONG_AGO]]
    found = page(row(6, LONG_AGO), row(7, None), row(8, NOW))
    assert Run(page(), found, recent_threads=recent).read() == ["8"]


def test_highest_id_moves_with_the_lookback() -> None:
    """The highest ID is kept until the lookback begins after it was listed."""
    run = Run(page(), page(row(9)))
    run.read()
    assert run.state.recent.to_dict()["newest_ids"] == [[EARLY, "5"], [NOW, "9"]]
    assert run.state.recent.newest_id == 5


def test_first_sync_without_new_threads() -> None:
    """Without a known highest ID, no list by ID is requested."""
    run = Run(page(), newest_ids=[])
    assert run.read() == []
    assert len(run.api.requests) == 1
    assert run.state.recent.newest_id is None


@pytest.mark.parametrize(
    "answer",
    [page(row(6), cursor="opaque"), page(row(3), row(4)), RefusedError("400", status=400)],
    ids=["opaque", "not after the cursor", "refused"],
)
def test_cursors_that_are_no_keys(answer: object) -> None:
    """If cursors turn out to be no keys, new threads are left to the full listing."""
    run = Run(page(row(1)), answer)
    assert run.read() == ["1"]
    assert (run.state.recent.newest_id, run.state.bookmark) == (None, NOW)


@pytest.mark.parametrize(
    "error", [RefusedError("403", status=403), transient_error()], ids=["refused", "transient"]
)
def test_failed_list(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """A failed list by ID is a warning; the increment ends, and the next sync retries the list."""
    run = Run(page(row(1)), error, *[None] * 99)
    assert run.read() == ["1"]
    assert (run.state.recent.newest_id, run.state.bookmark) == (5, NOW)
    assert "New threads could not be listed by ID" in caplog.text


def test_spent_quota() -> None:
    """A spent daily quota ends the sync."""
    with pytest.raises(DailyQuotaError):
        Run(page(), DailyQuotaError("spent")).read()
