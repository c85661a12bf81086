"""The mutants that random histories have to find, each with the promise that it breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.mutants import of_messages as messages
from tests.simulation.mutants import of_reading as reading
from tests.simulation.mutants import of_state as keeping

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    Plant = Callable[[pytest.MonkeyPatch], None]

LOST = "is missing, although it was there|is older than at"
STALE = "is older than at"
KILLED = "lives and was told deleted"
UNSAID = "^message .* is lost|^message .* is staler than"
UNNAMED = "is not out, and was settled"
NEEDLESS = "were read, and had not changed"
UNTOLD = "is gone since .* and was not told deleted"

PLANTED: dict[Plant, str] = {
    keeping.noted_before_out: LOST,
    keeping.state_before_row: LOST,
    keeping.cursor_saved_early: LOST,
    keeping.bookmark_at_the_end: LOST,
    keeping.doubt_lost: STALE,
    keeping.fingerprint_of_less: STALE,
    keeping.failed_id_dropped: LOST,
    keeping.number_not_compared: "another account was read",
    keeping.number_kept_at_once: "the number of another account was kept",
    keeping.key_left_out: "STATE has other keys",
    keeping.looks_not_apart: KILLED,
    keeping.dead_never_told: UNTOLD,
    reading.no_lookback: LOST,
    reading.since_rounded_up: f"{LOST}|{UNSAID}",
    reading.cursor_skipped: LOST,
    reading.cursors_by_time: f"{LOST}|{UNSAID}",
    reading.archived_not_swept: LOST,
    reading.own_clock: "is ahead of HubSpot",
    reading.limit_stays_refused: "the sync failed: RefusedError",
    reading.gateways_404_believed: KILLED,
    reading.header_of_404_ignored: "the sync failed: IncompleteError|is gone since",
    reading.position_of_the_maximum: f"{LOST}|{UNSAID}",
    reading.position_of_the_last_row: f"{LOST}|{UNSAID}",
    reading.wrong_path_believed: "a wrong path was believed",
    reading.size_stays_failing: "the sync failed: TransientError",
    reading.refusal_ends_the_sync: "the sync failed: HubSpotError",
    reading.walk_not_repeated: f"{LOST}|{UNSAID}",
    reading.once_missed_forgotten: f"lives and is missed|{UNTOLD}",
    reading.rest_not_read: f"{STALE}|{UNTOLD}",
    reading.listed_row_overwrites: STALE,
    messages.settled_with_its_row: f"{UNSAID}|{UNNAMED}",
    messages.walked_before_out: UNSAID,
    messages.messages_not_owed: UNSAID,
    messages.gone_at_once: UNSAID,
    messages.taken_for_out: UNSAID,
    messages.marks_not_doubted: f"{LOST}|{STALE}",
    messages.listing_reads_messages: NEEDLESS,
    messages.doubt_reads_messages: NEEDLESS,
    messages.actors_not_awaited: UNNAMED,
    messages.actors_tried_once: "the sync failed: IncompleteError",
}
"""Each with what the broken promise says."""
