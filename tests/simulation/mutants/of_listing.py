"""Planted bugs in the full listing and the lookback: something is not listed, or read too often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.sync.phases import range_plan
from tap_hubspot_threads.sync.phases.range_plan import RangePlan
from tap_hubspot_threads.sync.phases.range_reader import ListedPart
from tap_hubspot_threads.sync.state.full_listing_state import ARCHIVED, FullListingState
from tap_hubspot_threads.sync.state.recent_threads import RecentThreads

if TYPE_CHECKING:
    import pytest


def range_end_exclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last ID of a range belongs to no range."""
    find = vars(ListedPart)["ids"].func

    def without_end(self: ListedPart) -> list[int]:
        ids: list[int] = find(self)
        is_last = self.page is None or self.page.cursor is None
        until = None if self.covered is None or is_last else self.covered.until
        return [each for each in ids if each != until]

    monkeypatch.setattr(ListedPart, "ids", property(without_end))


def split_loses_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a range that is split, the last tenth of the lower part is lost."""
    split = vars(RangePlan)["_split"]

    def shorter(self: Any) -> Any:
        new = split(self)
        for each in self._ranges:
            if new is not None and each.until == new.after:
                each.until -= (each.until - each.after) // 10
        return new

    monkeypatch.setattr(RangePlan, "_split", shorter)


def archived_ranges_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing that is resumed forgets its ranges of archived threads."""
    to_dict = FullListingState.to_dict

    def without(self: FullListingState) -> dict[str, Any]:
        state = to_dict(self)
        ranges = [each for each in state["listing_ranges"] if each[0] != ARCHIVED]
        return state | {"listing_ranges": ranges or state["listing_ranges"]}

    monkeypatch.setattr(FullListingState, "to_dict", without)


def recent_thread_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lookback skips a thread that was emitted with another time of its latest message."""
    monkeypatch.setattr(
        RecentThreads, "is_last_emitted", lambda self, thread_id, _: thread_id in self._times
    )


def no_budget_for_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranges are split however many calls that takes."""
    monkeypatch.setattr(range_plan, "SPARE_CALLS", 10**9)
