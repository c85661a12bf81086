"""Rows: how the values of HubSpot's JSON are cleaned."""

from __future__ import annotations

import json
from calendar import monthrange
from itertools import product
from typing import Any

import pytest

from tap_hubspot_threads.hubspot.json_to_row import (
    MAX_DEPTH,
    RowBuilders,
    RowCleaner,
    needs_no_cleaning,
)
from tap_hubspot_threads.singer.row_to_record import SCHEMAS
from tap_hubspot_threads.values import clean_time

COLUMNS = SCHEMAS.get_schema("threads")["properties"]


def clean(**thread: Any) -> dict[str, Any]:
    """Clean a thread with these fields."""
    return RowCleaner(SCHEMAS.get_schema("threads")).clean({"id": "1", **thread})


@pytest.mark.parametrize(
    ("sent", "row"),
    [
        ("2019-11-18T18:47:59.865Z", "2019-11-18T18:47:59.865Z"),
        ("2019-11-18T18:47:59Z", "2019-11-18T18:47:59.000Z"),
        ("2019-11-18T18:47:59.8Z", "2019-11-18T18:47:59.800Z"),
        ("2019-11-18T18:47:59.865999Z", "2019-11-18T18:47:59.865Z"),
        ("2019-11-18T18:47:59.865+00:00", "2019-11-18T18:47:59.865Z"),
        ("2019-12-31T23:30:00.500-02:00", "2020-01-01T01:30:00.500Z"),
        ("2020-01-01T00:30:00+0530", "2019-12-31T19:00:00.000Z"),
        ("2019-11-18T18:47:59.865", "2019-11-18T18:47:59.865Z"),
        ("2019-11-18 18:47:59.865z", "2019-11-18T18:47:59.865Z"),
        ("2019-11-18T18:47Z", "2019-11-18T18:47:00.000Z"),
        ("2019-11-18", "2019-11-18T00:00:00.000Z"),
        (1574106479865, "2019-11-18T19:47:59.865Z"),
        ("1574106600279", "2019-11-18T19:50:00.279Z"),
        (" 1574106600279 ", "2019-11-18T19:50:00.279Z"),
        (1574106479865.0, "2019-11-18T19:47:59.865Z"),
        ("1574106479860.0", "2019-11-18T19:47:59.860Z"),
        (1574106479865.75, "2019-11-18T19:47:59.865Z"),
        (1574106480000, "2019-11-18T19:48:00.000Z"),
        (100_000_000_000, "1973-03-03T09:46:40.000Z"),
        ("999999999999", "2001-09-09T01:46:39.999Z"),
        (9_999_999_999_999, "2286-11-20T17:46:39.999Z"),
        ("", None),
        (" ", None),
        (None, None),
    ],
)
def test_times(sent: str | float | None, row: str | None) -> None:
    """Times and epoch milliseconds become UTC with Z and milliseconds; "" becomes null."""
    cleaned = clean(closedAt=sent)
    assert cleaned["closedAt"] == row
    assert cleaned["otherProperties"] is None


@pytest.mark.parametrize(
    "sent",
    [
        "soon",
        "2019-13-01T00:00:00Z",
        "2019-11",
        1574103000,
        "1574103001",
        15741064798650,
        "20191118184759",
        99_999_999_999,
        -1574106479865,
        "-1574106479866",
        1.5e11 + 1e13,
        10**30,
        True,
        {},
        [1574106479865],
        "9999-12-31T23:00-02:00",
    ],
)
def test_invalid_times(sent: object) -> None:
    """An invalid time leaves its column null and is kept in `otherProperties`."""
    cleaned = clean(closedAt=sent)
    assert cleaned["closedAt"] is None
    assert cleaned["otherProperties"] == {"closedAt": sent}


def test_calendar_days() -> None:
    """A day that the calendar does not have is not a time."""
    for year, month, day in product((1900, 2000, 2025, 2028), range(14), range(33)):
        sent = f"{year}-{month:02}-{day:02}T00:00:00.000Z"
        exists = month in range(1, 13) and 1 <= day <= monthrange(year, month)[1]
        assert clean(closedAt=sent)["closedAt"] == (sent if exists else None)


def test_times_sort_as_strings() -> None:
    """Cleaned times sort as strings in the order of time, unlike HubSpot's."""
    sent = ["2026-01-01T00:00:21Z", "2026-01-01T00:00:21.123Z", "2026-01-01T01:00:21.200+01:00"]
    cleaned = [clean_time(time) or "" for time in sent]
    assert cleaned == sorted(cleaned)


