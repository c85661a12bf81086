"""What can go wrong, in words for the person who runs the tap.

A message says what was tried, what HubSpot answered and what to do. It carries HubSpot's category,
message and correlation id, but never a body, a header's value or a token.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from singer_sdk.exceptions import FatalAPIError, RetriableAPIError

if TYPE_CHECKING:
    import requests

_MAX_MESSAGE = 300
_ACCOUNT_MIGRATION = 477
_PASSING = {HTTPStatus.LOCKED, HTTPStatus.TOO_MANY_REQUESTS, _ACCOUNT_MIGRATION}
"""Statuses below 500 that trying again can mend. Documented by HubSpot."""


class SettingsError(Exception):
    """A setting that the tap cannot work with, found before the first request."""


class ThreadNotFoundError(FatalAPIError):
    """HubSpot has no such thread: never existed, deleted, or on the other side of `archived`."""


@dataclass(frozen=True)
class HubSpotProblem:
    """HubSpot's own words for a failed request.

    All of the fields are optional in practice, and some error answers are no JSON (observed).
    """

    category: str
    message: str
    correlation_id: str
    policy: str
    is_hubspot: bool
    """Whether the answer is HubSpot's at all, and not that of some other server."""

    @classmethod
    def of(cls, response: requests.Response) -> HubSpotProblem:
        """Read the error body of a response; never raises."""
        try:
            body = response.json()
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            body = {}

        def text(*names: str) -> str:
            values = (body.get(name) for name in names)
            found = next((value for value in values if isinstance(value, str) and value), "")
            return " ".join(found.split())[:_MAX_MESSAGE]

        header = response.headers.get("X-HubSpot-Correlation-Id", "")
        known = {"status", "message", "category", "correlationId", "errorType"}
        return cls(
            category=text("category", "errorType"),
            message=text("message"),
            correlation_id=text("correlationId") or header,
            policy=text("policyName"),
            is_hubspot=bool(header or known & body.keys()),
        )


def api_error(response: requests.Response, *, endpoint: str) -> Exception | None:
    """Return the error that an answer means, or None where it is none.

    Args:
        response: An answer whose body has been read.
        endpoint: The endpoint's template, without ids.

    Returns:
        `RetriableAPIError` where trying again can help, `ThreadNotFoundError` for a 404 of
        HubSpot's, else `FatalAPIError`. Trying 400, 401, 403 and 404 again never helps, and counts
        against an app at HubSpot.
    """
    status = response.status_code
    if status == HTTPStatus.OK:
        return None
    problem = HubSpotProblem.of(response)
    tried = _tried(response, problem, endpoint)
    if status == HTTPStatus.TOO_MANY_REQUESTS and problem.policy.upper() == "DAILY":
        return FatalAPIError(
            f"{tried}. The account's API calls of the day are used up; "
            "they come back at midnight in the account's time zone."
        )
    if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return RetriableAPIError(tried, response)
    if status == HTTPStatus.NOT_FOUND and problem.is_hubspot:
        return ThreadNotFoundError(tried)
    return FatalAPIError(f"{tried}. {_advice(status, problem)}")


def no_thread_error(response: requests.Response, *, endpoint: str) -> RetriableAPIError:
    """Return the error for a 200 that does not hold what was asked for; seen with proxies."""
    tried = _tried(response, HubSpotProblem.of(response), endpoint)
    return RetriableAPIError(f"{tried}, but the answer is not what was asked for", response)


def retry_after(error: RetriableAPIError) -> float:
    """Return the seconds that HubSpot asks to wait, 0 where it does not say.

    `Retry-After` is documented for 477 only, and honoured wherever it comes. A 429 without it is
    waited out for the interval of the limit.
    """
    response = error.response
    if response is None:
        return 0
    interval = response.headers.get("X-HubSpot-RateLimit-Interval-Milliseconds", "10000")
    try:
        if "Retry-After" in response.headers:
            return float(response.headers["Retry-After"])
        return float(interval) / 1000 if response.status_code == HTTPStatus.TOO_MANY_REQUESTS else 0
    except ValueError:
        return 0


def _tried(response: requests.Response, problem: HubSpotProblem, endpoint: str) -> str:
    words = [f"GET {endpoint}: {response.status_code}"]
    if problem.category:
        words.append(problem.category)
    if problem.correlation_id:
        words.append(f"(correlationId {problem.correlation_id})")
    return " ".join(words)


def _advice(status: int, problem: HubSpotProblem) -> str:
    if status == HTTPStatus.UNAUTHORIZED:
        return "HubSpot does not accept the token: check the setting access_token."
    if status == HTTPStatus.FORBIDDEN:
        return (
            "The token lacks a scope: give the private app or service key the scope "
            "conversations.read."
        )
    if status == HTTPStatus.NOT_FOUND or status < HTTPStatus.BAD_REQUEST:
        return "That is not HubSpot's API: check the setting api_url."
    return f"HubSpot refused the request: {problem.message or 'it gave no reason'}"
