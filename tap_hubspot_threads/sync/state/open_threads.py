"""The threads that were last seen open: what a sync reads again by id, and in which order.

Closing, assigning, moving and archiving a thread show in no listing by time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.values import parse_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ARCHIVED, _LIVE = "a", "l"
_encode = json.JSONEncoder(sort_keys=True).encode
_ENTRY = re.compile(r"([0-9]+):([alAL][A-Za-z0-9_-]{6})")


class OpenThreads:
    """Open threads in the order in which they were last read, each with a fingerprint of its row.

    Args:
        entries: What `entries` gave, 24 characters or so for each thread: the id, which side it was
            on (a capital letter, where it is unknown whether its row is the last one that went
            out), and 36 bits of a hash of its row.
        are_exact: Whether no row can have gone out since that is not in the entries.

    Raises:
        ValueError: if an entry is none of these.
    """

    def __init__(
        self,
        entries: Iterable[str] = (),
        *,
        are_exact: bool = True,
    ) -> None:
        self._marks: dict[str, str] = {}
        self._doubted: set[str] = set()
        for entry in entries:
            match = _ENTRY.fullmatch(entry)
            if match is None or parse_id(match[1]) != match[1]:
                message = "not an entry of the list of open threads"
                raise ValueError(message)
            thread_id, mark = match[1], match[2]
            self._marks[thread_id] = mark[0].lower() + mark[1:]
            if not are_exact or mark[0].isupper():
                self._doubted.add(thread_id)

    def __contains__(self, thread_id: str) -> bool:
        return thread_id in self._marks

    def __len__(self) -> int:
        return len(self._marks)

    def entries(self) -> list[str]:
        """Return the list for the state, longest unread first."""
        return [
            f"{thread_id}:{mark[0].upper() + mark[1:] if thread_id in self._doubted else mark}"
            for thread_id, mark in self._marks.items()
        ]

    def is_known(self, thread_id: str, mark: str) -> bool:
        """Whether a row with this mark is the last one that went out of an open thread."""
        return self._marks.get(thread_id) == mark and thread_id not in self._doubted

    def is_settled(self, thread_id: str, mark: str) -> bool:
        """Whether this is the mark that an open thread had when all that belongs to it was out."""
        return self._marks.get(thread_id) == mark

    def note(self, thread_id: str, mark: str | None, *, is_out: bool = True) -> None:
        """Note the mark of a row that was read: it goes to the end.

        Args:
            thread_id: The thread.
            mark: None, if the thread is not to be watched any more.
            is_out: Whether the row has gone out, where it is not the one that last did.
        """
        is_out = is_out or (mark is not None and self.is_known(thread_id, mark))
        self._marks.pop(thread_id, None)
        self._doubted.discard(thread_id)
        if mark is not None:
            self._marks[thread_id] = mark
            if not is_out:
                self._doubted.add(thread_id)

    def postpone(self, thread_id: str) -> None:
        """Note that a thread had its turn, although it was not seen."""
        if thread_id in self._marks:
            self._marks[thread_id] = self._marks.pop(thread_id)

    def ids(self) -> list[tuple[str, bool]]:
        """Return the ids, longest unread first, and whether the thread was archived."""
        return [(thread_id, mark[0] == _ARCHIVED) for thread_id, mark in self._marks.items()]


def mark_of(row: Mapping[str, Any]) -> str:
    """Return the side that a thread is on, and the fingerprint of its row."""
    digest = hashlib.blake2b(_encode(row).encode(), digest_size=6).digest()
    side = _ARCHIVED if row["archived"] else _LIVE
    return side + base64.urlsafe_b64encode(digest).decode()[:6]
