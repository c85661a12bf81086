"""Stream maps: impossible ones are rejected, and the effects of the others are logged."""

from __future__ import annotations

from typing import Any

import pytest

from tap_hubspot_threads.errors import SettingsError
from tap_hubspot_threads.settings.stream_maps import (
    check_stream_maps,
    describe_columns,
    overridden_maps_warning,
)

COLUMNS = {
    "threads": ["id", "status", "threadAssociations"],
    "messages": ["id", "text", "richText", "subject"],
    "actors": ["id", "email"],
}


@pytest.mark.parametrize(
    ("maps", "line"),
    [
        ({"message": {"text": "__NULL__"}}, "unknown stream message; did you mean messages?"),
        ({"Threads": None}, "unknown stream Threads; did you mean threads?"),
        ({"x*": {}}, "unknown stream x*; known: threads, messages, actors"),
        ({"x": {"__source__": "message"}}, "x: __source__: unknown stream message; did you"),
        ({"messages": {"__source__": 5}}, "messages: __source__: unknown stream 5"),
        ({"messages": {"richtext": "__NULL__"}}, "messages: richtext: unknown column"),
        ({"messages": {"richtext": None}}, "did you mean richText?"),
        ({"x": {"__source__": "messages", "txt": None}}, "x: txt: unknown column"),
        ({"*": {"emial": None}}, "did you mean email?"),
        ({"t*": {"email": None}}, "t*: email: unknown column; known: id"),
        ({"threads": {"threadAssociations__x": None}}, "threadAssociations__x: unknown column"),
        ({"threads": {"__filtr__": "True"}}, "unknown option; did you mean __filter__?"),
        ({"threads": {"status": {"a": "b"}}}, "status: not an expression and not __NULL__"),
        ({"threads": {"status": " "}}, "status: not an expression and not __NULL__"),
        ({"threads": {"status": False}}, "status: not an expression and not __NULL__"),
    ],
    ids=str,
)
def test_rejected(maps: dict[str, Any], line: str) -> None:
    """A map for an unknown name is rejected with the nearest existing name."""
    with pytest.raises(SettingsError) as raised:
        check_stream_maps(maps, COLUMNS)
    assert str(raised.value).startswith("stream_maps: ")
    assert line in str(raised.value)


@pytest.mark.parametrize(
    "maps",
    [
        {"*": {"email": "__NULL__"}},
        {"m[ae]*": {"text": None}},
        {"__else__": None, "threads": {}},
        {"messages": None, "actors": "__NULL__"},
        {"threads": {"state": "status", "__loaded": "'x'", "__filter__": "id", "__alias__": "t"}},
        {"copy": {"__source__": "thread*", "__else__": None, "__key_properties__": ["id"]}},
    ],
    ids=str,
)
def test_accepted(maps: dict[str, Any]) -> None:
    """Patterns, options, new columns, and columns of only one matching stream are accepted."""
    check_stream_maps(maps, COLUMNS)


@pytest.mark.parametrize(
    ("maps", "text"),
    [
        (
            {"*": {"account": "'1'", "email": None}, "actors": {}, "messages": {"text": None}},
            "* for messages (account); * for actors (account, email). Repeat",
        ),
        ({"messages": {"text": None}, "*": {}}, "messages for messages (text)"),
        ({"messages": None, "*": {}}, "messages for messages (__NULL__)"),
    ],
    ids=str,
)
def test_replaced(maps: dict[str, Any], text: str) -> None:
    """A warning names entries that have no effect because another map applies to their stream."""
    assert text in str(overridden_maps_warning(maps, COLUMNS))


@pytest.mark.parametrize(
    "maps",
    [
        {},
        {"*": {"account": "'1'"}, "messages": {"account": "'1'", "text": None}},
        {"*": {"account": "'1'"}, "messages": None},
        {"*": {"email": None}, "messages": {}, "actors": {"email": None}},
        {"messages": {"text": None}, "short": {"__source__": "messages"}},
        {"*": {"text": None}, "messages": {"__else__": None, "subject": "subject"}},
    ],
    ids=str,
)
def test_nothing_replaced(maps: dict[str, Any]) -> None:
    """No warning is logged if the applied map has all entries or loads nothing."""
    assert overridden_maps_warning(maps, COLUMNS) is None


@pytest.mark.parametrize(
    ("maps", "deselected", "line"),
    [
        ({}, [], "messages: every column is emitted"),
        ({}, ["text"], "messages: left out: text"),
        (
            {"messages": {"text": "md5(text)", "richText": None, "length": "len(text)"}},
            ["subject"],
            "messages: left out: subject, richText; changed by stream_maps: text",
        ),
        ({"m*": {"text": "__NULL__", "__alias__": "m"}}, [], "m: left out: text"),
        (
            {"messages": {"__else__": None, "text": "text"}},
            [],
            "messages: left out: richText, subject; changed by stream_maps: text",
        ),
        ({"__else__": None, "threads": {}}, [], "messages: no record is emitted"),
        ({"messages": "__NULL__"}, [], "messages: no record is emitted"),
        (
            {"short": {"__source__": "messages", "text": None}},
            [],
            "messages: every column is emitted. short: left out: text",
        ),
    ],
    ids=str,
)
def test_effect(maps: dict[str, Any], deselected: list[str], line: str) -> None:
    """The log line gives the omitted and changed columns of a stream, for each of its maps."""
    assert (
        describe_columns("messages", COLUMNS["messages"], maps=maps, deselected=deselected) == line
    )
