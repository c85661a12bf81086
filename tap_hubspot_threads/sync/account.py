"""A sync of the whole account: its phases in their order."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.contract import HubSpotError, UnreadThreadsError, WrongAddressError
from tap_hubspot_threads.sync.deletions import Deletions
from tap_hubspot_threads.sync.identity import identify
from tap_hubspot_threads.sync.increment import Increment
from tap_hubspot_threads.sync.kept import DONE
from tap_hubspot_threads.sync.listing import Listing
from tap_hubspot_threads.sync.open_again import OpenAgain
from tap_hubspot_threads.sync.out import Out
from tap_hubspot_threads.sync.outcomes import FAILING_SYNCS, Outcomes
from tap_hubspot_threads.sync.read import Read
from tap_hubspot_threads.sync.reading import Reader, ThreadId
from tap_hubspot_threads.values import shift

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Iterator

    from tap_hubspot_threads.contract import HubSpot, Row
    from tap_hubspot_threads.sync.kept import Kept
    from tap_hubspot_threads.sync.options import Options
    from tap_hubspot_threads.sync.wanted import Wanted
    from tap_hubspot_threads.sync.workers import Workers


class AccountSync:
    """What has changed, what may have, and at times everything.

    Args:
        hubspot: The account.
        workers: Who reads it.
        kept: What the last sync kept.
        wanted: Which threads a listing is to find.
        options: How it is read.
        is_indexed: Whether what a listing found goes out as `thread_index` too.
        clock: Monotonic seconds.
        log: Is told what a person should know.
    """

    def __init__(
        self,
        hubspot: HubSpot,
        workers: Workers,
        kept: Kept,
        *,
        wanted: Wanted,
        options: Options,
        is_indexed: bool,
        clock: Callable[[], float],
        log: logging.Logger,
    ) -> None:
        self._workers, self._hubspot, self._kept = workers, hubspot, kept
        self._wanted, self._options, self._log = wanted, options, log
        self._is_indexed = is_indexed
        self._has_begun = self._has_listed = False
        self.read = Read()
        self._reader = Reader(hubspot, workers, self.read, is_suspect=self._is_suspect)
        self._outcomes = Outcomes(
            kept,
            self.read,
            is_watched=self._is_watched,
            is_watching=options.refresh_open_calls > 0,
            log=log,
        )
        self._listing = Listing(
            hubspot, workers, kept, sides=wanted.sides, once=options.by_id, clock=clock, log=log
        )
        self._increment = Increment(
            hubspot,
            workers,
            kept,
            self.read,
            find=self._find,
            sides=wanted.sides,
            lookback=options.lookback_seconds,
            clock=clock,
            log=log,
        )
        self._open_again = OpenAgain(
            hubspot,
            workers,
            self._reader,
            self._outcomes,
            kept,
            read=self.read,
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
            if self._kept.bookmark is None:
                raise
            raise error.at_a_known_account() from None
        except HubSpotError:
            yield from deletions.run()  # what is certain is told all the same
            raise
        yield from deletions.run()
        if self.read.unread:
            raise UnreadThreadsError(self.read.unread)
        deletions.check()

    def _phases(self, number: int | None, deletions: Deletions) -> Iterator[Out]:
        kept, is_first = self._kept, self._kept.bookmark is None
        failed = list(kept.failed)
        yield from self._again(name for name in failed if not self._is_suspect(name))
        if is_first:
            yield from self._list()
        yield from self._outcomes.of(self._reader.read(self._increment.run()))
        if not is_first:
            yield from self._open_again.run(self._due_listing(is_due=self._is_due()))
            if number is not None and self.read.known_seen:
                yield Out(then=partial(kept.note_account, number, is_confirmed=True))
            yield from self._again(name for name in failed if self._is_suspect(name))
        is_due = self._is_due() or (deletions.is_purge and self._is_unproved())
        yield from self._due_listing(is_due=is_due) or ()

    def _again(self, failed: Iterable[str]) -> Iterator[Out]:
        ids = [ThreadId(thread_id) for thread_id in failed if thread_id not in self.read.taken]
        return self._outcomes.of(self._reader.read(ids, are_suspect=True))

    def _is_suspect(self, thread_id: str) -> bool:
        return self._kept.failed.get(thread_id, 0) >= FAILING_SYNCS - 1

    def _due_listing(self, *, is_due: bool) -> Iterator[Out] | None:
        """Return the full listing, if one is under way or due, and was not listed in this sync."""
        if self._has_listed or not (is_due or self._kept.listing != DONE):
            return None
        return self._list_when_due()

    def _list_when_due(self) -> Iterator[Out]:
        if self._kept.listing == DONE:
            yield Out(then=self._kept.start_listing)
        yield from self._list(self._options.full_listing_calls)

    def _is_due(self) -> bool:
        started, now = self._kept.full_listing_started_at, self.read.now
        hours = self._options.full_listing_hours
        return started is None or not started <= now < shift(started, seconds=hours * 3600)

    def _is_unproved(self) -> bool:
        """Whether a thread was missed that the last full listing could still show."""
        started = self._kept.full_listing_started_at or ""
        return any(first >= started for first in self._kept.missed.values())

    def _list(self, calls: int | None = None) -> Iterator[Out]:
        """List the account, or what is left of it; rows go out whether or not they are known."""
        self._has_listed = True
        if self._options.by_id:
            return self._outcomes.of(self._reader.read(self._listed_ids(calls)))
        return self._listed_rows(calls)

    def _listed_ids(self, calls: int | None) -> Iterator[ThreadId | Out]:
        for rows, now, advance in self._listing.pages(calls):
            for row in rows:
                if row["id"] in self._kept.missed:
                    yield Out(then=partial(self._kept.miss_anew, row["id"], now))
                yield from self._find(row, always=True)
            yield advance

    def _listed_rows(self, calls: int | None) -> Iterator[Out]:
        for rows, now, advance in self._listing.pages(calls):
            for row in rows:
                is_missed = row["id"] in self._kept.missed
                if not (self._wants(row) or is_missed):
                    continue
                if self._is_indexed and not is_missed:
                    yield Out("thread_index", row)
                out = self._outcomes.listed(row, now, always=True)
                if out is not None:
                    yield out
            yield advance

    def _find(self, row: Row, *, always: bool = False) -> Iterator[ThreadId | Out]:
        """Yield what there is to read of a row that was found, and its entry in the index."""
        if self._wants(row):
            if self._is_indexed:
                yield Out("thread_index", row)
            yield ThreadId(row["id"], archived=row["archived"] is True, always=always)

    def _wants(self, row: Row) -> bool:
        if self._wanted.wants(row):
            return True
        is_of_inbox = self._wanted.has_inbox(row)
        self.read.other_inbox += not is_of_inbox
        self.read.before_start += is_of_inbox
        return False

    def _is_watched(self, row: Row) -> bool:
        is_watching = self._options.refresh_open_calls > 0
        return row["status"] != "CLOSED" and is_watching and self._wanted.wants(row)
