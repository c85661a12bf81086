"""HubSpot's clock, derived from the `Date` headers of its responses."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from tap_hubspot_threads.hubspot.retry import parse_date

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EARLIEST_YEAR, LATEST_YEAR = 2000, 2100
MAX_AHEAD = 60.0
"""Seconds. A `Date` further ahead of the clock than this is ignored."""
MAX_BEHIND = 86_400.0
"""Seconds. A `Date` further behind the clock than this is accepted only if a second response
agrees."""
MARGIN = timedelta(hours=1)
"""Assumed lag of HubSpot's clock behind the local clock until a `Date` is accepted."""
MAX_UNCONFIRMED = 16
"""Maximum number of dates to remember until a second response agrees."""


class HubSpotClock:
    """Derives HubSpot's clock from the `Date` of its responses. Thread-safe.

    The time is the accepted `Date` that gives the earliest time, plus the seconds since its
    response.

    Guarantees:
        * A `Date` before 2000 or after 2099 is ignored.
        * A `Date` more than one minute ahead of the clock is ignored. A single response must not
          move a bookmark into the future.
        * A `Date` more than one day behind the clock is accepted only if a second response agrees.
          The first `Date` is compared with the local clock.
        * `now` is never later than any accepted `Date` implies.

    Args:
        monotonic: Returns monotonic seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self._lock = threading.Lock()
        self._earliest: float | None = None
        """The earliest accepted `Date`, as seconds since 1970 minus `monotonic` at the response."""
        self._unconfirmed: list[float] = []
        """The latest dates that need a second response to agree, in the same form."""

    @property
    def is_known(self) -> bool:
        """Whether any response had a plausible `Date`."""
        return self._earliest is not None or bool(self._unconfirmed)

    def read(self, headers: Mapping[str, str]) -> datetime | None:
        """Return the `Date` of a response; None if the `Date` is missing or not accepted."""
        moment = parse_date(headers.get("Date", ""))
        if moment is None or not EARLIEST_YEAR <= moment.year < LATEST_YEAR:
            return None
        offset = moment.timestamp() - self.monotonic()
        with self._lock:
            earliest = self._earliest
            if earliest is not None and offset > earliest + MAX_AHEAD:
                return None
            local = _local_time().timestamp() - self.monotonic()
            if offset < (local if earliest is None else earliest) - MAX_BEHIND:
                agrees = any(abs(offset - other) <= MAX_AHEAD for other in self._unconfirmed)
                self._unconfirmed = [*self._unconfirmed, offset][-MAX_UNCONFIRMED:]
                if not agrees:
                    return None
            self._earliest = offset if earliest is None else min(earliest, offset)
        return moment

    def now(self) -> datetime:
        """Return HubSpot's current time, or an earlier time if the clock is uncertain."""
        with self._lock:
            elapsed = self.monotonic()
            if self._earliest is not None:
                return datetime.fromtimestamp(self._earliest + elapsed, timezone.utc)
            local = _local_time() - MARGIN
            if not self._unconfirmed:
                return local
            unconfirmed = datetime.fromtimestamp(max(self._unconfirmed) + elapsed, timezone.utc)
            return min(unconfirmed, local)


def _local_time() -> datetime:
    return datetime.now(timezone.utc)
