"""Checks the SDK's setting `stream_maps`, and describes which columns it omits or changes."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.errors import SettingsError
from tap_hubspot_threads.values import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

NULL = "__NULL__"
"""In a stream map, null removes a column or a stream. The SDK accepts this text instead of null,
because Meltano drops null values from settings."""

ELSE, SOURCE, ALIAS, KEY = "__else__", "__source__", "__alias__", "__key_properties__"
OPTIONS = (ELSE, "__filter__", SOURCE, ALIAS, KEY)

Maps = Mapping[str, Any]
"""The setting `stream_maps`: the *definition* of each map, by stream name or by a pattern such as
`*`. A definition has *entries*: options such as `__alias__`, and expressions for columns. Null
instead of an expression removes the column. Null instead of a definition removes the stream. Keys
of the setting that start with `__` are *global options*."""
Columns = Mapping[str, "Collection[str]"]
"""The columns of each stream, by stream name."""


def check_stream_maps(maps: Maps, columns: Columns) -> None:
    """Check that the streams, options and removed columns exist, and that expressions are strings.

    The SDK accepts unknown names without a warning. If a user misspelled the name of a column to
    remove, the SDK would still emit the column.

    Raises:
        SettingsError: for an invalid entry. If a name is unknown, the message contains a hint, such
            as a similar name.
    """
    for name, definition in _named_maps(maps):
        entries = _entries(definition)
        source = entries.get(SOURCE, name)
        matching = [stream for stream in columns if _is_match(stream, source)]
        if not matching:
            entry = f"{name}: {SOURCE}: " if SOURCE in entries else ""
            message = f"stream_maps: {entry}unknown stream {source}{nearest(source, columns)}"
            raise SettingsError(message)
        known = list(dict.fromkeys(column for stream in matching for column in columns[stream]))
        for column, expression in entries.items():
            _check_entry(name, column, expression, known)


def _check_entry(name: str, column: str, expression: object, known: Sequence[str]) -> None:
    is_option = column.startswith("__") and column.endswith("__")
    problem = ""
    if is_option and column not in OPTIONS:
        problem = f"unknown option{nearest(column, OPTIONS)}"
    elif is_option:
        return
    elif _is_null(expression):
        if column not in known:
            problem = f"unknown column{nearest(column, known)}"
    elif not isinstance(expression, str) or not expression.strip():
        problem = f"not an expression and not {NULL}"
    if problem:
        message = f"stream_maps: {name}: {column}: {problem}"
        raise SettingsError(message)


def overridden_maps_warning(maps: Maps, columns: Columns) -> str | None:
    """Return a warning about entries that have no effect; None if there is no such entry.

    If several maps match a stream, the SDK applies only the last of these maps. The warning names
    the entries of the other maps, except in these cases:
        * The last map has an entry with the same name.
        * The entry removes a column that the last map also removes (by `__else__`), or that the
          stream does not have.
        * The last map removes the stream.
        * The entry's map has a `__source__`. The records of this map have a stream name of their
          own.
    """
    overridden = []
    for stream in columns:
        matching = [
            (name, definition)
            for name, definition in _named_maps(maps)
            if _is_match(stream, name) and SOURCE not in _entries(definition)
        ]
        if not matching or _is_null(matching[-1][1]):
            continue
        applied = _entries(matching[-1][1])
        for name, definition in matching[:-1]:
            entries = [
                entry
                for entry, expression in _entries(definition).items()
                if entry not in applied
                and not (_is_null(expression) and (entry not in columns[stream] or ELSE in applied))
            ]
            entries += [NULL] if _is_null(definition) else []
            if entries:
                overridden.append(f"{name} for {stream} ({', '.join(entries)})")
    if not overridden:
        return None
    return (
        "stream_maps: the SDK applies only the last map that matches a stream. These entries have "
        f"no effect: {'; '.join(overridden)}. Repeat them in the last map if you need them."
    )


def describe_columns(
    stream: str, columns: Sequence[str], *, maps: Maps, deselected: Sequence[str]
) -> str:
    """Return text that names the columns of a stream that are left out or changed.

    An example is `messages: left out: subject; changed by stream_maps: text`. If stream maps emit
    the stream under several names, the text describes the columns for each name.

    Args:
        stream: The name of the stream.
        columns: All columns of the stream.
        maps: The setting `stream_maps`.
        deselected: Columns, or fields such as `client.clientType`, that the catalog deselects.
    """
    effects = []
    for alias, definition in _maps_of(stream, maps):
        if definition is None:
            effects.append(f"{alias}: no record is emitted")
            continue
        emitted = (definition.get(KEY, ["id"]) or []) if ELSE in definition else columns
        left_out = [
            *deselected,
            *(
                name
                for name in columns
                if name not in deselected
                and (_is_null(definition[name]) if name in definition else name not in emitted)
            ),
        ]
        changed = [column for column in columns if column in definition.keys() - set(left_out)]
        effect = f"left out: {', '.join(left_out)}" if left_out else "every column is emitted"
        effect += f"; changed by stream_maps: {', '.join(changed)}" if changed else ""
        effects.append(f"{alias}: {effect}")
    return ". ".join(effects)


def _maps_of(stream: str, maps: Maps) -> list[tuple[str, Mapping[str, Any] | None]]:
    """Return each name under which records of a stream can be emitted, with the map's definition.

    The first name is the stream's own name or its alias. Each map whose `__source__` matches the
    stream adds a name. If no map applies, the definition is empty. If no record is emitted under
    the name, the definition is None.
    """
    found: list[tuple[str, Mapping[str, Any] | None]] = [(stream, None if ELSE in maps else {})]
    for name, definition in _named_maps(maps):
        entries = _entries(definition)
        if not _is_match(stream, entries.get(SOURCE, name)):
            continue
        if SOURCE in entries:
            found.append((name, entries))
        else:
            alias = str(entries.get(ALIAS, stream))
            found[0] = (alias, None if _is_null(definition) else entries)
    return found


def _named_maps(maps: Maps) -> Iterator[tuple[str, Any]]:
    """Yield the name and definition of each map.

    Global options, such as `__else__`, are left out, because the SDK checks them.
    """
    return ((name, definition) for name, definition in maps.items() if not name.startswith("__"))


def _entries(definition: object) -> Mapping[str, Any]:
    return definition if isinstance(definition, Mapping) else {}


def _is_match(stream: str, pattern: object) -> bool:
    return isinstance(pattern, str) and (stream == pattern or fnmatch(stream, pattern))


def _is_null(definition: object) -> bool:
    return definition is None or definition == NULL
