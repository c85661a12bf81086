"""`misfits`: the columns of a row whose values did not fit."""

from __future__ import annotations

from tap_hubspot_threads.singer.writer import misfits


def test_no_misfits() -> None:
    """A row without `otherProperties`, or with unknown keys only, has no misfits."""
    assert misfits({"id": "1", "detectedAt": None}) == []
    assert misfits({"id": "1", "otherProperties": None}) == []
    assert misfits({"id": "1", "closedAt": None, "otherProperties": {"mood": "good"}}) == []


def test_columns() -> None:
    """A column is named if it is null and its value is in `otherProperties`."""
    other = {"closedAt": "soon", "mood": None, "spam": 7}
    row = {"id": "1", "closedAt": None, "spam": None, "status": None, "otherProperties": other}
    assert misfits(row) == ["closedAt", "spam"]


def test_nested_columns() -> None:
    """A nested column is named by its path; an unknown nested key is not named."""
    other = {"client": {"integrationAppId": "x", "mood": "good"}}
    row = {"client": {"integrationAppId": None, "clientType": "API"}, "otherProperties": other}
    assert misfits(row) == ["client.integrationAppId"]
