"""Open threads in the state: their order, their fingerprints and their form."""

from __future__ import annotations

import json

import pytest

from tap_hubspot_threads.sync.state.open_threads import (
    ENTRIES_PER_STRING,
    OpenThreads,
    fingerprint_of,
)
from tests.sync.fakes import row

LIVE, ARCHIVED = "lAAAAAA", "aBBBBBB"


def open_threads(*ids: str) -> OpenThreads:
    """Return open threads with these IDs."""
    return OpenThreads(f"{thread_id}:{LIVE}" for thread_id in ids)


def ids(threads: OpenThreads) -> list[str]:
    """Return the IDs in their order."""
    return [thread_id for thread_id, _ in threads.ids()]


@pytest.mark.parametrize("count", [0, 1, ENTRIES_PER_STRING, ENTRIES_PER_STRING + 1])
def test_round_trip(count: int) -> None:
    """The strings for the state can be read again, with the same result."""
    entries = [f"{17 + number}:{LIVE if number % 2 else ARCHIVED}" for number in range(count)]
    packed = OpenThreads(entries).packed()
    assert " ".join(packed).split() == entries
    assert len(packed) == -(-count // ENTRIES_PER_STRING)
    assert OpenThreads(json.loads(json.dumps(packed))).packed() == packed


def test_live_or_archived() -> None:
    """Each entry says whether the thread was archived."""
    assert OpenThreads([f"17:{LIVE}", f"18:{ARCHIVED}"]).ids() == [("17", False), ("18", True)]


@pytest.mark.parametrize(
    "entry", ["", "17", "17:", "17:xAAAAAA", "17:lAAAAA", "017:lAAAAAA", "0:lAAAAAA", "a:lAAAAAA"]
)
def test_invalid_entries(entry: str) -> None:
    """An entry of another form is refused."""
    with pytest.raises(ValueError, match=r"not an? "):
        OpenThreads([entry])


def test_noted_thread_moves_to_the_end() -> None:
    """A thread that was read moves to the end, so the first is the least recently read."""
    threads = open_threads("1", "2")
    threads.note("1", LIVE)
    threads.note("3", LIVE)
    assert ids(threads) == ["2", "1", "3"]


def test_thread_without_fingerprint() -> None:
    """A thread noted without a fingerprint is removed or stays out."""
    threads = open_threads("1")
    threads.note("1", None)
    threads.note("2", None)
    assert len(threads) == 0
    assert "1" not in threads


def test_postponed() -> None:
    """A postponed thread moves to the end and keeps its fingerprint; unknown ones stay out."""
    threads = open_threads("1", "2")
    threads.postpone("1")
    threads.postpone("9")
    assert ids(threads) == ["2", "1"]
    assert threads.is_last_emitted("1", LIVE)


def test_known_until_it_changes() -> None:
    """A row is known by its fingerprint until a value in it changes."""
    threads, found = OpenThreads(), row(1)
    threads.note("1", fingerprint_of(found))
    assert threads.is_last_emitted("1", fingerprint_of(dict(reversed(found.items()))))
    assert not threads.is_last_emitted("1", fingerprint_of({**found, "assignedTo": "A-1"}))
    assert not threads.is_last_emitted("2", fingerprint_of(found))


def test_fingerprint_says_archived() -> None:
    """The fingerprint of an archived thread differs, and says that it is archived."""
    assert fingerprint_of(row(1))[0] == "l"
    assert fingerprint_of(row(1, archived=True))[0] == "a"


def test_inexact_fingerprints() -> None:
    """With inexact fingerprints no row is known, but the entries say which are archived."""
    threads = OpenThreads([f"17:{LIVE}", f"18:{ARCHIVED}"], are_exact=False)
    assert not threads.is_last_emitted("17", LIVE)
    assert threads.ids() == [("17", False), ("18", True)]
    assert OpenThreads(threads.packed()).packed() == threads.packed()


def test_inexact_fingerprint_has_a_capital_letter() -> None:
    """A capital letter marks a fingerprint as inexact for the next sync."""
    threads = OpenThreads([f"17:{LIVE}", f"18:{ARCHIVED}"], are_exact=False)
    assert threads.packed() == ["17:LAAAAAA 18:ABBBBBB"]
    again = OpenThreads(threads.packed())
    assert not again.is_last_emitted("17", LIVE)
    assert again.has_fingerprint("17", LIVE)
    assert again.ids() == [("17", False), ("18", True)]


def test_emitted_row_is_exact() -> None:
    """The fingerprint of an emitted row is exact."""
    threads = OpenThreads(["17:LAAAAAA"])
    threads.note("17", LIVE)
    assert threads.is_last_emitted("17", LIVE)
    assert threads.packed() == [f"17:{LIVE}"]


def test_seen_but_not_emitted() -> None:
    """A row that was seen but not emitted is settled, and its fingerprint inexact."""
    threads = open_threads("1")
    threads.note("1", "lCCCCCC", is_emitted=False)
    threads.note("2", LIVE, is_emitted=False)
    assert threads.packed() == ["1:LCCCCCC 2:LAAAAAA"]
    assert threads.has_fingerprint("1", "lCCCCCC")
    assert not threads.is_last_emitted("1", "lCCCCCC")


def test_known_row_seen_again() -> None:
    """A known row that is seen again without being emitted stays known."""
    threads = open_threads("1")
    threads.note("1", LIVE, is_emitted=False)
    assert threads.is_last_emitted("1", LIVE)


def test_inexact_until_emitted() -> None:
    """A fingerprint stays inexact until the row is emitted, even if postponed."""
    threads = OpenThreads(["1:LAAAAAA"])
    threads.note("1", LIVE, is_emitted=False)
    threads.postpone("1")
    assert threads.packed() == ["1:LAAAAAA"]
    threads.note("1", None, is_emitted=False)
    assert threads.packed() == []
