"""Checks of threads and their state."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.simulation.sync import MASS_DELETION_MIN
from tests.simulation.thread_history import text_of, time_of

if TYPE_CHECKING:
    from tests.simulation.account import Life
    from tests.simulation.sync import Sync
    from tests.simulation.thread_history import ThreadHistory
    from tests.simulation.warehouse import Warehouse

MIN_BETWEEN_CHECKS = timedelta(minutes=10)


class Checks:
    """Compares a warehouse with an account.

    Args:
        life: The account.
        warehouse: The loaded tables and state.
    """

    def __init__(self, life: Life, warehouse: Warehouse) -> None:
        self._life, self._warehouse = life, warehouse
        self._syncs: list[Sync] = []

    def after(self, sync: Sync, deleted: list[str]) -> None:
        """Check a sync, however it ended.

        Raises:
            AssertionError: if a guarantee is broken.
        """
        self._syncs.append(sync)
        for thread_id in deleted:
            is_gone = int(thread_id) not in self._life.account.threads
            assert is_gone, f"{thread_id} exists and was reported as deleted"
        bookmark = self._warehouse.kept.get("replication_key_value") or ""
        assert bookmark <= text_of(self._life.time), f"the bookmark {bookmark} is ahead of HubSpot"
        self._note_outages(sync)
        self._note_held_open(sync)
        self._note_listing(sync)
        if "threads" not in sync.streams:
            self._note_no_rows(sync)
        if sync.end is not None:
            return
        if sync.reads_all and not sync.is_first:
            self._note_reading(sync)
            self._check_deleted(sync)
            self._check_not_found(sync)
        if "threads" in sync.streams:
            self._check_listing(sync)
            self._check_rows(sync)

    def _note_no_rows(self, sync: Sync) -> None:
        """Expect the next sync with `threads` to list what a sync without `threads` has seen."""
        for past in self._life.past.values():
            past.increment_due_at = None
            if sync.is_first:  # the filters may have changed since
                past.expected_since = None
        kept = self._warehouse.kept
        is_new = kept != sync.given
        message = "a sync without threads started a full listing"
        assert not (is_new and kept.get("full_listing_started_at")), message

    def _check_listing(self, sync: Sync) -> None:
        """If no full listing is known, one starts at once."""
        kept = self._warehouse.kept
        if sync.given.get("listing_ranges") == [] and not sync.given["full_listing_started_at"]:
            is_started = kept["full_listing_started_at"] or kept["listing_started_at"]
            assert is_started, "no full listing was started"

    def _note_outages(self, sync: Sync) -> None:
        """A thread hidden by an outage need not be known until a sync can read it."""
        outages, life = sync.outages(), self._life
        if not outages and sync.reads_all and not sync.is_first and "threads" in sync.streams:
            for thread_id in sync.tracked | sync.not_found:
                life.past[thread_id].hidden_until = None
        for lie in outages:
            for thread_id in life.past if lie.ids is None else lie.ids:
                life.past[thread_id].hidden_until = lie.ends

    def _note_held_open(self, sync: Sync) -> None:
        """A listing by status may show a known open thread as unchanged.

        The tap believes it until a sync has read everything without such a listing, or a full
        listing has shown the thread.
        """
        holds = sync.met(status_filter={"index"}) and not sync.is_by_id
        is_seen = sync.reads_all and not sync.is_first and "threads" in sync.streams
        for thread_id in sync.tracked:
            if holds or is_seen:
                self._life.past[thread_id].may_be_listed_open = holds

    def _note_listing(self, sync: Sync) -> None:
        """After a full listing, each thread must be known as it was when the listing started."""
        life, kept = self._life, self._warehouse.kept
        is_over = not kept.get("listing_ranges")
        started = kept.get("full_listing_started_at" if is_over else "listing_started_at")
        if not started:
            return
        listed = life.moment_before(time_of(started) - timedelta(seconds=self._lag))
        if sync.is_first:
            self._note_first_listing(listed)
        names = ("full_listing_completed_at", "listing_ranges")
        is_other = any(kept.get(name) != sync.given.get(name) for name in names)
        if not is_other or not is_over:
            return
        # A listed row does not replace a row that the same sync read by ID, even if that is older.
        syncs = [other for other in self._syncs if text_of(other.began_at)[:19] <= started]
        began = life.earlier(min(listed, *(other.began for other in syncs[-1:]), listed), self._lag)
        did_shift = life.may_shift and life.shifted_at >= began
        for past in life.past.values():
            if sync.is_first and past.was_archived and not sync.has_archived:
                past.expected_since = past.increment_due_at = None
                continue
            is_there = past.versions and past.versions[0][0] <= began
            if did_shift or not is_there or past.shifted_at >= began:
                continue
            past.expected_since = max(began, past.expected_since or 0)
            if not sync.given.get("listing_ranges"):  # the listing started and ended in this sync
                past.may_be_listed_open = False
            if past.hidden_until is not None and past.hidden_until < time_of(started):
                past.hidden_until = None
            if past.rolled_back_at <= began:
                past.rolled_back_at = -1

    def _note_first_listing(self, listed: int) -> None:
        """Expect a first sync's listing, not its increment, to show what is older than its start.

        If the listing is stuck, the increment still sets the bookmark, and later syncs that are not
        first ones resume the listing.
        """
        for past in self._life.past.values():
            past.expected_since = None
            if past.increment_due_at is not None and past.increment_due_at <= listed:
                past.increment_due_at = None

    def _note_reading(self, sync: Sync) -> None:
        """After a sync, each tracked thread must be known as it was when the sync started."""
        began = sync.began
        if not sync.is_by_id:  # listed rows are enough
            began = self._life.earlier(began, self._lag)
        for thread_id in sync.tracked:
            past = self._life.past[thread_id]
            is_seen = past.shifted_at < sync.began  # otherwise both sides may have missed it
            if past.rolled_back_at < 0 and is_seen and "threads" in sync.streams:
                past.expected_since = max(began, past.expected_since or 0)

    @property
    def _lag(self) -> float:
        """Maximum age in seconds of a listed row."""
        return self._life.most_lag

    def _check_deleted(self, sync: Sync) -> None:
        """Each deleted thread that was tracked is reported as deleted in time."""
        if not sync.is_healthy:
            return
        deleted = sync.deleted_threads()
        is_most = (
            2 * len(deleted) > len(sync.tracked) and len(sync.tracked) >= MASS_DELETION_MIN // 2
        )
        for thread_id in deleted:
            past = self._life.past[thread_id]
            is_seen = (
                past.deleted_at and past.deleted_at + timedelta(seconds=self._lag) >= sync.began_at
            )
            if is_seen or str(thread_id) in self._warehouse.deleted:
                continue
            if past.first_missed_at is None:
                past.first_missed_at = sync.ended_at
                continue
            is_due = sync.began_at >= past.first_missed_at + MIN_BETWEEN_CHECKS
            if is_most:
                listed = self._warehouse.kept["full_listing_started_at"]
                is_due = is_due and bool(listed) and time_of(listed) > past.first_missed_at
            if is_due and (sync.is_confirmed or 3 * len(deleted) < len(sync.tracked)):
                message = f"{thread_id} was deleted at {past.deleted_at} and not reported"
                raise AssertionError(message)

    def _check_not_found(self, sync: Sync) -> None:
        """Only threads that were deleted or changed sides are not found."""
        for thread_id, _ in self._warehouse.kept["not_found"] if sync.is_healthy else ():
            past = self._life.past[int(thread_id)]
            is_gone = past.deleted_at is not None or past.moved_at >= sync.began
            assert is_gone, f"{thread_id} exists and is marked as not found"

    def _check_rows(self, sync: Sync) -> None:
        """The warehouse has each thread as the tap last had to see it, or a later version."""
        failed = {thread_id for thread_id, _ in self._warehouse.kept.get("failed", ())}
        not_found = {thread_id for thread_id, _ in self._warehouse.kept["not_found"]}
        inbox_ids = {int(inbox) for inbox in sync.settings["inbox_ids"]}
        for thread_id, past in self._life.past.items():
            is_in_scope = not inbox_ids or past.inboxes <= inbox_ids
            is_there = thread_id in self._life.account.threads and past.hidden_until is None
            if not is_there or not is_in_scope or str(thread_id) in failed | not_found:
                continue
            since = self._since(sync, thread_id, past)
            if since is None or not past.is_after(sync.settings.get("start_date"), since):
                continue
            row = self._warehouse.rows.get(str(thread_id))
            assert row, f"{thread_id} is missing, although it existed at {since}"
            assert past.could_be(row, since), f"{thread_id} is older than at {since}: {row}"

    def _since(self, sync: Sync, thread_id: int, past: ThreadHistory) -> int | None:
        """Return the moment since which a thread must be known, or None if it need not be known."""
        life, moments = self._life, []
        is_listed = (sync.has_archived and life.lists_archived) or not past.was_archived
        if is_listed and past.increment_due_at is not None and past.increment_due_at <= sync.began:
            lag = timedelta(seconds=life.account.behavior.lag_by_time)
            if life.time_of(past.increment_due_at) + lag < sync.began_at:
                moments.append(past.increment_due_at)
        if past.expected_since is not None:
            is_read = sync.is_by_id and thread_id in sync.tracked
            # A row of a later listing may be older than a row that was emitted before.
            moments.append(life.earlier(past.expected_since, 0 if is_read else self._lag))
        return max(moments, default=None)
