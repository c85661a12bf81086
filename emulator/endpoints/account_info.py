"""The account details endpoint: ID and time zone of the token's account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from emulator.endpoints.not_found import not_found
from emulator.endpoints.responses import ApiResponse

if TYPE_CHECKING:
    from emulator.data.account import Account

PATH = re.compile(r"/account-info/(?:v3|2026-09)/details")
SILENCE = 30.0
"""Seconds until the `silent` form responds."""


def read_account_info(account: Account) -> ApiResponse:
    """Return the account's details, or the error that the behavior demands."""
    form = account.behavior.account_info
    account.details_asked += 1
    if form == "403":
        message = "This app hasn't been granted all required scopes to make this call."
        return ApiResponse.error(403, "MISSING_SCOPES", message)
    if form in {"404 json", "404 html"}:
        return not_found("json" if form == "404 json" else "html")
    if form == "500" or (form == "500 once" and account.details_asked % 2 == 1):
        return ApiResponse.error(500, "INTERNAL_ERROR", "internal error")
    if form == "garbage":
        return ApiResponse.of(200, "<html><body>Please sign in</body></html>")
    details = {} if form == "{}" else _details(account)
    return ApiResponse.of(
        200, details | ({"portalId": str(account.portal_id)} if form == "string" else {})
    )


def _details(account: Account) -> dict[str, Any]:
    minutes = abs(account.utc_offset_ms) // 60_000
    sign = "-" if account.utc_offset_ms < 0 else "+"
    return {
        "portalId": account.portal_id,
        "accountType": "STANDARD",
        "timeZone": account.time_zone,
        "companyCurrency": "USD",
        "additionalCurrencies": [],
        "utcOffset": f"{sign}{minutes // 60:02}:{minutes % 60:02}",
        "utcOffsetMilliseconds": account.utc_offset_ms,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    }
