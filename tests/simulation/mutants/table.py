"""The planted bugs, each with the guarantee that it breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.mutants import of_listing as listing
from tests.simulation.mutants import of_messages as messages
from tests.simulation.mutants import of_reading as reading
from tests.simulation.mutants import of_state as state

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    Plant = Callable[[pytest.MonkeyPatch], None]

LOST = "is missing, although it existed|is older than at"
STALE = "is older than at"
FALSE_DELETION = "exists and was reported as deleted"
MESSAGE_LOST = "^message .* is lost|^message .* is outdated since"
ACTOR_LOST = "is not emitted, and was settled"
NEEDLESS_CALL = "were read although it did not change"
MISSED_DELETION = "was deleted at .* and not reported"

MUTANTS: dict[Plant, str] = {
    state.bookmark_before_records: f"{LOST}|{MESSAGE_LOST}|{ACTOR_LOST}",
    state.state_before_record: LOST,
    state.cursor_before_records: LOST,
    state.bookmark_at_end: f"{LOST}|{MESSAGE_LOST}",
    state.always_exact: STALE,
    state.fingerprint_without_assignee: STALE,
    state.failed_thread_forgotten: LOST,
    state.account_not_compared: "another account was read",
    state.account_saved_early: "another account's ID was saved",
    state.empty_key_omitted: "STATE has other keys",
    state.checks_without_interval: FALSE_DELETION,
    state.deletions_forgotten: MISSED_DELETION,
    reading.no_lookback: LOST,
    reading.since_rounded_up: f"{LOST}|{MESSAGE_LOST}",
    reading.empty_page_ends_listing: LOST,
    reading.cursors_by_time: f"{LOST}|{MESSAGE_LOST}",
    reading.archived_not_read: LOST,
    reading.local_clock_trusted: "is ahead of HubSpot",
    reading.refused_size_repeated: "the sync failed: RefusedError",
    reading.gateway_404_believed: FALSE_DELETION,
    reading.header_of_404_ignored: "the sync failed: IncompleteError|was deleted at",
    reading.position_of_the_maximum: f"{LOST}|{MESSAGE_LOST}",
    reading.position_of_the_last_row: f"{LOST}|{MESSAGE_LOST}",
    reading.wrong_path_believed: "a wrong path was not detected",
    reading.failing_size_repeated: "the sync failed: TransientError",
    reading.refusal_ends_the_sync: "the sync failed: HubSpotError",
    reading.walk_not_repeated: f"{LOST}|{MESSAGE_LOST}",
    reading.not_found_forgotten: f"exists and is marked as not found|{MISSED_DELETION}",
    reading.unlisted_not_read: f"{STALE}|{MISSED_DELETION}",
    reading.listed_row_overwrites: STALE,
    listing.range_end_exclusive: LOST,
    listing.split_loses_middle: LOST,
    listing.archived_ranges_forgotten: LOST,
    listing.recent_thread_not_compared: f"{LOST}|{MESSAGE_LOST}",
    listing.no_budget_for_splits: "calls for .* pages",
    messages.settled_before_messages: f"{MESSAGE_LOST}|{ACTOR_LOST}",
    messages.backfill_bookmark_first: MESSAGE_LOST,
    messages.pending_messages_dropped: MESSAGE_LOST,
    messages.deleted_after_one_404: MESSAGE_LOST,
    messages.bookmark_moves_without_messages: MESSAGE_LOST,
    messages.unemitted_fingerprint_kept: f"{LOST}|{STALE}",
    messages.listing_reads_messages: NEEDLESS_CALL,
    messages.archived_threads_not_backfilled: MESSAGE_LOST,
    messages.inexact_fingerprints_read_messages: NEEDLESS_CALL,
    messages.state_before_actors: ACTOR_LOST,
    messages.single_actors_not_retried: "the sync failed: IncompleteError",
}
"""Each bug with a regular expression for the message of the broken guarantee."""
