"""What HubSpot's answers mean: which are errors, of which kind, and in which words.

A message says what was tried, what HubSpot answered and what to do. It carries HubSpot's category,
message and correlation id, but never a body, a header's value or a token.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.errors import (
    DailyQuotaError,
    HubSpotError,
    MissingError,
    PassingError,
    RefusedError,
    WrongAddressError,
)
from tap_hubspot_threads.hubspot.retry import date, retry_after
from tap_hubspot_threads.values import as_time

if TYPE_CHECKING:
    from tap_hubspot_threads.hubspot.transport import Response

_MAX_MESSAGE = 300
_ACCOUNT_MIGRATION = 477
_PASSING = {HTTPStatus.LOCKED, HTTPStatus.TOO_MANY_REQUESTS, _ACCOUNT_MIGRATION}
"""Statuses below 500 that trying again can mend. Documented by HubSpot."""
_ADVICE: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "HubSpot does not accept the token: check the setting {setting}.",
    HTTPStatus.FORBIDDEN: (
        "The token lacks a scope: give the app or service key the scope conversations.read."
    ),
    HTTPStatus.NOT_FOUND: "HubSpot has no such API: check the settings api_url and api_version.",
}
WRONG_API = (
    "That is not HubSpot's API, or something in front of it: check api_url and api_version, and "
    "proxies."
)
STRANGE_TRIES = 3
"""A 404 that is not HubSpot's word may pass, or stay."""


@dataclass(frozen=True)
class Endpoint:
    """One of the API's endpoints."""

    method: str
    path: str
    """What it is called in messages: the template of its path, without ids."""
    can_miss: bool = False
    """Whether HubSpot's 404 means that the thing which was asked for is not there."""
    refusals: frozenset[int] = frozenset()
    """What of HubSpot's 403 and 404 says nothing of other requests: it is a refusal like a 400."""
    can_be_partial: bool = False
    """Whether HubSpot's 207, which has no answer to parts of the request, is an answer."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Problem:
    """HubSpot's own words for a failed request.

    All of the fields are optional in practice, and some error answers are no JSON (observed).
    """

    category: str
    message: str
    correlation_id: str
    policy: str
    is_json: bool
    """Whether the body is HubSpot's JSON error."""
    is_hubspot: bool
    """Whether the answer is HubSpot's at all, and not that of some other server."""

    @classmethod
    def of(cls, response: Response, token: str) -> Problem:
        """Read the error body of a response; never raises, never repeats the token."""
        body = json_object(response.body)

        def text(*names: str) -> str:
            values = (body.get(name) for name in names)
            found = next((value for value in values if isinstance(value, str) and value), "")
            if token:  # a server may echo the request
                found = found.replace(token, "…")
            return " ".join(found.split())[:_MAX_MESSAGE]

        header = response.headers.get("X-HubSpot-Correlation-Id", "")
        if token and token in header:
            header = ""
        message = text("message")
        # Other servers have a message too, and a status that is a number.
        is_json = (
            body.get("status") == "error"
            or bool({"category", "correlationId", "errorType"} & body.keys())
            or "resource not found" in message.lower()
        )
        return cls(
            category=text("category", "errorType"),
            message=message,
            correlation_id=text("correlationId") or header,
            policy=text("policyName"),
            is_json=is_json,
            is_hubspot=is_json or bool(header),
        )


def check(
    response: Response,
    endpoint: Endpoint,
    *,
    token: str,
    setting: str,
    quota_returns: str,
    has_worked: bool,
) -> None:
    """Raise the error that an answer means, if it means one.

    Args:
        response: The answer.
        endpoint: What was asked.
        token: What no message may repeat.
        setting: The setting that the token comes from.
        quota_returns: A sentence on when a spent day's calls come back.
        has_worked: Whether anything has been answered well before.

    Raises:
        PassingError: where trying again can help. Trying 400, 401, 403 and 404 again never helps,
            and counts against an app at HubSpot.
        MissingError: for a 404 of HubSpot's, where the endpoint can miss.
        WrongAddressError: for a 404 of something else, where nothing has worked before.
        RefusedError: for a 400 and its like, and for the endpoint's own refusals.
        DailyQuotaError: if the day's calls are spent.
        HubSpotError: for the rest.
    """
    status = response.status
    if status == HTTPStatus.OK or (status == HTTPStatus.MULTI_STATUS and endpoint.can_be_partial):
        return
    problem = Problem.of(response, token)
    tried = _tried(response, problem, endpoint)
    if status == HTTPStatus.TOO_MANY_REQUESTS and problem.policy.upper() == "DAILY":
        message = f"{tried}. The account's API calls of the day are used up. {quota_returns}"
        raise DailyQuotaError(message)
    if is_passing(status):
        is_burst = status == HTTPStatus.TOO_MANY_REQUESTS
        raise PassingError(tried, retry_after=retry_after(response.headers), is_burst=is_burst)
    if status == HTTPStatus.NOT_FOUND:
        _check_not_found(tried, problem, response, endpoint, has_worked=has_worked)
    is_refusal = problem.is_json and status in endpoint.refusals
    if (status in _ADVICE or status < HTTPStatus.BAD_REQUEST) and not is_refusal:
        advice = _ADVICE[status] if status in _ADVICE and problem.is_hubspot else WRONG_API
        message = f"{tried}. {advice.format(setting=setting)}"
        raise HubSpotError(message, is_of_token=status == HTTPStatus.UNAUTHORIZED)
    # What is posted holds ids that may be addresses, and HubSpot repeats what it refuses.
    reason = problem.message if endpoint.method == "GET" else "its reason may be private"
    message = f"{tried}. HubSpot refused the request: {reason or 'it gave no reason'}"
    raise RefusedError(message)


def _check_not_found(
    tried: str, problem: Problem, response: Response, endpoint: Endpoint, *, has_worked: bool
) -> None:
    """Tell HubSpot's word on a thing from that of its edge, or of something in front of it.

    HubSpot's edge puts its correlation id on all answers: only a body in JSON is HubSpot's word.
    """
    if problem.is_json and endpoint.can_miss:
        moment = date(response.headers.get("Date", ""))
        raise MissingError(tried, now=as_time(moment) if moment else None)
    if not problem.is_json and has_worked:
        message = f"{tried}, which is not HubSpot's word on it (settings api_url, api_version)"
        raise PassingError(message, tries=STRANGE_TRIES)
    if not problem.is_json:
        message = f"{tried}. {WRONG_API}"
        raise WrongAddressError(message)


def other_answer(response: Response, endpoint: Endpoint, token: str) -> PassingError:
    """Return the error for a 200 that does not hold what was asked for, as proxies give."""
    tried = _tried(response, Problem.of(response, token), endpoint)
    message = f"{tried}, but the answer is not what was asked for"
    return PassingError(message, retry_after=retry_after(response.headers))


def is_passing(status: int) -> bool:
    """Whether trying again can mend what a status says. Documented by HubSpot."""
    return status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def json_object(text: bytes) -> dict[str, Any]:
    """Return the JSON object that a text holds; an empty one if it holds none. Never raises."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _tried(response: Response, problem: Problem, endpoint: Endpoint) -> str:
    words = [f"{endpoint}: {response.status}"]
    if problem.category:
        words.append(problem.category)
    if problem.correlation_id:
        words.append(f"(correlationId {problem.correlation_id})")
    return " ".join(words)
