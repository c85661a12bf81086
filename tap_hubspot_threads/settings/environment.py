"""Settings in variables of the environment; never in a file `.env`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.errors import SettingsError
from tap_hubspot_threads.settings.definitions import REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
