"""What a catalog asks for that the tap does not do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def overridden_columns(own: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    """Yield the columns whose type in a catalog is not the stream's own, and those it lacks.

    Args:
        own: The stream's schema.
        given: The schema in the catalog, as Meltano's extra `schema` may have changed it.
    """
    columns = given.get("properties") or {}
    for name, column in columns.items():
        if name not in own["properties"] or _differs(own["properties"][name], column):
            yield name


def _differs(own: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Return whether a type or format differs; a schema that leaves out both asks for nothing."""
    if "type" in given and _types(given) != _types(own):
        return True
    if ("type" in given or "format" in given) and given.get("format") != own.get("format"):
        return True
    parts = own.get("properties") or {}
    inner = (given.get("properties") or {}).items()
    return any(name not in parts or _differs(parts[name], part) for name, part in inner)


def _types(schema: Mapping[str, Any]) -> set[str]:
    types = schema.get("type")
    return set(map(str, types)) if isinstance(types, list) else {str(types)}
