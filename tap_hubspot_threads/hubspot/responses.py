"""What HubSpot's answers mean: which are errors, of which kind, and in which words.

A message says what was tried, what HubSpot answered and what to do. It carries HubSpot's category,
message and correlation ID, but never a body, a header's value or a token.
"""

from __future__ import annotations

import json
import unicodedata
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
from tap_hubspot_threads.hubspot.retry import retry_after

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_hubspot_threads.hubspot.transport import Response

_MAX_MESSAGE = 300
_ACCOUNT_MIGRATION = 477
_ORIGIN_UNKNOWN = 530
_BUSY = {HTTPStatus.LOCKED, HTTPStatus.TOO_MANY_REQUESTS, _ACCOUNT_MIGRATION}
"""Statuses that say to come back later, whatever was requested. Documented by HubSpot."""
_PASSING = {*_BUSY, HTTPStatus.REQUEST_TIMEOUT}
"""Statuses below 500 that a retry may fix; 408 is a gateway's."""
_CHECK_SETTING = "HubSpot does not accept the token: check the setting {setting}."
_SCOPE_MISSING = (
    "The token lacks a scope: give the app or service key the scope conversations.read."
)
_USER_REMOVED = (
    "The user who created the app or key was removed, or lost permissions: rotate the token, or "
    "restore the user, and check the setting {setting}."
)
_CHECK_FORM = (
    "HubSpot's edge answers so to a malformed token: check that the setting {setting} holds the "
    "whole token and nothing else, and check api_url."
)
WRONG_API = (
    "That is not HubSpot's API, or something in front of it: check api_url and api_version, and "
    "proxies."
)
FEW_TRIES = 3
"""Attempts for an answer that may stay as it is: a 404 that is not HubSpot's own, a 403 or 404 for
a page of a list, a 530 before anything has worked."""

_SETTINGS = {"property": "property", "inboxId": "inbox_ids", "association": "associations"}
"""The settings that a parameter of a query comes from."""
_DEFAULTS = {"association": ["TICKET"]}


@dataclass(frozen=True)
class Endpoint:
    """One of the API's endpoints."""

    method: str
    path: str
    """What it is called in messages: the template of its path, without IDs."""
    can_miss: bool = False
    """Whether HubSpot's 404 means that the requested thing does not exist."""
    refusals: frozenset[int] = frozenset()
    """Which of HubSpot's 403 and 404 refuse this endpoint alone, whatever the category."""
    can_be_partial: bool = False
    """Whether HubSpot's 207, which leaves parts of the request unanswered, is an answer."""
    is_list_of_threads: bool = False
    """Whether a 404 before any other answer means that the address is wrong."""
    is_conversations: bool = True
    """Whether it belongs to the Conversations API."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Asked:
    """What a request was, as far as its error depends on it."""

    endpoint: Endpoint
    token: str
    """Never repeated in a message."""
    setting: str
    """The setting that the token comes from."""
    query: Mapping[str, Any]
    now: str | None
    """HubSpot's clock at the answer; None if the answer has no `Date` that is believed."""
    has_worked: bool
    """Whether any request of this sync was answered with 200."""
    has_answered: bool
    """Whether the Conversations API has answered one with 200."""
    quota_returns: str
    """When the daily quota resets, as a sentence."""


@dataclass(frozen=True)
class Problem:
    """HubSpot's own words for a failed request.

    All of the fields are optional in practice, and some error answers are no JSON (observed).
    """

    category: str
    message: str
    """With the messages of `errors`, which are objects or plain strings (both recorded)."""
    correlation_id: str
    policy: str
    is_json: bool
    """Whether the body is HubSpot's JSON error."""
    is_hubspot: bool
    """Whether the answer is HubSpot's at all, and not that of some other server."""
    is_own_404: bool
    """Whether a 404 is HubSpot's own: it has HubSpot's correlation header, and says not found in a
    header (recorded, with an HTML body) or in a JSON error with the same correlation ID."""
    lacks_scope: bool
    """Whether the category or the errors name a missing scope."""

    @classmethod
    def of(cls, response: Response, token: str) -> Problem:
        """Read the error body of a response; never raises, never repeats the token."""
        body = json_object(response.body)

        def text(*names: str) -> str:
            values = (body.get(name) for name in names)
            found = next((value for value in values if isinstance(value, str) and value), "")
            return plain_text(found, token)

        header = plain_text(response.headers.get("X-HubSpot-Correlation-Id", ""))
        if token and token in header:
            header = ""
        message = text("message")
        # Other servers have a message too, and a status that is a number.
        is_json = (
            body.get("status") == "error"
            or bool({"category", "correlationId", "errorType"} & body.keys())
            or "resource not found" in message.lower()
        )
        category = text("category", "errorType")
        errors = list(_errors(body))
        details = [plain_text(detail, token) for detail, _ in errors]
        reasons = dict.fromkeys(filter(None, [message, *details]))
        says_not_found = response.headers.get("X-HubSpot-NotFound", "").strip().lower() == "true"
        return cls(
            category=category,
            message=" ".join(reasons)[:_MAX_MESSAGE],
            correlation_id=text("correlationId") or header,
            policy=text("policyName"),
            is_json=is_json,
            is_hubspot=is_json or bool(header),
            is_own_404=bool(header) and (says_not_found or body.get("correlationId") == header),
            lacks_scope=category.upper() == "MISSING_SCOPES"
            or any("requiredGranularScopes" in context for _, context in errors),
        )


