"""What can go wrong, in words for the person who runs the tap.

A message says what was tried, what HubSpot answered and what to do. It carries HubSpot's category,
message and correlation id, but never a body, a header's value or a token.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_NAMED_IDS = 20
_MAX_MESSAGE = 300
_ACCOUNT_MIGRATION = 477
_PASSING = {HTTPStatus.LOCKED, HTTPStatus.TOO_MANY_REQUESTS, _ACCOUNT_MIGRATION}
"""Statuses below 500 that trying again can mend. Documented by HubSpot."""
_ADVICE: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "HubSpot does not accept the token: check the setting {token}.",
    HTTPStatus.FORBIDDEN: (
        "The token lacks a scope: give the app or service key the scope conversations.read."
    ),
    HTTPStatus.NOT_FOUND: "HubSpot has no such API: check the settings api_url and api_version.",
}
WRONG_API = "That is not HubSpot's API, or something in front of it: check api_url and proxies."


class SettingsError(Exception):
    """A setting that the tap cannot work with, found before the first request."""


class ThreadNotFoundError(FatalAPIError):
    """HubSpot has no such thread: never existed, deleted, or on the other side of `archived`."""


class RefusedError(FatalAPIError):
    """HubSpot refuses this request, whatever it may say to others."""


class UnreadThreadsError(FatalAPIError):
    """Some threads could not be read, although the others could."""

    def __init__(self, errors: Mapping[str, Exception]) -> None:
        super().__init__(
            f"{len(errors)} thread(s) could not be read, all others were: "
            f"{name_ids(list(errors))}. The last error: {list(errors.values())[-1]}"
        )


class WrongAccountError(FatalAPIError):
    """So many of the threads that the state knows are gone that it is of another account."""

    def __init__(self, *, gone: int, known: int) -> None:
        super().__init__(
            f"{gone} of {known} threads that the state knows are not in this account: check that "
            "access_token (or refresh_token) is of the account that the state is of. None is told "
            "deleted. If they all were, start anew with a full refresh (no state)."
        )


def is_passing(status: int) -> bool:
    """Whether trying again can mend what a status says. Documented by HubSpot."""
    return status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def json_object(response: requests.Response) -> dict[str, Any]:
    """Return the JSON object that an answer holds; an empty one if it holds none. Never raises."""
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def name_ids(ids: Sequence[str], count: int | None = None) -> str:
    """Return the first `MAX_NAMED_IDS` ids, and how many more of the count there are."""
    more = (len(ids) if count is None else count) - MAX_NAMED_IDS
    return ", ".join(ids[:MAX_NAMED_IDS]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class Problem:
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
    def of(cls, response: requests.Response) -> Problem:
        """Read the error body of a response; never raises."""
        body = json_object(response)
        token = str(response.request.headers.get("Authorization", "")).rpartition(" ")[2]

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
        return cls(
            category=text("category", "errorType"),
            message=message,
            correlation_id=text("correlationId") or header,
            policy=text("policyName"),
            # Other servers have a message too, and a status that is a number.
            is_hubspot=bool(header)
            or body.get("status") == "error"
            or bool({"category", "correlationId", "errorType"} & body.keys())
            or "resource not found" in message.lower(),
        )


def answer_error(
    response: requests.Response, *, endpoint: str, token_setting: str
) -> Exception | None:
    """Return the error that an answer means, or None where it is none.

    Args:
        response: An answer whose body has been read.
        endpoint: The endpoint's template, without ids.
        token_setting: The setting that the token comes from.

    Returns:
        `RetriableAPIError` where trying again can help, `ThreadNotFoundError` for a 404 of
        HubSpot's, `RefusedError` for a 400 and its like, else `FatalAPIError`. Trying 400, 401,
        403 and 404 again never helps, and counts against an app at HubSpot.
    """
    status = response.status_code
    if status == HTTPStatus.OK:
        return None
    problem = Problem.of(response)
    tried = _tried(response, problem, endpoint)
    if status == HTTPStatus.TOO_MANY_REQUESTS and problem.policy.upper() == "DAILY":
        return FatalAPIError(
            f"{tried}. The account's API calls of the day are used up; "
            "they come back at midnight in the account's time zone."
        )
    if is_passing(status):
        return RetriableAPIError(tried, response)
    if status == HTTPStatus.NOT_FOUND and problem.is_hubspot and "{threadId}" in endpoint:
        return ThreadNotFoundError(tried)
    if status in _ADVICE or status < HTTPStatus.BAD_REQUEST:
        advice = _ADVICE[status] if status in _ADVICE and problem.is_hubspot else WRONG_API
        return FatalAPIError(f"{tried}. {advice.format(token=token_setting)}")
    reason = problem.message or "it gave no reason"
    return RefusedError(f"{tried}. HubSpot refused the request: {reason}")


def no_thread_error(response: requests.Response, *, endpoint: str) -> RetriableAPIError:
    """Return the error for a 200 that does not hold what was asked for, as proxies give."""
    tried = _tried(response, Problem.of(response), endpoint)
    return RetriableAPIError(f"{tried}, but the answer is not what was asked for", response)


def no_answer_error(error: requests.RequestException, *, tried: str, host: str) -> Exception:
    """Return the error for a request that was not answered, or not to the end."""
    tried = f"{tried}: no whole answer from {host} ({type(error).__name__})"
    if isinstance(error, requests.exceptions.SSLError):
        return FatalAPIError(
            f"{tried}. Its certificate is not trusted here: behind a company's proxy, point the "
            "environment variable REQUESTS_CA_BUNDLE to the proxy's certificates."
        )
    if isinstance(error, (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL)):
        return FatalAPIError(f"{tried}. Check the setting api_url and the proxy's variables.")
    if isinstance(error, requests.exceptions.InvalidHeader):
        return FatalAPIError(f"{tried}. Check the credentials and the setting user_agent.")
    through = " through HTTPS_PROXY" if isinstance(error, requests.exceptions.ProxyError) else ""
    return RetriableAPIError(f"{tried}{through}")


def _tried(response: requests.Response, problem: Problem, endpoint: str) -> str:
    words = [f"GET {endpoint}: {response.status_code}"]
    if problem.category:
        words.append(problem.category)
    if problem.correlation_id:
        words.append(f"(correlationId {problem.correlation_id})")
    return " ".join(words)
