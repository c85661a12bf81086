"""One endpoint that is listed, page by page."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.contract import Page
from tap_hubspot_threads.errors import PassingError, RefusedError
from tap_hubspot_threads.hubspot.page_size import FAILURES_OF_A_SIZE, PageSize, SizeOfPage
from tap_hubspot_threads.hubspot.pages import Rows, is_page, next_cursor, usable_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_hubspot_threads.hubspot.answers import Endpoint
    from tap_hubspot_threads.hubspot.client import Answer
    from tap_hubspot_threads.hubspot.conversations import Conversations
    from tap_hubspot_threads.hubspot.pages import Make
    from tap_hubspot_threads.hubspot.retry import Patience


class Listing:
    """Asks for pages, from any number of threads.

    Args:
        conversations: Sends the requests.
        endpoint: What is listed.
        things: What a page is of, in the plural.
        size: Things per page, at most.
        warn: Is told of things that cannot be used.
    """

    def __init__(
        self,
        conversations: Conversations,
        endpoint: Endpoint,
        *,
        things: str,
        size: int,
        warn: Callable[[str], None],
    ) -> None:
        self._conversations, self._endpoint = conversations, endpoint
        self._things, self._warn = things, warn
        self._size = PageSize(size)

    def page(
        self,
        path: str,
        params: Mapping[str, Any],
        *,
        make: Make,
        patience: Patience | None = None,
    ) -> Page:
        """Return a page; a smaller one if HubSpot does not return as many things per call.

        Args:
            path: The endpoint's, below the API's, with the IDs.
            params: Of the query, but for the size.
            make: Makes a row, as `Rows` wants it.
            patience: As `Client.ask` wants it.

        Raises:
            HubSpotError: as `Client.ask` says.
        """
        size = SizeOfPage(self._size, failures=patience.tries if patience else FAILURES_OF_A_SIZE)
        answer = self._ask(path, params, size=size, make=make, patience=patience)
        size.succeeded()
        found = answer.body["results"]
        ids = usable_ids(found, make, things=self._things, warn=self._warn)
        rows, cursor = Rows(answer.text, found=found, make=make), next_cursor(answer.body)
        return Page(
            rows,
            cursor,
            answer.now,
            len(answer.text),
            shrink=rows.shrink,
            is_dated=answer.is_dated,
            ids=ids,
        )

    def _ask(
        self,
        path: str,
        params: Mapping[str, Any],
        *,
        size: SizeOfPage,
        make: Make,
        patience: Patience | None,
    ) -> Answer:
        """Return the response for a page, requested smaller after a 400.

        With a patience, smaller after its attempts at one size too, without a wait between.
        """

        def accept(body: dict[str, Any]) -> bool:
            if not is_page(body):
                return False
            found = body["results"]
            return not found or any(make.id_of(item) is not None for item in found)

        refusal: RefusedError | None = None
        while True:
            is_smallest = size.is_smallest
            try:
                return self._conversations.ask(
                    self._endpoint,
                    path,
                    params=lambda: {**params, "limit": size.take()},
                    accept=accept,
                    patience=patience,
                    min_attempts=1 if patience else size.attempts,
                    on_failure=size.failed,
                )
            except RefusedError as error:
                refusal = refusal or error
                if error.status != HTTPStatus.BAD_REQUEST or not size.refused():
                    raise refusal from None
            except PassingError as error:
                if patience is None or is_smallest or error.asks_to_wait or error.retry_after:
                    raise
