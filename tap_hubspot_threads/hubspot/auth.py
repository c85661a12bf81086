"""Credentials: an access token that does not expire, or OAuth tokens that expire."""

from __future__ import annotations

import re
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

from tap_hubspot_threads.errors import HubSpotError, TransientError
from tap_hubspot_threads.hubspot.error_details import json_object
from tap_hubspot_threads.hubspot.retry import retry_after
from tap_hubspot_threads.hubspot.status_codes import NOT_HUBSPOT_API, Endpoint, is_transient
from tap_hubspot_threads.hubspot.transport import NoResponseError, Request, Response, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_hubspot_threads.hubspot.retry import Retry
    from tap_hubspot_threads.hubspot.transport import Connection


LIFETIME = 1800.0
"""Lifetime of an OAuth access token in seconds (documented). If HubSpot's response has no
plausible `expires_in` (see `_parse_lifetime`), the tap assumes this lifetime."""

LEEWAY = 60.0
"""The tap refreshes an OAuth access token this many seconds before the token expires. If a token's
lifetime is shorter than 600 seconds, the tap refreshes it when 10% of the lifetime is left."""


class Credentials(Protocol):
    """The source of the access token."""

    setting: str
    """The setting that the error message names after HubSpot has rejected the token."""

    @property
    def token(self) -> str:
        """The current access token."""

    def ensure_fresh(self) -> None:
        """Refresh a token that expires soon. The client calls this method before each request.

        Raises:
            HubSpotError: if no token can be obtained. If HubSpot refused to issue a token, the
                message names the settings to check.
        """

    def invalidate(self, refused: str) -> bool:
        """Record that HubSpot rejected a token.

        Args:
            refused: The rejected token.

        Returns:
            Whether to send the request again with another token. The next `ensure_fresh` obtains
            this token, unless another worker has already obtained it.
        """


class StaticCredentials:
    """A service key, or the token of a private app. Neither can be refreshed."""

    setting = "access_token"

    def __init__(self, token: str) -> None:
        self.token = token

    def ensure_fresh(self) -> None:
        """Do nothing: the token does not expire."""

    def invalidate(self, refused: str) -> bool:  # noqa: ARG002 - same signature as with OAuth
        """Return False, because no other token exists."""
        return False


class OAuthCredentials:
    """An OAuth access token. Before the token expires, one worker refreshes it for all workers.

    After a failed refresh, `ensure_fresh` raises the same error for all workers.

    Args:
        form: The values of client_id, client_secret and refresh_token, by name. If HubSpot issues
            a new refresh token, the rest of the sync uses the new refresh token.
        request_token: See `TokenEndpoint.request_token`.
        clock: Returns monotonic seconds.
    """

    setting = "refresh_token"

    def __init__(
        self,
        form: Mapping[str, Any],
        request_token: Callable[[Mapping[str, Any]], tuple[dict[str, Any], float]],
        clock: Callable[[], float],
    ) -> None:
        self._form = {"grant_type": "refresh_token", **form}
        self._request_token, self._clock = request_token, clock
        self.token = ""
        self._expires_at = float("-inf")
        self._refused = ""
        self._lock = threading.Lock()
        self._failure: HubSpotError | None = None

    def ensure_fresh(self) -> None:
        """Implement `Credentials`."""
        with self._lock:  # workers that wait here use the token that the first worker obtained
            if self._clock() >= self._expires_at:
                self._refresh()

    def invalidate(self, refused: str) -> bool:
        """Implement `Credentials`."""
        with self._lock:
            if refused == self.token:
                if refused == self._refused and self._expires_at > float("-inf"):
                    return False  # HubSpot rejected this token, and then issued it again
                self._refused, self._expires_at = refused, float("-inf")
        return True

    def _refresh(self) -> None:
        if self._failure:
            raise self._failure
        try:
            body, requested_at = self._request_token(self._form)
        except HubSpotError as error:
            self._failure = HubSpotError(str(error), is_auth_error=True, exit_code=error.exit_code)
            raise self._failure from error
        self.token = body["access_token"]
        self._form["refresh_token"] = body.get("refresh_token") or self._form["refresh_token"]
        lifetime = _parse_lifetime(body.get("expires_in"))
        self._expires_at = requested_at + lifetime - min(LEEWAY, lifetime / 10)


