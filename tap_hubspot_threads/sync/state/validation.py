"""Whether a state is one of this tap's, so that none is taken for a first sync."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from tap_hubspot_threads.errors import StateError
from tap_hubspot_threads.models import REFERENCE_LISTS, REPLICATION_KEY
from tap_hubspot_threads.sync.state.listing_state import ARCHIVED, DONE, LIVE
from tap_hubspot_threads.sync.state.open_threads import OpenThreads
from tap_hubspot_threads.sync.state.state import VERSION
from tap_hubspot_threads.values import InvalidIdError, clean_time, parse_id

if TYPE_CHECKING:
    from collections.abc import Mapping

_Check: TypeAlias = Callable[[Any], bool]

STREAMS = {
    *("threads", "deleted_threads", "thread_index", "messages", "actors"),
    *(listed.name for listed in REFERENCE_LISTS),
}

EARLIEST = "2000"
"""HubSpot's clock is never before this year, so such a bookmark of threads is a mistake."""


def check_state(state: Mapping[str, Any]) -> None:
    """Check a Singer state.

    Raises:
        StateError: if it is not empty and has no bookmarks that this tap could have written, or if
            that of `threads` has a shape that is not known here.
    """
    bookmarks = state.get("bookmarks", None if state else {})
    if (
        isinstance(bookmarks, dict)
        and all(isinstance(kept, dict) for kept in bookmarks.values())
        and (not bookmarks or bookmarks.keys() & STREAMS)
    ):
        for name, checks in _CHECKS.items():
            _check(name, bookmarks.get(name, {}), checks)
        others = [kept for name, kept in bookmarks.items() if name not in _CHECKS]
        if not any({"partitions", "progress_markers"} & kept.keys() for kept in others):
            return
    message = (
        'The state is not of the form {"bookmarks": {"threads": {...}}}. Give the tap the value of '
        "the last STATE message alone, or start anew with a full refresh (no state)."
    )
    raise StateError(message)


def _check(stream: str, kept: Mapping[str, Any], checks: Mapping[str, _Check]) -> None:
    """Check what is under a stream's bookmark.

    Raises:
        StateError: names the key that is not what this version writes.
    """
    for key, value in kept.items():
        if key not in checks or not checks[key](value):
            message = (
                f"The state's bookmarks.{stream}.{key} is not what this version of the tap writes. "
                "Go on with the version that wrote the state, correct it by hand, or start anew "
                "with a full refresh (no state)."
            )
            raise StateError(message)


def _is_time_or_none(value: object, *, earliest: str = EARLIEST) -> bool:
    try:
        return value is None or (clean_time(value) or "") >= earliest
    except ValueError:
        return False


def _is_time_of_message_or_none(value: object) -> bool:
    """Whether a value is a time of a message, which its sender or channel can date as it likes."""
    return _is_time_or_none(value, earliest="0")


def _is_open(value: object) -> bool:
    try:
        OpenThreads(value if isinstance(value, list) else [""])
    except (TypeError, ValueError):
        return False
    return True


def _are_pairs(value: object, is_second: Callable[[Any], bool]) -> bool:
    """Whether a value is a list of ids, each with something of its own."""
    try:
        return isinstance(value, list) and all(
            parse_id(thread_id) == thread_id and is_second(second) for thread_id, second in value
        )
    except (InvalidIdError, TypeError, ValueError):
        return False


def _is_clean_time(value: object) -> bool:
    return value is not None and _is_time_or_none(value) and clean_time(value) == value


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number_or_none(value: object) -> bool:
    return value is None or _is_number(value)


def _is_text_or_none(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool)


def _are_counted(value: object) -> bool:
    return _are_pairs(value, _is_number)


_OF_THREADS: dict[str, _Check] = {
    "version": lambda value: _is_number(value) and value == VERSION,
    "replication_key": lambda value: value == REPLICATION_KEY,
    "replication_key_value": _is_time_or_none,
    "listing": lambda value: value in (LIVE, ARCHIVED, DONE),
    "listing_cursor": _is_text_or_none,
    "listing_started_at": _is_time_or_none,
    "full_listing_started_at": _is_time_or_none,
    "full_listing_completed_at": _is_time_or_none,
    "is_exact": _is_boolean,
    "open_threads": _is_open,
    "failed": _are_counted,
    "missed": lambda value: _are_pairs(value, _is_clean_time),
    "listing_is_whole": _is_boolean,
    "listing_rows": _is_number,
    "full_listing_rows": _is_number_or_none,
    "listing_pages": _is_number,
    "listing_milliseconds": _is_number,
    "full_listing_pages": _is_number_or_none,
    "full_listing_milliseconds": _is_number,
    "wanted": lambda value: isinstance(value, str),
    "account": _is_number_or_none,
    "is_account_warned_of": _is_boolean,
}
_OF_MESSAGES: dict[str, _Check] = {
    "replication_key_value": _is_time_of_message_or_none,
    "failed": _are_counted,
    "walked": _is_number,
}
_CHECKS = {"threads": _OF_THREADS, "messages": _OF_MESSAGES}