def check(response: Response, asked: Asked) -> None:
    """Raise the error that an answer means, if it means one.

    Raises:
        TransientError: if a retry may help. A retry of a 400, 401, 403 or 404 of HubSpot's own
            never helps, and counts against an app at HubSpot.
        NotFoundError: for HubSpot's own 404, if the endpoint can miss.
        UnverifiedAddressError: for a 404, or a refusal of one thing, before the Conversations API
            has answered any request.
        WrongAddressError: for a 404 to the list of threads, before that.
        RefusedError: for a 400 and its like, and for a refusal of one thing.
        DailyQuotaError: if the daily quota is spent.
        HubSpotError: for the rest; it ends the sync.
    """
    status, endpoint = response.status, asked.endpoint
    if status == HTTPStatus.OK or (status == HTTPStatus.MULTI_STATUS and endpoint.can_be_partial):
        return
    problem = Problem.of(response, asked.token)
    tried = _tried(response, problem, endpoint)
    if status == HTTPStatus.TOO_MANY_REQUESTS and problem.policy.upper() == "DAILY":
        message = f"{tried}. The account's daily quota is used up. {asked.quota_returns}"
        raise DailyQuotaError(message)
    if is_transient(status):
        is_malformed = status == _ORIGIN_UNKNOWN and not asked.has_worked
        raise TransientError(
            tried,
            retry_after=retry_after(response.headers),
            is_burst=status == HTTPStatus.TOO_MANY_REQUESTS,
            asks_to_wait=status in _BUSY,
            tries=FEW_TRIES if is_malformed else None,
            advice=_CHECK_FORM.format(setting=asked.setting) if is_malformed else "",
        )
    if status < HTTPStatus.BAD_REQUEST:
        if asked.has_worked:
            message = f"{tried}, which is not HubSpot's answer"
            raise TransientError(message)
        message = f"{tried}. {WRONG_API}"
        raise HubSpotError(message)
    if status == HTTPStatus.UNAUTHORIZED:
        advice = _CHECK_SETTING.format(setting=asked.setting) if problem.is_hubspot else WRONG_API
        message = f"{tried}. {advice}"
        raise HubSpotError(message, is_auth_error=True)
    if status == HTTPStatus.NOT_FOUND:
        _raise_not_found(tried, problem, asked)
    if status == HTTPStatus.FORBIDDEN:
        _raise_forbidden(tried, problem, asked)
    raise RefusedError(_refusal(tried, problem, asked), status=status)


def _raise_not_found(tried: str, problem: Problem, asked: Asked) -> None:
    """Raise what a 404 means, which is about the thing only if HubSpot itself says so.

    UNKNOWN: whether an unknown path of the API has the header of HubSpot's own 404 (in 2019 one
    had, recorded). So no 404 is believed before the Conversations API has answered with 200.
    """
    endpoint = asked.endpoint
    meaning: HubSpotError | None = None
    if problem.is_own_404 and endpoint.can_miss:
        meaning = NotFoundError(tried, now=asked.now)
    elif problem.is_own_404 and HTTPStatus.NOT_FOUND in endpoint.refusals:
        meaning = RefusedError(_refusal(tried, problem, asked), status=HTTPStatus.NOT_FOUND)
    if not endpoint.is_conversations:
        raise RefusedError(_refusal(tried, problem, asked), status=HTTPStatus.NOT_FOUND)
    if not asked.has_answered:
        if endpoint.is_list_of_threads:
            message = (
                f"{tried}. There is no Conversations API at this address: check the settings "
                "api_url and api_version, and proxies."
            )
            raise WrongAddressError(message)
        raise UnverifiedAddressError(tried, if_verified=meaning)
    if meaning and not (endpoint.refusals and asked.query.get("after")):
        raise meaning
    message = f"{tried}, which is not HubSpot's word on it (settings api_url, api_version)"
    raise InconclusiveError(message, tries=FEW_TRIES)


