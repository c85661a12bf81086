"""The state that a sync of the whole account keeps for the next sync.

Meltano merges each STATE message into the previous state, key by key. An omitted key would keep its
old value. So each STATE message has all keys of a stream's entry. Meltano also merges objects, so
no value in an entry is an object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.models import REPLICATION_KEY
from tap_hubspot_threads.sync.state.full_listing_state import ARCHIVED, FullListingState
from tap_hubspot_threads.sync.state.messages_state import MessagesState
from tap_hubspot_threads.sync.state.open_threads import OpenThreads
from tap_hubspot_threads.sync.state.recent_threads import RecentThreads
from tap_hubspot_threads.values import clean_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_hubspot_threads.sync.phases.range_reader import ListedPart

VERSION = 1


class SyncState:
    """What the next sync needs to resume.

    Only a `StateChange` changes this object, after the records of all earlier events are written.

    Args:
        bookmarks: The state's entries by stream, from `to_bookmarks`, validated by `check_state`.
            Empty: this is a first sync. If a user wrote the entry of `threads` by hand, it can have
            only the key `replication_key_value`, which is a time. The sync then first reads the
            threads with messages since this time, and a full listing is due.
        filters: The filters as text (`ThreadFilter.as_text`). If the filters have changed since
            the last sync, the whole account is listed again.
        emits_rows: False if this sync reads threads but does not emit them, because the stream
            `threads` is not selected.
        with_messages: Whether the stream `messages` is selected.
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
        """False if this sync has started to emit records of open threads (`mark_inexact`). If the
        process is killed after that, the destination can have records that are newer than the
        fingerprints in the saved state."""
        self.failed: dict[str, int] = dict(state.get("failed", ()))
        """IDs of threads that the next sync reads again, each with the number of consecutive syncs
        that could not read the thread. 0: the last sync did not find the thread, but its check does
        not count."""
        self.not_found: dict[str, str] = dict(state.get("not_found", ()))
        """IDs of the threads that were not found, each with HubSpot's time at the thread's first
        check. A listing can replace this time by a later one."""
        self.account_id: int | None = state.get("account_id")
        """The ID of the account that the state belongs to (`portalId`). None: unknown."""
        self.account_unknown_warned: bool = state.get("account_unknown_warned", False)
        """Whether a sync has logged the warning that HubSpot does not report the account's ID."""
        self.bookmark = clean_time(state.get("replication_key_value") or "")
        """A time by HubSpot's clock. All threads with a latest-message time before this time are
        emitted. Exceptions: the threads in `failed`, and the threads that the first full listing
        has not read yet. None: this is a first sync."""
        self.started_at: str | None = state.get("sync_started_at")
        """HubSpot's time at the start of the last increment that ended. None: no increment has
        ended."""
        self.recent = RecentThreads(state)
        self.filters = filters
        self.filters_changed: bool = state.get("filters", filters) != filters
        """Whether the filters differ from the filters of the last sync. If so, the account is
        listed again, and all messages are read again."""
        self.listing = FullListingState(
            {} if self.filters_changed else state, emits_rows=emits_rows
        )
        self.messages = MessagesState(
            bookmarks.get("messages", {}),
            bookmark=None if self.filters_changed else self.bookmark,
            is_selected=with_messages,
        )

    @property
    def is_first_listing(self) -> bool:
        """Whether no full listing with the current filters has been completed yet."""
        return self.listing.full_completed_at is None

    def to_bookmarks(self, *, is_final: bool) -> dict[str, Any]:
        """Return the state's entries by stream, for a STATE message.

        All numbers are integers. A target can read other numbers as decimals, and then cannot write
        the state (observed with target-postgres).

        Args:
            is_final: Whether this is the last message of the sync, so that no record follows.
        """
        threads = {
            "version": VERSION,
            "replication_key": REPLICATION_KEY,
            "sync_started_at": self.started_at,
            **self.listing.to_dict(),
            **self.recent.to_dict(),
            "not_found": [list(item) for item in self.not_found.items()],
            "failed": [list(item) for item in self.failed.items()],
            "filters": self.filters,
            "replication_key_value": self.bookmark,
            "fingerprints_exact": is_final or self.fingerprints_exact,
            "open_threads": self.open.packed(),
            "account_id": self.account_id,
            "account_unknown_warned": self.account_unknown_warned,
        }
        return {"threads": threads, "messages": self.messages.to_dict()}

    def mark_inexact(self) -> None:
        """Mark the fingerprints as inexact, because records of open threads will be emitted next.

        The next STATE message saves the mark. The final STATE message removes the mark. If the
        process is killed between the two, the tap cannot know which of these records the
        destination has. So the next sync emits every open thread again.
        """
        self.fingerprints_exact = False

    def start_listing(self, now: str, sides: Sequence[str]) -> None:
        """Record the start of a full listing. In a first sync, this start is the first bookmark.

        `Deletions` accepts a listing as proof of a deletion if the first check of the thread was
        before the listing's start. But a listing without archived threads proves no deletion. So
        such a listing moves the time of each earlier first check (`not_found`) to its own start.

        Args:
            now: HubSpot's time at the first page.
            sides: The lists to read: `LIVE`, `ARCHIVED` or both.
        """
        self.bookmark = self.bookmark or now
        if ARCHIVED not in sides:
            first_checks = self.not_found.items()
            self.not_found = {name: max(first, now) for name, first in first_checks}
        self.listing.start(now, sides)

    def advance_listing(self, side: str, part: ListedPart) -> None:
        """Record that a part of a list was read and handled.

        If the listing has ended and `recent.newest_id` is None, record the highest ID of the
        listing there.

        Args:
            side: The list: `LIVE` or `ARCHIVED`.
            part: The part of the list.
        """
        started, listing = self.listing.started_at or part.now, self.listing
        listing.advance(side, part)
        if listing.is_over and listing.newest_id and self.recent.newest_id is None:
            self.recent.note_newest(started, listing.newest_id, since="")

    def end_increment(self, now: str, newest_id: int | None, *, since: str) -> None:
        """Record the end of an increment.

        Args:
            now: HubSpot's time at the start of the increment.
            newest_id: The highest ID of a live thread that was listed. None: unknown.
            since: The time from which the increment listed threads.
        """
        self.started_at = now
        self.recent.note_newest(now, newest_id, since=since)

    def advance_bookmark(self, moment: str) -> None:
        """Move the bookmark to a time, if this time is later than the bookmark."""
        self.bookmark = max(self.bookmark or moment, moment)
        self.messages.follow(self.bookmark)

    def set_back_bookmark(self, moment: str) -> None:
        """Move a bookmark that is ahead of HubSpot's clock back to HubSpot's time."""
        self.bookmark = moment
        self.messages.set_back(moment)

    def note_failure(self, thread_id: str, syncs: int) -> None:
        """Set the entry of a thread in `failed`, which describes `syncs`."""
        self.failed[thread_id] = syncs
        self.open.postpone(thread_id)

    def settle(self, thread_id: str, fingerprint: str | None) -> None:
        """Record that a thread was read, and that its record and messages were handled.

        If this sync does not emit threads, a thread in `failed` stays in `failed`.

        Args:
            thread_id: The thread.
            fingerprint: The fingerprint of the row. None: later syncs do not check the thread.
        """
        if self.listing.emits_rows:
            self.failed.pop(thread_id, None)
        self.not_found.pop(thread_id, None)
        self.open.note(thread_id, fingerprint, is_emitted=self.listing.emits_rows)

    def note_not_found(self, thread_id: str, now: str | None) -> None:
        """Record that a thread was not found.

        Args:
            thread_id: The thread.
            now: HubSpot's time at the 404. None if the 404 had no plausible `Date`, or if this sync
                does not check open threads (`SyncContext.tracks_open_threads`). If None, the 404
                does not count as the first check.
        """
        self.failed.pop(thread_id, None)
        self.open.postpone(thread_id)
        if now is not None:
            self.not_found.setdefault(thread_id, now)

    def move_first_check(self, thread_id: str, now: str) -> None:
        """Replace the time of a thread's first check, because a listing shows the thread.

        A deletion must then be proven by checks after this listing (`Deletions`).

        Without a plausible `Date`, `now` can be one hour too early (`HubSpotClock`). So the new
        time is never before the old time or the start of the listing.
        """
        first = self.not_found.pop(thread_id, None)
        if first is not None:
            self.not_found[thread_id] = max(first, now, self.listing.started_at or now)

    def forget(self, thread_id: str) -> None:
        """Remove a thread that was emitted in `deleted_threads`."""
        self.not_found.pop(thread_id, None)
        self.open.note(thread_id, None)
        self.messages.settle(thread_id)

    def forget_all(self) -> None:
        """Remove all threads, because the state may belong to another account."""
        self.open, self.failed, self.not_found = OpenThreads(), {}, {}
        self.recent.clear()
        self.messages.pending.clear()

    def note_account(self, number: int | None, *, is_confirmed: bool) -> None:
        """Record the token's account ID if the state is known to belong to this account.

        Args:
            number: The account ID. None: HubSpot did not report the ID, and a warning was logged.
            is_confirmed: Whether the state is known to belong to this account.
        """
        self.account_unknown_warned = number is None
        if is_confirmed:
            self.account_id = number
