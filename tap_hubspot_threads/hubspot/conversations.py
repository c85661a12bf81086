"""Requests to the Conversations API, whose 404 is believed once it has answered any with 200."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.errors import UnprovenError, WrongAddressError
from tap_hubspot_threads.hubspot.pagination import is_page
from tap_hubspot_threads.hubspot.responses import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_hubspot_threads.errors import TransientError
    from tap_hubspot_threads.hubspot.client import ApiResponse, Client
    from tap_hubspot_threads.hubspot.retry import RetryPolicy

THREADS = Endpoint("GET", "/threads", is_list_of_threads=True)


class Conversations:
    """Sends requests to the Conversations API, from any number of threads.

    Before the API has answered anything with 200, a 403 or 404 may be about the address as well as
    about the thing. Then one `GET /threads?limit=1` is made first, once, whatever the number of
    threads: a 404 to that means a wrong address.

    Args:
        client: Sends the requests.
        base_path: The API's, with the version.
    """

    def __init__(self, client: Client, base_path: str) -> None:
        self._client, self._base_path = client, base_path
        self._lock = threading.Lock()
        self._wrong_address: WrongAddressError | None = None
        self.monotonic = client.clock.monotonic
        """Returns monotonic seconds."""

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
        """Send a request to a path below the API's, as `Client.request` does.

        Raises:
            WrongAddressError: if there is no Conversations API at this address.
            HubSpotError: as `Client.request` says.
        """

        def request(*, made: int = 0) -> ApiResponse:
            return self._client.request(
                endpoint,
                self._base_path + path,
                accept=accept,
                params=params,
                json_body=json_body,
                policy=policy,
                min_attempts=min_attempts,
                on_failure=on_failure,
                made=made,
            )

        try:
            return request()
        except UnprovenError as error:
            self._prove()
            if error.meaning:
                raise error.meaning from None
        return request(made=1)

    def _prove(self) -> None:
        """Make the request that proves that the API is at this address, if none has yet.

        Raises:
            WrongAddressError: if it is not.
            HubSpotError: if the list of threads cannot be read.
        """
        with self._lock:
            if self._wrong_address:
                raise self._wrong_address
            if not self._client.has_answered:
                path = self._base_path + THREADS.path
                try:
                    self._client.request(THREADS, path, params={"limit": 1}, accept=is_page)
                except WrongAddressError as error:
                    self._wrong_address = error
                    raise
