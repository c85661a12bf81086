"""How a request is sent to HubSpot: address, token, limit, errors, retries."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import requests
from singer_sdk import SchemaDirectory
from singer_sdk.streams.rest import PageContext
from typing_extensions import override

from tap_hubspot_threads import retry, schemas
from tap_hubspot_threads.cleaning import clean_time
from tap_hubspot_threads.concurrency import ordered_map
from tap_hubspot_threads.errors import answer_error, no_thread_error
from tap_hubspot_threads.lean_stream import LeanStream

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator

    from singer_sdk import Tap
    from singer_sdk.exceptions import RetriableAPIError
    from singer_sdk.helpers.types import Context, RequestFunc

    from tap_hubspot_threads.auth import RefreshTokenAuthenticator, TokenAuthenticator
    from tap_hubspot_threads.configured_ids import ConfiguredIds
    from tap_hubspot_threads.progress import Progress
    from tap_hubspot_threads.rate_limit import RateLimit, Ticket
    from tap_hubspot_threads.stopping import Stop
    from tap_hubspot_threads.transport import Transport

T = TypeVar("T")
R = TypeVar("R")

BASE_PATHS = {
    "v3": "/conversations/v3/conversations",
    "2026-09": "/conversations/conversations/2026-09",
}
SCHEMAS = SchemaDirectory(schemas)


@dataclass(frozen=True)
class Answer:
    """What HubSpot answered: a JSON object, and its clock then, as a cleaned time."""

    body: dict[str, Any]
    now: str


@dataclass(frozen=True)
class Shared:
    """What the streams of a tap have in common."""

    transport: Transport
    credentials: TokenAuthenticator | RefreshTokenAuthenticator
    in_flight: threading.Semaphore
    """One for each request that may be under way, listings and threads together."""
    limit: RateLimit
    stop: Stop
    progress: Progress
    ids: ConfiguredIds | None
    """The threads that the settings name; None: the account is read."""


class HubSpotStream(LeanStream):
    """A stream of HubSpot's Conversations API.

    Requests are sent from worker threads only (`each`), so that a signal finds the main thread
    awake.
    """

    @cached_property
    def schema(self) -> dict[str, Any]:  # the SDK asks for it with each record
        """The JSON Schema of the stream, from the file of its name."""
        return SCHEMAS.get_schema(self.name)

    def __init__(self, tap: Tap, shared: Shared) -> None:
        super().__init__(tap)
        self._transport, self._credentials = shared.transport, shared.credentials
        self._in_flight, self._limit = shared.in_flight, shared.limit
        self._stop, self._progress = shared.stop, shared.progress
        self._ids = shared.ids

    def each(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Call the function for each item on `max_concurrency` workers; results in order.

        Raises:
            Stopped: soon after the sync is asked to stop, whatever the workers are doing.
        """
        workers = self.config["max_concurrency"]
        return ordered_map(function, items, workers=workers, while_waiting=self._while_waiting)

    def _while_waiting(self) -> None:
        self._stop.check()
        self._progress.tick()
        sys.stdout.flush()  # what there is goes out before a wait

    def fetch(
        self,
        context: Context | None = None,
        cursor: str | None = None,
        *,
        accept: Callable[[dict[str, Any]], bool],
    ) -> Answer:
        """Send the request for a context and a cursor, again where that can help.

        Args:
            context: What `get_http_request` makes the request from.
            cursor: Of a listing, decoded.
            accept: Whether a JSON object is an answer to the request. One that is not is
                asked for again.

        Raises:
            RetriableAPIError: if the last of `max_attempts` failed in a passing way.
            ThreadNotFoundError: if HubSpot says 404.
            RefusedError: if HubSpot says 400 or its like.
            FatalAPIError: for what no other request would fare better with.
            DailyQuotaError: if only the reserve is left of the day's calls.
            Stopped: if the sync is to stop.
        """
        request = self.get_http_request(page=PageContext(context, cursor))
        prepared = self._blank_request.copy()
        prepared.url = f"{request.url}?{request.encode_params()}"
        body: Any = None

        def attempt(request: requests.PreparedRequest, _: Context | None) -> requests.Response:
            nonlocal body
            response = self._send(request)
            if response.status_code == HTTPStatus.UNAUTHORIZED and self._credentials.renew(
                response
            ):
                response = self._send(request)
            self.validate_response(response)
            try:
                body = json.loads(response.content)
            except (ValueError, RecursionError):
                body = None
            if not isinstance(body, dict) or not accept(body):
                raise no_thread_error(response, endpoint=self.path)
            return response

        response = self.request_decorator(attempt)(prepared, context)
        return Answer(body, _clock(response))

    def _send(self, prepared: requests.PreparedRequest) -> requests.Response:
        """Send a request once, when the limit lets it."""
        with self._in_flight:
            ticket = self._acquire()
            headers = None
            try:
                request = self.authenticator(prepared)
                response = self._transport.send(request, endpoint=self.path)
                headers = response.headers
            finally:
                self._limit.release(ticket, headers)
                self._progress.count_call()
        return response

    def _acquire(self) -> Ticket:
        """Wait until the limit lets a request leave, and the token is good for it.

        A token is renewed before the request has its place in the limit's window, which would move
        on meanwhile; and looked at again after the wait for that place, in which it may end.
        """
        self._credentials.prepare()
        ticket = self._limit.acquire()
        if not self._credentials.is_token_valid():
            self._limit.give_back(ticket)
            self._credentials.prepare()
            ticket = self._limit.acquire()
        return ticket

    @property
    @override
    def url_base(self) -> str:
        host: str = self.config["api_url"]
        return host.rstrip("/") + BASE_PATHS[self.config["api_version"]]

    @override
    def get_url(self, context: Context | None) -> str:
        return self.url_base + self.path.format(**(context or {}))

    @property
    @override
    def authenticator(self) -> TokenAuthenticator | RefreshTokenAuthenticator:
        return self._credentials

    @cached_property
    def _blank_request(self) -> requests.PreparedRequest:
        """A request with all but its URL; preparing each anew would cost more than sending it."""
        request = requests.Request("GET", self.url_base, headers={"User-Agent": self.user_agent})
        return request.prepare()

    @property
    @override
    def user_agent(self) -> str:
        return self.config.get("user_agent") or f"{self.tap_name}/{self._tap.plugin_version}"

    @override
    def validate_response(self, response: requests.Response) -> None:
        setting = self._credentials.setting
        if error := answer_error(response, endpoint=self.path, token_setting=setting):
            raise error

    @override
    def request_decorator(self, func: RequestFunc) -> RequestFunc:
        """Try again as the other hooks say.

        The SDK's own decorator logs each failure twice, and sleeps where a signal cannot reach it.
        """

        def decorated(
            request: requests.PreparedRequest, context: Context | None
        ) -> requests.Response:
            return retry.attempts(
                lambda: func(request, context),
                tries=self.config["max_attempts"],
                seconds_to_wait=self._seconds_to_wait,
                wait=self._stop.wait,
                warn=self._warn_of_retry,
            )

        return decorated

    def _warn_of_retry(self, message: str) -> None:
        self.log("%s", message, level=logging.WARNING)
        self._progress.count_retry()

    def _seconds_to_wait(self, error: RetriableAPIError, scheduled: float) -> float:
        """Return the wait before the next attempt; a 429 makes every worker wait."""
        seconds, response = retry.seconds_to_wait(error, scheduled), error.response
        if response is not None and response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            seconds = self._limit.interval if retry.asked_for(error) is None else seconds
            self._limit.pause(seconds)
        return seconds


def _clock(response: requests.Response) -> str:
    """Return the time of HubSpot's answer (whole seconds, rounded down).

    Where an answer does not say, the time here less an hour: HubSpot's clock may be behind.
    """
    try:
        moment = parsedate_to_datetime(response.headers.get("Date", ""))
        return clean_time(moment.isoformat()) or ""
    except (ValueError, OverflowError):
        moment = datetime.now(timezone.utc) - timedelta(hours=1)
        return clean_time(moment.isoformat()) or ""