def _parse_lifetime(lifetime: object) -> float:
    """Return the value of `expires_in` in seconds; `LIFETIME` if the value is not plausible.

    A plausible value is a number above 0 and below `LIFETIME * 1000`.
    """
    try:
        seconds = float(str(lifetime))
    except ValueError:
        return LIFETIME
    return seconds if 0 < seconds < LIFETIME * 1000 else LIFETIME


TOKEN = Endpoint("POST", "/oauth/2026-03/token")
"""The documented endpoint. Its predecessor `/oauth/v1/token` will be removed in February 2027."""

_ADVICE = {
    "BAD_REFRESH_TOKEN": "check the setting refresh_token. The app may have to be reinstalled",
    "BAD_CLIENT_ID": "check the setting client_id",
    "BAD_CLIENT_SECRET": "check the setting client_secret",
    "invalid_grant": "check the setting refresh_token. The app may have to be reinstalled",
    "invalid_client": "check the settings client_id and client_secret",
}

_CODE = re.compile(r"[A-Z][A-Z_]{2,39}|(invalid|un[a-z]+|access)_[a-z_]{3,20}")
"""Matches the error codes of HubSpot and OAuth, but no secret. An error message quotes only the
status and such a code from a response."""


class TokenEndpoint:
    """HubSpot's token endpoint.

    Args:
        connection: Provides the base URL and the timeout.
        transport: Sends the requests.
        retry: Retries transient errors.
        clock: Returns monotonic seconds.
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

    def request_token(self, form: Mapping[str, Any]) -> tuple[dict[str, Any], float]:
        """Send a form. Return the response's body, and when the form was sent (monotonic seconds).

        Raises:
            TransientError: if all attempts fail (see `Retry.call`).
            HubSpotError: if `Retry-After` is too long, if the request cannot be sent, or if HubSpot
                issues no token (see `parse_token_response`).
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        request = Request("POST", self._url, headers, urlencode(form).encode())

        def attempt() -> tuple[dict[str, Any], float]:
            requested_at = self._clock()
            try:
                response = self._transport.send(request, timeout=self._timeout)
            except NoResponseError as error:
                kind = TransientError if error.is_transient else HubSpotError
                message = f"{TOKEN}{error}"
                raise kind(message) from error
            return parse_token_response(response), requested_at

        return self._retry.call(attempt)


def parse_token_response(response: Response) -> dict[str, Any]:
    """Return the body of the token endpoint's response.

    Raises:
        TransientError: if a retry may help, for example after a 200 without a token.
        HubSpotError: if HubSpot issues no token. The error names the settings to check. The error
            does not quote the response's own message, which may contain a secret.
    """
    body = json_object(response.body)
    summary = f"{TOKEN}: {response.status}"
    token = body.get("access_token")
    is_ok = response.status == HTTPStatus.OK
    if is_ok and isinstance(token, str) and re.fullmatch(r"[!-~]+", token):
        return body
    if is_ok or is_transient(response.status):
        message = f"{summary}, but the response contains no token" if is_ok else summary
        raise TransientError(message, retry_after=retry_after(response.headers))
    values = [body.get("status"), body.get("category"), body.get("error")]
    reasons = [value for value in values if isinstance(value, str) and _CODE.fullmatch(value)]
    known = [reason for reason in reasons if reason in _ADVICE]
    if known:
        message = f"{summary} {known[0]}. HubSpot issued no token: {_ADVICE[known[0]]}."
    elif not reasons:
        message = f"{summary}. {NOT_HUBSPOT_API}"
    else:
        message = (
            f"{' '.join([summary, *reasons[:1]])}. HubSpot issued no token: check the settings "
            "client_id, client_secret and refresh_token."
        )
    raise HubSpotError(message)
