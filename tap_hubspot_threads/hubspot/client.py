"""One request to HubSpot, until it is answered: token, limit, transport, judgement, retry."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tap_hubspot_threads.errors import HubSpotError, PassingError, TooLargeError
from tap_hubspot_threads.hubspot.answers import check, other_answer
from tap_hubspot_threads.hubspot.retry import date
from tap_hubspot_threads.hubspot.transport import NoAnswerError, Request, Response
from tap_hubspot_threads.values import as_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_hubspot_threads.hubspot.answers import Endpoint
    from tap_hubspot_threads.hubspot.auth import Credentials
    from tap_hubspot_threads.hubspot.rate_limit import RateLimit, Ticket
    from tap_hubspot_threads.hubspot.retry import Patience, Retry
    from tap_hubspot_threads.hubspot.transport import Transport

TOO_LARGE_TRIES = 2
"""It may be what never ends, and passes; else the next one is as large."""


@dataclass(frozen=True)
class Answer:
    """What HubSpot answered."""

    body: dict[str, Any]
    """A JSON object."""
    text: bytes
    """The same, as it came."""
    now: str
    """HubSpot's clock then, as a cleaned time."""


class Client:
    """Asks HubSpot, from any number of threads.

    Args:
        api_url: The base URL.
        transport: The way to it.
        credentials: Where the token comes from.
        limit: Which requests may leave when.
        retry: How often one is tried.
        most_in_flight: Requests under way at the most.
        timeout: Seconds to wait for an answer.
        user_agent: The header of that name.
    """

    def __init__(
        self,
        api_url: str,
        *,
        transport: Transport,
        credentials: Credentials,
        limit: RateLimit,
        retry: Retry,
        most_in_flight: int,
        timeout: float,
        user_agent: str,
    ) -> None:
        self._api_url, self._transport = api_url, transport
        self._credentials, self.limit, self._retry = credentials, limit, retry
        self._timeout, self._user_agent = timeout, user_agent
        self._in_flight = threading.Semaphore(most_in_flight)
        self._lock = threading.Lock()
        self._has_worked = False
        self.calls = 0
        """Requests that were sent; of tokens none."""
        self.retries = 0
        """Requests that were to be sent again."""
        self._date = ""

    @property
    def now(self) -> datetime | None:
        """HubSpot's clock at its last answer that told it."""
        return date(self._date)

    @property
    def quota(self) -> tuple[int | None, int | None]:
        """The calls that are left of the day, and how many there are a day, where it is known."""
        return self.limit.quota.left, self.limit.quota.total

    def ask(
        self,
        endpoint: Endpoint,
        path: str,
        *,
        accept: Callable[[dict[str, Any]], bool],
        params: Mapping[str, Any] | None = None,
        json_body: object = None,
        patience: Patience | None = None,
    ) -> Answer:
        """Send a request, again where that can help.

        Args:
            endpoint: What is asked.
            path: Its path, with the version and the ids.
            accept: Whether a JSON object is an answer to the request. One that is not is asked for
                again.
            params: Of the query: strings and lists; those that are None are left out.
            json_body: What to send, if anything.
            patience: How much it is worth; None: what the settings say.

        Raises:
            PassingError: if the last of the tries failed in a passing way.
            MissingError: if HubSpot says 404, where the endpoint can miss.
            WrongAddressError: if something else says 404, before anything has worked.
            RefusedError: if HubSpot says 400 or its like.
            DailyQuotaError: if only the reserve is left of the day's calls.
            HubSpotError: for what no other request would fare better with.
        """
        query = {name: value for name, value in (params or {}).items() if value is not None}
        url = f"{self._api_url}{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
        sent = None if json_body is None else json.dumps(json_body).encode()
        timeout, retry = self._timeout, self._retry
        if patience:
            timeout = min(timeout, patience.timeout)
            retry = replace(retry, tries=patience.tries, longest=patience.longest)

        def attempt() -> Answer:
            response, token = self._send(endpoint, url, sent, timeout)
            if response.status == HTTPStatus.UNAUTHORIZED and self._credentials.renew(token):
                response, token = self._send(endpoint, url, sent, timeout)
            setting, quota_returns = self._credentials.setting, self.limit.quota.returns()
            try:
                check(
                    response,
                    endpoint,
                    token=token,
                    setting=setting,
                    quota_returns=quota_returns,
                    has_worked=self._has_worked,
                )
            except PassingError as error:
                if error.is_burst:  # every worker waits, also after a last try
                    self.limit.pause(error.retry_after or self.limit.refusal_pause())
                raise
            try:
                body = json.loads(response.body)
            except (ValueError, RecursionError):
                body = None
            if not isinstance(body, dict) or not accept(body):
                raise other_answer(response, endpoint, token)
            self._has_worked = True
            return Answer(body, response.body, self._clock(response))

        return retry.call(attempt, on_retry=self._count_retry)

    def _send(
        self, endpoint: Endpoint, url: str, body: bytes | None, timeout: float
    ) -> tuple[Response, str]:
        """Send a request once, when the limit lets it; return the answer, and its token."""
        with self._in_flight:
            ticket = self._acquire()
            headers, is_refused = None, False
            token = self._credentials.token
            try:
                sent = {"Authorization": f"Bearer {token}", "User-Agent": self._user_agent}
                if body is not None:
                    sent["Content-Type"] = "application/json"
                request = Request(endpoint.method, url, sent, body)
                response = self._transport.send(request, timeout=timeout)
                headers = response.headers
                is_refused = response.status == HTTPStatus.TOO_MANY_REQUESTS
            except NoAnswerError as error:
                message = f"{endpoint}{error}"
                if error.is_too_large:
                    raise TooLargeError(message, tries=TOO_LARGE_TRIES) from error
                kind = PassingError if error.is_passing else HubSpotError
                raise kind(message) from error
            finally:
                self.limit.release(ticket, headers, is_refused=is_refused)
                with self._lock:
                    self.calls += 1
                    self._date = (headers or {}).get("Date", self._date)
        return response, token

    def _acquire(self) -> Ticket:
        """Wait until the limit lets a request leave, and the token is good for it.

        A token is renewed before the request has its place in the limit's window, which would move
        on meanwhile; and looked at again after the wait for that place, in which it may end.
        """
        self._credentials.prepare()
        ticket = self.limit.acquire()
        if not self._credentials.is_valid():
            self.limit.give_back(ticket)
            self._credentials.prepare()
            ticket = self.limit.acquire()
        return ticket

    def _clock(self, response: Response) -> str:
        """Return the time of HubSpot's answer (whole seconds, rounded down), or an earlier one.

        Where an answer does not say, that of the last one that did; where none did, the time here
        less an hour: HubSpot's clock may be behind.
        """
        moment = date(response.headers.get("Date", "")) or self.now
        return as_time(moment or datetime.now(timezone.utc) - timedelta(hours=1))

    def _count_retry(self) -> None:
        """Count a request that is to be sent again."""
        with self._lock:
            self.retries += 1