def _raise_forbidden(tried: str, problem: Problem, asked: Asked) -> None:
    """Raise what a 403 means: by its category, by what was asked, and by what has worked."""
    endpoint = asked.endpoint
    if not problem.is_json:
        if asked.has_worked:
            message = f"{tried}, which is not HubSpot's answer (settings api_url, proxies)"
            raise InconclusiveError(message, tries=FEW_TRIES)
        message = f"{tried}. {WRONG_API}"
        raise HubSpotError(message)
    if problem.category.upper() == "USER_DOES_NOT_HAVE_PERMISSIONS":
        message = f"{tried}. {_USER_REMOVED.format(setting=asked.setting)}"
        raise HubSpotError(message)
    if problem.lacks_scope:
        message = f"{tried}. {_SCOPE_MISSING}"
        if HTTPStatus.FORBIDDEN in endpoint.refusals:
            raise RefusedError(message, status=HTTPStatus.FORBIDDEN, lacks_scope=True)
        raise HubSpotError(message)
    refusal = RefusedError(_refusal(tried, problem, asked), status=HTTPStatus.FORBIDDEN)
    if endpoint.is_list_of_threads or (endpoint.refusals and asked.query.get("after")):
        if asked.has_answered:
            raise InconclusiveError(str(refusal), tries=FEW_TRIES)
        message = f"{refusal} Check what the token of the setting {asked.setting} may read."
        raise HubSpotError(message)
    if endpoint.is_conversations and not asked.has_answered:
        raise UnverifiedAddressError(tried, if_verified=refusal)
    raise refusal


def _refusal(tried: str, problem: Problem, asked: Asked) -> str:
    """Return the message of a refusal, with the settings that its request was made of."""
    # What is posted holds IDs that may be addresses, and HubSpot repeats what it refuses.
    is_private = asked.endpoint.method != "GET"
    reason = "its reason may be private" if is_private else problem.message or "it gave no reason"
    message = f"{tried}. HubSpot refused the request: {reason}"
    if settings := _settings_of(reason, asked.query):
        plural = "s" if len(settings) > 1 else ""
        message += f". Check the setting{plural} {', '.join(settings)}."
    return message


def _settings_of(reason: str, query: Mapping[str, Any]) -> list[str]:
    """Return the settings that a refused query came from: those in the reason, else all."""
    sent = [
        name for name in _SETTINGS if query.get(name) and query[name] != _DEFAULTS.get(name, ())
    ]
    words = reason.lower()
    named = [name for name in _SETTINGS if query.get(name) and name.lower() in words]
    return [_SETTINGS[name] for name in named or sent]


def unexpected_body(response: Response, endpoint: Endpoint, token: str) -> TransientError:
    """Return the error for a 200 that does not hold what was asked for, as proxies give."""
    tried = _tried(response, Problem.of(response, token), endpoint)
    message = f"{tried}, but the answer is not what was asked for"
    return TransientError(message, retry_after=retry_after(response.headers))


def is_transient(status: int) -> bool:
    """Whether a retry may fix what a status says. Documented by HubSpot."""
    return status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def json_object(text: bytes) -> dict[str, Any]:
    """Return the JSON object that a text holds; an empty one if it holds none. Never raises."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def plain_text(text: str, token: str = "") -> str:
    """Return a text of a response as it may be logged: one line of visible characters.

    Control characters, terminal escapes, bidirectional overrides and the token are left out.
    """
    text = text[: 20 * _MAX_MESSAGE]
    spaced = "".join(" " if character.isspace() else character for character in text)
    visible = "".join(one for one in spaced if not unicodedata.category(one).startswith("C"))
    if token:  # a server may echo the request
        visible = visible.replace(token, "…")
    return " ".join(visible.split())[:_MAX_MESSAGE]


def _errors(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the message and the context of each entry of `errors`."""
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else ():
        if isinstance(error, str):
            yield error, {}
        elif isinstance(error, dict):
            message, context = error.get("message"), error.get("context")
            yield (
                message if isinstance(message, str) else "",
                context if isinstance(context, dict) else {},
            )


def _tried(response: Response, problem: Problem, endpoint: Endpoint) -> str:
    words = [f"{endpoint}: {response.status}"]
    if problem.category:
        words.append(problem.category)
    if problem.correlation_id:
        words.append(f"(correlationId {problem.correlation_id})")
    return " ".join(words)
