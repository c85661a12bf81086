"""Values that did not fit their column; `RowCleaner` leaves the column null and keeps the value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OTHER_PROPERTIES = "otherProperties"


def misfits(row: Mapping[str, Any]) -> list[str]:
    """Return the columns of a row whose value is in `otherProperties`, nested ones with dots."""
    other = row.get(OTHER_PROPERTIES)
    return list(_misfits(other, row)) if other else []


def _misfits(other: Mapping[str, Any], fitted: Mapping[str, Any]) -> Iterator[str]:
    for name, value in other.items():
        if name not in fitted:
            continue
        if fitted[name] is None:
            yield name
        elif isinstance(value, dict) and isinstance(fitted[name], dict):
            yield from (f"{name}.{inner}" for inner in _misfits(value, fitted[name]))
