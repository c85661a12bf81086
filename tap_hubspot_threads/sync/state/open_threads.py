"""The open threads that the state keeps, so that each sync can check them for silent changes."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.values import parse_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ARCHIVED, _LIVE = "a", "l"
_encode = json.JSONEncoder(sort_keys=True).encode
_ENTRY = re.compile(r"([0-9]+):([alAL][A-Za-z0-9_-]{6})")

ENTRIES_PER_STRING = 500
"""Maximum entries per string of the state. One string per entry would take 3 to 4 times the memory,
because CPython adds about 50 bytes to the characters of each string."""


class OpenThreads:
    """Open threads, each with the fingerprint of the row that the tap has read last.

    The threads are in the order in which the tap last tried to read them, oldest first.

    In the state, each thread has an *entry*, such as `9336126552:lQ7x-2b`. The entry is the ID and
    the fingerprint, which starts with `l` or `a` (`fingerprint_of`).

    An entry is *exact* if the fingerprint is certainly that of the last emitted record. All other
    entries are *inexact*. The fingerprint of an inexact entry starts with a capital letter in the
    state: `L` or `A`.

    Args:
        packed: The result of the method `packed`: strings of entries, separated by spaces.
        are_exact: False: all entries become inexact. This is necessary after a sync was killed,
            because the sync may have emitted later records (`SyncState.fingerprints_exact`).

    Raises:
        ValueError: if an entry does not have the form above.
    """

    def __init__(
        self,
        packed: Iterable[str] = (),
        *,
        are_exact: bool = True,
    ) -> None:
        self._fingerprints: dict[str, str] = {}
        self._inexact: set[str] = set()
        for entry in chain.from_iterable(line.split(" ") for line in packed):
            match = _ENTRY.fullmatch(entry)
            if match is None or parse_id(match[1]) != match[1]:
                message = "not a valid entry of open_threads"
                raise ValueError(message)
            thread_id, fingerprint = match[1], match[2]
            self._fingerprints[thread_id] = fingerprint[0].lower() + fingerprint[1:]
            if not are_exact or fingerprint[0].isupper():
                self._inexact.add(thread_id)

    def __contains__(self, thread_id: str) -> bool:
        return thread_id in self._fingerprints

    def __len__(self) -> int:
        return len(self._fingerprints)

    def packed(self) -> list[str]:
        """Return the strings for the state."""
        entries = (
            f"{thread_id}:{text[0].upper() + text[1:] if thread_id in self._inexact else text}"
            for thread_id, text in self._fingerprints.items()
        )
        return list(iter(lambda: " ".join(islice(entries, ENTRIES_PER_STRING)), ""))

    def is_last_emitted(self, thread_id: str, fingerprint: str) -> bool:
        """Whether an open thread has an exact entry with this fingerprint."""
        return self._fingerprints.get(thread_id) == fingerprint and thread_id not in self._inexact

    def has_fingerprint(self, thread_id: str, fingerprint: str) -> bool:
        """Whether an open thread has an entry with this fingerprint, exact or inexact.

        If so, this row is no reason to read the thread's messages. They were read, they are
        pending, or the backfill will read them.
        """
        return self._fingerprints.get(thread_id) == fingerprint

    def note(self, thread_id: str, fingerprint: str | None, *, is_emitted: bool = True) -> None:
        """Set the fingerprint of a thread that was read, and move the thread to the end.

        Args:
            thread_id: The thread.
            fingerprint: The fingerprint of the row. None: remove the thread.
            is_emitted: Whether the row was emitted. If not, the entry becomes inexact. Exception:
                the old entry was exact and had the same fingerprint.
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
        """Move a thread to the end, although the thread was not read."""
        if thread_id in self._fingerprints:
            self._fingerprints[thread_id] = self._fingerprints.pop(thread_id)

    def ids(self) -> list[tuple[str, bool]]:
        """Return pairs of an ID and whether this thread was archived, in the order of the class."""
        return [
            (thread_id, fingerprint[0] == _ARCHIVED)
            for thread_id, fingerprint in self._fingerprints.items()
        ]


def fingerprint_of(row: Mapping[str, Any]) -> str:
    """Return `l` (live) or `a` (archived), and 6 characters with 36 bits of a hash of the row."""
    digest = hashlib.blake2b(_encode(row).encode(), digest_size=6).digest()
    side = _ARCHIVED if row["archived"] else _LIVE
    return side + base64.urlsafe_b64encode(digest).decode()[:6]
