"""HubSpot's clock, which `HubSpotClock` derives from the `Date` headers of the responses.

The *derived time* is HubSpot's current time according to these headers.
"""

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
"""A `Date` more than this many seconds later than the derived time is ignored."""
MAX_BEHIND = 86_400.0
"""A `Date` more than this many seconds earlier than the derived time is *unconfirmed* (see
`HubSpotClock`)."""
MARGIN = timedelta(hours=1)
"""Until a `Date` is accepted, HubSpot's clock is assumed to be at least this far behind the local
clock."""
MAX_UNCONFIRMED = 16
"""Maximum unconfirmed dates to remember. A further unconfirmed date replaces the oldest."""


class HubSpotClock:
    """Derives the time by HubSpot's clock from the `Date` of each response. Thread-safe.

    A `Date`, plus the seconds since its response arrived, is an estimate of HubSpot's current time.
    The derived time is the earliest estimate of all accepted dates.

    Guarantees:
        * A `Date` before 2000 or after 2099 is ignored.
        * A `Date` more than one minute later than the derived time is ignored: `read` returns None.
          So a single wrong `Date` cannot move the bookmark into the future, unless it is the first.
        * A `Date` more than one day earlier than the derived time is *unconfirmed*. An unconfirmed
          `Date` is accepted if an earlier unconfirmed `Date` agrees with it: their estimates differ
          by at most one minute.
        * Before the first accepted `Date`, there is no derived time. Until then, a `Date` more than
          one day earlier than the local time is unconfirmed. Any other `Date` is accepted, even if
          it is later than the local time.
        * After a `Date` was accepted, `now` is never later than the estimate of an accepted `Date`.

    Args:
        monotonic: Returns monotonic seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self._lock = threading.Lock()
        self._earliest: float | None = None
        """The smallest offset of an accepted `Date`: the seconds from 1970 to the `Date`, minus
        `monotonic()` when the response arrived. None: no `Date` was accepted yet."""
        self._unconfirmed: list[float] = []
        """The offsets of the unconfirmed dates that were received last."""

    @property
    def is_known(self) -> bool:
        """Whether any response had a *plausible* `Date`: one that was accepted or unconfirmed."""
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
        """Return the derived time.

        Until a `Date` is accepted, return the local time minus `MARGIN`. If the estimates of all
        unconfirmed dates are earlier, return the largest of these estimates instead.
        """
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
