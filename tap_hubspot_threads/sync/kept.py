"""What a sync of the whole account keeps for the next one.

Scalars and lists under keys of fixed name, all of them in every STATE: Meltano merges states, so a
key that were left out would come back with its old value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.sync.open_threads import OpenThreads
from tap_hubspot_threads.sync.sweep import REPLICATION_KEY
from tap_hubspot_threads.values import clean_time

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
LIVE, ARCHIVED, DONE = "live", "archived", "done"


class Kept:
    """What is kept. Changed by what an `Out` has to be done behind it, and by nothing else.

    Args:
        state: What `pack` gave, checked by `check_kept`. Empty: a first sync. It may have the
            bookmark only, as somebody writes it by hand: changes from that moment on come first,
            and then a full listing is due.
        wanted: The settings that decide which threads are wanted, in one form. When they have
            changed, the account is listed anew.
    """

    def __init__(self, state: Mapping[str, Any], *, wanted: str) -> None:
        self.open = OpenThreads(
            state.get("open_threads", ()), are_exact=state.get("is_exact", True)
        )
        self.is_exact = True
        """Whether no row of an open thread can have gone out that a saved STATE does not know."""
        self.failed: dict[str, int] = dict(state.get("failed", ()))
        """The threads that could not be read, each with the number of syncs in a row."""
        self.missed: dict[str, str] = dict(state.get("missed", ()))
        """The threads that were looked for in vain, each with the time of the first such look (by
        HubSpot's clock), longest missed first."""
        self.account: int | None = state.get("account")
        """The account's number."""
        self.is_account_warned_of: bool = state.get("is_account_warned_of", False)
        """Whether somebody has been told that HubSpot does not say which account this is."""
        self.bookmark = clean_time(state.get("replication_key_value") or "")
        """All messages before this moment (of HubSpot's clock) are in rows that went out."""
        self.listing: str = state.get("listing", DONE)
        """Where a listing stands: at `live` or `archived` threads, or `done`."""
        self.listing_cursor: str | None = state.get("listing_cursor")
        """The cursor of the page that the listing goes on with, decoded; None: the first."""
        self.listing_started_at: str | None = state.get("listing_started_at")
        """HubSpot's clock at its start."""
        self.full_listing_started_at: str | None = state.get("full_listing_started_at")
        """HubSpot's clock at the start of the last listing that was completed."""
        self.full_listing_completed_at: str | None = state.get("full_listing_completed_at")
        """HubSpot's clock at its end."""
        self.listing_pages: int = state.get("listing_pages", 0)
        """The pages of the listing so far."""
        self.listing_seconds: float = state.get("listing_milliseconds", 0) / 1000
        """What they took to come."""
        self.full_listing_pages: int | None = state.get("full_listing_pages")
        """The pages of the last listing that was completed."""
        self.full_listing_seconds: float = state.get("full_listing_milliseconds", 0) / 1000
        """What they took to come."""
        self.wanted = wanted
        self.is_reset: bool = state.get("wanted", wanted) != wanted
        """Whether other threads are wanted than in the last sync."""
        is_first = self.bookmark is None and (
            self.listing == DONE or self.listing_started_at is None
        )
        if is_first or self.is_reset:
            self.start_listing()
            self.bookmark = None

    def pack(self, *, is_final: bool) -> dict[str, Any]:
        """Return it as the state has it.

        Of numbers it has integers only: a target reads others as decimals, which it cannot write
        again (observed of target-postgres).

        Args:
            is_final: Whether no row goes out behind it.
        """
        return {
            "version": VERSION,
            "replication_key": REPLICATION_KEY,
            "listing": self.listing,
            "listing_cursor": self.listing_cursor,
            "listing_started_at": self.listing_started_at,
            "full_listing_started_at": self.full_listing_started_at,
            "full_listing_completed_at": self.full_listing_completed_at,
            "listing_pages": self.listing_pages,
            "listing_milliseconds": round(self.listing_seconds * 1000),
            "full_listing_pages": self.full_listing_pages,
            "full_listing_milliseconds": round(self.full_listing_seconds * 1000),
            "missed": [list(item) for item in self.missed.items()],
            "failed": [list(item) for item in self.failed.items()],
            "wanted": self.wanted,
            "replication_key_value": self.bookmark,
            "is_exact": is_final or self.is_exact,
            "open_threads": self.open.entries(),
            "closed_threads": [],  # as versions before 0.2 had it
            "account": self.account,
            "is_account_warned_of": self.is_account_warned_of,
        }

    def doubt(self) -> None:
        """Note that rows of open threads go out from here on.

        If the process dies before the next STATE is saved, it is unknown which row of them the
        warehouse has: the next sync then takes none of them for known.
        """
        self.is_exact = False

    def start_listing(self) -> None:
        """Have everything listed, from the start."""
        self.listing, self.listing_cursor, self.listing_started_at = LIVE, None, None

    def advance_listing(
        self, part: str, cursor: str | None, now: str, *, is_first: bool, seconds: float
    ) -> None:
        """Note that a page has gone out; a first listing ends in its bookmark.

        Args:
            part: Where the listing goes on.
            cursor: Of the page that it goes on with.
            now: HubSpot's clock when the page was read.
            is_first: Whether it is the first page of all.
            seconds: What it took to come.
        """
        self.listing, self.listing_cursor = part, cursor
        if is_first:
            self.listing_started_at, self.listing_pages, self.listing_seconds = now, 0, 0.0
        self.listing_pages += 1
        self.listing_seconds += seconds
        if part == DONE:
            self.bookmark = self.bookmark or self.listing_started_at or now
            self.full_listing_started_at = self.listing_started_at
            self.full_listing_completed_at, self.listing_started_at = now, None
            self.full_listing_pages = self.listing_pages
            self.full_listing_seconds = self.listing_seconds

    def advance(self, moment: str) -> None:
        """Move the bookmark; never back."""
        self.bookmark = max(self.bookmark or moment, moment)

    def set_back(self, moment: str) -> None:
        """Move the bookmark back to HubSpot's clock, which it must not be ahead of."""
        self.bookmark = moment

    def note_failure(self, thread_id: str, syncs: int) -> None:
        """Keep a thread for the next sync, as one that failed in so many syncs in a row."""
        self.failed[thread_id] = syncs
        self.open.postpone(thread_id)

    def settle(self, thread_id: str, mark: str | None) -> None:
        """Note that a thread has been read, and that all that belongs to it is out."""
        self.failed.pop(thread_id, None)
        self.missed.pop(thread_id, None)
        self.open.note(thread_id, mark)

    def note_missing(self, thread_id: str, now: str | None) -> None:
        """Note that a thread was not there.

        Args:
            thread_id: The thread.
            now: HubSpot's clock when it said so; None: it does not tell, and that was no look.
        """
        self.failed.pop(thread_id, None)
        self.open.postpone(thread_id)
        if now is not None:
            self.missed.setdefault(thread_id, now)

    def miss_anew(self, thread_id: str, now: str) -> None:
        """Note that a listing showed a thread that was missed: its first look is yet to come.

        Never an earlier one, and none before the listing began: where an answer does not tell
        HubSpot's clock, `now` is up to an hour or so too early.
        """
        first = self.missed.pop(thread_id, None)
        if first is not None:
            self.missed[thread_id] = max(first, now, self.listing_started_at or now)

    def forget(self, thread_id: str) -> None:
        """Note that a thread was told deleted."""
        self.missed.pop(thread_id, None)
        self.open.note(thread_id, None)

    def forget_all(self) -> None:
        """Keep none of the threads: the account is listed anew, and may be another one."""
        self.open, self.failed, self.missed = OpenThreads(), {}, {}

    def note_account(self, number: int | None, *, is_confirmed: bool) -> None:
        """Keep the account's number, if it is known to be the state's.

        Args:
            number: None, where HubSpot does not say; a person has been told then.
            is_confirmed: Whether it is.
        """
        self.is_account_warned_of = number is None
        if is_confirmed:
            self.account = number
