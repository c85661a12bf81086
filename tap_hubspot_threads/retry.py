"""Trying again: how long to wait before it. Whether at all, `errors` decides."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import backoff

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

LONGEST_WAIT = 60.0
LONGEST_RETRY_AFTER = 300.0
"""Seconds; HubSpot asks for up to 24 hours during an account's migration. Documented."""


def schedule() -> Generator[float, None, None]:
    """Return the seconds to wait after each failed attempt: 1, 2, 4 … 60, without end."""
    waits = backoff.expo(max_value=LONGEST_WAIT)
    next(waits)  # the first is for the library's own use
    return waits


def jitter(seconds: float) -> float:
    """Return the wait shortened by up to a half, so that workers do not come back as one."""
    return seconds / 2 + backoff.full_jitter(seconds / 2)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that `Retry-After` asks for; None where it is missing or no time.

    It comes as seconds or as a date (RFC 9110); documented for 477 only, honoured wherever it
    comes. A date is held against the answer's own `Date`, else against the clock here.
    """
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        return float(text)
    until = _date(text)
    if until is None:
        return None
    now = _date(headers.get("Date", "")) or datetime.now(timezone.utc)
    return max(0.0, (until - now).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
