"""Catalogs: which columns count as overridden."""

from __future__ import annotations

from typing import Any

import pytest

from tap_hubspot_threads.settings.cli_inputs import overridden_columns

OWN = {
    "properties": {
        "id": {"type": "string"},
        "at": {"type": ["null", "string"], "format": "date-time"},
        "client": {
            "type": ["null", "object"],
            "properties": {"type": {"type": ["null", "string"]}},
        },
    }
}


@pytest.mark.parametrize(
    ("name", "schema", "is_overridden"),
    [
        ("id", {"type": "integer"}, True),
        ("id", {"type": ["string"]}, False),
        ("at", {"type": ["string", "null"], "format": "date-time"}, False),
        ("at", {"type": ["string", "null"]}, True),
        ("at", {"format": "date"}, True),
        ("at", {}, False),
        ("at", {"description": "When."}, False),
        ("client", {"type": ["object", "null"]}, False),
        ("client", {"properties": {"type": {"type": "integer"}}}, True),
        ("client", {"properties": {"new": {}}}, True),
        ("new", {"type": "string"}, True),
    ],
)
def test_overridden(name: str, schema: dict[str, Any], *, is_overridden: bool) -> None:
    """A column is overridden if its type or format differs at any depth."""
    found = list(overridden_columns(OWN, {"properties": {name: schema}}))
    assert found == ([name] if is_overridden else [])


def test_no_columns() -> None:
    """A schema without columns overrides nothing."""
    assert list(overridden_columns(OWN, {})) == []
