"""A sync of the whole account: its phases in their order."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.errors import HubSpotError, UnreadError, WrongAddressError
from tap_hubspot_threads.models import Out, ThreadRef
from tap_hubspot_threads.sync.phases.backfill import Backfill
from tap_hubspot_threads.sync.phases.deletions import Deletions
from tap_hubspot_threads.sync.phases.full_listing import FullListing, Listing
from tap_hubspot_threads.sync.phases.identity import identify
from tap_hubspot_threads.sync.phases.increment import Increment
from tap_hubspot_threads.sync.phases.open_thread_check import OpenThreadCheck
from tap_hubspot_threads.sync.pipeline import Finding, Outcomes, Reader

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Iterator

    from tap_hubspot_threads.models import ChildStream, HubSpot, Row, Selection
    from tap_hubspot_threads.settings.settings import Options, ThreadFilter
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.phases.reference_lists import ReferenceLists
    from tap_hubspot_threads.sync.state.state import SyncState
    from tap_hubspot_threads.sync.stats import Read


class AccountSync:
    """What has changed, what may have, and at times everything.

    Args:
        hubspot: The account.
        workers: Who reads it.
        kept: What the last sync kept.
        read: What this one has read.
        behind: What hangs on the threads.
        lists: The streams that are listed as a whole.
        wanted: Which threads a listing is to find.
        options: How it is read.
        selection: Which streams there are.
        clock: Monotonic seconds.
        log: Is told what a person should know.
    """

    def __init__(
        self,
        hubspot: HubSpot,
        workers: WorkerPool,
        kept: SyncState,
        read: Read,
        *,
        behind: ChildStream,
        lists: ReferenceLists,
        wanted: ThreadFilter,
        options: Options,
        selection: Selection,
        clock: Callable[[], float],
        log: logging.Logger,
    ) -> None:
        self._workers, self._hubspot, self._kept, self.read = workers, hubspot, kept, read
        self._wanted, self._options, self._log = wanted, options, log
        self._behind, self._lists, self._selection = behind, lists, selection
        self._has_begun = False
        self._stuck: HubSpotError | None = None
        """What has kept the listing of all threads from going on."""
        self._reader = Reader(hubspot, workers, read, is_quarantined=read.threads.is_quarantined)
        self._outcomes = Outcomes(
            kept,
            read,
            is_tracked=self._is_tracked,
            tracks_open_threads=options.refresh_open_calls > 0,
            with_messages=selection.messages,
        )
        finding = Finding(
            kept,
            read,
            self._outcomes,
            wanted=wanted,
            is_indexed=selection.thread_index,
            is_read=selection.threads,
        )
        self._full_listing = FullListing(
            Listing(
                hubspot,
                workers,
                kept,
                first_sides=wanted.sides,
                once=options.by_id,
                clock=clock,
                log=log,
            ),
            self._reader,
            self._outcomes,
            finding,
            kept=kept,
            read=read,
            options=options,
            behind=behind,
        )
        self._increment = Increment(
            hubspot,
            workers,
            kept,
            read,
            find=finding.changed,
            sides=wanted.sides,
            lookback=options.lookback_seconds,
            clock=clock,
            log=log,
        )
        self._open_again = OpenThreadCheck(
            hubspot,
            workers,
            self._reader,
            self._outcomes,
            kept,
            read=read,
            behind=behind,
            sides=wanted.sides,
            calls=options.refresh_open_calls,
            are_listed=not options.by_id,
            clock=clock,
            log=log,
        )

    def pack(self, *, is_final: bool) -> dict[str, Any] | None:
        """As `Sync` says: nothing before it is known that this is the state's account."""
        return self._kept.pack(is_final=is_final) if self._has_begun else None

    def run(self) -> Iterator[Out]:
        """As `Sync` says."""
        number, is_confirmed = identify(self._hubspot, self._workers, self._kept, log=self._log)
        deletions = Deletions(
            self._kept,
            self.read,
            is_confirmed=is_confirmed,
            lists_all=self._wanted.is_all,
            log=self._log,
        )
        self._has_begun = True
        yield Out(then=partial(self._kept.note_account, number, is_confirmed=is_confirmed))
        if self._kept.is_reset and not is_confirmed:
            yield Out(then=self._kept.forget_all)
        try:
            yield from self._phases(number, deletions)
        except WrongAddressError as error:
            if self._kept.bookmark is None and self._kept.listing.started_at is None:
                raise
            raise error.at_a_known_account() from None
        except HubSpotError:
            yield from deletions.run()  # confirmed ones are emitted all the same
            raise
        yield from deletions.run()
        yield from self._lists.run()
        if self._selection.messages:
            yield from self._backfill().run()
        self.read.warn(self._log)
        self._check_listing()
        self.read.check()
        deletions.check()
        self._lists.check()

    def _phases(self, number: int | None, deletions: Deletions) -> Iterator[Out]:
        kept, is_first = self._kept, self._kept.bookmark is None
        failed, owed = list(kept.failed), list(kept.messages.failed)
        threads, messages = self.read.threads, self.read.messages
        yield from self._again(name for name in failed if not threads.is_quarantined(name))
        yield from self._owed(name for name in owed if not messages.is_quarantined(name))
        if is_first:
            yield from self._listing(self._full_listing.first())
        yield from self._behind(self._outcomes.of(self._reader.read(self._increment.run())))
        if not is_first:
            full_listing = self._full_listing.when_due()
            yield from self._open_again.run(full_listing and self._listing(full_listing))
            if number is not None and self.read.known_seen:
                yield Out(then=partial(kept.note_account, number, is_confirmed=True))
            yield from self._again(name for name in failed if threads.is_quarantined(name))
            yield from self._owed(name for name in owed if messages.is_quarantined(name))
        purge_listing = self._full_listing.when_due(is_mass_deletion=deletions.is_mass_deletion)
        yield from self._listing(purge_listing or iter(()))

    def _listing(self, outs: Iterator[Out]) -> Iterator[Out]:
        """Let a page that never comes end the listing, and nothing else.

        The next sync goes on from the same page; messages must not wait for it.
        """
        try:
            yield from outs
        except HubSpotError as error:
            if error.ends_sync or self._kept.listing.started_at is None:
                raise
            self._stuck = error

    def _check_listing(self) -> None:
        """Raise an error, if the listing of all threads could not go on; it names the place.

        Raises:
            HubSpotError: with what else could not be read.
        """
        if self._stuck is None:
            return
        message = f"{self._stuck} {self._kept.listing.place}"
        try:
            self.read.check()
        except UnreadError as error:
            message += f" {error}"
        raise HubSpotError(message, exit_code=self._stuck.exit_code) from self._stuck

    def _again(self, failed: Iterable[str]) -> Iterator[Out]:
        """Read threads again that could not be read."""
        taken = self.read.taken
        ids = [ThreadRef(name, has_news=True) for name in failed if name not in taken]
        return self._behind(self._outcomes.of(self._reader.read(ids, are_quarantined=True)))

    def _owed(self, threads: Iterable[str]) -> Iterator[Out]:
        """Read messages again that could not be read."""
        taken = self.read.messages_taken
        outs = [Out(messages_of=ThreadRef(name)) for name in threads if name not in taken]
        return self._behind(outs) if self._selection.messages else iter(())

    def _backfill(self) -> Backfill:
        return Backfill(
            self._hubspot,
            self._increment,
            self._kept,
            self.read,
            wanted=self._wanted,
            behind=self._behind,
            reserve=self._options.reserve,
            log=self._log,
        )

    def _is_tracked(self, row: Row) -> bool:
        tracks_open_threads = self._options.refresh_open_calls > 0
        return row["status"] != "CLOSED" and tracks_open_threads and self._wanted.includes(row)
