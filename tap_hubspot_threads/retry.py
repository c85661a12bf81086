"""Trying again: how long to wait before it. Whether at all, `errors` decides."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar

import backoff
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

T = TypeVar("T")

LONGEST_WAIT = 60.0
LONGEST_RETRY_AFTER = 300.0
"""Seconds; HubSpot asks for up to 24 hours during an account's migration. Documented."""


def attempts(
    function: Callable[[], T],
    *,
    tries: int,
    seconds_to_wait: Callable[[RetriableAPIError, float], float],
    wait: Callable[[float], None],
    warn: Callable[[str], None],
) -> T:
    """Call a function until it does not fail in a passing way, `tries` times at the most.

    Args:
        function: Raises `RetriableAPIError` where trying again can help.
        tries: How often to call it.
        seconds_to_wait: Returns the seconds before the next try, for an error and what the schedule
            says.
        wait: Waits.
        warn: Is told of each failure but the last.

    Raises:
        RetriableAPIError: the last one, which says how often it was tried.
    """
    waits = schedule()
    for attempt in range(1, tries):
        try:
            return function()
        except RetriableAPIError as error:
            seconds = seconds_to_wait(error, next(waits))
            warn(f"{error}; attempt {attempt} of {tries}, the next one in {seconds:.1f} s")
        wait(seconds)
    try:
        return function()
    except RetriableAPIError as error:
        message = f"{error}. Gave up after {tries} attempts (max_attempts)."
        raise RetriableAPIError(message, error.response) from error


def asked_for(error: RetriableAPIError) -> float | None:
    """Return the seconds that `Retry-After` of an answer asks for, if it does.

    Raises:
        FatalAPIError: if HubSpot asks for a longer wait than a sync should last.
    """
    asked = None if error.response is None else retry_after(error.response.headers)
    if asked is not None and asked > LONGEST_RETRY_AFTER:
        message = (
            f"{error}. HubSpot asks to come back in {asked / 60:.0f} minutes: "
            "run the sync again then."
        )
        raise FatalAPIError(message) from error
    return asked


def seconds_to_wait(error: RetriableAPIError, scheduled: float) -> float:
    """Return the wait before the next try: the schedule's with jitter, or longer if asked for.

    Raises:
        FatalAPIError: as `asked_for` does.
    """
    return max(jitter(scheduled), asked_for(error) or 0)


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
