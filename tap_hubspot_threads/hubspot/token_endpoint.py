"""HubSpot's token endpoint: asking it, and what its answers mean."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tap_hubspot_threads.errors import HubSpotError, PassingError
from tap_hubspot_threads.hubspot.answers import WRONG_API, Endpoint, is_passing, json_object
from tap_hubspot_threads.hubspot.retry import retry_after
from tap_hubspot_threads.hubspot.transport import NoAnswerError, Request, Response, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_hubspot_threads.hubspot.retry import Retry

TOKEN = Endpoint("POST", "/oauth/2026-03/token")
"""Documented; `/oauth/v1/token` ends in February 2027."""

_ADVICE = {
    "BAD_REFRESH_TOKEN": "check the setting refresh_token: the app may have to be installed anew",
    "BAD_CLIENT_ID": "check the setting client_id",
    "BAD_CLIENT_SECRET": "check the setting client_secret",
    "invalid_grant": "check the setting refresh_token: the app may have to be installed anew",
    "invalid_client": "check the settings client_id and client_secret",
}

_CODE = re.compile(r"[A-Z][A-Z_]{2,39}|invalid_[a-z]{3,20}|unsupported_grant_type|access_denied")
"""What HubSpot and OAuth call an error; no secret looks so."""


class TokenEndpoint:
    """HubSpot's token endpoint.

    Args:
        api_url: The base URL.
        transport: The way to it.
        retry: How often it is asked.
        timeout: Seconds to wait for an answer.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        api_url: str,
        *,
        transport: Transport,
        retry: Retry,
        timeout: float,
        clock: Callable[[], float],
    ) -> None:
        self._url = api_url + TOKEN.path
        self._transport, self._retry = transport, retry
        self._timeout, self._clock = timeout, clock

    def ask(self, form: Mapping[str, Any]) -> tuple[dict[str, Any], float]:
        """Return what it answers to a form, and when it was asked.

        Raises:
            HubSpotError: if it gives no token; names the setting to mend.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        request = Request("POST", self._url, headers, urlencode(form).encode())

        def attempt() -> tuple[dict[str, Any], float]:
            asked_at = self._clock()
            try:
                response = self._transport.send(request, timeout=self._timeout)
            except NoAnswerError as error:
                kind = PassingError if error.is_passing else HubSpotError
                message = f"{TOKEN}{error}"
                raise kind(message) from error
            return token_answer(response), asked_at

        return self._retry.call(attempt)


def token_answer(response: Response) -> dict[str, Any]:
    """Return what the token endpoint answered.

    Raises:
        PassingError: if asking again can help.
        HubSpotError: if it cannot; names the setting to mend. Never what the endpoint said: it may
            repeat what it was asked.
    """
    body = json_object(response.body)
    tried = f"{TOKEN}: {response.status}"
    token = body.get("access_token")
    is_ok = response.status == HTTPStatus.OK
    if is_ok and isinstance(token, str) and re.fullmatch(r"[!-~]+", token):
        return body
    if is_ok or is_passing(response.status):
        message = f"{tried}, but the answer has no token" if is_ok else tried
        raise PassingError(message, retry_after=retry_after(response.headers))
    words = [body.get("status"), body.get("category"), body.get("error")]
    reasons = [word for word in words if isinstance(word, str) and _CODE.fullmatch(word)]
    known = [reason for reason in reasons if reason in _ADVICE]
    if known:
        message = f"{tried} {known[0]}. HubSpot gives no token: {_ADVICE[known[0]]}."
    elif not reasons:
        message = f"{tried}. {WRONG_API}"
    else:
        message = (
            f"{' '.join([tried, *reasons[:1]])}. HubSpot gives no token: check the settings "
            "client_id, client_secret and refresh_token."
        )
    raise HubSpotError(message)
