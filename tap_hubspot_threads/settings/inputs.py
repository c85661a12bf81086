"""What the command is given, apart from the settings' own meaning: files of JSON, environment."""

from __future__ import annotations

import difflib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from singer_sdk.singerlib import Catalog

from tap_hubspot_threads.errors import SettingsError
from tap_hubspot_threads.settings.definitions import REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from singer_sdk.singerlib.catalog import StreamMetadata


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
