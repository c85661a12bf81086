"""Lists, page by page: the next cursor, the page size, and when a list makes no progress."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from typing_extensions import override

from tap_hubspot_threads.errors import PaginationLoopError, RefusedError, TransientError
from tap_hubspot_threads.hubspot.page_size import FAILURES_OF_A_SIZE, PageSize, SizeOfPage
from tap_hubspot_threads.hubspot.rows import is_plain
from tap_hubspot_threads.models import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_hubspot_threads.hubspot.client import ApiResponse, Client
    from tap_hubspot_threads.hubspot.responses import Endpoint
    from tap_hubspot_threads.hubspot.retry import RetryPolicy
    from tap_hubspot_threads.models import Row


LOG = logging.getLogger("tap-hubspot-threads")


class Make(Protocol):
    """Makes the rows of JSON objects."""

    @property
    def id_of(self) -> Callable[[Mapping[str, Any]], str | None]:
        """Returns the ID of an object; None if it has none that can be used."""

    def __call__(self, found: Mapping[str, Any], /, *, is_plain: bool) -> Row | None:
        """Return the row of an object; None if it has no usable ID.

        Args:
            found: The object.
            is_plain: Whether the whole page is plain, as `rows.is_plain` says.
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


def usable_ids(found: list[Any], make: Make, *, things: str) -> list[str]:
    """Return the IDs of objects; log how many objects have none that can be used.

    Args:
        found: What a response contains.
        make: Knows the ID of each.
        things: What they are, in the plural.
    """
    objects = (item for item in found if isinstance(item, dict))
    ids = [id_ for item in objects if (id_ := make.id_of(item)) is not None]
    if useless := len(found) - len(ids):
        of_all = f"{useless} of a page's {len(found)} {things}"
        LOG.warning("%s have no usable id and are left out", of_all)
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


PAGES_WITHOUT_NEWS = 100
"""Pages in a row without a new ID before a listing fails. Empty pages with a cursor occur
(observed), so a few are no error."""

SLOTS = 2**20
"""Bits that remember which IDs a walk has seen; it starts over when half of them are set."""


class PaginationGuard:
    """Whether the pages of a list make progress.

    The memory is 128 kB and the cursors, however long the list is and in whatever order. IDs are
    remembered by a hash, so a new ID may count as known, by a chance of a half at most. That this
    happens to all IDs of `PAGES_WITHOUT_NEWS` pages in a row is as good as impossible, even with
    one row per page.

    Args:
        cursor: The cursor of the first page, if it has one.
    """

    def __init__(self, cursor: str | None = None) -> None:
        self._cursors = {cursor}
        self._known: bytearray | None = None
        self._set = 0
        """Bits that are set."""
        self._pages = 0
        """Pages in a row without a new ID."""

    def next_cursor(self, page: Page) -> str | None:
        """Return the cursor of the next page; None after the last page.

        Raises:
            PaginationLoopError: if the cursor came before (observed: cursors come again and again),
                or if too many pages in a row had no new ID.
        """
        if page.cursor is None:
            return None
        self._pages = 0 if self._has_news(page.ids) else self._pages + 1
        if self._pages >= PAGES_WITHOUT_NEWS:
            message = (
                f"The listing makes no progress: {self._pages} pages in a row had no new ID. "
                "Run the sync again. If the error persists, contact HubSpot support."
            )
            raise PaginationLoopError(message)
        if page.cursor in self._cursors:
            message = (
                f"The listing makes no progress: after {len(self._cursors)} pages "
                "HubSpot gave a cursor that it had given before. Run the sync again; if that does "
                "not help, HubSpot's support has to."
            )
            raise PaginationLoopError(message)
        self._cursors.add(page.cursor)
        return page.cursor

    def _has_news(self, ids: Iterable[str]) -> bool:
        """Whether an ID was not on an earlier page; remember all."""
        if self._known is None or self._set > SLOTS // 2:
            self._known, self._set = bytearray(SLOTS // 8), 0
        before = self._set
        for id_ in ids:
            place, bit = divmod(hash(id_) % SLOTS, 8)
            self._set += not self._known[place] & 1 << bit
            self._known[place] |= 1 << bit
        return self._set > before


class PagedList:
    """Asks for pages, from any number of threads.

    Args:
        client: Sends the requests.
        endpoint: What is listed.
        things: What a page is of, in the plural.
        size: Things per page, at most.
    """

    def __init__(
        self,
        client: Client,
        endpoint: Endpoint,
        *,
        things: str,
        size: int,
    ) -> None:
        self._client, self._endpoint = client, endpoint
        self._things = things
        self._size = PageSize(size)

    def pages(
        self,
        path: str,
        params: Mapping[str, Any],
        *,
        make: Make,
        cursor: str | None = None,
        policy: RetryPolicy | None = None,
        max_pages: int | None = None,
    ) -> Iterator[Page]:
        """Yield the pages from a cursor on, each requested when it is asked for.

        Args:
            path: See `page`, like what is not said here.
            params: Likewise.
            make: Likewise.
            cursor: None: from the first page on.
            policy: Likewise.
            max_pages: So many pages at most; None: all.

        Raises:
            RefusedError: if HubSpot does not know the cursor any more.
            PaginationLoopError: as `PaginationGuard.next_cursor` does.
        """
        guard = PaginationGuard(cursor)
        for _ in count() if max_pages is None else range(max_pages):
            page = self.page(path, {**params, "after": cursor}, make=make, policy=policy)
            yield page
            cursor = guard.next_cursor(page)
            if cursor is None:
                return

    def page(
        self,
        path: str,
        params: Mapping[str, Any],
        *,
        make: Make,
        policy: RetryPolicy | None = None,
    ) -> Page:
        """Return a page; a smaller one if HubSpot does not return as many things per call.

        Args:
            path: The endpoint's, below the API's, with the IDs.
            params: Of the query, but for the size.
            make: Makes a row, as `Rows` wants it.
            policy: As `Client.request` wants it.

        Raises:
            HubSpotError: as `Client.request` says.
        """
        started = self._client.clock.monotonic()
        size = SizeOfPage(self._size, failures=policy.tries if policy else FAILURES_OF_A_SIZE)
        answer = self._ask(path, params, size=size, make=make, policy=policy)
        size.succeeded()
        found = answer.body["results"]
        ids = usable_ids(found, make, things=self._things)
        rows, cursor = Rows(answer.text, found=found, make=make), next_cursor(answer.body)
        return Page(
            rows,
            cursor,
            answer.now,
            len(answer.text),
            seconds=(received_at := self._client.clock.monotonic()) - started,
            received_at=received_at,
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
        policy: RetryPolicy | None,
    ) -> ApiResponse:
        """Return the response for a page, requested smaller after a 400.

        With a policy, smaller after its attempts at one size too, without a wait between.
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
                return self._client.request(
                    self._endpoint,
                    path,
                    params=lambda: {**params, "limit": size.take()},
                    accept=accept,
                    policy=policy,
                    min_attempts=1 if policy else size.attempts,
                    on_failure=size.failed,
                )
            except RefusedError as error:
                refusal = refusal or error
                if error.status != HTTPStatus.BAD_REQUEST or not size.refused():
                    raise refusal from None
            except TransientError as error:
                if policy is None or is_smallest or error.asks_to_wait or error.retry_after:
                    raise
