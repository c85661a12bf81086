"""Validates the state. An invalid state is an error: a sync must not start over by mistake."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast

from jsonschema import Draft4Validator, FormatChecker

from tap_hubspot_threads import schemas
from tap_hubspot_threads.errors import StateError
from tap_hubspot_threads.reference_lists import REFERENCE_LISTS
from tap_hubspot_threads.sync.state.open_threads import OpenThreads
from tap_hubspot_threads.values import clean_time

if TYPE_CHECKING:
    from collections.abc import Mapping

STREAMS = {
    *("threads", "deleted_threads", "thread_index", "messages", "actors"),
    *(reference.name for reference in REFERENCE_LISTS),
}
FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    return value is None or clean_time(value) is not None


def check_state(state: Mapping[str, Any]) -> None:
    """Validate a Singer state against `schemas/state.json`.

    The state `{}` and a state with empty `bookmarks` are valid.

    Raises:
        StateError: if `bookmarks` does not have the form of this tap, for example because no entry
            belongs to a stream of this tap. Also if the entry of `threads` or `messages` has an
            unknown key or an invalid value. The message then names the key.
    """
    bookmarks = state.get("bookmarks", None if state else {})
    if (
        isinstance(bookmarks, dict)
        and all(isinstance(bookmark, dict) for bookmark in bookmarks.values())
        and (not bookmarks or bookmarks.keys() & STREAMS)
    ):
        # Only other taps that use singer-sdk write the keys `partitions` and `progress_markers`.
        others = [bookmark for name, bookmark in bookmarks.items() if name not in _keys()]
        if not any({"partitions", "progress_markers"} & bookmark.keys() for bookmark in others):
            for stream, keys in _keys().items():
                for key, value in bookmarks.get(stream, {}).items():
                    if key not in keys or not _is_valid(key, value, keys[key]):
                        raise _invalid(stream, key)
            return
    message = (
        'The state does not have the form {"bookmarks": {"threads": {...}}}. Pass only the value '
        "of the last STATE message, or start over with a full refresh (no state)."
    )
    raise StateError(message)


@cache
def _keys() -> dict[str, dict[str, Draft4Validator]]:
    """Return a validator for the value of each key, by stream and key.

    Of the streams, only `threads` and `messages` have keys.
    """
    schema = json.loads(files(schemas).joinpath("state.json").read_text("utf-8"))
    streams = schema["properties"]["bookmarks"]["properties"]
    return {
        stream: {
            key: Draft4Validator(
                {"definitions": schema["definitions"], **part}, format_checker=FORMATS
            )
            for key, part in bookmark["properties"].items()
        }
        for stream, bookmark in streams.items()
    }


def _is_valid(key: str, value: object, validator: Draft4Validator) -> bool:
    if not validator.is_valid(value):
        return False
    if key == "open_threads":
        try:
            OpenThreads(cast("list[str]", value))
        except ValueError:
            return False
    return True


def _invalid(stream: str, key: str) -> StateError:
    return StateError(
        f"The state's bookmarks.{stream}.{key} is not valid for this version of the tap. "
        "Use the version that wrote the state, correct the state by hand, or start over with a "
        "full refresh (no state)."
    )
