"""One endpoint that is listed, page by page, as many things a page as HubSpot gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.contract import Page
from tap_hubspot_threads.errors import RefusedError, TooLargeError
from tap_hubspot_threads.hubspot.pages import Rows, is_page, next_cursor, usable_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_hubspot_threads.hubspot.answers import Endpoint
    from tap_hubspot_threads.hubspot.conversations import Conversations
    from tap_hubspot_threads.hubspot.pages import Make
    from tap_hubspot_threads.hubspot.retry import Patience

SMALL_PAGE = 100
"""What is asked for where more is refused: the most that others call the ceiling. Observed."""


class Listing:
    """Asks for pages, from any number of threads.

    Args:
        conversations: Sends the requests.
        endpoint: What is listed.
        things: What a page is of, in the plural.
        size: Things a page, at the most.
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
        self._things, self._size, self._warn = things, size, warn
        self._has_worked = False
        """Whether a page of that size was given, to whichever thread."""

    def page(
        self,
        path: str,
        params: Mapping[str, Any],
        *,
        make: Make,
        patience: Patience | None = None,
    ) -> Page:
        """Return a page; a smaller one, where HubSpot does not give as many things a call.

        Args:
            path: The endpoint's, below the API's, with the IDs.
            params: Of the query, but for the size.
            make: Makes a row, as `Rows` wants it.
            patience: As `Client.ask` wants it.

        Raises:
            HubSpotError: as `Client.ask` says.
        """

        def accept(body: dict[str, Any]) -> bool:
            if not is_page(body):
                return False
            found = body["results"]
            return not found or any(make.id_of(item) is not None for item in found)

        def ask(size: int) -> Page:
            answer = self._conversations.ask(
                self._endpoint,
                path,
                params={**params, "limit": size},
                accept=accept,
                patience=patience,
            )
            found = answer.body["results"]
            ids = usable_ids(found, make, things=self._things, warn=self._warn)
            rows = Rows(answer.text, found=found, make=make)
            cursor, size = next_cursor(answer.body), len(answer.text)
            return Page(
                rows,
                cursor,
                answer.now,
                size,
                shrink=rows.shrink,
                is_dated=answer.is_dated,
                ids=ids,
            )

        size = self._size  # another thread may change it meanwhile
        try:
            page = _less_at_once(ask, size)
        except RefusedError as error:
            if not error.may_be_size or size <= SMALL_PAGE or self._has_worked:
                raise
            page = _less_at_once(ask, SMALL_PAGE)
            self._size = SMALL_PAGE
        else:
            self._has_worked = self._has_worked or size > SMALL_PAGE
        return page


def _less_at_once(ask: Callable[[int], Page], size: int) -> Page:
    """Return a page, or the beginning of one that is too large: texts may be of a megabyte."""
    while True:
        try:
            return ask(size)
        except TooLargeError:
            if size == 1:
                raise
            size = max(1, size // 5)
