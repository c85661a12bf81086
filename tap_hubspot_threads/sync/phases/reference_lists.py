"""The streams that are listed as a whole, and a sync of nothing else."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.errors import HubSpotError, UnlistedError
from tap_hubspot_threads.models import Out
from tap_hubspot_threads.sync.phases.identity import identify
from tap_hubspot_threads.sync.stats import Read
from tap_hubspot_threads.sync.walk import new_rows, walk

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Sequence

    from tap_hubspot_threads.models import HubSpot, ReferenceList
    from tap_hubspot_threads.settings.settings import ThreadFilter
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.state.state import SyncState


class ReferenceLists:
    """Lists streams as a whole; one that is refused does not keep the others from it.

    Args:
        hubspot: The account.
        workers: Who reads it.
        listed: The streams.
        log: Is told of those that cannot be listed.
    """

    def __init__(
        self,
        hubspot: HubSpot,
        workers: WorkerPool,
        listed: Sequence[ReferenceList],
        *,
        log: logging.Logger,
    ) -> None:
        self._hubspot, self._workers = hubspot, workers
        self._listed, self._log = listed, log
        self._errors: dict[str, HubSpotError] = {}

    def run(self) -> Iterator[Out]:
        """Yield their rows.

        Raises:
            HubSpotError: if the token is not accepted, or the day's calls are spent.
        """
        for listed in self._listed:
            try:
                yield from self._list(listed)
            except HubSpotError as error:
                if error.ends_sync:
                    raise
                self._log.warning("%s could not be loaded: %s", listed.name, error)
                self._errors[listed.name] = error

    def check(self) -> None:
        """Raise an error, if one could not be listed.

        Raises:
            UnlistedError: names them.
        """
        if self._errors:
            raise UnlistedError(self._errors)

    def _list(self, listed: ReferenceList) -> Iterator[Out]:
        for archived in (False, True) if listed.has_archived else (False,):
            ask = partial(self._hubspot.page_of, listed, archived=archived)
            for page in self._workers.ahead(walk(ask)):
                for row in page.rows:
                    yield Out(listed.name, row)
                yield Out()


class ListsSync:
    """A sync of such streams alone; nothing is kept.

    Args:
        hubspot: The account.
        workers: Who reads it.
        kept: Says which account it was.
        lists: The streams.
        index: Which threads go out as `thread_index`, listed for itself; None: it does not.
        log: Is told what a person should know.
    """

    def __init__(
        self,
        hubspot: HubSpot,
        workers: WorkerPool,
        kept: SyncState,
        *,
        lists: ReferenceLists,
        index: ThreadFilter | None,
        log: logging.Logger,
    ) -> None:
        self._hubspot, self._workers, self._kept = hubspot, workers, kept
        self._lists, self._index, self._log = lists, index, log
        self.read = Read()

    def pack(self, *, is_final: bool) -> dict[str, Any] | None:  # noqa: ARG002 - as of `Sync`
        """As `Sync` says."""
        return None

    def run(self) -> Iterator[Out]:
        """As `Sync` says."""
        identify(self._hubspot, self._workers, self._kept, log=self._log)
        if self._index is not None:
            yield from self._threads(self._index)
        yield from self._lists.run()
        self._lists.check()

    def _threads(self, wanted: ThreadFilter) -> Iterator[Out]:
        for archived in wanted.sides:
            seen: set[int] = set()
            ask = partial(self._hubspot.page_by_id, archived=archived)
            for page in self._workers.ahead(walk(ask)):
                for row in filter(wanted.wants, new_rows(page, seen)):
                    yield Out("thread_index", row)
                yield Out()
