"""Chooses the exception for an error response, mainly by the status code.

An error message names the request. If the user has to act, the message also says what to do. The
message can quote the response's status, and HubSpot's category, message and correlation ID. The
message never contains a raw body or a token.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.errors import (
    DailyQuotaError,
    HubSpotError,
    InconclusiveError,
    NotFoundError,
    RefusedError,
    TransientError,
    UnverifiedAddressError,
    WrongAddressError,
)
from tap_hubspot_threads.hubspot.error_details import ErrorDetails
from tap_hubspot_threads.hubspot.retry import retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_hubspot_threads.hubspot.transport import Response

_ACCOUNT_MIGRATION = 477
_ORIGIN_UNKNOWN = 530
_BUSY_STATUSES = {
    HTTPStatus.LOCKED,  # 423
    HTTPStatus.TOO_MANY_REQUESTS,  # 429
    _ACCOUNT_MIGRATION,
}
"""Statuses with which HubSpot asks the client to wait. Any request can get them (documented)."""
_TRANSIENT_STATUSES = {*_BUSY_STATUSES, HTTPStatus.REQUEST_TIMEOUT}
"""The statuses below 500 that are always retried. A gateway, not HubSpot, sends a 408."""
_CHECK_SETTING = "HubSpot does not accept the token: check the setting {setting}."
_SCOPE_MISSING = (
    "The token lacks a scope. Give the app or service key the scope conversations.read."
)
_USER_REMOVED = (
    "The user who created the app was removed or lost permissions. Rotate the token and update the "
    "setting {setting}, or restore the user."
)
_MALFORMED = (
    "HubSpot's edge servers return this status for a malformed token. Check that the setting "
    "{setting} holds the whole token and nothing else, and check api_url."
)
NOT_HUBSPOT_API = (
    "The response did not come from HubSpot's API. Check api_url, api_version and any proxy in "
    "between."
)
ATTEMPTS_IF_LIKELY_PERMANENT = 3
"""Maximum attempts after one of these responses, because a retry rarely helps:

* a 530, if no request of this sync has succeeded yet,
* a 403 or 404 from a server other than HubSpot,
* a 403 or 404 for a page of the list of threads,
* a 403 or 404 for the second or a later page of a reference list, such as the inboxes.

A 403 or 404 is retried only if an earlier request of this sync has succeeded. A 403 because of a
missing scope or a removed user is not retried.
"""

_NOT_FROM_HUBSPOT = "the response did not come from HubSpot's API"

_SETTINGS = {"property": "property", "inboxId": "inbox_ids", "association": "associations"}
"""For each query parameter, the setting that contains its value."""
_DEFAULTS = {"association": ["TICKET"]}


@dataclass(frozen=True)
class Endpoint:
    """An endpoint of the API."""

    method: str
    path: str
    """The path with placeholders instead of IDs, such as `/threads/{threadId}`. Error messages
    contain this path."""
    can_be_not_found: bool = False
    """Whether a 404 that HubSpot itself sent (`ErrorDetails.is_own_404`) means that the requested
    item does not exist."""
    refusal_statuses: frozenset[int] = frozenset()
    """The statuses (403 or 404) with which HubSpot refuses this endpoint alone. The sync continues
    with other endpoints. Exception: a 403 because of a removed user."""
    can_be_partial: bool = False
    """Whether a 207 counts as a success. With a 207, HubSpot returns only some of the requested
    items."""
    is_list_of_threads: bool = False
    """Whether this is the list of threads. A 404 for this list means that the address is wrong, if
    no request to the Conversations API has succeeded yet."""
    is_conversations: bool = True
    """Whether the endpoint belongs to the Conversations API."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class RequestContext:
    """The facts about a request and the sync that determine the error for a response."""

    endpoint: Endpoint
    token: str
    """The access token, which must not occur in messages."""
    setting: str
    """The name of the setting that the token comes from."""
    query: Mapping[str, Any]
    now: str | None
    """The `Date` of the response, as a time such as `2026-01-31T09:00:00.000Z`. None: the response
    has no `Date` that `HubSpotClock` accepts."""
    any_succeeded: bool
    """Whether any request of this sync has succeeded."""
    conversations_succeeded: bool
    """Whether a request of this sync to the Conversations API has succeeded."""
    quota_reset_notice: str


