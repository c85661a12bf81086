"""One request, until it is answered: token, rate limit, transport, errors, retry."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tap_hubspot_threads.errors import (
    HubSpotError,
    TransientError,
    UnverifiedAddressError,
    WrongAddressError,
)
from tap_hubspot_threads.hubspot.pagination import is_page
from tap_hubspot_threads.hubspot.responses import Asked, Endpoint, check, unexpected_body
from tap_hubspot_threads.hubspot.transport import NoAnswerError, Request, Response
from tap_hubspot_threads.values import as_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tap_hubspot_threads.hubspot.auth import Credentials
    from tap_hubspot_threads.hubspot.clock import HubSpotClock
    from tap_hubspot_threads.hubspot.limits.rate_limit import RateLimit
    from tap_hubspot_threads.hubspot.retry import Retry, RetryPolicy
    from tap_hubspot_threads.hubspot.transport import Connection, Transport


@dataclass(frozen=True)
class ApiResponse:
    """What HubSpot answered."""

    body: dict[str, Any]
    """A JSON object."""
    text: bytes
    """The same, as it came."""
    now: str
    """HubSpot's clock then, or an earlier time, as a cleaned time."""
    is_dated: bool
    """Whether any response has told HubSpot's clock; else `now` is our clock less an hour."""


THREADS = Endpoint("GET", "/threads", is_list_of_threads=True)


