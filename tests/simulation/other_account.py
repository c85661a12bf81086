"""A sync with the token of another account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.data.account import Account
from emulator.data.thread import HELP_DESK, Thread
from tap_hubspot_threads.errors import WrongAccountError
from tests.simulation.faults import service_of
from tests.simulation.warehouse import kept_in

if TYPE_CHECKING:
    from emulator.service import Service
    from tests.simulation.account import Life

NUMBER = 4_711


def other_account(life: Life) -> Service:
    """Create another account. Its IDs differ, since they are unique in all of HubSpot."""
    thread = Thread(10**11, HELP_DESK, 1, life.time, received_at=life.time)
    other = Account([thread], clock=lambda: life.time, behavior=life.account.behavior)
    other.portal_id = NUMBER
    other.message(other.create(), sent=True)
    return service_of(other, life, latency=0)


def check_other(
    life: Life, kept: dict[str, Any], lines: list[dict[str, Any]], end: BaseException | None
) -> None:
    """Check what a sync with the other account's token did.

    Args:
        life: The right account.
        kept: The threads bookmark of the state before.
        lines: The messages that the sync wrote.
        end: The error that ended the sync, if any.

    Raises:
        AssertionError: if a guarantee is broken.
    """
    records = [line for line in lines if line["type"] == "RECORD"]
    deleted = [row for row in records if row["stream"] == "deleted_threads"]
    assert not deleted, f"another account's sync reported deletions: {deleted}"
    states = [line["value"] for line in lines if line["type"] == "STATE"]
    reports_account_id = life.account.behavior.account_info in {"number", "500 once"}
    if reports_account_id and kept.get("account_id"):
        assert isinstance(end, WrongAccountError), f"another account was read: {end!r}"
        assert not records
        assert all(kept_in(state) == kept for state in states)
    elif kept.get("open_threads") or kept.get("failed"):
        accounts = [kept_in(state).get("account_id") for state in states]
        assert NUMBER not in accounts, "another account's ID was saved"
