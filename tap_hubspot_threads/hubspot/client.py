"""The client: sends requests to HubSpot with a token, within the limits, and with retries."""

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
from tap_hubspot_threads.hubspot.status_codes import (
    Endpoint,
    RequestContext,
    raise_for_status,
    unexpected_body,
)
from tap_hubspot_threads.hubspot.transport import NoResponseError, Request, Response
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
    """A successful response."""

    body: dict[str, Any]
    """The parsed JSON object."""
    raw: bytes
    """The unparsed body."""
    now: str
    """The response's `Date`, as a time such as `2026-01-31T09:00:00.000Z`. If `HubSpotClock` does
    not accept this `Date`, or the response has none, `now` is the result of `HubSpotClock.now`."""
    is_dated: bool
    """Whether this or an earlier response had a plausible `Date` (`HubSpotClock.is_known`). If not,
    `now` is the local time minus one hour (`clock.MARGIN`)."""


THREADS = Endpoint("GET", "/threads", is_list_of_threads=True)


class Client:
    """Sends requests to HubSpot. Thread-safe.

    The settings `api_url` and `api_version` form the *address*. Until a request to the
    Conversations API has succeeded, a 403 or 404 can mean that the address is wrong
    (`UnverifiedAddressError`). After such an error, the client checks the address with the request
    `GET /threads?limit=1`. A 404 for this request means that the address is wrong. All workers
    share the result.

    Args:
        connection: The parameters that all requests share.
        transport: Sends each attempt.
        credentials: Provide the access token.
        limit: The rate limit and the daily quota.
        retry: Retries transient errors.
        clock: Derives HubSpot's time from the responses.
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
        self._lock, self._probe_lock = threading.Lock(), threading.Lock()
        self._wrong_address: WrongAddressError | None = None
        self.clock = clock
        self._any_succeeded = False
        """Whether any request of this sync has succeeded."""
        self._conversations_succeeded = False
        """Whether a request to the Conversations API has succeeded. If so, the address is right."""
        self.request_count = 0
        """Requests sent so far, including retries, but without requests for OAuth tokens."""
        self.retry_count = 0

    @property
    def now(self) -> datetime | None:
        """The current time by HubSpot's clock; None if no response had a plausible `Date`."""
        return self.clock.now() if self.clock.is_known else None

    @property
    def quota(self) -> tuple[int | None, int | None]:
        """The daily quota: the remaining API calls, and the limit. Each is None if unknown."""
        return self.limit.quota.remaining, self.limit.quota.limit

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
        """Send a request, and retry transient errors.

        After a 401, send the request once more if the credentials can provide another token.

        Args:
            endpoint: The endpoint.
            path: The endpoint's path, with IDs instead of placeholders. A path of the Conversations
                API is relative to `Connection.conversations_path`. Any other path is relative to
                `Connection.api_url`.
            accept: Returns whether a JSON object is a valid response of the endpoint. A 200 without
                a valid JSON object is a transient error.
            params: The query parameters, or a function that returns them. The function is called
                before each attempt. Parameters with the value None are not sent.
            json_body: The request body. None: the request has no body.
            policy: Limits for this request. None: the limits of the settings, and
                `retry.MAX_RETRY_AFTER`.
            min_attempts: The number of attempts to allow if the settings or `policy` allow fewer.
            on_failure: Called with each `TransientError`.

        Raises:
            TransientError: if the last attempt fails with a transient error that has no `advice`.
            NotFoundError: for a 404 that HubSpot itself sent (`ErrorDetails.is_own_404`), if
                `endpoint.can_be_not_found`.
            WrongAddressError: if no Conversations API exists at this address.
            RefusedError: for a 400 or another 4xx that concerns only this request.
            DailyQuotaError: if the daily quota is used up, or if only the reserve for other
                integrations remains.
            HubSpotError: for an error that would affect every other request too, or if HubSpot
                requests a wait that is too long (see `Retry.call`).
        """
        data = None if json_body is None else json.dumps(json_body).encode()
        timeout, retry = self._connection.timeout, self._retry
        if policy:
            timeout = min(timeout, policy.timeout)
            retry = replace(
                retry, max_attempts=policy.max_attempts, max_retry_after=policy.max_retry_after
            )
        retry = replace(retry, max_attempts=max(retry.max_attempts, min_attempts))

        def attempt() -> ApiResponse:
            values = (params() if callable(params) else params) or {}
            query = {name: value for name, value in values.items() if value is not None}
            url = self._url(endpoint, path, query)
            response, token = self._send(endpoint, url, data, timeout)
            if response.status == HTTPStatus.UNAUTHORIZED and self._credentials.invalidate(token):
                response, token = self._send(endpoint, url, data, timeout)
            moment = self.clock.read(response.headers)
            context = RequestContext(
                endpoint,
                token=token,
                setting=self._credentials.setting,
                query=query,
                now=as_time(moment) if moment else None,
                any_succeeded=self._any_succeeded,
                conversations_succeeded=self._conversations_succeeded,
                quota_reset_notice=self.limit.quota.reset_notice(),
            )
            try:
                raise_for_status(response, context)
            except TransientError as error:
                # All workers share the rate limit. So all workers pause, even if this was the last
                # attempt.
                if error.is_burst:
                    self.limit.pause(error.retry_after or self.limit.refusal_pause())
                raise
            try:
                body = json.loads(response.body)
            except (ValueError, RecursionError):
                body = None
            if not isinstance(body, dict) or not accept(body):
                raise unexpected_body(response, endpoint, token)
            self._any_succeeded = True
            self._conversations_succeeded = (
                self._conversations_succeeded or endpoint.is_conversations
            )
            now = context.now or as_time(self.clock.now())
            return ApiResponse(body, response.body, now, self.clock.is_known)

        call = partial(retry.call, attempt, on_retry=self._count_retry, on_failure=on_failure)
        try:
            return call()
        except UnverifiedAddressError as error:
            self._probe_address()
            if error.if_verified:
                raise error.if_verified from None
        self._count_retry()
        return call(attempts_made=1)

    def _url(self, endpoint: Endpoint, path: str, query: Mapping[str, Any]) -> str:
        base = self._connection.conversations_path if endpoint.is_conversations else ""
        url = f"{self._connection.api_url}{base}{path}"
        return f"{url}?{urlencode(query, doseq=True)}" if query else url

    def _probe_address(self) -> None:
        """Request one thread to check the address.

        Send no request if a request to the Conversations API has succeeded, or if an earlier check
        found that the address is wrong.

        Raises:
            WrongAddressError: if no Conversations API exists at this address.
            HubSpotError: if the list of threads cannot be read.
        """
        with self._probe_lock:
            if self._wrong_address:
                raise self._wrong_address
            if not self._conversations_succeeded:
                try:
                    self.request(THREADS, THREADS.path, params={"limit": 1}, accept=is_page)
                except WrongAddressError as error:
                    self._wrong_address = error
                    raise

    def _send(
        self, endpoint: Endpoint, url: str, body: bytes | None, timeout: float
    ) -> tuple[Response, str]:
        """Wait for the rate limit, send a request, and return the response and the sent token."""
        with self._in_flight:
            # Refresh the token before `acquire`, because a refresh takes time. The rate limit
            # assumes that a request is sent immediately after `acquire`.
            self._credentials.ensure_fresh()
            ticket = self.limit.acquire()
            headers, is_refused = None, False
            token = self._credentials.token
            try:
                sent_headers = {
                    "Authorization": f"Bearer {token}",
                    "User-Agent": self._connection.user_agent,
                }
                if body is not None:
                    sent_headers["Content-Type"] = "application/json"
                request = Request(endpoint.method, url, sent_headers, body)
                response = self._transport.send(request, timeout=timeout)
                headers = response.headers
                is_refused = response.status == HTTPStatus.TOO_MANY_REQUESTS
            except NoResponseError as error:
                message = f"{endpoint}{error}"
                kind = TransientError if error.is_transient else HubSpotError
                raise kind(message) from error
            finally:
                self.limit.release(ticket, headers, is_refused=is_refused)
                with self._lock:
                    self.request_count += 1
        return response, token

    def _count_retry(self) -> None:
        with self._lock:
            self.retry_count += 1
