"""What the command line is given: config, state and catalog files, environment variables."""

from __future__ import annotations

import difflib
import io
import json
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from singer_sdk.exceptions import ConfigValidationError, MappingError
from singer_sdk.singerlib import Catalog

from tap_hubspot_threads.errors import SettingsError
from tap_hubspot_threads.settings.schema import REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from singer_sdk.singerlib.catalog import StreamMetadata


PREFIX = "TAP_HUBSPOT_THREADS_"
"""Begins the names of the variables that are settings."""

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "no", "off"}
_NOTHING = _FALSE | {"", "null", "{}"}


def read_environment(schema: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings in the environment.

    The SDK would also read the nearest file `.env`: that of whatever project or folder the tap was
    installed in or is run from.

    Args:
        schema: Which settings there are.
        environ: The environment.

    Raises:
        SettingsError: names the variable and what it should hold, but not its value.
    """
    settings: dict[str, Any] = {}
    for name, setting in schema["properties"].items():
        variable = PREFIX + name.upper()
        if variable in environ:
            try:
                settings[name] = _read(setting["type"], environ[variable])
            except _WrongError as error:
                message = f"{variable}: not {error}"
                raise SettingsError(message) from None
    for name in REFUSED:
        value = environ.get(PREFIX + name.upper(), "")
        if value.lower() not in _NOTHING:
            settings[name] = value
    return settings


def check_log_level(environ: Mapping[str, str]) -> None:
    """Check the variables that the SDK reads the level of the log from.

    Raises:
        SettingsError: names the variable and the levels that there are.
    """
    for variable in (f"{PREFIX}LOGLEVEL", "LOGLEVEL"):
        if environ.get(variable, "INFO").upper() not in LOG_LEVELS:
            message = f"{variable}: not one of {', '.join(LOG_LEVELS)}"
            raise SettingsError(message)


def settings_in(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the names of what look like settings; two underscores are Meltano's own."""
    for variable in environ:
        name = variable.removeprefix(PREFIX)
        if name != variable and not name.startswith("_") and name != "LOGLEVEL":
            yield name.lower()


class _WrongError(ValueError):
    """A variable of another type. The message says what it should hold."""


def _read(types: list[str], text: str) -> Any:  # noqa: ANN401 - JSON
    """Return the value of a variable, by its setting's types.

    Raises:
        _WrongError: if it has none of them.
    """
    if "integer" in types:
        return _read_integer(text)
    if "boolean" in types:
        return _read_boolean(text)
    if "array" in types:
        return _read_list(text)
    if "object" in types:
        return _read_object(text)
    return text


def _read_integer(text: str) -> int:
    if not re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", text):
        message = "a whole number"
        raise _WrongError(message)
    return int(text)


def _read_boolean(text: str) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        message = "true or false"
        raise _WrongError(message)
    return text.lower() in _TRUE


def _read_list(text: str) -> list[Any]:
    value = _parse(text)
    if isinstance(value, list):
        return value
    if not text:
        return []
    if "," not in text.lstrip()[1:] or text.lstrip()[0] in {"{", '"'}:
        message = 'a JSON list such as ["17", "18"], or [] for none'
        raise _WrongError(message)
    return text.split(",")


def _read_object(text: str) -> dict[str, Any]:
    value = _parse(text)
    if not isinstance(value, dict):
        message = "a JSON object"
        raise _WrongError(message)
    return value


def _parse(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def read_config_file(path: str) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        SettingsError: names the file and the place, but nothing of what is in it.
    """
    if path.lstrip().startswith("{"):
        message = "--config: takes the path of a file or ENV, not the settings themselves"
        raise SettingsError(message)
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        message = f"--config {path}: {getattr(error, 'strerror', None) or error}"
        raise SettingsError(message) from None
    what = f"--config {path}"
    return _parse_object(_decode(data, what), what)


def check_state_file(file: TextIO | None) -> TextIO | None:
    """Return a file with the same text, if that is a JSON object.

    Raises:
        SettingsError: if it is not: an empty state would mean a full sync.
    """
    return file and _check_file(file, "--state")[0]


def check_catalog_file(file: TextIO | None) -> TextIO | None:
    """Return a file with the same text, if that is a Singer catalog.

    Raises:
        SettingsError: if it is not.
    """
    if file is None:
        return None
    checked, catalog = _check_file(file, "--catalog")
    try:
        entries = Catalog.from_dict({"streams": catalog["streams"]}).streams
    except (AttributeError, KeyError, TypeError, ValueError):
        message = f"--catalog {file.name}: not a Singer catalog; make one with --discover"
        raise SettingsError(message) from None
    for entry in entries:
        root = cast("StreamMetadata | None", entry.metadata.get(()))
        key = entry.key_properties or (root and root.table_key_properties) or ["id"]
        if entry.stream not in {None, entry.tap_stream_id} or key != ["id"]:
            message = (
                f"--catalog {file.name}: {entry.tap_stream_id} has another name or other "
                "key_properties than the tap's; make a catalog with --discover"
            )
            raise SettingsError(message)
    return checked


def unknown_settings(names: Iterable[str], schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each name that is no setting's, with the nearest one that is."""
    known = list(schema["properties"])
    for name in names:
        if name not in known and name not in REFUSED:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield f"There is no setting {name}: it has no effect{hint}"


def _check_file(file: TextIO, option: str) -> tuple[TextIO, dict[str, Any]]:
    what = f"{option} {file.name}"
    try:
        text = _decode(file.buffer.read(), what)
    except OSError as error:
        message = f"{what}: {error.strerror}"
        raise SettingsError(message) from None
    return io.StringIO(text), _parse_object(text, what)


def _decode(data: bytes, what: str) -> str:
    """Return the text of a file in UTF-8, without the byte order mark that Windows puts there.

    Raises:
        SettingsError: if it is of another encoding; a zero byte shows UTF-16.
    """
    try:
        if b"\0" not in data:
            return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    message = f"{what}: not in UTF-8; save it as UTF-8"
    raise SettingsError(message)


def _parse_object(text: str, what: str) -> dict[str, Any]:
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        message = f"{what}: not JSON (line {error.lineno}, column {error.colno})"
        raise SettingsError(message) from None
    except (ValueError, RecursionError):  # a number, or a nest, that is larger than can be
        value = None
    if not isinstance(value, dict):
        message = f"{what}: not a JSON object"
        raise SettingsError(message)
    return value


def _refuse_constant(name: str) -> None:
    """Refuse NaN and its like, which Python takes, and JSON does not have."""
    raise ValueError(name)


FOR_SETTINGS = (AttributeError, ConfigValidationError, ValueError)
"""What the SDK raises for settings that it cannot work with, or cannot read."""


def explain(error: Exception, config: Mapping[str, Any]) -> Exception:
    """Return one of `FOR_SETTINGS` in one line; itself, if it is not about the settings.

    Args:
        error: What the SDK raised.
        config: The settings.
    """
    if isinstance(error, ConfigValidationError):
        return SettingsError("; ".join(map(_without_value, error.errors)))
    if isinstance(error, AttributeError) and "stream_maps" in config:
        return SettingsError("stream_maps: not of the form that the SDK knows")
    return error


@contextmanager
def maps_explained() -> Iterator[None]:
    """Turn what the SDK raises for stream maps and flattening into one line.

    Raises:
        SettingsError: names the setting.
    """
    try:
        yield
    except (MappingError, NotImplementedError) as error:
        message = f"stream_maps: {error}"
        raise SettingsError(message) from None
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        message = f"stream_maps or flattening: {error}"
        raise SettingsError(message) from None


def _without_value(error: str) -> str:
    """Return the SDK's message on a setting's type, without the value of one that is not ours."""
    match = re.search(r"config\['(stream_map_config|faker_config)'\]", error)
    return f"{match[1]}: not what it should be" if match else error


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
