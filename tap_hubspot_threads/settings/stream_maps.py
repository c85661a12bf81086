"""Stream maps: what they cannot do is refused, what they leave out is known before the sync."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.errors import SettingsError
from tap_hubspot_threads.values import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

NULL = "__NULL__"
"""Stands for JSON's null, which Meltano drops from its settings."""

ELSE, SOURCE, ALIAS, KEY = "__else__", "__source__", "__alias__", "__key_properties__"
OPTIONS = (ELSE, "__filter__", SOURCE, ALIAS, KEY)

Maps = Mapping[str, Any]
Columns = Mapping[str, "Collection[str]"]
"""The columns of each stream."""


def check_stream_maps(maps: Maps, columns: Columns) -> None:
    """Check that every stream and every column to be removed exists.

    The SDK ignores the others without a word, and what was to be removed is loaded.

    Raises:
        SettingsError: names the entry and the nearest name that exists.
    """
    for name, definition in _streams_of(maps):
        entries = definition if isinstance(definition, Mapping) else {}
        source = entries.get(SOURCE, name)
        matching = [stream for stream in columns if _is_match(stream, source)]
        if not matching:
            place = f"{name}: {SOURCE}: " if SOURCE in entries else ""
            message = f"stream_maps: {place}no stream is called {source}{nearest(source, columns)}"
            raise SettingsError(message)
        known = list(dict.fromkeys(column for stream in matching for column in columns[stream]))
        for column, expression in entries.items():
            _check_entry(name, column, expression, known)


def _check_entry(name: str, column: str, expression: object, known: Sequence[str]) -> None:
    is_option = column.startswith("__") and column.endswith("__")
    problem = ""
    if is_option and column not in OPTIONS:
        problem = f"there is no such option{nearest(column, OPTIONS)}"
    elif is_option:
        return
    elif _is_null(expression):
        if column not in known:
            problem = f"there is no such column to leave out{nearest(column, known)}"
    elif not isinstance(expression, str) or not expression.strip():
        problem = f"neither an expression nor {NULL}"
    if problem:
        message = f"stream_maps: {name}: {column}: {problem}"
        raise SettingsError(message)


def replaced_maps(maps: Maps, columns: Columns) -> str | None:
    """Return a warning if entries have no effect because a stream has another map too.

    The SDK applies one map per stream, the last that matches.
    """
    lost = []
    for stream in columns:
        matching = [
            (name, definition)
            for name, definition in _streams_of(maps)
            if _is_match(stream, name) and SOURCE not in (_entries(definition))
        ]
        if not matching or _is_null(matching[-1][1]):
            continue
        holds = _entries(matching[-1][1])
        for name, definition in matching[:-1]:
            entries = [
                entry
                for entry, expression in _entries(definition).items()
                if entry not in holds
                and not (_is_null(expression) and (entry not in columns[stream] or ELSE in holds))
            ]
            entries += [NULL] if _is_null(definition) else []
            if entries:
                lost.append(f"{name} for {stream} ({', '.join(entries)})")
    if not lost:
        return None
    return (
        "stream_maps: only the last map that matches a stream is applied to it. Without effect: "
        f"{'; '.join(lost)}. Repeat these entries in the last map, if you need them"
    )


def effect_on(stream: str, columns: Sequence[str], *, maps: Maps, deselected: Sequence[str]) -> str:
    """Return in words which columns of a stream are left out or changed, for each of its maps.

    Args:
        stream: Its name.
        columns: All that it has.
        maps: The setting.
        deselected: Columns, or parts of them such as `client.clientType`, that the catalog leaves
            out.
    """
    effects = []
    for alias, definition in _maps_of(stream, maps):
        if definition is None:
            effects.append(f"{alias}: nothing is loaded")
            continue
        keeps = (definition.get(KEY, ["id"]) or []) if ELSE in definition else columns
        left_out = [
            *deselected,
            *(
                column
                for column in columns
                if column not in deselected
                and (_is_null(definition[column]) if column in definition else column not in keeps)
            ),
        ]
        changed = [column for column in columns if column in definition.keys() - set(left_out)]
        words = f"left out: {', '.join(left_out)}" if left_out else "every column is loaded"
        words += f"; changed by stream_maps: {', '.join(changed)}" if changed else ""
        effects.append(f"{alias}: {words}")
    return ". ".join(effects)


def _maps_of(stream: str, maps: Maps) -> list[tuple[str, Mapping[str, Any] | None]]:
    """Return the name and the definition of each map of a stream; None: nothing is loaded."""
    made: list[tuple[str, Mapping[str, Any] | None]] = [(stream, None if ELSE in maps else {})]
    for name, definition in _streams_of(maps):
        entries = _entries(definition)
        if not _is_match(stream, entries.get(SOURCE, name)):
            continue
        if SOURCE in entries:
            made.append((name, entries))
        else:
            alias = str(entries.get(ALIAS, stream))
            made[0] = (alias, None if _is_null(definition) else entries)
    return made


def _streams_of(maps: Maps) -> Iterator[tuple[str, Any]]:
    """Yield the maps without the options, which the SDK checks."""
    return ((name, made) for name, made in maps.items() if not name.startswith("__"))


def _entries(definition: object) -> Mapping[str, Any]:
    return definition if isinstance(definition, Mapping) else {}


def _is_match(stream: str, pattern: object) -> bool:
    return isinstance(pattern, str) and (stream == pattern or fnmatch(stream, pattern))


def _is_null(definition: object) -> bool:
    return definition is None or definition == NULL
