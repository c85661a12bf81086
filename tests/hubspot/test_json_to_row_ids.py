"""Row builders: usable IDs, default values, and when schemas are read."""

from __future__ import annotations

from typing import Any

import pytest

from tap_hubspot_threads.hubspot.json_to_row import MAX_ID_LENGTH, RowBuilders, thread_id_of
from tap_hubspot_threads.singer.row_to_record import SCHEMAS

SCHEMA = {
    "properties": {
        "id": {"type": "string"},
        "conversationsThreadId": {"type": ["string", "null"]},
        "otherProperties": {"type": ["object", "null"]},
    }
}


def builders() -> RowBuilders:
    """Return row builders that have only this schema."""
    return RowBuilders(lambda _: SCHEMA)


@pytest.mark.parametrize("sent", [17, "17", "17.0"], ids=repr)
def test_thread(sent: object) -> None:
    """A thread's row has its ID in the standard form."""
    row = builders().for_threads()({"id": sent}, needs_no_cleaning=False)
    assert row == {"id": "17", "conversationsThreadId": None, "otherProperties": None}


@pytest.mark.parametrize("sent", [None, "", "../x", "0", 1.0, True, {}])
def test_thread_without_a_valid_id(sent: object) -> None:
    """A thread without a valid ID has no row."""
    assert builders().for_threads()({"id": sent}, needs_no_cleaning=False) is None
    assert thread_id_of({"id": sent}) is None


@pytest.mark.parametrize(
    ("sent", "id_"),
    [("A-17", "A-17"), ("a/b c?é", "a/b c?é"), (17, "17"), ("a\0b\ud800", "ab?"), ("0", "0")],
)
def test_id_of_any_text(sent: object, id_: str) -> None:
    """Any text is a valid message ID, cleaned; a number becomes text."""
    build_row = builders().for_stream("messages")
    row = build_row({"id": sent}, needs_no_cleaning=False)
    assert row is not None
    assert (row["id"], build_row.id_of({"id": sent})) == (id_, id_)


NO_ID: list[dict[str, Any]] = [
    *({}, {"id": None}, {"id": ""}, {"id": " "}, {"id": "\0"}, {"id": []}),
    {"id": "x" * 513},
]


@pytest.mark.parametrize("sent", NO_ID, ids=repr)
def test_no_id(sent: dict[str, Any]) -> None:
    """An item has no row without an ID, or with one that is longer than targets accept."""
    build_row = builders().for_stream("messages")
    assert (build_row(sent, needs_no_cleaning=False), build_row.id_of(sent)) == (None, None)


@pytest.mark.parametrize("sent", [{}, {"conversationsThreadId": ""}])
def test_known_values(sent: dict[str, Any]) -> None:
    """An empty column gets its known value; a value from HubSpot takes precedence."""
    build_row = builders().for_stream("messages", conversationsThreadId="17")
    row = build_row({"id": "a", **sent}, needs_no_cleaning=False)
    assert row == {"id": "a", "conversationsThreadId": "17", "otherProperties": None}
    other = build_row({"id": "a", "conversationsThreadId": 18}, needs_no_cleaning=False)
    assert other is not None
    assert other["conversationsThreadId"] == "18"


def test_schemas_are_read_on_demand() -> None:
    """A schema is read once, and only if its stream is used."""
    streams_read: list[str] = []

    def schema(stream: str) -> dict[str, Any]:
        streams_read.append(stream)
        return SCHEMA

    row_builders = RowBuilders(schema)
    assert streams_read == []
    for _ in range(2):
        row_builders.for_threads()
        row_builders.for_stream("actors")
    assert streams_read == ["threads", "actors"]


def test_longest_id() -> None:
    """An ID of the maximum length of the schemas is valid."""
    row = builders().for_stream("actors")({"id": "x" * MAX_ID_LENGTH}, needs_no_cleaning=False)
    assert row is not None
    for path in SCHEMAS.dir_path.iterdir():
        if path.name.endswith(".json") and path.name != "state.json":
            schema = SCHEMAS.get_schema(path.name.removesuffix(".json"))
            assert schema["properties"]["id"]["maxLength"] == MAX_ID_LENGTH


DETAILS = {"errorMessage": "Mailbox full", "errorMessageTokens": {"code": "550"}}


@pytest.mark.parametrize(
    ("sent", "status", "details", "other"),
    [
        ({}, None, None, None),
        ({"status": None}, None, None, None),
        ({"status": {"statusType": "SENT"}}, "SENT", None, None),
        ({"status": {"statusType": "SENT", "failureDetails": None}}, "SENT", None, None),
        ({"status": {"statusType": "FAILED", "failureDetails": DETAILS}}, "FAILED", DETAILS, None),
        (
            {"status": {"failureDetails": DETAILS, "more": 1}},
            None,
            DETAILS,
            {"status": {"more": 1}},
        ),
        ({"status": {"failureDetails": "full"}}, None, None, {"failureDetails": "full"}),
        (
            {"status": {"failureDetails": DETAILS}, "failureDetails": {"a": 1}},
            None,
            {"a": 1},
            {"status": {"failureDetails": DETAILS}},
        ),
    ],
)
def test_failure_details(
    sent: dict[str, Any], status: str | None, details: object, other: object
) -> None:
    """The details of a failed delivery have their own column, which is null without them."""
    build_row = RowBuilders(SCHEMAS.get_schema).for_stream("messages")
    row = build_row({"id": "m", **sent}, needs_no_cleaning=False)
    assert row is not None
    assert row["status"] == ({"statusType": status} if sent.get("status") else None)
    assert (row["failureDetails"], row["otherProperties"]) == (details, other)
