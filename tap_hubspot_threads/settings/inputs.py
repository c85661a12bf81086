"""What the command is given, apart from the settings' own meaning: files of JSON, environment."""

from __future__ import annotations

import difflib
import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from singer_sdk.singerlib import Catalog

from tap_hubspot_threads.errors import SettingsError
from tap_hubspot_threads.settings.definitions import REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from singer_sdk.singerlib.catalog import StreamMetadata

PREFIX = "TAP_HUBSPOT_THREADS_"
"""Of the variables that settings come from."""

BOOLEANS = {"true", "1", "yes", "on", "false", "0", "no", "off"}
"""What the SDK reads as one or the other; anything else it takes for false."""

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def check_config_file(path: str) -> None:
    """Check that a file holds a JSON object.

    Raises:
        SettingsError: names the file and the place, but nothing of what is in it.
    """
    if path.lstrip().startswith("{"):
        message = "--config: takes the path of a file or ENV, not the settings themselves"
        raise SettingsError(message)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        message = f"--config {path}: not in UTF-8"
        raise SettingsError(message) from None
    except (OSError, ValueError) as error:
        message = f"--config {path}: {getattr(error, 'strerror', None) or error}"
        raise SettingsError(message) from None
    _parse_object(text, f"--config {path}")


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


def check_environment(schema: Mapping[str, Any], prefix: str, environ: Mapping[str, str]) -> None:
    """Check the variables that the SDK reads settings from.

    Raises:
        SettingsError: names the variable and what it should hold.
    """
    for name, setting in schema["properties"].items():
        variable = prefix + name.upper()
        value = environ.get(variable)
        wanted = None if value is None else _wanted(setting, value)
        if wanted:
            message = f"{variable}: not {wanted}"
            raise SettingsError(message)


def check_log_level(prefix: str, environ: Mapping[str, str]) -> None:
    """Check the variables that the SDK reads the level of the log from.

    Raises:
        SettingsError: names the variable and the levels that there are.
    """
    for variable in (f"{prefix}LOGLEVEL", "LOGLEVEL"):
        if environ.get(variable, "INFO").upper() not in LOG_LEVELS:
            message = f"{variable}: not one of {', '.join(LOG_LEVELS)}"
            raise SettingsError(message)


def unknown_settings(names: Iterable[str], schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each name that is no setting's, with the nearest one that is."""
    known = list(schema["properties"])
    for name in names:
        if name not in known and name not in REFUSED:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield f"There is no setting {name}: it has no effect{hint}"


def settings_in(environ: Mapping[str, str], prefix: str) -> Iterator[str]:
    """Yield the names of what look like settings; two underscores are Meltano's own."""
    for variable in environ:
        name = variable.removeprefix(prefix)
        if name != variable and not name.startswith("_") and name != "LOGLEVEL":
            yield name.lower()


def _wanted(setting: Mapping[str, Any], value: str) -> str | None:
    """Return what a variable should hold, if it does not."""
    types = setting["type"]
    if "integer" in types and not re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", value):
        return "a whole number"
    if "boolean" in types and value.lower() not in BOOLEANS:
        return "true or false"
    is_list = isinstance(_parse(value), list) or value == "" or "," in value.lstrip()[1:]
    if "array" in types and (not is_list or value.lstrip()[:1] in {"{", '"'}):
        return 'a JSON list such as ["17", "18"], or [] for none'
    if "object" in types and not isinstance(_parse(value), dict):
        return "a JSON object"
    return None


def _check_file(file: TextIO, option: str) -> tuple[TextIO, dict[str, Any]]:
    what = f"{option} {file.name}"
    try:
        text = file.read()
    except UnicodeDecodeError:
        message = f"{what}: not in UTF-8"
        raise SettingsError(message) from None
    except OSError as error:
        message = f"{what}: {error.strerror}"
        raise SettingsError(message) from None
    return io.StringIO(text), _parse_object(text, what)


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


def _parse(text: str) -> object:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
