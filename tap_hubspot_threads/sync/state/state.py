"""What a sync of the whole account keeps for the next one.

Scalars and lists under keys of fixed name, all of them in every STATE: Meltano merges states, so a
key that were left out would come back with its old value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.models import REPLICATION_KEY
from tap_hubspot_threads.sync.state.listing_state import DONE, ListingState
from tap_hubspot_threads.sync.state.messages_state import MessagesState
from tap_hubspot_threads.sync.state.open_threads import OpenThreads
from tap_hubspot_threads.values import clean_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_hubspot_threads.models import Page

VERSION = 1


class SyncState:
    """What the next sync needs. Only a `StateChange` changes it, when all before it is written.

    Args:
        bookmarks: Those of each stream, from `to_bookmarks`, checked by `check_state`. Empty: a
            first sync. There may be the bookmark of threads only, as somebody writes it by hand:
            changes from that moment on come first, and then a full listing is due.
        filters: The settings that decide which threads are wanted, in one form. When they have
            changed, the account is listed anew.
        emits_rows: Whether threads' rows go out in this sync.
        with_messages: Whether it reads messages.
    """

    def __init__(
        self,
        bookmarks: Mapping[str, Mapping[str, Any]],
        *,
        filters: str,
        emits_rows: bool = True,
        with_messages: bool = False,
    ) -> None:
        state = bookmarks.get("threads", {})
        self.open = OpenThreads(
            state.get("open_threads", ()), are_exact=state.get("fingerprints_exact", True)
        )
        self.fingerprints_exact = True
        """Whether no row of an open thread can have gone out that a saved STATE does not know."""
        self.failed: dict[str, int] = dict(state.get("failed", ()))
        """The threads that could not be read, each with the number of syncs in a row."""
        self.not_found: dict[str, str] = dict(state.get("not_found", ()))
        """The threads that were looked for in vain, each with the time of the first such look (by
        HubSpot's clock), longest missed first."""
        self.account_id: int | None = state.get("account_id")
        """The account's number."""
        self.account_unknown_warned: bool = state.get("account_unknown_warned", False)
        """Whether somebody has been told that HubSpot does not say which account this is."""
        self.bookmark = clean_time(state.get("replication_key_value") or "")
        """All messages before this moment (of HubSpot's clock) are in rows that went out."""
        self.listing = ListingState(state, emits_rows=emits_rows)
        self.filters = filters
        self.filters_changed: bool = state.get("filters", filters) != filters
        """Whether other threads are wanted than in the last sync."""
        is_first = self.bookmark is None and (
            self.listing.part == DONE or self.listing.started_at is None
        )
        if is_first or self.filters_changed:
            self.listing.start()
            self.bookmark = None
        elif emits_rows and self.listing.part != DONE and not self.listing.is_whole:
            self.listing.start()  # rows of what it has listed did not go out
        self.messages = MessagesState(
            bookmarks.get("messages", {}), bookmark=self.bookmark, is_selected=with_messages
        )

    def to_bookmarks(self, *, is_final: bool) -> dict[str, Any]:
        """Return the bookmarks as the state has them, by stream.

        Of numbers it has integers only: a target reads others as decimals, which it cannot write
        again (observed of target-postgres).

        Args:
            is_final: Whether no row goes out behind it.
        """
        threads = {
            "version": VERSION,
            "replication_key": REPLICATION_KEY,
            **self.listing.to_dict(),
            "not_found": [list(item) for item in self.not_found.items()],
            "failed": [list(item) for item in self.failed.items()],
            "filters": self.filters,
            "replication_key_value": self.bookmark,
            "fingerprints_exact": is_final or self.fingerprints_exact,
            "open_threads": self.open.entries(),
            "account_id": self.account_id,
            "account_unknown_warned": self.account_unknown_warned,
        }
        return {"threads": threads, "messages": self.messages.to_dict()}

    def mark_inexact(self) -> None:
        """Note that rows of open threads go out from here on.

        If the process dies before the next STATE is saved, it is unknown which row of them the
        warehouse has: the next sync then takes none of them for known.
        """
        self.fingerprints_exact = False

    def advance_listing(
        self, part: str, page: Page, *, is_first: bool, has_archived: bool = True
    ) -> None:
        """Note that the rows of a page were emitted; see `ListingState.advance`.

        A first listing ends in its bookmark. A listing without archived threads (`has_archived`)
        proves nothing about the threads that were not found before it, so their first check moves
        to its start.
        """
        started = page.now if is_first else self.listing.started_at or page.now
        if is_first and not has_archived:
            first_checks = self.not_found.items()
            self.not_found = {name: max(first, page.now) for name, first in first_checks}
        self.listing.advance(part, page, is_first=is_first)
        if part == DONE:
            self.bookmark = self.bookmark or started

    def advance(self, moment: str) -> None:
        """Move the bookmark; never back."""
        self.bookmark = max(self.bookmark or moment, moment)
        self.messages.follow(self.bookmark)

    def set_back(self, moment: str) -> None:
        """Move the bookmark back to HubSpot's clock, which it must not be ahead of."""
        self.bookmark = moment
        self.messages.set_back(moment)

    def note_failure(self, thread_id: str, syncs: int) -> None:
        """Keep a thread for the next sync, as one that failed in so many syncs in a row."""
        self.failed[thread_id] = syncs
        self.open.postpone(thread_id)

    def settle(self, thread_id: str, fingerprint: str | None) -> None:
        """Note that a thread has been read, and that all that belongs to it is out."""
        self.failed.pop(thread_id, None)
        self.not_found.pop(thread_id, None)
        self.open.note(thread_id, fingerprint, is_emitted=self.listing.emits_rows)

    def note_not_found(self, thread_id: str, now: str | None) -> None:
        """Note that a thread was not there.

        Args:
            thread_id: The thread.
            now: HubSpot's clock when it said so; None: it does not tell, and that was no look.
        """
        self.failed.pop(thread_id, None)
        self.open.postpone(thread_id)
        if now is not None:
            self.not_found.setdefault(thread_id, now)

    def restart_grace_period(self, thread_id: str, now: str) -> None:
        """Note that a listing showed a thread that was missed: its first look is yet to come.

        Never an earlier one, and none before the listing began: where an answer does not tell
        HubSpot's clock, `now` is up to an hour or so too early.
        """
        first = self.not_found.pop(thread_id, None)
        if first is not None:
            self.not_found[thread_id] = max(first, now, self.listing.started_at or now)

    def forget(self, thread_id: str) -> None:
        """Note that a thread was told deleted."""
        self.not_found.pop(thread_id, None)
        self.open.note(thread_id, None)
        self.messages.settle(thread_id)

    def forget_all(self) -> None:
        """Keep none of the threads: the account is listed anew, and may be another one."""
        self.open, self.failed, self.not_found = OpenThreads(), {}, {}
        self.messages.pending.clear()

    def note_account(self, number: int | None, *, is_confirmed: bool) -> None:
        """Keep the account's number, if it is known to be the state's.

        Args:
            number: None, where HubSpot does not say; a person has been told then.
            is_confirmed: Whether it is.
        """
        self.account_unknown_warned = number is None
        if is_confirmed:
            self.account_id = number