def raise_for_status(response: Response, context: RequestContext) -> None:
    """Raise the error that a response represents. Do nothing if the response is a success.

    A 400, 401, 403 or 404 from HubSpot does not lead to a retry. A retry would probably be one more
    error response, and HubSpot limits their percentage per app and day (documented for marketplace
    apps). The docstring of `ATTEMPTS_IF_LIKELY_PERMANENT` lists the exceptions.

    Raises:
        TransientError: for an error that a retry may fix.
        NotFoundError: for a 404 that HubSpot itself sent (`ErrorDetails.is_own_404`), if
            `endpoint.can_be_not_found` and a request to the Conversations API has succeeded before.
        WrongAddressError: for a 404 of the list of threads, if no request to the Conversations API
            has succeeded yet.
        UnverifiedAddressError: if no request to the Conversations API has succeeded yet, and one of
            its endpoints responds with a 404, or with a 403 whose cause is unknown. The list of
            threads is excepted.
        RefusedError: if HubSpot refuses this request but may accept other requests, for example
            with a 400.
        DailyQuotaError: if the daily quota is used up.
        HubSpotError: for all other errors.
    """
    status, endpoint = response.status, context.endpoint
    if status == HTTPStatus.OK or (status == HTTPStatus.MULTI_STATUS and endpoint.can_be_partial):
        return
    details = ErrorDetails.from_response(response, context.token)
    summary = _summary(response, details, endpoint)
    if status == HTTPStatus.TOO_MANY_REQUESTS and details.policy.upper() == "DAILY":
        message = f"{summary}. The account's daily quota is used up. {context.quota_reset_notice}"
        raise DailyQuotaError(message)
    if is_transient(status):
        is_malformed = status == _ORIGIN_UNKNOWN and not context.any_succeeded
        raise TransientError(
            summary,
            retry_after=retry_after(response.headers),
            is_burst=status == HTTPStatus.TOO_MANY_REQUESTS,
            asks_to_wait=status in _BUSY_STATUSES,
            max_attempts=ATTEMPTS_IF_LIKELY_PERMANENT if is_malformed else None,
            advice=_MALFORMED.format(setting=context.setting) if is_malformed else "",
        )
    if status < HTTPStatus.BAD_REQUEST:
        if context.any_succeeded:
            message = f"{summary}, but {_NOT_FROM_HUBSPOT}"
            raise TransientError(message)
        message = f"{summary}. {NOT_HUBSPOT_API}"
        raise HubSpotError(message)
    if status == HTTPStatus.UNAUTHORIZED:
        advice = _CHECK_SETTING if details.is_hubspot else NOT_HUBSPOT_API
        message = f"{summary}. {advice.format(setting=context.setting)}"
        raise HubSpotError(message, is_auth_error=True)
    if status == HTTPStatus.NOT_FOUND:
        _raise_not_found(summary, details, context)
    if status == HTTPStatus.FORBIDDEN:
        _raise_forbidden(summary, details, context)
    raise RefusedError(_refusal(summary, details, context), status=status)


def _raise_not_found(summary: str, details: ErrorDetails, context: RequestContext) -> None:
    """Raise the error for a 404.

    A 404 proves that an item does not exist only if all these conditions hold:
        * The endpoint has `can_be_not_found`.
        * HubSpot itself sent the 404 (`ErrorDetails.is_own_404`).
        * A request to the Conversations API has succeeded before.

    UNKNOWN: whether HubSpot's own 404 can also mean that the API does not have the path, for
    example because of a wrong `api_version`. In 2019, another HubSpot API sent such a 404 for a
    removed path (recorded). The third condition is there for this reason.
    """
    endpoint = context.endpoint
    if_verified: HubSpotError | None = None
    if details.is_own_404 and endpoint.can_be_not_found:
        if_verified = NotFoundError(summary, now=context.now)
    elif details.is_own_404 and HTTPStatus.NOT_FOUND in endpoint.refusal_statuses:
        if_verified = RefusedError(_refusal(summary, details, context), status=HTTPStatus.NOT_FOUND)
    if not endpoint.is_conversations:
        raise RefusedError(_refusal(summary, details, context), status=HTTPStatus.NOT_FOUND)
    if not context.conversations_succeeded:
        if endpoint.is_list_of_threads:
            message = (
                f"{summary}. There is no Conversations API at this address. Check the settings "
                "api_url and api_version, and any proxy in between."
            )
            raise WrongAddressError(message)
        raise UnverifiedAddressError(summary, if_verified=if_verified)
    if if_verified and not (endpoint.refusal_statuses and context.query.get("after")):
        raise if_verified
    message = f"{summary}, but {_NOT_FROM_HUBSPOT} (check api_url and api_version)"
    if details.is_own_404:
        message = f"{summary}, although earlier API calls succeeded"
    raise InconclusiveError(message, max_attempts=ATTEMPTS_IF_LIKELY_PERMANENT)


