"""What the SDK raises for a setting, as one line that names the setting or variable."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigValidationError, MappingError

from tap_hubspot_threads.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
