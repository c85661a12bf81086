"""The open threads that are kept: their order, their marks, their form in the state."""

from __future__ import annotations

import json

import pytest

from tap_hubspot_threads.sync.state.open_threads import OpenThreads, fingerprint_of
from tests.sync.fakes import row

LIVE, ARCHIVED = "lAAAAAA", "aBBBBBB"


def of(*ids: str) -> OpenThreads:
    """Return so many open threads."""
    return OpenThreads(f"{thread_id}:{LIVE}" for thread_id in ids)


def ids(threads: OpenThreads) -> list[str]:
    """Return the ids in their order."""
    return [thread_id for thread_id, _ in threads.ids()]


def test_form_in_the_state() -> None:
    """What `entries` gives can be read again, and is the same then."""
    entries = [f"17:{LIVE}", f"18:{ARCHIVED}"]
    assert OpenThreads(json.loads(json.dumps(entries))).entries() == entries


def test_side() -> None:
    """Of each thread it is known whether it was archived."""
    assert OpenThreads([f"17:{LIVE}", f"18:{ARCHIVED}"]).ids() == [("17", False), ("18", True)]


@pytest.mark.parametrize(
    "entry", ["", "17", "17:", "17:xAAAAAA", "17:lAAAAA", "017:lAAAAAA", "0:lAAAAAA", "a:lAAAAAA"]
)
def test_other_entries(entry: str) -> None:
    """An entry of any other form is refused."""
    with pytest.raises(ValueError, match="not a"):
        OpenThreads([entry])


def test_noted_goes_to_the_end() -> None:
    """A thread that was read goes to the end: the first is the longest unread."""
    threads = of("1", "2")
    threads.note("1", LIVE)
    threads.note("3", LIVE)
    assert ids(threads) == ["2", "1", "3"]


def test_not_watched_any_more() -> None:
    """A thread without a mark is none of them any more; one that never was stays none."""
    threads = of("1")
    threads.note("1", None)
    threads.note("2", None)
    assert len(threads) == 0
    assert "1" not in threads


def test_postponed() -> None:
    """A thread that could not be read has had its turn, and keeps its mark; others stay out."""
    threads = of("1", "2")
    threads.postpone("1")
    threads.postpone("9")
    assert ids(threads) == ["2", "1"]
    assert threads.is_last_emitted("1", LIVE)


def test_known_by_its_row() -> None:
    """A row is known by its mark as long as nothing in it changes."""
    threads, found = OpenThreads(), row(1)
    threads.note("1", fingerprint_of(found))
    assert threads.is_last_emitted("1", fingerprint_of(dict(reversed(found.items()))))
    assert not threads.is_last_emitted("1", fingerprint_of({**found, "assignedTo": "A-1"}))
    assert not threads.is_last_emitted("2", fingerprint_of(found))


def test_other_side_is_another_mark() -> None:
    """A thread that was archived has another mark, and its side in it."""
    assert fingerprint_of(row(1))[0] == "l"
    assert fingerprint_of(row(1, archived=True))[0] == "a"


def test_doubt() -> None:
    """Where rows may have gone out that are not in the entries, none is known; sides stay."""
    threads = OpenThreads([f"17:{LIVE}", f"18:{ARCHIVED}"], are_exact=False)
    assert not threads.is_last_emitted("17", LIVE)
    assert threads.ids() == [("17", False), ("18", True)]
    assert OpenThreads(threads.entries()).entries() == threads.entries()


def test_doubt_is_a_capital_letter() -> None:
    """That a row is in doubt is told to the next sync by a capital letter; the mark stays."""
    threads = OpenThreads([f"17:{LIVE}", f"18:{ARCHIVED}"], are_exact=False)
    assert threads.entries() == ["17:LAAAAAA", "18:ABBBBBB"]
    again = OpenThreads(threads.entries())
    assert not again.is_last_emitted("17", LIVE)
    assert again.has_fingerprint("17", LIVE)
    assert again.ids() == [("17", False), ("18", True)]


def test_noted_ends_the_doubt() -> None:
    """A row that has gone out is beyond doubt."""
    threads = OpenThreads(["17:LAAAAAA"])
    threads.note("17", LIVE)
    assert threads.is_last_emitted("17", LIVE)
    assert threads.entries() == [f"17:{LIVE}"]


def test_seen_but_not_out() -> None:
    """A row that was seen and has not gone out is settled, but in doubt."""
    threads = of("1")
    threads.note("1", "lCCCCCC", is_emitted=False)
    threads.note("2", LIVE, is_emitted=False)
    assert threads.entries() == ["1:LCCCCCC", "2:LAAAAAA"]
    assert threads.has_fingerprint("1", "lCCCCCC")
    assert not threads.is_last_emitted("1", "lCCCCCC")


def test_seen_as_it_is_known() -> None:
    """A known row that was seen again without going out stays known."""
    threads = of("1")
    threads.note("1", LIVE, is_emitted=False)
    assert threads.is_last_emitted("1", LIVE)


def test_doubt_stays_until_a_row_is_out() -> None:
    """A doubted row that was seen again without going out stays in doubt; postponed, too."""
    threads = OpenThreads(["1:LAAAAAA"])
    threads.note("1", LIVE, is_emitted=False)
    threads.postpone("1")
    assert threads.entries() == ["1:LAAAAAA"]
    threads.note("1", None, is_emitted=False)
    assert threads.entries() == []
