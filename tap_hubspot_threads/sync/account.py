"""A sync of the whole account: its phases in their order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.contract import HubSpotError, UnreadThreadsError, WrongAccountError
from tap_hubspot_threads.sync.deletions import Deletions
from tap_hubspot_threads.sync.increment import Increment
from tap_hubspot_threads.sync.kept import DONE
from tap_hubspot_threads.sync.listing import Listing
from tap_hubspot_threads.sync.open_again import OpenAgain
from tap_hubspot_threads.sync.out import Out
from tap_hubspot_threads.sync.outcomes import Outcomes
from tap_hubspot_threads.sync.read import Read
from tap_hubspot_threads.sync.reading import Reader, ThreadId
from tap_hubspot_threads.values import shift

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator

    from tap_hubspot_threads.contract import HubSpot, Row
    from tap_hubspot_threads.sync.kept import Kept
    from tap_hubspot_threads.sync.wanted import Wanted
    from tap_hubspot_threads.sync.workers import Workers


@dataclass(frozen=True)
class Options:
    """The settings that say how an account is read."""

    by_id: bool = False
    """Whether each listed thread is read by id, rather than taken from the listing."""
    refresh_open_calls: int = 500
    full_listing_hours: int = 24
    full_listing_calls: int = 200
    lookback_seconds: int = 300

    @classmethod
    def of(cls, config: Any) -> Options:  # noqa: ANN401 - the settings
        """Read the settings."""
        return cls(
            by_id=config["thread_fetch"] == "by_id",
            refresh_open_calls=config["refresh_open_calls"],
            full_listing_hours=config["full_listing_hours"],
            full_listing_calls=config["full_listing_calls"],
            lookback_seconds=config["lookback_seconds"],
        )


class AccountSync:
    """What has changed, what may have, and at times everything.

    Args:
        hubspot: The account.
        workers: Who reads it.
        kept: What the last sync kept.
        wanted: Which threads a listing is to find.
        options: How it is read.
        is_indexed: Whether what a listing found goes out as `thread_index` too.
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
        log: logging.Logger,
    ) -> None:
        self._hubspot, self._workers, self._kept = hubspot, workers, kept
        self._is_indexed = is_indexed
        self._wanted, self._options, self._log = wanted, options, log
        self.read = Read()
        self._reader = Reader(hubspot, workers, self.read, looks=3)
        self._outcomes = Outcomes(kept, self.read, is_watched=self._is_watched, log=log)
        self._listing = Listing(
            hubspot, workers, kept, sides=wanted.sides, once=options.by_id, log=log
        )
        self._increment = Increment(
            hubspot,
            workers,
            kept,
            self.read,
            find=self._find,
            sides=wanted.sides,
            lookback=options.lookback_seconds,
            log=log,
        )
        self._open_again = OpenAgain(kept, self.read, calls=options.refresh_open_calls)
        self._deletions = Deletions(kept, self.read, log=log)
        self._has_begun = False

    def pack(self, *, is_final: bool) -> dict[str, Any] | None:
        """As `Sync` says: nothing before it is known that this is the state's account."""
        return self._kept.pack(is_final=is_final) if self._has_begun else None

    def run(self) -> Iterator[Out]:
        """As `Sync` says."""
        number, is_confirmed = self._check_account()
        self._has_begun = True
        yield Out(then=partial(self._kept.note_account, number, is_confirmed=is_confirmed))
        try:
            yield from self._phases(number, is_confirmed=is_confirmed)
        except HubSpotError:
            yield from self._deletions.run()  # what is certain is told all the same
            raise
        yield from self._deletions.run()
        if self.read.unread:
            raise UnreadThreadsError(self.read.unread)

    def _check_account(self) -> tuple[int | None, bool]:
        """Return the account's number, and whether that is known to be the state's.

        Raises:
            WrongAccountError: if it is known not to be.
        """
        kept = self._kept
        number = self._workers.call(self._hubspot.account_number)
        if number is not None and kept.account not in {None, number}:
            message = (
                f"The token is of HubSpot account {number}, the state of account {kept.account}: "
                "check access_token (or refresh_token), or start anew with a full refresh (no "
                "state). Nothing was read."
            )
            raise WrongAccountError(message)
        if number is None and not kept.is_account_warned_of:
            self._log.warning(
                "HubSpot does not say which account this token is of: a token of another account "
                "may go unnoticed as long as the state knows few of its threads"
            )
        knows_none = not (kept.open or kept.failed)
        return number, number is not None and (kept.account == number or knows_none)

    def _phases(self, number: int | None, *, is_confirmed: bool) -> Iterator[Out]:
        kept = self._kept
        failed = [ThreadId(thread_id) for thread_id in kept.failed]
        yield from self._outcomes.of(self._reader.read(failed, are_suspect=True))
        if kept.bookmark is None:
            yield from self._list()
        yield from self._outcomes.of(self._reader.read(self._increment.run()))
        for batch in self._open_again.batches():
            yield from self._outcomes.of(self._open_again.count(self._reader.read(batch)))
        if number is not None and self.read.has_seen_known:
            yield Out(then=partial(kept.note_account, number, is_confirmed=True))
        self._deletions.check(is_confirmed=is_confirmed)
        if self._is_listing_due():
            yield Out(then=kept.start_listing)
        if kept.listing != DONE:
            yield from self._list(self._options.full_listing_calls)

    def _list(self, calls: int | None = None) -> Iterator[Out]:
        """List the account, or what is left of it; rows go out whether or not they are known."""
        if self._options.by_id:
            return self._outcomes.of(self._reader.read(self._listed_ids(calls)))
        return self._listed_rows(calls)

    def _listed_ids(self, calls: int | None) -> Iterator[ThreadId | Out]:
        for page, advance in self._listing.pages(calls):
            for row in page.rows:
                yield from self._find(row, always=True)
            yield advance

    def _listed_rows(self, calls: int | None) -> Iterator[Out]:
        for page, advance in self._listing.pages(calls):
            for row in filter(self._wanted.wants, page.rows):
                if self._is_indexed:
                    yield Out("thread_index", row)
                yield self._outcomes.row(row, always=True)
            yield advance

    def _find(self, row: Row, *, always: bool = False) -> Iterator[ThreadId | Out]:
        """Yield what there is to read of a row that was found, and its entry in the index."""
        if self._wanted.wants(row):
            if self._is_indexed:
                yield Out("thread_index", row)
            yield ThreadId(row["id"], archived=row["archived"] is True, always=always)

    def _is_watched(self, row: Row) -> bool:
        is_watching = self._options.refresh_open_calls > 0
        return row["status"] != "CLOSED" and is_watching and self._wanted.wants(row)

    def _is_listing_due(self) -> bool:
        started, now = self._kept.full_listing_started_at, self.read.now
        hours = self._options.full_listing_hours
        return self._kept.listing == DONE and (
            started is None or not started <= now < shift(started, seconds=hours * 3600)
        )
