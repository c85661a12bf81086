"""Trying again: how often, and how long to wait before it. Whether at all, `responses` decides."""

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

LONGEST_WAIT = 60.0
LONGEST_RETRY_AFTER = 300.0
"""Seconds; HubSpot asks for up to 24 hours during an account's migration. Documented."""


@dataclass(frozen=True)
class RetryPolicy:
    """How much a request is worth, where that is less than usual."""

    tries: int
    longest: float
    """Seconds that HubSpot may ask to wait before the next try."""
    timeout: float
    """Seconds to wait for an answer, at the most."""


QUICK = RetryPolicy(tries=2, longest=10, timeout=10)
"""What a sync can do without must cost neither minutes nor the load."""
NO_RETRY = RetryPolicy(tries=1, longest=0, timeout=60)


@dataclass(frozen=True)
class Retry:
    """Calls a function until it does not fail in a passing way.

    Args:
        tries: How often at the most.
        wait: Waits some seconds; may raise, which ends it all.
        warn: Is told of each failure but the last.
        longest: Seconds that HubSpot may ask to wait.
    """

    tries: int
    wait: Callable[[float], None]
    warn: Callable[[str], None]
    longest: float = LONGEST_RETRY_AFTER

    def call(
        self,
        function: Callable[[], T],
        *,
        on_retry: Callable[[], None] = lambda: None,
        on_failure: Callable[[TransientError], None] = lambda _: None,
        made: int = 0,
    ) -> T:
        """Return what the function returns.

        Args:
            function: Raises `TransientError` where trying again can help.
            on_retry: Called before each try but the first.
            on_failure: Called with each `TransientError`, the last one included.
            made: Attempts that were made before.

        Raises:
            TransientError: the last one, which says how often it was tried.
            HubSpotError: if HubSpot asks for a longer wait, or if the last one has advice.
        """
        waits = schedule()
        for attempt in count(made + 1):
            try:
                return function()
            except TransientError as error:
                on_failure(error)
                tries = min(self.tries, error.tries or self.tries)
                if attempt >= tries:
                    raise error.after(attempt) from error
                seconds = seconds_to_wait(error, next(waits), self.longest)
                on_retry()
                self.warn(f"{error}; attempt {attempt} of {tries}, the next one in {seconds:.1f} s")
            self.wait(seconds)
        raise AssertionError  # count() has no end


def seconds_to_wait(
    error: TransientError, scheduled: float, longest: float = LONGEST_RETRY_AFTER
) -> float:
    """Return the wait before the next try: the schedule's with jitter, or longer if asked for.

    Raises:
        HubSpotError: if HubSpot asks for a longer wait.
    """
    asked = error.retry_after or 0
    if asked > longest:
        message = (
            f"{error}. HubSpot asks to come back in {asked / 60:.0f} minutes: "
            "run the sync again then."
        )
        if asked > LONGEST_RETRY_AFTER:
            raise RetryLaterError(message) from error
        raise HubSpotError(message, exit_code=EX_TEMPFAIL) from error
    return max(jitter(scheduled), asked)


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
    until = date(text)
    if until is None:
        return None
    now = date(headers.get("Date", "")) or datetime.now(timezone.utc)
    return max(0.0, (until - now).total_seconds())


def date(text: str) -> datetime | None:
    """Return the moment that a header such as `Date` says, in UTC; None where it says none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
