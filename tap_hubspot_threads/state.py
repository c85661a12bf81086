"""What a sync of the whole account keeps for the next one, under `bookmarks.threads`.

Scalars and lists under keys of fixed name, all of them in every STATE: Meltano merges states, so a
key that were left out would come back with its old value.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.cleaning import clean_time
from tap_hubspot_threads.open_threads import OpenThreads
from tap_hubspot_threads.thread_ids import InvalidIdError, parse_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VERSION = 1
EARLIEST = "2000"
"""HubSpot is younger; a bookmark before that is a slip."""
REPLICATION_KEY = "latestMessageTimestamp"
LIVE, ARCHIVED, DONE = "live", "archived", "done"


class StateError(Exception):
    """A state that this version of the tap cannot go on from."""


class ThreadsState:
    """The state of `threads`, in the SDK's own dict.

    Args:
        kept: The dict under `bookmarks.threads`, which `check_state` has checked; written to in
            place. Empty: a first sync. It may
            have the SDK's own two keys only, as somebody writes it by hand: changes from that
            moment on come first, and then a full listing is due.
        wanted: The settings that decide which threads are wanted. When they have changed, the
            account is listed anew.
    """

    def __init__(self, kept: dict[str, Any], *, wanted: Mapping[str, Any]) -> None:
        fingerprint = json.dumps(wanted, sort_keys=True)
        is_first = not kept.get("replication_key_value") and (
            kept.get("listing", DONE) == DONE or not kept.get("listing_started_at")
        )
        self._kept = kept
        self.open = OpenThreads(
            kept.get("open_threads", ()),
            kept.get("closed_threads", ()),
            are_exact=kept.get("is_exact", True),
        )
        self.is_reset = kept.get("wanted", fingerprint) != fingerprint
        kept.setdefault("version", VERSION)
        kept.setdefault("replication_key", REPLICATION_KEY)
        kept.setdefault("listing", DONE)
        kept.setdefault("listing_cursor", None)
        kept.setdefault("listing_started_at", None)
        kept.setdefault("full_listing_started_at", None)
        kept.setdefault("full_listing_completed_at", None)
        kept.setdefault("failed", [])
        kept["wanted"] = fingerprint
        kept["replication_key_value"] = clean_time(kept.get("replication_key_value") or "")
        if is_first or self.is_reset:
            self.start_listing()
            kept["replication_key_value"] = None
        self.is_exact = True
        self.pack()

    def pack(self) -> None:
        """Write the open threads into the state; needed before each STATE."""
        self._kept["open_threads"] = self.open.entries()
        self._kept["closed_threads"] = list(self.open.witnesses)

    @property
    def is_exact(self) -> bool:
        """Whether each open thread's fingerprint is of the last row that went out.

        Not so when a row goes out, and the process dies before the next STATE is saved: it is then
        unknown which row the warehouse has.
        """
        return bool(self._kept["is_exact"])

    @is_exact.setter
    def is_exact(self, value: bool) -> None:
        self._kept["is_exact"] = value

    @property
    def bookmark(self) -> str | None:
        """All messages before this moment (of HubSpot's clock) are in rows that went out."""
        value: str | None = self._kept["replication_key_value"]
        return value

    @property
    def listing(self) -> str:
        """Where a listing stands: at `live` or `archived` threads, or `done`."""
        return str(self._kept["listing"])

    @property
    def listing_cursor(self) -> str | None:
        """The cursor of the page that the listing goes on with, decoded; None: the first."""
        cursor: str | None = self._kept["listing_cursor"]
        return cursor

    @property
    def full_listing_started_at(self) -> str | None:
        """HubSpot's clock at the start of the last listing that was completed."""
        value: str | None = self._kept["full_listing_started_at"]
        return value

    @property
    def full_listing_completed_at(self) -> str | None:
        """HubSpot's clock at its end."""
        value: str | None = self._kept["full_listing_completed_at"]
        return value

    def start_listing(self) -> None:
        """Have everything listed, from the start."""
        self._kept.update(listing=LIVE, listing_cursor=None, listing_started_at=None)

    def begin_listing(self, now: str) -> None:
        """Note HubSpot's clock at the start of the listing; the first call counts."""
        self._kept["listing_started_at"] = self._kept["listing_started_at"] or now

    def advance_listing(self, part: str, cursor: str | None, now: str) -> None:
        """Note that all before a page has gone out; a first listing ends in its bookmark."""
        kept = self._kept
        kept.update(listing=part, listing_cursor=cursor)
        if part == DONE:
            kept["replication_key_value"] = self.bookmark or kept["listing_started_at"]
            kept["full_listing_started_at"] = kept["listing_started_at"]
            kept["full_listing_completed_at"] = now
            kept["listing_started_at"] = None

    def advance(self, moment: str) -> None:
        """Move the bookmark; never back."""
        self._kept["replication_key_value"] = max(self.bookmark or moment, moment)

    def set_back(self, moment: str) -> None:
        """Move the bookmark back to HubSpot's clock, which it must not be ahead of."""
        self._kept["replication_key_value"] = moment

    @property
    def failed(self) -> dict[str, int]:
        """The threads that could not be read, each with the number of syncs in a row."""
        return dict(self._kept["failed"])

    def note_failure(self, thread_id: str) -> int:
        """Keep a thread for the next sync; return for how many syncs in a row it has failed."""
        failed = self.failed
        failed[thread_id] = failed.get(thread_id, 0) + 1
        self._kept["failed"] = [list(item) for item in failed.items()]
        return failed[thread_id]

    def forget_failure(self, thread_id: str) -> None:
        """Note that a thread was read after all, or is gone."""
        if any(failed[0] == thread_id for failed in self._kept["failed"]):
            kept = [failed for failed in self._kept["failed"] if failed[0] != thread_id]
            self._kept["failed"] = kept


def check_state(state: Mapping[str, Any]) -> None:
    """Check that a state is one of this tap's, so that none is taken for a first sync.

    Raises:
        StateError: if it is not empty and has no bookmarks that this tap could have written, or if
            that of `threads` has a shape that is not known here.
    """
    bookmarks = state.get("bookmarks", None if state else {})
    if (
        isinstance(bookmarks, dict)
        and all(isinstance(kept, dict) for kept in bookmarks.values())
        and (not bookmarks or bookmarks.keys() & {"threads", "thread_index", "deleted_threads"})
    ):
        _check(bookmarks.get("threads", {}))
        others = [kept for name, kept in bookmarks.items() if name != "threads"]
        if not any({"partitions", "progress_markers"} & kept.keys() for kept in others):
            return
    message = (
        'The state is not of the form {"bookmarks": {"threads": {...}}}. Give the tap the value of '
        "the last STATE message alone, or start anew with a full refresh (no state)."
    )
    raise StateError(message)


def _check(kept: Mapping[str, Any]) -> None:
    checks: dict[str, Callable[[Any], bool]] = {
        "version": lambda value: value == VERSION,
        "replication_key": lambda value: value == REPLICATION_KEY,
        "replication_key_value": _is_time_or_none,
        "listing": lambda value: value in (LIVE, ARCHIVED, DONE),
        "listing_cursor": lambda value: value is None or isinstance(value, str),
        "listing_started_at": _is_time_or_none,
        "full_listing_started_at": _is_time_or_none,
        "full_listing_completed_at": _is_time_or_none,
        "is_exact": lambda value: isinstance(value, bool),
        "open_threads": _is_open,
        "closed_threads": _are_ids,
        "failed": _is_failed,
        "wanted": lambda value: isinstance(value, str),
        # The SDK's own
        "starting_replication_value": lambda value: value is None or isinstance(value, str),
        "replication_key_signpost": lambda value: value is None or isinstance(value, str),
        "progress_markers": lambda value: isinstance(value, dict),
    }
    for key, value in kept.items():
        if key not in checks or not checks[key](value):
            message = (
                f"The state's bookmarks.threads.{key} is not what this version of the tap writes. "
                "Go on with the version that wrote the state, correct it by hand, or start anew "
                "with a full refresh (no state)."
            )
            raise StateError(message)


def _is_time_or_none(value: object) -> bool:
    try:
        return value is None or (clean_time(value) or "") >= EARLIEST
    except ValueError:
        return False


def _is_open(value: object) -> bool:
    try:
        OpenThreads(value if isinstance(value, list) else [""])
    except (TypeError, ValueError):
        return False
    return True


def _are_ids(value: object) -> bool:
    try:
        return isinstance(value, list) and all(parse_id(item) == item for item in value)
    except (InvalidIdError, TypeError):
        return False


def _is_failed(value: object) -> bool:
    try:
        return isinstance(value, list) and all(
            parse_id(thread_id) == thread_id and isinstance(syncs, int)
            for thread_id, syncs in value
        )
    except (InvalidIdError, TypeError, ValueError):
        return False
