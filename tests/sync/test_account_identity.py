"""The account ID: when it is confirmed, and when it is a warning or an error."""

from __future__ import annotations

from typing import Any

import pytest

from tap_hubspot_threads.errors import DailyQuotaError, HubSpotError, WrongAccountError
from tap_hubspot_threads.sync.account import identify
from tests.sync.fakes import NOW, Inline, fake, make_state, make_state_with_open, row

OTHER_THREADS: list[dict[str, Any]] = [{"failed": [["1", 1]]}, {"not_found": [["1", NOW]]}]


@pytest.mark.parametrize(
    ("returned", "saved", "is_confirmed"),
    [(53, 53, True), (53, None, False), (None, 53, False), (None, None, False)],
)
def test_state_with_threads(returned: int | None, saved: int | None, *, is_confirmed: bool) -> None:
    """If the state knows threads, only its own account ID confirms the account."""
    state = make_state_with_open(row(1), account_id=saved)
    assert identify(fake(returned), Inline(), state) == (returned, is_confirmed)


@pytest.mark.parametrize("state", OTHER_THREADS, ids=["failed", "not_found"])
def test_state_with_failed_or_not_found_threads(state: dict[str, Any]) -> None:
    """A state with only failed or not found threads knows threads too."""
    assert identify(fake(53), Inline(), make_state(**state)) == (53, False)


@pytest.mark.parametrize(("returned", "is_confirmed"), [(53, True), (None, False)])
def test_state_without_threads(returned: int | None, *, is_confirmed: bool) -> None:
    """If the state knows no thread, any account ID that HubSpot returns is confirmed."""
    assert identify(fake(returned), Inline(), make_state()) == (returned, is_confirmed)


def test_wrong_account() -> None:
    """Another account ID than the state's is an error that names both."""
    with pytest.raises(
        WrongAccountError, match=r"account 54, but the state belongs to account 53.*full"
    ):
        identify(fake(54), Inline(), make_state(account_id=53))


def test_unknown_account_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    """An unknown account ID is a warning in the first such sync only."""
    identify(fake(None), Inline(), make_state())
    assert "does not report the token's account ID" in caplog.text
    caplog.clear()
    identify(fake(None), Inline(), make_state(account_unknown_warned=True))
    assert caplog.text == ""


@pytest.mark.parametrize(
    "error",
    [HubSpotError("401", is_auth_error=True), DailyQuotaError("spent")],
    ids=["401", "quota"],
)
def test_token_and_quota_errors_end_the_sync(error: HubSpotError) -> None:
    """A rejected token or a spent daily quota ends the sync after one request."""
    hubspot = fake(error)
    with pytest.raises(HubSpotError) as raised:
        identify(hubspot, Inline(), make_state())
    assert raised.value is error
    assert hubspot.requests == [("get_account_id",)]
