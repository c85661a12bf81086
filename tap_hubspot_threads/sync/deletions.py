"""Which threads are told deleted: those that are missing, unless too much speaks against it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tap_hubspot_threads.contract import WrongAccountError, name_ids
from tap_hubspot_threads.sync.out import Out

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator

    from tap_hubspot_threads.sync.kept import Kept
    from tap_hubspot_threads.sync.read import Read

MANY = 20
"""So many threads are not all deleted at once."""


class Deletions:
    """Tells deleted threads.

    Args:
        kept: Forgets those that were told.
        read: Has what is missing.
        log: Is told which they are.
    """

    def __init__(self, kept: Kept, read: Read, *, log: logging.Logger) -> None:
        self._kept, self._read, self._log = kept, read, log
        self._are_certain = False

    def check(self, *, is_confirmed: bool) -> None:
        """Hold what is missing against what was seen.

        Args:
            is_confirmed: Whether it is known that the state is of this account.

        Raises:
            WrongAccountError: if most of many open threads are gone; none is told deleted then.
        """
        known = len(self._read.watched)
        gone = len(self._read.watched & self._read.missing.keys())
        if known >= MANY and 2 * gone > known:
            message = (
                f"{gone} of {known} threads that the state knows are not in this account: check "
                "that access_token (or refresh_token) is of the account that the state is of. None "
                "is told deleted. If they all were, start anew with a full refresh (no state)."
            )
            raise WrongAccountError(message)
        self._are_certain = is_confirmed or len(self._read.missing) <= known - gone

    def run(self) -> Iterator[Out]:
        """Yield a row for each thread that is gone; it is forgotten when the row has gone out."""
        missing = list(self._read.missing)
        if not missing or not self._are_certain:
            return
        self._log.info("%d thread(s) are gone from HubSpot: %s", len(missing), name_ids(missing))
        self._read.missing.clear()
        for thread_id in missing:
            row = {"id": thread_id, "noticedAt": self._read.now}
            yield Out("deleted_threads", row, partial(self._kept.open.forget, thread_id))
