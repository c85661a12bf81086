"""The open threads that later syncs check, least recently read first.

The list by time shows new messages. It does not show that a thread was closed, assigned, moved or
archived.
"""

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
"""Maximum entries per string of the state. One string per entry would take 3 times the memory."""


class OpenThreads:
    """Open threads, least recently read first, each with the fingerprint of its record.

    Args:
        packed: The result of `packed`: strings of entries, separated by spaces. An entry has about
            20 characters: the ID, a letter for live or archived, and 36 bits of a hash of the row.
            A capital letter marks an *inexact* entry: its row may not be the last emitted record.
        are_exact: Whether the entries cover every record emitted so far. If not, all entries are
            inexact.

    Raises:
        ValueError: if an entry has another form.
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
        """Return the strings for the state, least recently read thread first."""
        entries = (
            f"{thread_id}:{text[0].upper() + text[1:] if thread_id in self._inexact else text}"
            for thread_id, text in self._fingerprints.items()
        )
        return list(iter(lambda: " ".join(islice(entries, ENTRIES_PER_STRING)), ""))

    def is_last_emitted(self, thread_id: str, fingerprint: str) -> bool:
        """Whether the record with this fingerprint is the last one emitted for an open thread."""
        return self._fingerprints.get(thread_id) == fingerprint and thread_id not in self._inexact

    def has_fingerprint(self, thread_id: str, fingerprint: str) -> bool:
        """Whether the state has this fingerprint for a thread, exact or not.

        If so, everything that belongs to the thread, including its messages, was emitted too.
        """
        return self._fingerprints.get(thread_id) == fingerprint

    def note(self, thread_id: str, fingerprint: str | None, *, is_emitted: bool = True) -> None:
        """Set the fingerprint of a thread that was read, and move the thread to the end.

        Args:
            thread_id: The thread.
            fingerprint: None: the thread is no longer tracked.
            is_emitted: Whether the record was emitted. If not, the entry is exact only if the last
                emitted record already had this fingerprint.
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
        """Move a thread to the end although it was not read."""
        if thread_id in self._fingerprints:
            self._fingerprints[thread_id] = self._fingerprints.pop(thread_id)

    def ids(self) -> list[tuple[str, bool]]:
        """Return each ID and whether the thread was archived, least recently read first."""
        return [
            (thread_id, fingerprint[0] == _ARCHIVED)
            for thread_id, fingerprint in self._fingerprints.items()
        ]


def fingerprint_of(row: Mapping[str, Any]) -> str:
    """Return a letter for live or archived, followed by 36 bits of a hash of the row."""
    digest = hashlib.blake2b(_encode(row).encode(), digest_size=6).digest()
    side = _ARCHIVED if row["archived"] else _LIVE
    return side + base64.urlsafe_b64encode(digest).decode()[:6]
