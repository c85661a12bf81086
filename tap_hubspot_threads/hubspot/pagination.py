"""One endpoint that is listed, page by page."""

from __future__ import annotations

import json
from collections.abc import Collection
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from typing_extensions import override

from tap_hubspot_threads.errors import RefusedError, TransientError
from tap_hubspot_threads.hubspot.page_size import FAILURES_OF_A_SIZE, PageSize, SizeOfPage
from tap_hubspot_threads.hubspot.rows import is_plain
from tap_hubspot_threads.models import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_hubspot_threads.hubspot.client import ApiResponse
    from tap_hubspot_threads.hubspot.conversations import Conversations
    from tap_hubspot_threads.hubspot.responses import Endpoint
    from tap_hubspot_threads.hubspot.retry import RetryPolicy
    from tap_hubspot_threads.models import Row


class Make(Protocol):
    """Makes the rows of JSON objects."""

    @property
    def id_of(self) -> Callable[[Mapping[str, Any]], str | None]:
        """Returns the ID of an object; None if it has none that can be used."""

    def __call__(self, found: Mapping[str, Any], /, *, is_plain: bool) -> Row | None:
        """Return the row of an object; None if it has no usable ID.

        Args:
            found: The object.
            is_plain: Whether the whole page is plain, as `cleaning.is_plain` says.
        """


class Rows(Collection["Row"]):
    """The rows of a page, made each time that they are gone through.

    Args:
        text: The page, as it came.
        found: What is in it; kept until `shrink`, and then parsed again.
        make: Makes a row of one; one that it makes none of is left out.
    """

    def __init__(
        self,
        text: bytes,
        *,
        found: list[Any],
        make: Make,
    ) -> None:
        self._text, self._count, self._make = text, len(found), make
        self._found: list[Any] | None = found

    def shrink(self) -> None:
        """Keep the text alone."""
        self._found = None

    @override
    def __iter__(self) -> Iterator[Row]:
        found = self._found
        if found is None:
            found = json.loads(self._text)["results"]
        plain = is_plain(self._text)
        for item in found:
            row = self._make(item, is_plain=plain) if isinstance(item, dict) else None
            if row is not None:
                yield row

    @override
    def __len__(self) -> int:
        return self._count

    @override
    def __contains__(self, row: object) -> bool:
        return any(row == other for other in self)


def usable_ids(
    found: list[Any], make: Make, *, things: str, warn: Callable[[str], None]
) -> list[str]:
    """Return the IDs of objects; log how many objects have none that can be used.

    Args:
        found: What a response contains.
        make: Knows the ID of each.
        things: What they are, in the plural.
        warn: Logs a warning.
    """
    objects = (item for item in found if isinstance(item, dict))
    ids = [id_ for item in objects if (id_ := make.id_of(item)) is not None]
    if useless := len(found) - len(ids):
        of_all = f"{useless} of a page's {len(found)} {things}"
        warn(f"{of_all} have no usable id and are left out")
    return ids


def is_page(body: Mapping[str, Any]) -> bool:
    """Whether an answer is a page of objects, with or without a cursor."""
    found, paging = body.get("results"), body.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else paging
    return (
        isinstance(found, list)
        and all(isinstance(item, dict) for item in found)
        and (following is None or isinstance(following, dict))
    )


def next_cursor(body: Mapping[str, Any]) -> str | None:
    """Return the cursor of the next page, decoded; None behind the last page only.

    Observed: it may come percent-encoded already; sent as it came it would be encoded twice and
    refused. Pages may be empty although a cursor comes with them. `paging.next.link` has a wrong
    path and is ignored.
    """
    after = ((body.get("paging") or {}).get("next") or {}).get("after")
    return None if after is None or after == "" else unquote(str(after))


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
        patience: RetryPolicy | None = None,
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
        patience: RetryPolicy | None,
    ) -> ApiResponse:
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
            except TransientError as error:
                if patience is None or is_smallest or error.asks_to_wait or error.retry_after:
                    raise
