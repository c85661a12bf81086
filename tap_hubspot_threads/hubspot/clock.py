"""HubSpot's clock: which `Date` of a response is believed, and what time it is at HubSpot."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from tap_hubspot_threads.hubspot.retry import date

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EARLIEST_YEAR, LATEST_YEAR = 2000, 2100
MAX_AHEAD = 60.0
"""Seconds by which a `Date` may be ahead of the earliest one, less the time elapsed since."""
MAX_BEHIND = 86_400.0
"""Seconds by which a `Date` may be behind the earliest one, or our clock, without a second one."""
MARGIN = timedelta(hours=1)
"""Where no response has a `Date`, HubSpot's clock is taken to be this far behind ours."""
MAX_DOUBTED = 16


class HubSpotClock:
    """Follows HubSpot's clock by the `Date` of its responses, from any number of threads.

    Guarantees:
        * A `Date` before 2000 or after 2099 is ignored.
        * A `Date` that is more than a minute ahead of the earliest one (less the time elapsed
          since) is ignored: a bookmark must not trust one response alone.
        * A `Date` that is more than a day behind the earliest one, or behind our clock where there
          is none yet, is believed once a second response agrees with it.
        * `now` is never ahead of the earliest `Date` that is believed, plus the time elapsed.

    Args:
        monotonic: Monotonic seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self._lock = threading.Lock()
        self._earliest: float | None = None
        """The earliest `Date` that is believed, in seconds since 1970, less `monotonic` then."""
        self._doubted: list[float] = []
        """The same of each `Date` that waits for a second response to agree with it."""

    @property
    def is_known(self) -> bool:
        """Whether any response had a usable `Date`."""
        return self._earliest is not None or bool(self._doubted)

    def read(self, headers: Mapping[str, str]) -> datetime | None:
        """Return the `Date` of a response; None if it has none that is believed."""
        moment = date(headers.get("Date", ""))
        if moment is None or not EARLIEST_YEAR <= moment.year < LATEST_YEAR:
            return None
        found = moment.timestamp() - self.monotonic()
        with self._lock:
            earliest = self._earliest
            if earliest is not None and found > earliest + MAX_AHEAD:
                return None
            ours = _ours().timestamp() - self.monotonic()
            if found < (ours if earliest is None else earliest) - MAX_BEHIND:
                agrees = any(abs(found - other) <= MAX_AHEAD for other in self._doubted)
                self._doubted = [*self._doubted, found][-MAX_DOUBTED:]
                if not agrees:
                    return None
            self._earliest = found if earliest is None else min(earliest, found)
        return moment

    def now(self) -> datetime:
        """Return the time at HubSpot, or an earlier one."""
        with self._lock:
            elapsed = self.monotonic()
            if self._earliest is not None:
                return datetime.fromtimestamp(self._earliest + elapsed, timezone.utc)
            ours = _ours() - MARGIN
            if not self._doubted:
                return ours
            doubted = datetime.fromtimestamp(max(self._doubted) + elapsed, timezone.utc)
            return min(doubted, ours)


def _ours() -> datetime:
    return datetime.now(timezone.utc)
