"""The token of a request: one that was configured, or one that OAuth gives for a while."""

from __future__ import annotations

import re
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

from tap_hubspot_threads.errors import HubSpotError, TransientError
from tap_hubspot_threads.hubspot.responses import WRONG_API, Endpoint, is_transient, json_object
from tap_hubspot_threads.hubspot.retry import retry_after
from tap_hubspot_threads.hubspot.transport import NoAnswerError, Request, Response, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_hubspot_threads.hubspot.retry import Retry
    from tap_hubspot_threads.hubspot.transport import Connection


LIFETIME = 1800.0
"""Seconds that a token lives where its answer does not say. Documented."""

LEEWAY = 60.0
"""Seconds before its end at which a token is renewed, or a tenth of its life if that is less."""


class Credentials(Protocol):
    """Where the token of a request comes from."""

    setting: str
    """The setting to check where HubSpot does not accept the token."""

    @property
    def token(self) -> str:
        """The token that there is."""

    def ensure_fresh(self) -> None:
        """Have a token that is good for a while, before a request takes it.

        Raises:
            HubSpotError: if there is none to be had; names the setting to mend.
        """

    def invalidate(self, refused: str) -> bool:
        """Have the next request bring another token than one that was refused.

        Returns:
            Whether there may be another one.
        """


class AccessToken:
    """The token of a private app or service key: there is no other when it is refused."""

    setting = "access_token"

    def __init__(self, token: str) -> None:
        self.token = token

    def ensure_fresh(self) -> None:
        """Do nothing: the token is there."""

    def invalidate(self, refused: str) -> bool:  # noqa: ARG002 - as of OAuth
        """Tell that the request need not be sent again."""
        return False


class RefreshToken:
    """Tokens by OAuth, renewed ahead of their end by the clock, once for all threads.

    Args:
        form: client_id, client_secret and refresh_token. A new refresh token that HubSpot gives is
            used from then on.
        ask: Returns what the token endpoint answers to a form, and when it was asked; raises
            `HubSpotError` where it gives no token. See `TokenEndpoint`.
        clock: Monotonic seconds.
    """

    setting = "refresh_token"

    def __init__(
        self,
        form: Mapping[str, Any],
        ask: Callable[[Mapping[str, Any]], tuple[dict[str, Any], float]],
        clock: Callable[[], float],
    ) -> None:
        self._form = {"grant_type": "refresh_token", **form}
        self._ask, self._clock = ask, clock
        self.token = ""
        self._ends_at = float("-inf")
        self._refused = ""
        self._lock = threading.Lock()
        self._failure: HubSpotError | None = None

    def ensure_fresh(self) -> None:
        """As `Credentials` says."""
        with self._lock:  # whoever waits here finds the token that the first one got
            if self._clock() >= self._ends_at:
                self._refresh()

    def invalidate(self, refused: str) -> bool:
        """As `Credentials` says."""
        with self._lock:
            if refused == self._refused == self.token:
                return False  # HubSpot gives the same one again
            if refused == self.token:
                self._refused, self._ends_at = refused, float("-inf")
        return True

    def _refresh(self) -> None:
        if self._failure:  # others need not find out one by one
            raise self._failure
        try:
            answer, asked_at = self._ask(self._form)
        except HubSpotError as error:
            self._failure = HubSpotError(str(error), is_auth_error=True, exit_code=error.exit_code)
            raise self._failure from error
        self.token = answer["access_token"]
        self._form["refresh_token"] = answer.get("refresh_token") or self._form["refresh_token"]
        lifetime = _seconds(answer.get("expires_in"))
        self._ends_at = asked_at + lifetime - min(LEEWAY, lifetime / 10)


def _seconds(lifetime: object) -> float:
    try:
        seconds = float(str(lifetime))
    except ValueError:
        return LIFETIME
    return seconds if 0 < seconds < LIFETIME * 1000 else LIFETIME


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
        connection: Where it is, and how long to wait.
        transport: The way to it.
        retry: How often a request is attempted.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        connection: Connection,
        transport: Transport,
        retry: Retry,
        clock: Callable[[], float],
    ) -> None:
        self._url = connection.api_url + TOKEN.path
        self._transport, self._retry = transport, retry
        self._timeout, self._clock = connection.timeout, clock

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
                kind = TransientError if error.is_transient else HubSpotError
                message = f"{TOKEN}{error}"
                raise kind(message) from error
            return token_answer(response), asked_at

        return self._retry.call(attempt)


def token_answer(response: Response) -> dict[str, Any]:
    """Return what the token endpoint answered.

    Raises:
        TransientError: if asking again can help.
        HubSpotError: if it cannot; names the setting to mend. Never what the endpoint said: it may
            repeat what it was asked.
    """
    body = json_object(response.body)
    tried = f"{TOKEN}: {response.status}"
    token = body.get("access_token")
    is_ok = response.status == HTTPStatus.OK
    if is_ok and isinstance(token, str) and re.fullmatch(r"[!-~]+", token):
        return body
    if is_ok or is_transient(response.status):
        message = f"{tried}, but the answer has no token" if is_ok else tried
        raise TransientError(message, retry_after=retry_after(response.headers))
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
