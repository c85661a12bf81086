"""A sync of configured ids: exactly these threads, and nothing is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.errors import MAX_NAMED_IDS, HubSpotError, name_ids
from tap_hubspot_threads.models import Out, ThreadRef
from tap_hubspot_threads.sync.pipeline import Reader

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator

    from tap_hubspot_threads.models import ChildStream, HubSpot, Selection
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.phases.reference_lists import ReferenceLists
    from tap_hubspot_threads.sync.stats import Read


class ConfiguredSync:
    """Reads the threads of a list, in its order.

    Args:
        hubspot: The account.
        workers: Who reads it.
        read: What this sync has read.
        ids: The threads; each comes once.
        behind: What hangs on the threads.
        lists: The streams that are listed as a whole.
        selection: Which streams there are.
        log: Is told which are missing.
    """

    def __init__(
        self,
        hubspot: HubSpot,
        workers: WorkerPool,
        read: Read,
        *,
        ids: Iterable[str],
        behind: ChildStream,
        lists: ReferenceLists,
        selection: Selection,
        log: logging.Logger,
    ) -> None:
        self._ids, self._behind, self._lists = ids, behind, lists
        self._selection, self._log = selection, log
        self.read = read
        self._reader = Reader(hubspot, workers, read)

    def pack(self, *, is_final: bool) -> dict[str, Any] | None:  # noqa: ARG002 - as of `Sync`
        """As `Sync` says."""
        return None

    def run(self) -> Iterator[Out]:
        """As `Sync` says."""
        if self._selection.of_threads:
            yield from self._behind(self._threads())
        yield from self._lists.run()
        self._warn_of_missing()
        self.read.warn(self._log)
        self.read.check()
        self._lists.check()

    def _threads(self) -> Iterator[Out]:
        threads = map(ThreadRef, self._ids)
        if self._selection.messages and not self._selection.threads:
            yield from (Out(messages_of=thread) for thread in threads)
            return
        for got in self._reader.read(threads):
            if isinstance(got, Out):
                yield got
            elif isinstance(got.found, HubSpotError):
                self.read.threads.note(got.asked.id, got.found)
            elif got.found is None:
                self.read.missed += 1
                if len(self.read.missing) < MAX_NAMED_IDS:
                    self.read.missing[got.asked.id] = None
            else:
                messages_of = got.asked if self._selection.messages else None
                yield Out("threads", got.found, messages_of=messages_of)

    def _warn_of_missing(self) -> None:
        if not self._selection.threads:
            self.read.missed += len(self.read.gone)
            self.read.missing.update(dict.fromkeys(self.read.gone[:MAX_NAMED_IDS]))
        if self.read.missed:
            message = "%d thread(s) not found, neither live nor archived: %s"
            names = name_ids(list(self.read.missing), self.read.missed)
            self._log.warning(message, self.read.missed, names)
