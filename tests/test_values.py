"""IDs: which values are accepted and which are rejected."""

from __future__ import annotations

import pytest

from tap_hubspot_threads.values import MAX_ID, InvalidIdError, parse_id, parse_ids


@pytest.mark.parametrize(
    "value",
    [9336126552, "9336126552", " 9336126552 ", "9336126552.0", "009336126552", "\t9336126552\r\n"],
    ids=repr,
)
def test_accepted_forms(value: object) -> None:
    """Each of these values is the ID 9336126552."""
    assert parse_id(value) == "9336126552"


def test_largest_id() -> None:
    """The largest int64 is a valid ID, to the last digit."""
    assert parse_id(MAX_ID) == parse_id(f"{MAX_ID}.0") == "9223372036854775807"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "abc",
        "12a",
        "-5",
        -5,
        "+5",
        "1e5",
        "9.336126552E9",
        "12.5",
        12.5,
        9336126552.0,
        "1,000",
        "0x1f",
        "1_000",
        "٣",
        "0",
        0,
        MAX_ID + 1,
        "9" * 5_000,
        "../../crm/v3/objects",
        "1/../2",
        "1?archived=true",
        "1%2F2",
        "1 2",
        "1\x00",
        "12.",
        ".0",
        True,
        None,
        ["1"],
        {"id": 1},
    ],
    ids=lambda value: repr(value)[:20],
)
def test_rejected(value: object) -> None:
    """Each of these values is rejected with a short message that quotes it."""
    with pytest.raises(InvalidIdError, match="is not an ID") as error:
        parse_id(value)
    assert repr(value)[:40] in str(error.value)
    assert len(str(error.value)) < 150


def test_duplicates() -> None:
    """The same ID in different forms is kept once, at its first position."""
    assert parse_ids(["7", 5, "5.0", 7, " 9 "]) == ["7", "5", "9"]


def test_message_gives_the_position() -> None:
    """The message gives the position of an invalid item in a list."""
    with pytest.raises(InvalidIdError, match=r"^item 3: 'x' "):
        parse_ids([1, 2, "x"])
