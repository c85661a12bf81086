"""Ranges of thread IDs: what is left of them, the forms of cursors, and the check of a page."""

from __future__ import annotations

import random
from base64 import b64encode

import pytest

from tap_hubspot_threads.sync.id_ranges import (
    ALL_IDS,
    IdRange,
    NotAKeyError,
    check_page,
    cursor_after,
    id_of_cursor,
    subtract,
)
from tests.sync.fakes import page, row

HIGHEST = 40


def ids_of(*ranges: IdRange) -> set[int]:
    """Return the IDs in ranges, up to `HIGHEST`."""
    return {
        number
        for after, until in ranges
        for number in range(after + 1, (HIGHEST if until is None else until) + 1)
    }


def random_range(chance: random.Random) -> IdRange:
    """Return a range with at least one ID."""
    after = chance.randrange(HIGHEST)
    return IdRange(after, chance.choice((None, chance.randint(after + 1, HIGHEST))))


@pytest.mark.parametrize("seed", range(20))
def test_subtract(seed: int) -> None:
    """What is left has exactly the IDs that were not read, in order, and no empty range."""
    chance = random.Random(seed)
    for _ in range(50):
        unread, ids = [ALL_IDS], ids_of(ALL_IDS)
        for _ in range(chance.randint(1, 9)):
            read = random_range(chance)
            unread = subtract(unread, read)
            ids -= ids_of(read)
            assert ids_of(*unread) == ids
            assert unread == sorted(unread, key=lambda each: each.after)
            assert all(each.until is None or each.after < each.until for each in unread)


def test_subtract_everything() -> None:
    """Nothing is left of ranges that were read completely."""
    assert subtract([IdRange(1, 3), IdRange(7)], ALL_IDS) == []
    assert subtract([], ALL_IDS) == []


@pytest.mark.parametrize("number", [1, 499, 12_345_678_901, 9_223_372_036_854_775_807])
def test_cursor_of_an_id(number: int) -> None:
    """The cursor of an ID is its base64, and it has that ID."""
    cursor = cursor_after(number)
    assert cursor == b64encode(str(number).encode()).decode()
    assert id_of_cursor(cursor) == number


def test_recorded_cursor() -> None:
    """The base64 of an ID of ten digits ends with two signs of padding."""
    assert cursor_after(5_019_203_371) == "NTAxOTIwMzM3MQ=="


def test_first_page() -> None:
    """The first page has no cursor, and no cursor has no ID."""
    assert cursor_after(0) is None
    assert id_of_cursor(None) is None


def encoded(text: str) -> str:
    """Return text as base64."""
    return b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "17",
        "NTAx!",
        "opaque",
        "é",
        "NTA",
        encoded("x"),
        encoded("-1"),
        encoded("1.5"),
        encoded(" 1"),
        encoded("1" * 20),
        encoded("²"),
    ],
)
def test_other_cursors(cursor: str) -> None:
    """A cursor of another form has no ID."""
    assert id_of_cursor(cursor) is None


@pytest.mark.parametrize(
    ("ids", "cursor"),
    [
        ([6, 8], cursor_after(8)),
        ([6, 8], None),
        ([], None),
        ([], cursor_after(6)),
        ([5, 6], cursor_after(6)),
    ],
)
def test_page_with_a_key(ids: list[int], cursor: str | None) -> None:
    """A page continues at or after its start, and its cursor is its last ID or a later one."""
    check_page(page(*map(row, ids), cursor=cursor), 5)


@pytest.mark.parametrize(
    ("ids", "cursor"),
    [
        ([8, 6], cursor_after(6)),
        ([8, 6], None),
        ([6, 6], None),
        ([5], cursor_after(5)),
        ([3, 4, 6], cursor_after(6)),
        ([6, 8], "opaque"),
        ([6, 8], cursor_after(6)),
        ([6, 8], cursor_after(9)),
        ([], "opaque"),
        ([], cursor_after(5)),
    ],
)
def test_page_without_a_key(ids: list[int], cursor: str | None) -> None:
    """An unsorted page, one that goes back, or another cursor shows that cursors are no keys."""
    with pytest.raises(NotAKeyError):
        check_page(page(*map(row, ids), cursor=cursor), 5)
