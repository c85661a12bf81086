"""Phase 0: which account this is."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tap_hubspot_threads.errors import WrongAccountError

if TYPE_CHECKING:
    from tap_hubspot_threads.hubspot.api import HubSpotApi
    from tap_hubspot_threads.sync.concurrency.worker_pool import WorkerPool
    from tap_hubspot_threads.sync.state.state import SyncState

LOG = logging.getLogger("tap-hubspot-threads")


def identify(api: HubSpotApi, pool: WorkerPool, state: SyncState) -> tuple[int | None, bool]:
    """Return the account's ID, and whether the state is known to be of this account.

    It is if the state has that ID or knows no thread. Where HubSpot does not say the ID, the sync
    continues without: an optional request must not cost the load.

    Raises:
        WrongAccountError: if the state is of another account.
        HubSpotError: if the token is not accepted, or the daily quota is spent.
    """
    account_id = pool.run(api.get_account_id)
    if account_id is not None and state.account not in {None, account_id}:
        message = (
            f"The token is of HubSpot account {account_id}, the state of account {state.account}: "
            "check access_token (or refresh_token), or start anew with a full refresh (no "
            "state). Nothing was read."
        )
        raise WrongAccountError(message)
    if account_id is None and not state.is_account_warned_of:
        LOG.warning(
            "HubSpot does not say which account this token is of: a token of another account "
            "may go unnoticed as long as the state knows few of its threads"
        )
    knows_none = not (state.open or state.failed or state.not_found)
    return account_id, account_id is not None and (state.account == account_id or knows_none)
