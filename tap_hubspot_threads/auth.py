"""The token of a request: one that was configured, or one that OAuth gives for a while."""

from __future__ import annotations

import re
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests
from singer_sdk.authenticators import BearerTokenAuthenticator, OAuthAuthenticator
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError
from typing_extensions import override

from tap_hubspot_threads.errors import WRONG_API, is_passing, json_object

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TOKEN_PATH = "/oauth/2026-03/token"  # noqa: S105 - a path
"""Documented; `/oauth/v1/token` ends in February 2027."""

LIFETIME = 1800.0
"""Seconds that a token lives where its answer does not say. Documented."""

LEEWAY = 60.0
"""Seconds before its end at which a token is renewed, or a tenth of its life if that is less."""

_ADVICE = {
    "BAD_REFRESH_TOKEN": "check the setting refresh_token: the app may have to be installed anew",
    "BAD_CLIENT_ID": "check the setting client_id",
    "BAD_CLIENT_SECRET": "check the setting client_secret",
    "invalid_grant": "check the setting refresh_token: the app may have to be installed anew",
    "invalid_client": "check the settings client_id and client_secret",
}


_CODE = re.compile(r"[A-Z][A-Z_]{2,39}|invalid_[a-z]{3,20}|unsupported_grant_type|access_denied")
"""What HubSpot and OAuth call an error; no secret looks so."""


class TokenAuthenticator(BearerTokenAuthenticator):
    """The token of a private app or service key: there is no other when it is refused."""

    setting = "access_token"

    def prepare(self) -> None:
        """Do nothing: the token is there."""

    def is_token_valid(self) -> bool:
        """Tell that it is as good as ever."""
        return True

    def renew(self, refused: requests.Response) -> bool:  # noqa: ARG002 - as of OAuth
        """Tell that the request need not be sent again."""
        return False


class RefreshTokenAuthenticator(OAuthAuthenticator):
    """Tokens by OAuth, renewed ahead of their end by the clock, once for all threads.

    The SDK's own has no lock, renews a token only when it has ended, and logs what the token
    endpoint answers.

    Args:
        config: The settings client_id, client_secret and refresh_token.
        clock: Monotonic seconds.
        ask: Sends a request to the token endpoint, again where that can help; returns what
            `token_answer` makes of the answer, and when it was asked for; raises as that does.
    """

    setting = "refresh_token"

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        clock: Callable[[], float],
        ask: Callable[[requests.PreparedRequest], tuple[dict[str, Any], float]],
    ) -> None:
        super().__init__(
            auth_endpoint=config["api_url"].rstrip("/") + TOKEN_PATH,
            client_id=config.get("client_id"),
            client_secret=config.get("client_secret"),
        )
        self.refresh_token = config.get("refresh_token")
        self._clock, self._ask = clock, ask
        self._ends_at = float("-inf")
        self._refused = ""
        self._lock = threading.Lock()
        self._failure: FatalAPIError | None = None

    @override
    def authenticate_request(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the token that there is into the request's header."""
        if self.access_token is None:
            self.prepare()
        request.headers["Authorization"] = f"Bearer {self.access_token}"
        return request

    def prepare(self) -> None:
        """Have a token that is good for a while, before a request is authenticated.

        Raises:
            FatalAPIError: if there is none to be had; names the setting to mend.
        """
        with self._lock:  # whoever waits here finds the token that the first one got
            if not self.is_token_valid():
                self.update_access_token()

    @override
    def is_token_valid(self) -> bool:
        return self._clock() < self._ends_at

    def renew(self, refused: requests.Response) -> bool:
        """Have the next request bring another token than the one that was refused.

        Returns:
            Whether there may be another one.
        """
        header = refused.request.headers["Authorization"]
        with self._lock:
            if header == self._refused == f"Bearer {self.access_token}":
                return False  # HubSpot gives the same one again
            if header == f"Bearer {self.access_token}":
                self._refused, self._ends_at = header, float("-inf")
        return True

    @property
    @override
    def oauth_request_body(self) -> dict[str, Any]:
        return {
            "grant_type": "refresh_token",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": self.refresh_token,
        }

    @override
    def update_access_token(self) -> None:
        if self._failure:  # others need not find out one by one
            raise self._failure
        request = requests.Request("POST", self.auth_endpoint, data=self.oauth_request_body)
        try:
            answer, asked_at = self._ask(request.prepare())
        except (FatalAPIError, RetriableAPIError) as error:
            self._failure = FatalAPIError(str(error))
            raise self._failure from error
        self.access_token = answer["access_token"]
        self.refresh_token = answer.get("refresh_token") or self.refresh_token
        lifetime = _seconds(answer.get("expires_in"))
        self._ends_at = asked_at + lifetime - min(LEEWAY, lifetime / 10)


def token_answer(response: requests.Response) -> dict[str, Any]:
    """Return what the token endpoint answered.

    Raises:
        RetriableAPIError: if asking again can help.
        FatalAPIError: if it cannot; names the setting to mend. Never what the endpoint said: it may
            repeat what it was asked.
    """
    body = json_object(response)
    status = response.status_code
    tried = f"POST {TOKEN_PATH}: {status}"
    token = body.get("access_token")
    if status == HTTPStatus.OK and isinstance(token, str) and re.fullmatch(r"[!-~]+", token):
        return body
    if status == HTTPStatus.OK:
        message = f"{tried}, but the answer has no token"
        raise RetriableAPIError(message, response)
    if is_passing(status):
        raise RetriableAPIError(tried, response)
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
    raise FatalAPIError(message)


def _seconds(lifetime: object) -> float:
    try:
        seconds = float(str(lifetime))
    except ValueError:
        return LIFETIME
    return seconds if 0 < seconds < LIFETIME * 1000 else LIFETIME
