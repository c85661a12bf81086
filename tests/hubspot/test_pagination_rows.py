"""Pages: what is one, and where the next one is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tap_hubspot_threads.hubspot.pagination import Rows, is_page, next_cursor, usable_ids


@pytest.mark.parametrize(
    "body",
    [
        {"results": []},
        {"results": [{}], "paging": None},
        {"results": [], "paging": {}},
        {"results": [], "paging": {"next": None}},
        {"results": [], "paging": {"next": {"after": "x"}}},
        {"results": [], "paging": {"next": {}}},
    ],
    ids=str,
)
def test_page(body: dict[str, Any]) -> None:
    """A page is a list of objects, with or without a cursor."""
    assert is_page(body)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"results": None},
        {"results": {}},
        {"results": ["17"]},
        {"results": [{}, None]},
        {"results": [], "paging": "x"},
        {"results": [], "paging": {"next": "x"}},
    ],
    ids=str,
)
def test_no_page(body: dict[str, Any]) -> None:
    """Anything else is none, and is not taken for an empty one."""
    assert not is_page(body)


@pytest.mark.parametrize(
    ("paging", "cursor"),
    [
        (None, None),
        ({}, None),
        ({"next": None}, None),
        ({"next": {}}, None),
        ({"next": {"after": ""}}, None),
        ({"next": {"after": None, "link": "https://example.com/?after=x"}}, None),
        ({"next": {"after": "abc"}}, "abc"),
        ({"next": {"after": "YWI%3D%3D"}}, "YWI=="),
        ({"next": {"after": "YWI=="}}, "YWI=="),
        ({"next": {"after": "a+b"}}, "a+b"),
        ({"next": {"after": 0}}, "0"),
        ({"next": {"after": 500}}, "500"),
    ],
)
def test_cursor(paging: Any, cursor: str | None) -> None:
    """The cursor is decoded once; none means the last page, and a link means nothing."""
    assert next_cursor({"results": [], "paging": paging}) == cursor


class Make:
    """Makes a row of what has an ID; `made` is what it made rows of."""

    def __init__(self) -> None:
        self.made: list[tuple[Any, bool]] = []

    def id_of(self, found: Any) -> str | None:
        """Return the ID of an object."""
        id_: str | None = found.get("id")
        return id_

    def __call__(self, found: Any, /, *, is_plain: bool) -> dict[str, Any] | None:
        """Make a row."""
        self.made.append((found, is_plain))
        return dict(found) if "id" in found else None


class Made:
    """The rows of a page of such objects, and the objects that a row was made of."""

    def __init__(self, text: str) -> None:
        make = Make()
        self.made = make.made
        self.rows = Rows(text.encode(), found=json.loads(text)["results"], build_row=make)


def test_rows_are_made_when_they_are_gone_through() -> None:
    """Rows are made when they are wanted, anew each time: until then a page is its bytes."""
    page = Made('{"results": [{"id": "1"}, {"id": "2"}]}')
    assert (len(page.rows), page.made) == (2, [])
    first, again = list(page.rows), list(page.rows)
    assert first == again == [{"id": "1"}, {"id": "2"}]
    assert first[0] is not again[0]
    assert len(page.made) == 4


def test_a_page_that_shrinks() -> None:
    """Rows are the same whether what was parsed of a page is kept or parsed again."""
    page = Made('{"results": [{"id": "1"}, {"id": "2"}]}')
    for _ in range(2):
        assert list(page.rows) == [{"id": "1"}, {"id": "2"}]
    page.rows.shrink()
    assert list(page.rows) == [{"id": "1"}, {"id": "2"}]
    (first, _), _, (again, _), _, (anew, _), _ = page.made
    assert first is again
    assert first is not anew


@pytest.mark.parametrize("useless", ["{}", 'null, "A-1"'])
def test_rows_that_are_left_out(useless: str) -> None:
    """What no row can be made of is left out, whether it is an object or not."""
    page = Made(f'{{"results": [{useless}, {{"id": "2"}}]}}')
    assert list(page.rows) == [{"id": "2"}]


@pytest.mark.parametrize(
    ("found", "ids", "warnings"),
    [
        ([], [], []),
        ([{"id": "1"}, {"id": "2"}], ["1", "2"], []),
        ([{}, {"id": "2"}], ["2"], ["1 of 2 messages on a page"]),
        ([None, "A-1", {"id": "2"}], ["2"], ["2 of 3 messages on a page"]),
    ],
)
def test_usable_ids(
    found: list[Any], ids: list[str], warnings: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The IDs of a page are known without making a row; one warning counts those without one."""
    make = Make()
    assert usable_ids(found, make, item_name="messages") == ids
    assert caplog.messages == [f"{words} have no usable ID and are skipped" for words in warnings]
    assert make.made == []


def test_rows_hold_what_they_give() -> None:
    """A row is among them if an equal one is."""
    page = Made('{"results": [{"id": "1"}]}')
    assert {"id": "1"} in page.rows
    assert {"id": "2"} not in page.rows
