"""The sync of the whole account: runs the phases of `sync.phases` in order."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.errors import (
    HubSpotError,
    IncompleteError,
    WrongAccountError,
    WrongAddressError,
)
from tap_hubspot_threads.models import ReadMessages, StateChange, ThreadRef
from tap_hubspot_threads.sync.phases.backfill import Backfill
from tap_hubspot_threads.sync.phases.deletions import Deletions
from tap_hubspot_threads.sync.phases.full_listing import FullListing
from tap_hubspot_threads.sync.phases.increment import Increment
from tap_hubspot_threads.sync.phases.open_thread_check import OpenThreadCheck
from tap_hubspot_threads.sync.phases.read_reference_lists import read_reference_lists

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_hubspot_threads.hubspot.api import HubSpotApi
    from tap_hubspot_threads.models import Event
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.context import SyncContext
    from tap_hubspot_threads.sync.pipeline import ThreadPipeline
    from tap_hubspot_threads.sync.state.sync_state import SyncState


LOG = logging.getLogger("tap-hubspot-threads")


def identify(api: HubSpotApi, pool: WorkerPool, state: SyncState) -> tuple[int | None, bool]:
    """Return the account ID of the token, and whether the state is known to belong to this account.

    If HubSpot does not report the ID, return None and False. The sync then continues, because the
    tap can read threads without the ID.

    If HubSpot reports the ID, the second value is True in two cases:
        * The state has the same ID.
        * The state has no ID and no threads (`open`, `failed`, `not_found`), for example in a first
          sync.

    Raises:
        WrongAccountError: if the state has the ID of another account.
        HubSpotError: if the error ends the sync (`HubSpotError.ends_sync`), for example because
            HubSpot rejects the token.
    """
    account_id = pool.run(api.get_account_id)
    if account_id is not None and state.account_id not in {None, account_id}:
        message = (
            f"The token belongs to HubSpot account {account_id}, but the state belongs to account "
            f"{state.account_id}. "
            "Check access_token (or refresh_token), or start over with a full refresh (no "
            "state). Nothing was read."
        )
        raise WrongAccountError(message)
    if account_id is None and not state.account_unknown_warned:
        LOG.warning(
            "HubSpot does not report the token's account ID, so the tap may not notice a token of "
            "another account. Check access_token (or refresh_token) whenever you change it."
        )
    has_no_threads = not (state.open or state.failed or state.not_found)
    return account_id, account_id is not None and (state.account_id == account_id or has_no_threads)


class AccountSync:
    """Reads changed threads, checks open threads, and periodically lists the whole account.

    Args:
        api: The HubSpot API.
        pool: Runs the API calls on worker threads.
        pipeline: Turns threads into events, and adds the messages and actors of the threads.
        context: The settings, the selected streams, and the state.
    """

    def __init__(
        self, api: HubSpotApi, pool: WorkerPool, pipeline: ThreadPipeline, context: SyncContext
    ) -> None:
        self._api, self._pool, self._pipeline = api, pool, pipeline
        self._context, self._state = context, context.state
        self._increment = Increment(api, pool, pipeline, context)
        self._full_listing = FullListing(api, pool, pipeline, context)
        self._open_threads = OpenThreadCheck(api, pool, pipeline, context)
        self._is_identified = False
        self._stuck: HubSpotError | None = None
        """The error that stopped the full listing before its end. None: there is no such error."""

    def bookmarks(self, *, is_final: bool) -> dict[str, Any] | None:
        """Return the state's entries of `threads` and `messages`, by stream.

        None until `identify` has returned.

        Args:
            is_final: Whether these entries are for the last STATE message of the sync.
        """
        return self._state.to_bookmarks(is_final=is_final) if self._is_identified else None

    def run(self) -> Iterator[Event]:
        """Yield the events of all phases.

        Raises:
            HubSpotError: if an error ends the sync early. Also after all phases, if a page of the
                full listing could not be read.
            IncompleteError: after all phases, if some items could not be read.
            MassDeletionError: after all phases, if most open threads are missing and the token may
                belong to another account.
        """
        account_id, is_confirmed = identify(self._api, self._pool, self._state)
        self._is_identified = True
        deletions = Deletions(self._context, is_confirmed=is_confirmed)
        yield self._note_account(account_id, is_confirmed=is_confirmed)
        if self._state.filters_changed and not is_confirmed:
            yield StateChange(self._state.forget_all)
        try:
            yield from self._thread_phases(account_id, deletions)
        except WrongAddressError as error:
            if self._state.bookmark is None:
                raise
            raise error.for_known_account() from None
        except HubSpotError:
            yield from deletions.run()  # an error must not hold back proven deletions
            raise
        yield from deletions.run()
        if self._context.selection.reference_lists:
            yield from read_reference_lists(self._api, self._pool, self._context)
        if self._context.selection.messages and self._state.messages.needs_backfill:
            backfill = Backfill(
                self._api, self._pool, self._increment, self._pipeline, self._context
            )
            yield from backfill.run()
        self._context.stats.warn()
        self._check_listing()
        self._context.failures.check()
        deletions.check()

    def _thread_phases(self, account_id: int | None, deletions: Deletions) -> Iterator[Event]:
        listing, is_new = self._state.listing, self._state.bookmark is None
        is_first = is_new or (self._state.is_first_listing and listing.started_at is not None)
        failed, pending = list(self._state.failed), list(self._state.messages.pending)
        yield from self._retry(failed, pending, are_quarantined=False)
        if is_new:
            yield from self._unless_stuck(self._full_listing.run())
        yield from self._increment.run(is_first=is_new)
        if not is_first:
            yield from self._open_threads.not_found_once()
            yield from self._open_threads.by_status()
            if self._full_listing.is_due():
                yield from self._unless_stuck(self._full_listing.run())
            else:
                yield from self._open_threads.by_listing_all()
            yield from self._open_threads.by_id()
            if account_id is not None and self._context.seen.seen_open:
                yield self._note_account(account_id, is_confirmed=True)
            yield from self._retry(failed, pending, are_quarantined=True)
        if self._full_listing.is_due(for_deletions=deletions.is_mass_deletion):
            yield from self._unless_stuck(self._full_listing.run())

    def _note_account(self, account_id: int | None, *, is_confirmed: bool) -> StateChange:
        change = partial(self._state.note_account, account_id, is_confirmed=is_confirmed)
        return StateChange(change)

    def _retry(
        self, failed: list[str], pending: list[str], *, are_quarantined: bool
    ) -> Iterator[Event]:
        """Read the threads and messages that earlier syncs left to this sync.

        An item is *quarantined* if it failed in several syncs in a row
        (`FailureLog.is_quarantined`).

        Args:
            failed: IDs of the threads in the state's `failed`.
            pending: IDs of the threads whose messages are still to be read.
            are_quarantined: True: read only quarantined items. False: read only the other items.
        """
        seen, failures = self._context.seen, self._context.failures
        refs = [
            ThreadRef(id_)
            for id_ in failed
            if failures.threads.is_quarantined(id_) == are_quarantined and id_ not in seen.fetched
        ]
        yield from self._pipeline.by_id(refs, have_failed=True)
        if self._context.selection.messages:
            messages = [
                ReadMessages(ThreadRef(id_))
                for id_ in pending
                if failures.messages.is_quarantined(id_) == are_quarantined
                and id_ not in seen.with_messages
            ]
            yield from self._pipeline.with_children(messages)

    def _unless_stuck(self, events: Iterator[Event]) -> Iterator[Event]:
        """Yield the events of the full listing. If a page cannot be read, end only the listing.

        The listing is then *stuck*. The other phases still run, so that new messages do not wait
        for this page. The next sync requests the page again.

        Raises:
            HubSpotError: if the error ends the sync, or if the state has no bookmark yet.
        """
        try:
            yield from events
        except HubSpotError as error:
            if error.ends_sync or self._state.bookmark is None:
                raise
            self._stuck = error

    def _check_listing(self) -> None:
        """Raise an error if the full listing is stuck.

        Raises:
            HubSpotError: says why and at which page the listing is stuck, and which items could not
                be read.
        """
        if self._stuck is None:
            return
        message = f"{self._stuck} {self._state.listing.place}"
        try:
            self._context.failures.check()
        except IncompleteError as error:
            message += f" {error}"
        raise HubSpotError(message, exit_code=self._stuck.exit_code) from self._stuck
