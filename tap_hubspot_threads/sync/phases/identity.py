"""Which account this is: asked once a sync, before anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import WrongAccountError

if TYPE_CHECKING:
    import logging

    from tap_hubspot_threads.models import HubSpot
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.state.state import SyncState


def identify(
    hubspot: HubSpot, workers: WorkerPool, kept: SyncState, *, log: logging.Logger
) -> tuple[int | None, bool]:
    """Return the account's number, and whether that is known to be the state's.

    It is, where the state has that number or knows no thread. Where HubSpot does not say, the sync
    goes on without: an optional request must not cost the load.

    Raises:
        WrongAccountError: if it is known not to be.
        HubSpotError: if the token is not accepted, or the day's calls are spent.
    """
    number = workers.call(hubspot.account_number)
    if number is not None and kept.account not in {None, number}:
        message = (
            f"The token is of HubSpot account {number}, the state of account {kept.account}: "
            "check access_token (or refresh_token), or start anew with a full refresh (no "
            "state). Nothing was read."
        )
        raise WrongAccountError(message)
    if number is None and not kept.is_account_warned_of:
        log.warning(
            "HubSpot does not say which account this token is of: a token of another account "
            "may go unnoticed as long as the state knows few of its threads"
        )
    knows_none = not (kept.open or kept.failed or kept.missed)
    return number, number is not None and (kept.account == number or knows_none)
