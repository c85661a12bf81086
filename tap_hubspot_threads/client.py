"""How a request is sent to HubSpot: address, token, session, errors, retries."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, cast

import backoff
import requests
from requests.adapters import HTTPAdapter
from singer_sdk import RESTStream, SchemaDirectory, StreamSchema
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.exceptions import RetriableAPIError
from singer_sdk.streams.rest import PageContext
from typing_extensions import override

from tap_hubspot_threads import schemas
from tap_hubspot_threads.errors import api_error, no_thread_error, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, RequestFunc

BASE_PATHS = {
    "v3": "/conversations/v3/conversations",
    "2026-09": "/conversations/conversations/2026-09",
}

SCHEMAS = SchemaDirectory(schemas)


class HubSpotStream(RESTStream["str | None"]):
    """A stream of HubSpot's Conversations API.

    `fetch` may be called from several threads at once: each has a session of its own, over one
    adapter, so that connections are shared and sessions are not.
    """

    schema = StreamSchema(SCHEMAS)
    sleep = staticmethod(time.sleep)

    def __init__(self, tap: Tap) -> None:
        super().__init__(tap)
        self._authenticator = BearerTokenAuthenticator(token=self.config.get("access_token") or "")
        self._adapter = HTTPAdapter(pool_maxsize=self.config.get("max_concurrency", 1))
        self._local = threading.local()

    def fetch(
        self,
        context: Context | None = None,
        cursor: str | None = None,
        *,
        accept: Callable[[dict[str, Any]], bool],
    ) -> dict[str, Any]:
        """Send the request for a context and a cursor, again where that can help.

        Args:
            context: What `get_http_request` makes the request from.
            cursor: Of a listing, decoded.
            accept: Whether a JSON object is an answer to the request. One that is not is
                asked for again.

        Returns:
            The answer's JSON object.

        Raises:
            RetriableAPIError: if the last of `max_attempts` failed in a passing way.
            ThreadNotFoundError: if HubSpot says 404.
            FatalAPIError: for what trying again does not mend.
        """
        request = self.get_http_request(page=PageContext(context, cursor))
        prepared = self.build_prepared_request(
            method=request.method,
            url=request.url,
            params=request.encode_params(),
            headers=request.headers,
        )

        body: Any = None

        def attempt(request: requests.PreparedRequest, _: Context | None) -> requests.Response:
            nonlocal body
            response = self._send(request)
            self.validate_response(response)
            try:
                body = response.json()
            except (ValueError, RecursionError):
                body = None
            if not isinstance(body, dict) or not accept(body):
                raise no_thread_error(response, endpoint=self.path)
            return response

        self.request_decorator(attempt)(prepared, context)
        return cast("dict[str, Any]", body)

    def _send(self, prepared: requests.PreparedRequest) -> requests.Response:
        try:
            return self.requests_session.send(
                self.authenticator(prepared),
                timeout=self.timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            message = (
                f"GET {self.path}: no answer from {self.config['api_url']} ({type(error).__name__})"
            )
            raise RetriableAPIError(message) from error

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
    def authenticator(self) -> BearerTokenAuthenticator:
        return self._authenticator

    @property
    @override
    def requests_session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            # Session.send, unlike Session.get, does not look at the environment by itself.
            environment = session.merge_environment_settings(self.url_base, {}, None, None, None)
            session.proxies, session.verify = environment["proxies"], environment["verify"]
            session.trust_env = False
            session.mount("https://", self._adapter)
            session.mount("http://", self._adapter)
        return session

    @property
    @override
    def timeout(self) -> int:
        return cast("int", self.config["request_timeout"])

    @property
    @override
    def user_agent(self) -> str:
        return self.config.get("user_agent") or f"{self.tap_name}/{self._tap.plugin_version}"

    @override
    def validate_response(self, response: requests.Response) -> None:
        if error := api_error(response, endpoint=self.path):
            raise error

    @override
    def request_decorator(self, func: RequestFunc) -> RequestFunc:
        """Try again as the other hooks say.

        The SDK's own decorator would log each failure twice, and waits where nobody can see it.
        """

        def attempts(
            request: requests.PreparedRequest, context: Context | None
        ) -> requests.Response:
            waits = self.backoff_wait_generator()
            next(waits)
            attempt = 0
            while True:
                attempt += 1
                try:
                    return func(request, context)
                except RetriableAPIError as error:
                    if attempt >= self.backoff_max_tries():
                        message = f"{error}. Gave up after {attempt} attempts (max_attempts)."
                        raise RetriableAPIError(message, error.response) from error
                    wait = self.backoff_jitter(waits.send(error))
                    message = "%s; attempt %d of %d, the next one in %.1f s"
                    values = (error, attempt, self.backoff_max_tries(), wait)
                    self.log(message, *values, level=logging.WARNING)
                    self.sleep(wait)

        return attempts

    @override
    def backoff_max_tries(self) -> int:
        return cast("int", self.config["max_attempts"])

    @override
    def backoff_wait_generator(self) -> Generator[float, Any, None]:
        """Yield the seconds to wait, for each error sent in: 1 to 60, doubling.

        What HubSpot asks for in its answer counts where that is more.
        """
        schedule = backoff.expo(max_value=60)
        next(schedule)
        error = yield 0
        while True:
            error = yield max(next(schedule), retry_after(error))
