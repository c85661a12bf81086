"""A sync of configured ids: exactly these threads, and nothing is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.contract import (
    MAX_NAMED_IDS,
    HubSpotError,
    UnreadThreadsError,
    name_ids,
)
from tap_hubspot_threads.sync.out import Out
from tap_hubspot_threads.sync.read import Read
from tap_hubspot_threads.sync.reading import Reader, ThreadId

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator

    from tap_hubspot_threads.contract import HubSpot
    from tap_hubspot_threads.sync.workers import Workers


class ConfiguredSync:
    """Reads the threads of a list, in its order.

    Args:
        hubspot: The account.
        workers: Who reads it.
        ids: The threads; each comes once.
        log: Is told which are missing.
    """

    def __init__(
        self, hubspot: HubSpot, workers: Workers, ids: Iterable[str], *, log: logging.Logger
    ) -> None:
        self._ids, self._log = ids, log
        self.read = Read()
        self._reader = Reader(hubspot, workers, self.read)

    def pack(self, *, is_final: bool) -> dict[str, Any] | None:  # noqa: ARG002 - as of `Sync`
        """As `Sync` says."""
        return None

    def run(self) -> Iterator[Out]:
        """As `Sync` says."""
        for got in self._reader.read(map(ThreadId, self._ids)):
            if isinstance(got, Out):
                yield got
            elif isinstance(got.found, HubSpotError):
                self.read.failed.add(got.asked.id)
                self.read.unread[got.asked.id] = got.found
            elif got.found is None:
                self.read.missed += 1
                if len(self.read.missing) < MAX_NAMED_IDS:
                    self.read.missing[got.asked.id] = None
            else:
                yield Out("threads", got.found)
        if self.read.missed:
            message = "%d thread(s) not found, neither live nor archived: %s"
            names = name_ids(list(self.read.missing), self.read.missed)
            self._log.warning(message, self.read.missed, names)
        if self.read.unread:
            raise UnreadThreadsError(self.read.unread)