def test_all_columns() -> None:
    """Every row has every column, so a reopened thread clears its `closedAt`."""
    assert clean() == dict.fromkeys(COLUMNS) | {"id": "1"}


def test_integer_ids() -> None:
    """Numeric IDs become strings, to the last digit."""
    cleaned = clean(id=9223372036854775807, inboxId=481939, associatedContactId=1401.0)
    assert cleaned["id"] == "9223372036854775807"
    assert cleaned["inboxId"] == "481939"
    assert cleaned["associatedContactId"] == "1401"


def test_associations() -> None:
    """The ticket's ID is a string; other associations are nested in `otherProperties`."""
    cleaned = clean(threadAssociations={"associatedTicketId": 5})
    assert cleaned["threadAssociations"] == {"associatedTicketId": "5"}
    assert cleaned["otherProperties"] is None
    cleaned = clean(threadAssociations={"associatedDealId": "9", "associatedTicketId": "1"})
    assert cleaned["threadAssociations"] == {"associatedTicketId": "1"}
    assert cleaned["otherProperties"] == {"threadAssociations": {"associatedDealId": "9"}}
    cleaned = clean(threadAssociations={"other": [1, None]}, later=None)
    assert cleaned["threadAssociations"] == {"associatedTicketId": None}
    assert cleaned["otherProperties"] == {"later": None, "threadAssociations": {"other": [1, None]}}


NESTED_SCHEMA = {
    "properties": {
        "outer": {
            "type": ["null", "object"],
            "properties": {
                "name": {"type": ["null", "string"]},
                "inner": {
                    "type": ["null", "object"],
                    "properties": {
                        "count": {"type": ["null", "integer"]},
                        "any": {"type": ["null", "object"]},
                    },
                },
            },
        }
    }
}


@pytest.mark.parametrize(
    ("sent", "expected", "rest"),
    [
        ({}, {"name": None, "inner": None}, None),
        ({"name": 1, "inner": None}, {"name": "1", "inner": None}, None),
        (
            {"inner": {"count": "2", "any": {"a": [1]}}},
            {"name": None, "inner": {"count": 2, "any": {"a": [1]}}},
            None,
        ),
        (
            {"name": "x", "inner": {"count": 2, "later": {"a": None}}, "too": 0},
            {"name": "x", "inner": {"count": 2, "any": None}},
            {"inner": {"later": {"a": None}}, "too": 0},
        ),
        (
            {"name": "x", "inner": {"count": "many", "any": []}},
            {"name": "x", "inner": {"count": None, "any": None}},
            {"inner": {"count": "many", "any": []}},
        ),
        ({"name": ["x"], "inner": 5}, {"name": None, "inner": None}, {"name": ["x"], "inner": 5}),
    ],
)
def test_nested_objects(
    sent: dict[str, Any], expected: dict[str, Any], rest: dict[str, Any] | None
) -> None:
    """An object with a schema has its known fields only; the others are in `otherProperties`."""
    row = RowCleaner(NESTED_SCHEMA).clean({"outer": sent})
    assert row == {"outer": expected, "otherProperties": rest and {"outer": rest}}


def test_moved_fields_are_cleaned() -> None:
    """Fields that are moved to `otherProperties` are cleaned, keys included."""
    bad = json.loads('"a\\u0000b\\ud800c"')
    cleaned = clean(threadAssociations={bad: [{bad: bad}]})
    assert cleaned["otherProperties"] == {"threadAssociations": {"ab?c": [{"ab?c": "ab?c"}]}}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("threadAssociations", []),
        ("assignedTo", {"id": "A-1"}),
        ("assignedTo", 1.5),
        ("status", True),
        ("spam", "maybe"),
        ("spam", 1),
    ],
)
def test_values_that_do_not_fit(column: str, value: object) -> None:
    """A value of another type leaves its column null and is kept in `otherProperties`."""
    cleaned = clean(**{column: value})
    assert cleaned[column] is None
    assert cleaned["otherProperties"] == {column: value}


def test_unknown_keys() -> None:
    """Unknown keys are kept in `otherProperties`, even if they are null."""
    cleaned = clean(customerSentiment={"score": 1.5}, otherProperties=3, later=None)
    assert cleaned["otherProperties"] == {
        "customerSentiment": {"score": 1.5},
        "later": None,
        "otherProperties": 3,
    }


