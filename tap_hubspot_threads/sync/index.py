"""A sync of `thread_index` alone: it lists the account for itself, and nothing is kept."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.sync.out import Out
from tap_hubspot_threads.sync.read import Read
from tap_hubspot_threads.sync.walk import new_rows, walk

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
            seen: set[int] = set()
            ask = partial(self._hubspot.page_by_id, archived=archived)
            for page in self._workers.ahead(walk(ask)):
                for row in filter(self._wanted.wants, new_rows(page, seen)):
                    yield Out("thread_index", row)
                yield Out()
