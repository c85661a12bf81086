"""Reads and checks the config, state and catalog files, and the environment variables."""

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
"""The names of environment variables that contain settings start with this prefix."""

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "no", "off"}
_OFF = _FALSE | {"", "null", "{}"}
"""If the environment variable of a setting in `REFUSED` has one of these values, the setting counts
as not set."""


def read_environment(schema: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that are set by environment variables.

    Unlike the SDK, this function does not read the nearest `.env` file, which may belong to another
    project. The result includes settings in `REFUSED`, so that `check_settings` can reject them.

    Args:
        schema: The JSON Schema of the settings.
        environ: The environment variables.

    Raises:
        SettingsError: if a value has the wrong type. The message does not contain the value.
    """
    settings: dict[str, Any] = {}
    for name, setting in schema["properties"].items():
        variable = PREFIX + name.upper()
        if variable in environ:
            try:
                settings[name] = _read(setting["type"], environ[variable])
            except _WrongTypeError as error:
                message = f"{variable}: not {error}"
                raise SettingsError(message) from None
    for name in REFUSED:
        value = environ.get(PREFIX + name.upper(), "")
        if value.lower() not in _OFF:
            settings[name] = value
    return settings


def check_log_level(environ: Mapping[str, str]) -> None:
    """Check the environment variables that set the log level.

    Raises:
        SettingsError: if a level is unknown. The message lists the known levels.
    """
    for variable in (f"{PREFIX}LOGLEVEL", "LOGLEVEL"):
        if environ.get(variable, "INFO").upper() not in LOG_LEVELS:
            message = f"{variable}: not one of {', '.join(LOG_LEVELS)}"
            raise SettingsError(message)


def setting_names(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the names of all settings that environment variables set, including unknown names.

    Names that start with an underscore are omitted, because Meltano uses them for its own settings,
    such as `TAP_HUBSPOT_THREADS__SELECT`. `LOGLEVEL` is omitted, because it is not a setting.
    """
    for variable in environ:
        name = variable.removeprefix(PREFIX)
        if name != variable and not name.startswith("_") and name != "LOGLEVEL":
            yield name.lower()


class _WrongTypeError(ValueError):
    """The value of a variable has the wrong type.

    The message names the expected type, such as `a whole number`.
    """


def _read(types: list[str], text: str) -> Any:  # noqa: ANN401 - JSON
    """Parse the value of an environment variable as the JSON type in `types` that is not `null`.

    Raises:
        _WrongTypeError: if the text is not a value of this type.
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
        raise _WrongTypeError(message)
    return int(text)


def _read_boolean(text: str) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        message = "a boolean (true or false)"
        raise _WrongTypeError(message)
    return text.lower() in _TRUE


def _read_list(text: str) -> list[Any]:
    """Parse a JSON list, or two or more values separated by commas. Empty text is an empty list."""
    value = _parse(text)
    if isinstance(value, list):
        return value
    if not text:
        return []
    if "," not in text.lstrip()[1:] or text.lstrip()[0] in '[{"':
        message = 'a JSON list (for example ["17", "18"], or [] for an empty list)'
        raise _WrongTypeError(message)
    return text.split(",")


def _read_object(text: str) -> dict[str, Any]:
    value = _parse(text)
    if not isinstance(value, dict):
        message = "a JSON object"
        raise _WrongTypeError(message)
    return value


def _parse(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def read_config_file(path: str) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        SettingsError: if the file cannot be read or is not a JSON object. The message contains the
            path and the position of a syntax error, but no content of the file. If `path`
            contains settings instead of a path, the message does not contain these settings.
    """
    if path.lstrip().startswith("{"):
        message = "--config: expects the path of a file, or ENV, not the settings themselves"
        raise SettingsError(message)
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        message = f"--config {path}: {getattr(error, 'strerror', None) or error}"
        raise SettingsError(message) from None
    source = f"--config {path}"
    return _parse_object(_decode(data, source), source)


def check_state_file(file: TextIO | None) -> TextIO | None:
    """Check that a state file contains a JSON object. Return the file's text as a new text stream.

    Without a file, return None.

    Raises:
        SettingsError: if the file cannot be read or does not contain a JSON object. An empty file
            is an error too. Without this error, the tap would start a first sync by mistake.
    """
    return file and _check_file(file, "--state")[0]


def check_catalog_file(file: TextIO | None) -> TextIO | None:
    """Check that a file contains a Singer catalog. Return the file's text as a new text stream.

    Without a file, return None.

    Raises:
        SettingsError: if the file cannot be read, does not contain a catalog, renames a stream or
            changes a primary key.
    """
    if file is None:
        return None
    checked, catalog = _check_file(file, "--catalog")
    try:
        entries = Catalog.from_dict({"streams": catalog["streams"]}).streams
    except (AttributeError, KeyError, TypeError, ValueError):
        message = f"--catalog {file.name}: not a Singer catalog; create one with --discover"
        raise SettingsError(message) from None
    for entry in entries:
        root = cast("StreamMetadata | None", entry.metadata.get(()))
        key = entry.key_properties or (root and root.table_key_properties) or ["id"]
        if entry.stream not in {None, entry.tap_stream_id} or key != ["id"]:
            message = (
                f"--catalog {file.name}: the name or key_properties of {entry.tap_stream_id} "
                "differ from the tap's; create a catalog with --discover"
            )
            raise SettingsError(message)
    return checked


def unknown_settings(names: Iterable[str], schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield a warning for each unknown setting. Suggest a similar known name, if there is one."""
    known = list(schema["properties"])
    for name in names:
        if name not in known and name not in REFUSED:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield f"Unknown setting {name}, which has no effect{hint}"


def _check_file(file: TextIO, option: str) -> tuple[TextIO, dict[str, Any]]:
    source = f"{option} {file.name}"
    try:
        text = _decode(file.buffer.read(), source)
    except OSError as error:
        message = f"{source}: {error.strerror}"
        raise SettingsError(message) from None
    return io.StringIO(text), _parse_object(text, source)


def _decode(data: bytes, source: str) -> str:
    """Decode UTF-8, and remove the byte order mark that some Windows programs add.

    Raises:
        SettingsError: if the data is not UTF-8, or contains a zero byte, which is a sign of UTF-16.
    """
    try:
        if b"\0" not in data:
            return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    message = f"{source}: not in UTF-8; save it as UTF-8"
    raise SettingsError(message)


def _parse_object(text: str, source: str) -> dict[str, Any]:
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        message = f"{source}: not JSON (line {error.lineno}, column {error.colno})"
        raise SettingsError(message) from None
    except (ValueError, RecursionError):  # NaN, a number that is too long, or too deep nesting
        value = None
    if not isinstance(value, dict):
        message = f"{source}: not a JSON object"
        raise SettingsError(message)
    return value


def _refuse_constant(name: str) -> None:
    """Reject NaN and Infinity, which Python's parser accepts although they are not JSON."""
    raise ValueError(name)


@contextmanager
def explain_settings_errors(config: Mapping[str, Any]) -> Iterator[None]:
    """Turn the SDK's errors about invalid settings into a one-line `SettingsError`.

    Raises:
        SettingsError: instead of an error from the SDK.
    """
    try:
        yield
    except ConfigValidationError as error:
        raise SettingsError("; ".join(map(_reword, error.errors))) from None
    except AttributeError:  # raised by the SDK for an invalid `__else__`
        if "stream_maps" not in config:
            raise
        message = "stream_maps: an entry has the wrong type; __else__ must be null or __NULL__"
        raise SettingsError(message) from None


@contextmanager
def explain_stream_map_errors() -> Iterator[None]:
    """Turn the SDK's errors about stream maps or flattening into a one-line `SettingsError`.

    Raises:
        SettingsError: instead of an error from the SDK.
    """
    try:
        yield
    except (MappingError, NotImplementedError) as error:
        message = f"stream_maps: {error}"
        raise SettingsError(message) from None
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        message = f"stream_maps or flattening: {error}"
        raise SettingsError(message) from None


def _reword(error: str) -> str:
    """Return the SDK's message about a setting, with the setting's name at the beginning.

    For `stream_map_config` and `faker_config`, return a message that does not contain the value.
    """
    if match := re.search(r"config\['(stream_map_config|faker_config)'\]", error):
        return f"{match[1]}: has the wrong type"
    if error.startswith("flattening_max_depth is required"):
        return "flattening_max_depth: needed if flattening_enabled is true"
    match = re.fullmatch(r"(.*) in config\['(\w+)'\](.*)", error, re.DOTALL)
    return f"{match[2]}{match[3]}: {match[1]}" if match else error


def overridden_columns(
    schema: Mapping[str, Any], catalog_schema: Mapping[str, Any]
) -> Iterator[str]:
    """Yield the names of the columns that a catalog adds or changes.

    Args:
        schema: The stream's schema.
        catalog_schema: The schema in the catalog. Meltano's `schema` extra can change this schema.
    """
    columns = catalog_schema.get("properties") or {}
    for name, column in columns.items():
        if name not in schema["properties"] or _differs(schema["properties"][name], column):
            yield name


def _differs(column: Mapping[str, Any], override: Mapping[str, Any]) -> bool:
    """Whether a catalog changes the type or format of a column, or adds or changes its fields."""
    if "type" in override and _types(override) != _types(column):
        return True
    has_type = "type" in override or "format" in override
    if has_type and override.get("format") != column.get("format"):
        return True
    fields = column.get("properties") or {}
    overrides = (override.get("properties") or {}).items()
    return any(name not in fields or _differs(fields[name], field) for name, field in overrides)


def _types(schema: Mapping[str, Any]) -> set[str]:
    types = schema.get("type")
    return set(map(str, types)) if isinstance(types, list) else {str(types)}