def _raise_forbidden(summary: str, details: ErrorDetails, context: RequestContext) -> None:
    """Raise the error for a 403."""
    endpoint = context.endpoint
    if not details.is_json:
        if context.any_succeeded:
            message = f"{summary}, but {_NOT_FROM_HUBSPOT} (check api_url and any proxy in between)"
            raise InconclusiveError(message, max_attempts=ATTEMPTS_IF_LIKELY_PERMANENT)
        message = f"{summary}. {NOT_HUBSPOT_API}"
        raise HubSpotError(message)
    if details.category.upper() == "USER_DOES_NOT_HAVE_PERMISSIONS":
        message = f"{summary}. {_USER_REMOVED.format(setting=context.setting)}"
        raise HubSpotError(message)
    if details.lacks_scope:
        message = f"{summary}. {_SCOPE_MISSING}"
        if HTTPStatus.FORBIDDEN in endpoint.refusal_statuses:
            raise RefusedError(message, status=HTTPStatus.FORBIDDEN, lacks_scope=True)
        raise HubSpotError(message)
    refusal = RefusedError(_refusal(summary, details, context), status=HTTPStatus.FORBIDDEN)
    if endpoint.is_list_of_threads or (endpoint.refusal_statuses and context.query.get("after")):
        if context.conversations_succeeded:
            raise InconclusiveError(str(refusal), max_attempts=ATTEMPTS_IF_LIKELY_PERMANENT)
        reason = str(refusal).rstrip(".")
        message = f"{reason}. Check what the token in {context.setting} may read."
        raise HubSpotError(message)
    if endpoint.is_conversations and not context.conversations_succeeded:
        raise UnverifiedAddressError(summary, if_verified=refusal)
    raise refusal


def _refusal(summary: str, details: ErrorDetails, context: RequestContext) -> str:
    """Return the message for a refused request, including the settings that may be the cause."""
    # The body of a POST contains actor IDs, which may be email addresses. HubSpot's message may
    # repeat these IDs.
    reason = "the reason is not shown, because it may contain private data"
    if context.endpoint.method == "GET":
        reason = details.message or "no reason given"
    message = f"{summary}. HubSpot refused the request: {reason}"
    if settings := _settings_of(reason, context.query):
        plural = "s" if len(settings) > 1 else ""
        message += f". Check the setting{plural} {', '.join(settings)}."
    return message


def _settings_of(reason: str, query: Mapping[str, Any]) -> list[str]:
    """Return the names of the settings that may be the cause of a refusal.

    The candidates are the parameters in `_SETTINGS` that the query has. If HubSpot's reason names
    any candidates, return the settings of these candidates. If the reason names none, return the
    settings of all candidates whose value is not the default.
    """
    sent = [
        name for name in _SETTINGS if query.get(name) and query[name] != _DEFAULTS.get(name, ())
    ]
    reason = reason.lower()
    named = [name for name in _SETTINGS if query.get(name) and name.lower() in reason]
    return [_SETTINGS[name] for name in named or sent]


def unexpected_body(response: Response, endpoint: Endpoint, token: str) -> TransientError:
    """Return the error for a success with an invalid body, such as the login page of a proxy."""
    summary = _summary(response, ErrorDetails.from_response(response, token), endpoint)
    message = f"{summary}, but the body is not a response of this endpoint"
    return TransientError(message, retry_after=retry_after(response.headers))


def is_transient(status: int) -> bool:
    """Whether a retry may succeed after an error with this status (documented)."""
    return status in _TRANSIENT_STATUSES or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _summary(response: Response, details: ErrorDetails, endpoint: Endpoint) -> str:
    parts = [f"{endpoint}: {response.status}"]
    if details.category:
        parts.append(details.category)
    if details.correlation_id:
        parts.append(f"(correlationId {details.correlation_id})")
    return " ".join(parts)
