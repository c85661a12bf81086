"""Retries: the number of attempts and the waits between them."""

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
"""Maximum seconds between two attempts, unless HubSpot asks for a longer wait."""
MAX_RETRY_AFTER = 300.0
"""The longest `Retry-After` that a sync honors, in seconds. During an account migration, HubSpot
asks for up to 24 hours (documented)."""


@dataclass(frozen=True)
class RetryPolicy:
    """Limits for one request that override the settings."""

    max_attempts: int
    max_retry_after: float
    """The longest `Retry-After` to honor, in seconds."""
    timeout: float
    """Seconds for the whole response."""


QUICK = RetryPolicy(max_attempts=2, max_retry_after=10, timeout=10)
"""For optional requests, which must not delay the sync or make it fail."""
NO_RETRY = RetryPolicy(max_attempts=1, max_retry_after=0, timeout=60)


@dataclass(frozen=True)
class Retry:
    """Calls a function again after a transient error.

    Args:
        max_attempts: Maximum attempts, including the first.
        wait: Sleeps for a number of seconds. An exception that `wait` raises ends the retries.
        warn: Logs each transient error that is followed by a retry.
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
        attempts_made: int = 0,
    ) -> T:
        """Return the function's result. Call the function again after a `TransientError`.

        Args:
            function: Makes one attempt.
            on_retry: Called before each attempt except the first.
            on_failure: Called with each `TransientError`, including the last.
            attempts_made: Attempts made before this call.

        Raises:
            TransientError: if the last attempt fails. The message has the number of attempts.
            HubSpotError: if HubSpot asks for a wait that is too long, or if the last error has
                advice.
        """
        waits = schedule()
        for attempt in count(attempts_made + 1):
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
    """Return an endless generator of the seconds to wait after each attempt: 1, 2, 4 … 60, 60."""
    waits = backoff.expo(max_value=MAX_WAIT)
    next(waits)  # the first value is for the library itself
    return waits


def jitter(seconds: float) -> float:
    """Return the seconds minus a random part of up to half, so that workers do not act in step."""
    return seconds / 2 + backoff.full_jitter(seconds / 2)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of `Retry-After`; None if the header is missing or invalid.

    The header is a number of seconds or a date (RFC 9110). HubSpot documents the header for status
    477 only, but the tap honors it for every status. A date is compared with the response's own
    `Date`, or with the local clock if the response has no `Date`.
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
    """Return the time in a header such as `Date`; None if the text is not a date."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
