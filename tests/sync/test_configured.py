"""A sync of configured ids: what is read, what is told, what is kept."""

from __future__ import annotations

from typing import Any

import pytest

from tap_hubspot_threads.contract import MAX_NAMED_IDS, UnreadThreadsError
from tap_hubspot_threads.sync.configured import ConfiguredSync
from tests.sync.fakes import LOG, Inline, fake, missing, passing, row, write


def sync(hubspot: Any, *ids: str) -> ConfiguredSync:
    """Make a sync of ids."""
    return ConfiguredSync(hubspot, Inline(), ids, log=LOG)


def test_in_their_order() -> None:
    """The threads go out in the order of the ids, and nothing else is asked."""
    hubspot = fake(row(2), row(1))
    assert write(sync(hubspot, "2", "1").run()) == [("threads", "2"), ("threads", "1")]
    assert hubspot.asked == [("thread", "2", False), ("thread", "1", False)]


def test_keeps_nothing() -> None:
    """The next sync is told nothing."""
    assert sync(fake()).pack(is_final=True) is None


def test_no_ids() -> None:
    """No ids mean no request."""
    hubspot = fake()
    assert write(sync(hubspot).run()) == []
    assert hubspot.asked == []


def test_archived() -> None:
    """An archived thread is found by a second look."""
    assert write(sync(fake(missing(), row(1, archived=True)), "1").run()) == [("threads", "1")]


def test_missing(caplog: pytest.LogCaptureFixture) -> None:
    """A missing thread costs two looks, is a warning that names it, and no deleted thread."""
    hubspot = fake(missing(), missing(), row(2))
    assert write(sync(hubspot, "1", "2").run()) == [("threads", "2")]
    assert "1 thread(s) not found, neither live nor archived: 1" in caplog.text


def test_many_missing(caplog: pytest.LogCaptureFixture) -> None:
    """Of many missing threads so many are named, and all are counted."""
    count = MAX_NAMED_IDS + 5
    ids = [str(number) for number in range(100, 100 + count)]
    write(sync(fake(*[missing()] * 2 * count), *ids).run())
    assert f"{count} thread(s)" in caplog.text
    assert f"{ids[MAX_NAMED_IDS - 1]} and 5 more" in caplog.text
    assert ids[MAX_NAMED_IDS] not in caplog.text


def test_unread(caplog: pytest.LogCaptureFixture) -> None:
    """A thread that cannot be read is an error at the end, behind all others and the missing."""
    written: list[tuple[str, str]] = []
    hubspot = fake(passing(), missing(), missing(), row(3))
    with pytest.raises(UnreadThreadsError, match=r"1 thread\(s\) could not be read"):
        write(sync(hubspot, "1", "2", "3").run(), written)
    assert written == [("threads", "3")]
    assert "not found" in caplog.text
