"""Reads one thread by ID, live or archived."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tap_hubspot_threads.errors import HubSpotError, NotFoundError, RefusedError, TransientError

if TYPE_CHECKING:
    from tap_hubspot_threads.hubspot.api import HubSpotApi
    from tap_hubspot_threads.models import Row, ThreadRef

MAX_CALLS_PER_THREAD = 2
"""Maximum API calls to read a thread by ID, not counting retries: one as live, one as archived."""


class ReadResult(NamedTuple):
    """The result of reading a thread by ID."""

    ref: ThreadRef
    outcome: Row | HubSpotError | None
    """The thread's row. None: HubSpot has no such thread. An error: the thread could not be
    read."""
    calls: int
    """Number of API calls, not counting retries."""
    now: str | None = None
    """If the thread was not found, the `Date` of the last 404, such as `2026-01-31T09:00:00.000Z`.
    None: the thread was found, reading failed, or the 404 has no plausible `Date`."""


def fetch_thread(api: HubSpotApi, ref: ThreadRef, *, once: bool = False) -> ReadResult:
    """Read a thread by ID. After a `NotFoundError`, try the other value of `archived`.

    A `TransientError` or `RefusedError` is returned as the outcome, not raised.

    Args:
        api: The HubSpot API.
        ref: The thread. Its `archived` is the value for the first request.
        once: Whether to make each request without retries.
    """
    now = None
    for calls, archived in enumerate((ref.archived, not ref.archived), start=1):
        try:
            row = api.get_thread(ref.id, archived=archived, once=once)
        except NotFoundError as error:
            now = error.now
        except (TransientError, RefusedError) as error:
            return ReadResult(ref, error, calls)
        else:
            return ReadResult(ref, row, calls)
    return ReadResult(ref, None, MAX_CALLS_PER_THREAD, now)
