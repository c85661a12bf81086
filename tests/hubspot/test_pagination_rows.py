"""Pages: valid bodies, cursors, IDs and rows."""

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
def test_not_a_page(body: dict[str, Any]) -> None:
    """Any other body is not a page, not even an empty one."""
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
    """The cursor is decoded once. Without one the page is the last; a link is ignored."""
    assert next_cursor({"results": [], "paging": paging}) == cursor


class FakeRowBuilder:
    """A row builder for objects with an ID; `calls` has the objects it was called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, bool]] = []

    def id_of(self, found: Any) -> str | None:
        """Return the ID of an object."""
        id_: str | None = found.get("id")
        return id_

    def __call__(self, found: Any, /, *, is_plain: bool) -> dict[str, Any] | None:
        """Record the call; return a row if the object has an ID."""
        self.calls.append((found, is_plain))
        return dict(found) if "id" in found else None


class PageRows:
    """The rows of a page with this JSON, and the calls of the row builder."""

    def __init__(self, text: str) -> None:
        build_row = FakeRowBuilder()
        self.calls = build_row.calls
        self.rows = Rows(text.encode(), found=json.loads(text)["results"], build_row=build_row)


def test_rows_are_built_by_iteration() -> None:
    """Rows are built by each iteration, and not before: until then a page is its bytes."""
    page = PageRows('{"results": [{"id": "1"}, {"id": "2"}]}')
    assert (len(page.rows), page.calls) == (2, [])
    first, again = list(page.rows), list(page.rows)
    assert first == again == [{"id": "1"}, {"id": "2"}]
    assert first[0] is not again[0]
    assert len(page.calls) == 4


def test_shrink() -> None:
    """Rows are the same before and after the parsed copy of a page is dropped."""
    page = PageRows('{"results": [{"id": "1"}, {"id": "2"}]}')
    for _ in range(2):
        assert list(page.rows) == [{"id": "1"}, {"id": "2"}]
    page.rows.shrink()
    assert list(page.rows) == [{"id": "1"}, {"id": "2"}]
    (first, _), _, (again, _), _, (parsed_again, _), _ = page.calls
    assert first is again
    assert first is not parsed_again


@pytest.mark.parametrize("items", ["{}", 'null, "A-1"'])
def test_omitted_rows(items: str) -> None:
    """An item without a usable ID is omitted, whether it is an object or not."""
    page = PageRows(f'{{"results": [{items}, {{"id": "2"}}]}}')
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
    """The IDs of a page are available without building rows; one warning counts missing IDs."""
    build_row = FakeRowBuilder()
    assert usable_ids(found, build_row, item_name="messages") == ids
    assert caplog.messages == [f"{text} have no usable ID and are skipped" for text in warnings]
    assert build_row.calls == []


def test_contains() -> None:
    """The rows of a page contain any row that equals one of them."""
    page = PageRows('{"results": [{"id": "1"}]}')
    assert {"id": "1"} in page.rows
    assert {"id": "2"} not in page.rows
