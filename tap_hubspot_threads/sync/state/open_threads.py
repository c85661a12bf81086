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
        self._fingerprints: dict[str, str] = {}
        self._inexact: set[str] = set()
        for entry in entries:
            match = _ENTRY.fullmatch(entry)
            if match is None or parse_id(match[1]) != match[1]:
                message = "not an entry of the list of open threads"
                raise ValueError(message)
            thread_id, fingerprint = match[1], match[2]
            self._fingerprints[thread_id] = fingerprint[0].lower() + fingerprint[1:]
            if not are_exact or fingerprint[0].isupper():
                self._inexact.add(thread_id)

    def __contains__(self, thread_id: str) -> bool:
        return thread_id in self._fingerprints

    def __len__(self) -> int:
        return len(self._fingerprints)

    def entries(self) -> list[str]:
        """Return the list for the state, longest unread first."""
        return [
            f"{thread_id}:{fingerprint[0].upper() + fingerprint[1:] if thread_id in self._inexact else fingerprint}"
            for thread_id, fingerprint in self._fingerprints.items()
        ]

    def is_last_emitted(self, thread_id: str, fingerprint: str) -> bool:
        """Whether a row with this fingerprint is the last one that went out of an open thread."""
        return self._fingerprints.get(thread_id) == fingerprint and thread_id not in self._inexact

    def has_fingerprint(self, thread_id: str, fingerprint: str) -> bool:
        """Whether this is the fingerprint that an open thread had when all that belongs to it was out."""
        return self._fingerprints.get(thread_id) == fingerprint

    def note(self, thread_id: str, fingerprint: str | None, *, is_emitted: bool = True) -> None:
        """Note the fingerprint of a row that was read: it goes to the end.

        Args:
            thread_id: The thread.
            fingerprint: None, if the thread is not to be watched any more.
            is_emitted: Whether the row has gone out, where it is not the one that last did.
        """
        is_emitted = is_emitted or (
            fingerprint is not None and self.is_last_emitted(thread_id, fingerprint)
        )
        self._fingerprints.pop(thread_id, None)
        self._inexact.discard(thread_id)
        if fingerprint is not None:
            self._fingerprints[thread_id] = fingerprint
            if not is_emitted:
                self._inexact.add(thread_id)

    def postpone(self, thread_id: str) -> None:
        """Note that a thread had its turn, although it was not seen."""
        if thread_id in self._fingerprints:
            self._fingerprints[thread_id] = self._fingerprints.pop(thread_id)

    def ids(self) -> list[tuple[str, bool]]:
        """Return the ids, longest unread first, and whether the thread was archived."""
        return [
            (thread_id, fingerprint[0] == _ARCHIVED)
            for thread_id, fingerprint in self._fingerprints.items()
        ]


def fingerprint_of(row: Mapping[str, Any]) -> str:
    """Return the side that a thread is on, and the fingerprint of its row."""
    digest = hashlib.blake2b(_encode(row).encode(), digest_size=6).digest()
    side = _ARCHIVED if row["archived"] else _LIVE
    return side + base64.urlsafe_b64encode(digest).decode()[:6]