class Client:
    """Sends requests to HubSpot, from any number of threads.

    Before the Conversations API has answered anything with 200, a 403 or 404 may be about the
    address as well as about the thing. Then one `GET /threads?limit=1` is made first, once,
    whatever the number of threads: a 404 to that means a wrong address.

    Args:
        connection: What is the same for all requests.
        transport: Sends them.
        credentials: Has the token.
        limit: Which requests may leave when.
        retry: How often one is attempted.
        clock: Follows HubSpot's clock.
    """

    def __init__(
        self,
        connection: Connection,
        transport: Transport,
        credentials: Credentials,
        *,
        limit: RateLimit,
        retry: Retry,
        clock: HubSpotClock,
    ) -> None:
        self._connection, self._transport = connection, transport
        self._credentials, self.limit, self._retry = credentials, limit, retry
        self._in_flight = threading.Semaphore(connection.max_concurrency)
        self._lock, self._prove_lock = threading.Lock(), threading.Lock()
        self._wrong_address: WrongAddressError | None = None
        self.clock = clock
        self._has_worked = False
        """Whether any request was answered with 200."""
        self._has_answered = False
        """Whether the Conversations API has answered one with 200: its 404 is believed then."""
        self.request_count = 0
        """Requests that were sent; of tokens none."""
        self.retry_count = 0
        """Requests that were to be sent again."""

    @property
    def now(self) -> datetime | None:
        """HubSpot's clock; None if no response has told it."""
        return self.clock.now() if self.clock.is_known else None

    @property
    def quota(self) -> tuple[int | None, int | None]:
        """The calls that are left of the day, and how many there are a day, where it is known."""
        return self.limit.quota.left, self.limit.quota.total

    def request(
        self,
        endpoint: Endpoint,
        path: str,
        *,
        accept: Callable[[dict[str, Any]], bool],
        params: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None = None,
        json_body: object = None,
        policy: RetryPolicy | None = None,
        min_attempts: int = 1,
        on_failure: Callable[[TransientError], None] = lambda _: None,
    ) -> ApiResponse:
        """Send a request, again where that can help.

        Args:
            endpoint: What is asked.
            path: Its path, with the IDs; of the Conversations API, below `conversations_path`.
            accept: Whether a JSON object is an answer to the request. One that is not is asked for
                again.
            params: Of the query: strings and lists; those that are None are left out. A function
                is called before each attempt.
            json_body: What to send, if anything.
            policy: How much it is worth; None: what the settings say.
            min_attempts: Attempts that are made even if that is more.
            on_failure: Called with the error of each attempt that failed in a passing way.

        Raises:
            TransientError: if the last of the tries failed in a passing way.
            NotFoundError: for HubSpot's own 404, if the endpoint can miss.
            WrongAddressError: if there is no Conversations API at this address.
            RefusedError: for a 400 and its like, and for a refusal of one thing.
            DailyQuotaError: if only the reserve is left of the day's calls.
            HubSpotError: for what no other request would fare better with.
        """
        sent = None if json_body is None else json.dumps(json_body).encode()
        timeout, retry = self._connection.timeout, self._retry
        if policy:
            timeout = min(timeout, policy.timeout)
            retry = replace(retry, tries=policy.tries, longest=policy.longest)
        retry = replace(retry, tries=max(retry.tries, min_attempts))

        def attempt() -> ApiResponse:
            given = (params() if callable(params) else params) or {}
            query = {name: value for name, value in given.items() if value is not None}
            url = self._url(endpoint, path, query)
            response, token = self._send(endpoint, url, sent, timeout)
            if response.status == HTTPStatus.UNAUTHORIZED and self._credentials.invalidate(token):
                response, token = self._send(endpoint, url, sent, timeout)
            moment = self.clock.read(response.headers)
            asked = Asked(
                endpoint,
                token=token,
                setting=self._credentials.setting,
                query=query,
                now=as_time(moment) if moment else None,
                has_worked=self._has_worked,
                has_answered=self._has_answered,
                quota_returns=self.limit.quota.returns(),
            )
            try:
                check(response, asked)
            except TransientError as error:
                if error.is_burst:  # every worker waits, also after a last try
                    self.limit.pause(error.retry_after or self.limit.refusal_pause())
                raise
            try:
                body = json.loads(response.body)
            except (ValueError, RecursionError):
                body = None
            if not isinstance(body, dict) or not accept(body):
                raise unexpected_body(response, endpoint, token)
            self._has_worked = True
            self._has_answered = self._has_answered or endpoint.is_conversations
            now = asked.now or as_time(self.clock.now())
            return ApiResponse(body, response.body, now, self.clock.is_known)

        call = partial(retry.call, attempt, on_retry=self._count_retry, on_failure=on_failure)
        try:
            return call()
        except UnverifiedAddressError as error:
            self._prove()
            if error.if_verified:
                raise error.if_verified from None
        return call(made=1)

    def _url(self, endpoint: Endpoint, path: str, query: Mapping[str, Any]) -> str:
        base = self._connection.conversations_path if endpoint.is_conversations else ""
        url = f"{self._connection.api_url}{base}{path}"
        return f"{url}?{urlencode(query, doseq=True)}" if query else url

    def _prove(self) -> None:
        """Make the request that proves that the API is at this address, if none has yet.

        Raises:
            WrongAddressError: if it is not.
            HubSpotError: if the list of threads cannot be read.
        """
        with self._prove_lock:
            if self._wrong_address:
                raise self._wrong_address
            if not self._has_answered:
                try:
                    self.request(THREADS, THREADS.path, params={"limit": 1}, accept=is_page)
                except WrongAddressError as error:
                    self._wrong_address = error
                    raise

    def _send(
        self, endpoint: Endpoint, url: str, body: bytes | None, timeout: float
    ) -> tuple[Response, str]:
        """Send a request once, when the limit lets it; return the answer, and its token."""
        with self._in_flight:
            # First the token: while it is refreshed, the limit's window would move on.
            self._credentials.ensure_fresh()
            ticket = self.limit.acquire()
            headers, is_refused = None, False
            token = self._credentials.token
            try:
                sent = {
                    "Authorization": f"Bearer {token}",
                    "User-Agent": self._connection.user_agent,
                }
                if body is not None:
                    sent["Content-Type"] = "application/json"
                request = Request(endpoint.method, url, sent, body)
                response = self._transport.send(request, timeout=timeout)
                headers = response.headers
                is_refused = response.status == HTTPStatus.TOO_MANY_REQUESTS
            except NoAnswerError as error:
                message = f"{endpoint}{error}"
                kind = TransientError if error.is_transient else HubSpotError
                raise kind(message) from error
            finally:
                self.limit.release(ticket, headers, is_refused=is_refused)
                with self._lock:
                    self.request_count += 1
        return response, token

    def _count_retry(self) -> None:
        """Count a request that is to be sent again."""
        with self._lock:
            self.retry_count += 1
