"""Which account it is: what is known of it, what is warned of, what ends the sync."""

from __future__ import annotations

from typing import Any

import pytest

from tap_hubspot_threads.errors import DailyQuotaError, HubSpotError, WrongAccountError
from tap_hubspot_threads.sync.account import identify
from tests.sync.fakes import NOW, Inline, fake, kept, knows, row

OTHERS: list[dict[str, Any]] = [{"failed": [["1", 1]]}, {"not_found": [["1", NOW]]}]


@pytest.mark.parametrize(
    ("number", "account", "is_confirmed"),
    [(53, 53, True), (53, None, False), (None, 53, False), (None, None, False)],
)
def test_state_with_threads(number: int | None, account: int | None, *, is_confirmed: bool) -> None:
    """Where the state knows a thread, only its own number shows that it is of this account."""
    of = knows(row(1), account_id=account)
    assert identify(fake(number), Inline(), of) == (number, is_confirmed)


@pytest.mark.parametrize("state", OTHERS, ids=["failed", "not_found"])
def test_threads_that_are_not_open(state: dict[str, Any]) -> None:
    """A state that knows a failed or a missed thread alone is one that knows a thread."""
    assert identify(fake(53), Inline(), kept(**state)) == (53, False)


@pytest.mark.parametrize(("number", "is_confirmed"), [(53, True), (None, False)])
def test_state_without_threads(number: int | None, *, is_confirmed: bool) -> None:
    """A state that knows no thread is of whichever account HubSpot says, if it does."""
    assert identify(fake(number), Inline(), kept()) == (number, is_confirmed)


def test_another_account() -> None:
    """Another number than the state's is an error that names both."""
    with pytest.raises(
        WrongAccountError, match=r"account 54, but the state belongs to account 53.*full"
    ):
        identify(fake(54), Inline(), kept(account_id=53))


def test_no_number_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    """That HubSpot does not say is a warning, in the first such sync only."""
    identify(fake(None), Inline(), kept())
    assert "does not report the token's account ID" in caplog.text
    caplog.clear()
    identify(fake(None), Inline(), kept(account_unknown_warned=True))
    assert caplog.text == ""


@pytest.mark.parametrize(
    "error", [HubSpotError("401", is_auth_error=True), DailyQuotaError("spent")], ids=["401", "day"]
)
def test_what_ends_the_sync(error: HubSpotError) -> None:
    """A token that is not accepted and a spent day end it here; it is asked once."""
    hubspot = fake(error)
    with pytest.raises(HubSpotError) as raised:
        identify(hubspot, Inline(), kept())
    assert raised.value is error
    assert hubspot.asked == [("get_account_id",)]
