"""A sync of `thread_index` alone: it lists the account for itself, and nothing is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.sync.listing import pages_by_id
from tap_hubspot_threads.sync.out import Out
from tap_hubspot_threads.sync.read import Read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.contract import HubSpot
    from tap_hubspot_threads.sync.wanted import Wanted
    from tap_hubspot_threads.sync.workers import Workers


class IndexSync:
    """Lists the account."""

    def __init__(self, hubspot: HubSpot, workers: Workers, *, wanted: Wanted) -> None:
        self._hubspot, self._workers, self._wanted = hubspot, workers, wanted
        self.read = Read()

    def pack(self, *, is_final: bool) -> dict[str, Any] | None:  # noqa: ARG002 - as of `Sync`
        """As `Sync` says."""
        return None

    def run(self) -> Iterator[Out]:
        """As `Sync` says."""
        for archived in self._wanted.sides:
            for page in pages_by_id(self._hubspot, self._workers, archived=archived):
                for row in filter(self._wanted.wants, page.rows):
                    yield Out("thread_index", row)
                yield Out()