def test_text_that_databases_reject() -> None:
    """U+0000 and lone surrogates are never emitted, at any depth; other text is unchanged."""
    bad = json.loads('"a\\u0000b\\ud800c"')
    cleaned = clean(assignedTo=bad, **{bad: [{bad: bad}]}, status="été 🎉")
    assert cleaned["assignedTo"] == "ab?c"
    assert cleaned["otherProperties"] == {"ab?c": [{"ab?c": "ab?c"}]}
    assert cleaned["status"] == "été 🎉"


def test_numbers_that_json_does_not_have() -> None:
    """NaN and infinity, which Python reads from JSON, become null."""
    assert clean(x=json.loads("[NaN, 1e999, 1.5]"))["otherProperties"] == {"x": [None, None, 1.5]}


def test_deep_nesting() -> None:
    """Values that are nested deeper than `MAX_DEPTH` are omitted, and no others."""
    deep: Any = "core"
    for _ in range(900):
        deep = [deep]
    cleaned = clean(x=deep, y=1, threadAssociations={"x": deep})
    other = cleaned["otherProperties"]
    assert json.dumps(other["x"]).count("[") == MAX_DEPTH
    assert json.dumps(other["threadAssociations"]["x"]).count("[") == MAX_DEPTH - 1
    assert other["y"] == 1


def test_booleans() -> None:
    """Booleans and their text forms become booleans."""
    assert clean(spam=False)["spam"] is False
    assert clean(spam="true")["spam"] is True


def test_schema_matches_the_documentation() -> None:
    """The columns are those of the documented response plus `otherProperties`."""
    documented = [
        "archived",
        "associatedContactId",
        "createdAt",
        "id",
        "inboxId",
        "originalChannelAccountId",
        "originalChannelId",
        "spam",
        "status",
        "assignedTo",
        "closedAt",
        "latestMessageReceivedTimestamp",
        "latestMessageSentTimestamp",
        "latestMessageTimestamp",
        "threadAssociations",
    ]
    assert COLUMNS.keys() == {*documented, "otherProperties"}
    assert all(column["description"] for column in COLUMNS.values())
    assert [name for name, column in COLUMNS.items() if "null" not in column["type"]] == ["id"]
    assert "enum" not in json.dumps(COLUMNS)


OTHER_SCHEMA = {
    "properties": {
        "id": {"type": "string"},
        "count": {"type": ["integer", "null"]},
        "senders": {"type": ["array", "null"]},
    }
}


@pytest.mark.parametrize(
    ("sent", "row"), [(0, 0), (17, 17), ("18", 18), (19.0, 19), (2**63 - 1, 2**63 - 1), ("-3", -3)]
)
def test_integers(sent: object, row: int) -> None:
    """Integers and their text forms become integers."""
    cleaned = RowCleaner(OTHER_SCHEMA).clean({"id": "1", "count": sent})
    assert (cleaned["count"], cleaned["otherProperties"]) == (row, None)
    assert type(cleaned["count"]) is int


@pytest.mark.parametrize("sent", [1.5, True, "many", "", [], {}, "2.5", 2**63])
def test_invalid_integers(sent: object) -> None:
    """An invalid integer leaves its column null and is kept in `otherProperties`."""
    cleaned = RowCleaner(OTHER_SCHEMA).clean({"id": "1", "count": sent})
    assert (cleaned["count"], cleaned["otherProperties"]) == (None, {"count": sent})


def test_arrays() -> None:
    """Arrays are kept whole, except for characters that databases reject."""
    sent = [{"actorId": "A-1", "names": ["a\0b", None, 1.5]}, 17, []]
    cleaned = RowCleaner(OTHER_SCHEMA).clean({"id": "1", "senders": sent})
    assert cleaned["senders"] == [{"actorId": "A-1", "names": ["ab", None, 1.5]}, 17, []]
    assert cleaned["otherProperties"] is None


@pytest.mark.parametrize("sent", [{}, "x", 17, False])
def test_invalid_arrays(sent: object) -> None:
    """A value that is not an array leaves its column null and is kept in `otherProperties`."""
    cleaned = RowCleaner(OTHER_SCHEMA).clean({"id": "1", "senders": sent})
    assert (cleaned["senders"], cleaned["otherProperties"]) == (None, {"senders": sent})


def test_row_is_a_copy() -> None:
    """A row shares no object with the input."""
    sent = {"id": "1", "senders": [{"a": [1]}]}
    cleaned = RowCleaner(OTHER_SCHEMA).clean(sent)
    cleaned["senders"][0]["a"].append(2)
    assert sent["senders"] == [{"a": [1]}]


