"""The settings of each sync of a history."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.simulation.actions import INBOXES

if TYPE_CHECKING:
    import random

    from tests.simulation.account import Life


class Settings:
    """Draws the settings of each sync. The filters stay the same until `change` is called.

    Args:
        chance: The source of randomness.
        life: The account.
    """

    def __init__(self, chance: random.Random, life: Life) -> None:
        self._chance, self._life = chance, life
        self.change()

    def change(self) -> None:
        """Draw other filters."""
        chance = self._chance
        count = chance.choice((0, 0, 0, 1, 2))
        self._filters: dict[str, Any] = {
            "inbox_ids": [str(inbox) for inbox in chance.sample(INBOXES, count)]
        }
        if chance.random() < 0.2:
            self._filters["include_archived"] = False
        if chance.random() < 0.2:
            start = self._life.time - timedelta(seconds=chance.choice((0, 300, 86_400)))
            self._filters["start_date"] = start.strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def draw(self) -> dict[str, Any]:
        """Return the settings of the next sync."""
        chance = self._chance
        return self._filters | {
            "always_fetch_by_id": chance.choice([False, True]),
            "max_concurrency": chance.choice([1, 4]),
            "lookback_seconds": self._lookback(),
            "open_threads_max_calls": chance.choice([10_000, 10_000, 4, 0]),
            "full_listing_interval_hours": chance.choice([1, 1, 24]),
            "max_attempts": chance.choice([100, 100, 100, 2]),
        }

    def _lookback(self) -> int:
        """Return a lookback that covers the lag of the index, and emails that arrive late."""
        if self._life.has_late_mails:
            return 3_600
        return self._chance.choice([120, 300])
