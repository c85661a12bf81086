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
"""Maximum seconds between two attempts, unless HubSpot requests a longer wait by `Retry-After`."""
MAX_RETRY_AFTER = 300.0
"""The longest `Retry-After` that a sync waits for, in seconds. If HubSpot requests a longer wait
before a retry, the sync ends (`RetryLaterError`). During an account migration, HubSpot requests up
to 24 hours (documented)."""


@dataclass(frozen=True)
class RetryPolicy:
    """Limits for a single request."""

    max_attempts: int
    """Maximum attempts, instead of the setting `max_attempts`."""
    max_retry_after: float
    """The longest `Retry-After` to wait for, in seconds. If `Retry-After` is longer, the request is
    not retried."""
    timeout: float
    """Seconds for the whole response, if lower than the setting `request_timeout`."""


QUICK = RetryPolicy(max_attempts=2, max_retry_after=10, timeout=10)
"""For requests that must not delay the sync. The sync also works without their results."""
NO_RETRY = RetryPolicy(max_attempts=1, max_retry_after=0, timeout=60)


@dataclass(frozen=True)
class Retry:
    """Calls a function again after a transient error.

    Args:
        max_attempts: Maximum attempts, including the first.
        wait: Sleeps for a number of seconds. An exception that `wait` raises ends the retries.
        warn: Logs a warning. Called before the wait for each retry.
        max_retry_after: The longest `Retry-After` to wait for, in seconds.
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
            on_retry: Called before the wait for each retry.
            on_failure: Called with each `TransientError`, including the last.
            attempts_made: The number of attempts before this call, which count toward
                `max_attempts`.

        Raises:
            TransientError: if the last attempt fails with a `TransientError` that has no `advice`.
                The message contains the number of attempts.
            HubSpotError: if the last attempt fails with a `TransientError` that has `advice`, or if
                an earlier attempt gets a `Retry-After` of more than `max_retry_after` seconds.
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
    """Return the longer of two waits: `Retry-After`, and the scheduled wait with jitter.

    Raises:
        HubSpotError: if `Retry-After` exceeds `max_retry_after`.
        RetryLaterError: if `Retry-After` exceeds `MAX_RETRY_AFTER` too. This error ends the sync.
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
    """Return an endless generator of the seconds to wait: 1, 2, 4, 8, 16, 32, 60, 60 and so on."""
    waits = backoff.expo(max_value=MAX_WAIT)
    next(waits)  # the first value, 0, is only for the library's own use
    return waits


def jitter(seconds: float) -> float:
    """Return a random number from `seconds / 2` to `seconds`.

    Random waits prevent workers that failed together from sending their retries together.
    """
    return seconds / 2 + backoff.full_jitter(seconds / 2)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait that `Retry-After` requests; None without a valid `Retry-After`.

    `Retry-After` is a number of seconds or a date (RFC 9110). A date is compared with the `Date` of
    the response. If the response has no `Date`, the date is compared with the local clock. HubSpot
    documents `Retry-After` for status 477 only, but the tap honors the header for every status that
    it treats as transient.
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
    """Return the time in the value of a header such as `Date`; None if the value is not a date."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