def clean_message(text: str) -> dict[str, Any]:
    """Return the row of a message with this JSON, built like the rows of a page."""
    build_row = RowBuilders(SCHEMAS.get_schema).for_stream("messages")
    row = build_row(json.loads(text), needs_no_cleaning=needs_no_cleaning(text.encode()))
    assert row is not None
    return row


TEXTS = {
    "emoji": ("\U0001f44d\U0001f3fd été", "\U0001f44d\U0001f3fd été"),
    "right-to-left": ("\u202eאבג مرحبا\u200f", "\u202eאבג مرحبا\u200f"),
    "U+0000": ("a\0b\0", "ab"),
    "lone surrogates": ("a\ud83d b\udc4d", "a? b?"),
    "1 MB": ("é\0x" * 350_000, "éx" * 350_000),
    "1 MB, plain": ("xyz " * 250_000, "xyz " * 250_000),
    "controls": ("a\x01\t\r\n\x7f\u2028\ufeff", "a\x01\t\r\n\x7f\u2028\ufeff"),
}


@pytest.mark.parametrize("escaped", [False, True], ids=["plain", "escaped"])
@pytest.mark.parametrize("name", TEXTS)
def test_message_texts(name: str, *, escaped: bool) -> None:
    """A text is kept whole anywhere in a message, except for characters that databases reject."""
    sent, text = TEXTS[name]
    escaped = escaped or name == "lone surrogates"  # UTF-8 cannot encode them
    message = {
        "id": "m",
        "text": sent,
        "richText": f"<p>{sent}</p>",
        "client": {"clientType": sent, sent: sent},
        "senders": [{"name": sent, "deliveryIdentifier": {"type": "x", "value": sent}}],
        "attachments": [{"type": "QUICK_REPLIES", "quickReplies": [{"value": sent}]}],
        "status": {"statusType": "FAILED", "failureDetails": {"errorMessageTokens": {sent: sent}}},
        "later": [[sent]],
    }
    row = clean_message(json.dumps(message, ensure_ascii=escaped))
    assert row["text"] == text
    assert row["richText"] == f"<p>{text}</p>"
    assert row["client"] == {"clientType": text, "integrationAppId": None}
    assert row["senders"] == [{"name": text, "deliveryIdentifier": {"type": "x", "value": text}}]
    assert row["attachments"] == [{"type": "QUICK_REPLIES", "quickReplies": [{"value": text}]}]
    assert row["status"] == {"statusType": "FAILED"}
    assert row["failureDetails"] == {"errorMessageTokens": {text: text}}
    assert row["otherProperties"] == {"client": {text: text}, "later": [[text]]}


@pytest.mark.parametrize("sent", [17, "17", None], ids=repr)
def test_app_id_of_a_client(sent: object) -> None:
    """The integration's app ID is an integer or null."""
    client = {"clientType": "INTEGRATION", "integrationAppId": sent}
    cleaned = clean_message(json.dumps({"id": "m", "client": client}))
    assert cleaned["client"] == {**client, "integrationAppId": sent and 17}


def test_partly_valid_client() -> None:
    """A nested field of another type is null and kept in `otherProperties`."""
    client = {"clientType": "INTEGRATION", "integrationAppId": "app"}
    cleaned = clean_message(json.dumps({"id": "m", "client": client}))
    assert cleaned["client"] == {"clientType": "INTEGRATION", "integrationAppId": None}
    assert cleaned["otherProperties"] == {"client": {"integrationAppId": "app"}}


def test_unknown_message_type() -> None:
    """Unknown types, statuses and attachments are emitted unchanged."""
    sent = {
        "id": "m",
        "type": "REACTION",
        "status": {"statusType": "DELIVERED"},
        "attachments": [{"type": "HOLOGRAM", "size": 1.5}, "x", None],
    }
    row = clean_message(json.dumps(sent | {"emoji": "x"}))
    assert {name: row[name] for name in sent} == sent
    assert row["otherProperties"] == {"emoji": "x"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_encoding_of_a_page(encoding: str) -> None:
    """U+0000 is removed from a page in any encoding that a JSON parser detects."""
    page = json.dumps({"id": "m", "text": "a\0b"}).encode(encoding)
    cleaner = RowCleaner(SCHEMAS.get_schema("messages"))
    assert (
        cleaner.clean(json.loads(page), needs_no_cleaning=needs_no_cleaning(page))["text"] == "ab"
    )
