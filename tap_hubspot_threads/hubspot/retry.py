"""Retries: how many attempts to make and how long to wait. `responses` decides what to retry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from itertools import count
from typing import TYPE_CHECKING, TypeVar

import backoff

from tap_hubspot_threads.errors import EX_TEMPFAIL, HubSpotError, RetryLaterError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

T = TypeVar("T")

MAX_WAIT = 60.0
"""Seconds between two attempts, unless HubSpot asks for a longer wait."""
MAX_RETRY_AFTER = 300.0
"""Seconds. HubSpot asks for up to 24 hours while it migrates an account. Documented."""


@dataclass(frozen=True)
class RetryPolicy:
    """The limits of one request, if they are tighter than the settings."""

    max_attempts: int
    max_retry_after: float
    """The longest `Retry-After` to honor, in seconds."""
    timeout: float
    """Seconds for one whole response."""


QUICK = RetryPolicy(max_attempts=2, max_retry_after=10, timeout=10)
"""For optional requests, which must neither take minutes nor fail the sync."""
NO_RETRY = RetryPolicy(max_attempts=1, max_retry_after=0, timeout=60)


@dataclass(frozen=True)
class Retry:
    """Calls a function again after a transient error.

    Args:
        max_attempts: Maximum attempts, including the first.
        wait: Sleeps for a number of seconds. An exception from it ends the retries.
        warn: Logs each transient error except the last.
        max_retry_after: The longest `Retry-After` to honor, in seconds.
    """

    max_attempts: int
    wait: Callable[[float], None]
    warn: Callable[[str], None]
    max_retry_after: float = MAX_RETRY_AFTER

    def call(
        self,
        function: Callable[[], T],
        *,
        on_retry: Callable[[], None] = lambda: None,
        on_failure: Callable[[TransientError], None] = lambda _: None,
        made: int = 0,
    ) -> T:
        """Return the function's result.

        Args:
            function: Raises `TransientError` if a retry may help.
            on_retry: Called before each attempt except the first.
            on_failure: Called with each `TransientError`, including the last.
            made: Attempts that were made before this call.

        Raises:
            TransientError: the last one, with the number of attempts.
            HubSpotError: if HubSpot asks for a longer wait, or if the last error has advice.
        """
        waits = schedule()
        for attempt in count(made + 1):
            try:
                return function()
            except TransientError as error:
                on_failure(error)
                max_attempts = min(self.max_attempts, error.max_attempts or self.max_attempts)
                if attempt >= max_attempts:
                    raise error.after(attempt) from error
                seconds = seconds_to_wait(error, next(waits), self.max_retry_after)
                on_retry()
                self.warn(
                    f"{error}. Attempt {attempt} of {max_attempts} failed; retrying in "
                    f"{seconds:.1f} s"
                )
            self.wait(seconds)
        raise AssertionError  # count() has no end


def seconds_to_wait(
    error: TransientError, scheduled: float, max_retry_after: float = MAX_RETRY_AFTER
) -> float:
    """Return the longer of `Retry-After` and the scheduled wait with jitter.

    Raises:
        HubSpotError: if HubSpot asks for more than `max_retry_after`.
    """
    requested = error.retry_after or 0
    if requested > max_retry_after:
        message = (
            f"{error}. HubSpot asks to wait for {requested / 60:.0f} minutes. Run the sync again "
            "after that."
        )
        if requested > MAX_RETRY_AFTER:
            raise RetryLaterError(message) from error
        raise HubSpotError(message, exit_code=EX_TEMPFAIL) from error
    return max(jitter(scheduled), requested)


def schedule() -> Generator[float, None, None]:
    """Return the seconds to wait after each failed attempt: 1, 2, 4 … 60, without end."""
    waits = backoff.expo(max_value=MAX_WAIT)
    next(waits)  # the generator's first value is for the library itself
    return waits


def jitter(seconds: float) -> float:
    """Return the wait, shortened at random by up to half, so that workers do not retry together."""
    return seconds / 2 + backoff.full_jitter(seconds / 2)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of `Retry-After`; None if the header is missing or invalid.

    The header is a number of seconds or a date (RFC 9110). HubSpot documents it for status 477
    only; the tap honors it for every status. A date is compared with the response's own `Date`, or
    with the local clock if the response has none.
    """
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        return float(text)
    until = parse_date(text)
    if until is None:
        return None
    now = parse_date(headers.get("Date", "")) or datetime.now(timezone.utc)
    return max(0.0, (until - now).total_seconds())


def parse_date(text: str) -> datetime | None:
    """Parse a header such as `Date`; None if it is not a date."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
