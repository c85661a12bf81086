"""Pagination: requests the pages of a list, builds their rows and detects endless lists."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from typing_extensions import override

from tap_hubspot_threads.errors import PaginationLoopError, RefusedError, TransientError
from tap_hubspot_threads.hubspot.json_to_row import needs_no_cleaning
from tap_hubspot_threads.hubspot.page_size import FAILURES_PER_SIZE, PageSize, SinglePageSize
from tap_hubspot_threads.models import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_hubspot_threads.hubspot.client import ApiResponse, Client
    from tap_hubspot_threads.hubspot.retry import RetryPolicy
    from tap_hubspot_threads.hubspot.status_codes import Endpoint
    from tap_hubspot_threads.models import Row


LOG = logging.getLogger("tap-hubspot-threads")


class RowBuilder(Protocol):
    """Turns JSON objects into rows."""

    @property
    def id_of(self) -> Callable[[Mapping[str, Any]], str | None]:
        """A function that returns the ID of a JSON object; None if the object has no *usable* ID.

        `json_to_row.thread_id_of` (for threads) and `json_to_row.id_of` say which IDs are usable.
        """

    def __call__(self, item: Mapping[str, Any], /, *, needs_no_cleaning: bool) -> Row | None:
        """Return the row of a JSON object; None if the object has no usable ID.

        Args:
            item: The JSON object.
            needs_no_cleaning: The result of `json_to_row.needs_no_cleaning` for the response that
                contains the object.
        """


class Rows(Collection["Row"]):
    """The rows of a page. To save memory, no row is kept: each iteration builds the rows again.

    An iteration skips an item that is not a JSON object or for which `build_row` returns None.
    `len` includes these items.

    Args:
        raw: The response body.
        items: The items of `results` in `raw`. After `shrink`, each iteration parses `raw` again.
        build_row: Builds the row of a JSON object.
    """

    def __init__(
        self,
        raw: bytes,
        *,
        items: list[Any],
        build_row: RowBuilder,
    ) -> None:
        self._raw, self._count, self._build_row = raw, len(items), build_row
        self._items: list[Any] | None = items

    def shrink(self) -> None:
        """Free the memory of the parsed objects. Only the response body is kept."""
        self._items = None

    @override
    def __iter__(self) -> Iterator[Row]:
        items = self._items
        if items is None:
            items = json.loads(self._raw)["results"]
        plain = needs_no_cleaning(self._raw)
        for item in items:
            row = self._build_row(item, needs_no_cleaning=plain) if isinstance(item, dict) else None
            if row is not None:
                yield row

    @override
    def __len__(self) -> int:
        return self._count

    @override
    def __contains__(self, row: object) -> bool:
        return any(row == other for other in self)


def usable_ids(items: list[Any], build_row: RowBuilder, *, item_name: str) -> list[str]:
    """Return the usable IDs of the items. Log a warning if an item has no usable ID.

    Args:
        items: The items of a parsed page.
        build_row: The row builder, whose `id_of` returns the ID of an item.
        item_name: What the log calls the items, such as `threads`.
    """
    objects = (item for item in items if isinstance(item, dict))
    ids = [id_ for item in objects if (id_ := build_row.id_of(item)) is not None]
    if unusable := len(items) - len(ids):
        share = f"{unusable} of {len(items)} {item_name} on a page"
        LOG.warning("%s have no usable ID and are skipped", share)
    return ids


def is_page(body: Mapping[str, Any]) -> bool:
    """Whether a response body is a page of JSON objects, with or without a cursor."""
    items, paging = body.get("results"), body.get("paging")
    next_page = paging.get("next") if isinstance(paging, dict) else paging
    return (
        isinstance(items, list)
        and all(isinstance(item, dict) for item in items)
        and (next_page is None or isinstance(next_page, dict))
    )


def next_cursor(body: Mapping[str, Any]) -> str | None:
    """Return the percent-decoded cursor of the next page; None if this is the last page.

    Observed:
        * HubSpot can return a percent-encoded cursor. This function decodes the cursor, because
          `Client` encodes every cursor again. HubSpot refuses a cursor that is encoded twice.
        * A page without rows may have a cursor.
        * `paging.next.link` has a wrong path, so this function does not use the link.
    """
    after = ((body.get("paging") or {}).get("next") or {}).get("after")
    return None if after is None or after == "" else unquote(str(after))


MAX_PAGES_WITHOUT_NEW_ID = 100
"""A list fails after this many consecutive pages without a new ID. A few such pages are normal,
because HubSpot can return empty pages with a cursor (observed)."""

SLOTS = 2**20
"""Number of bits that record the IDs of earlier pages (see `PaginationGuard`). If more than half of
the bits are set, `PaginationGuard` clears all bits before it records the next page."""


class PaginationGuard:
    """Detects a list that makes no progress.

    The guard remembers all cursors. To recognize IDs, the guard uses 128 kB (`SLOTS` bits) for a
    list of any length. The hash of an ID selects one bit. If the bit is not set yet, the ID counts
    as new, and the guard sets the bit.

    A new ID counts as old if another ID has set the same bit. At most about half of the bits are
    set, so the probability of this mistake is at most about 50%. A list fails wrongly only if the
    mistake happens for every ID on `MAX_PAGES_WITHOUT_NEW_ID` consecutive pages. Even with one row
    per page, the probability of that is 0.5 to the power of 100.

    Args:
        cursor: The first page's cursor; None for the start of the list.
    """

    def __init__(self, cursor: str | None = None) -> None:
        self._cursors = {cursor}
        self._known: bytearray | None = None
        self._bits_set = 0
        self._pages_without_new_id = 0

    def next_cursor(self, page: Page) -> str | None:
        """Return the cursor of the next page; None after the last page.

        Raises:
            PaginationLoopError: if an earlier page had the same cursor (observed), or if
                `MAX_PAGES_WITHOUT_NEW_ID` consecutive pages had no new ID.
        """
        if page.cursor is None:
            return None
        if self._has_new_id(page.ids):
            self._pages_without_new_id = 0
        else:
            self._pages_without_new_id += 1
        if self._pages_without_new_id >= MAX_PAGES_WITHOUT_NEW_ID:
            message = (
                f"The listing makes no progress: {self._pages_without_new_id} pages in a row had "
                "no new ID. Run the sync again. If the error persists, contact HubSpot support."
            )
            raise PaginationLoopError(message)
        if page.cursor in self._cursors:
            message = (
                f"The listing makes no progress: after {len(self._cursors)} pages "
                "HubSpot returned a cursor that it had returned before. Run the sync again. If the "
                "error persists, contact HubSpot support."
            )
            raise PaginationLoopError(message)
        self._cursors.add(page.cursor)
        return page.cursor

    def _has_new_id(self, ids: Iterable[str]) -> bool:
        """Record the IDs of a page. Return whether at least one ID counts as new."""
        if self._known is None or self._bits_set > SLOTS // 2:
            self._known, self._bits_set = bytearray(SLOTS // 8), 0
        before = self._bits_set
        for id_ in ids:
            byte, bit = divmod(hash(id_) % SLOTS, 8)
            self._bits_set += not self._known[byte] & 1 << bit
            self._known[byte] |= 1 << bit
        return self._bits_set > before


class PagedList:
    """Requests the pages of a list. Thread-safe.

    Args:
        client: Sends the requests.
        endpoint: The list's endpoint.
        item_name: What the log calls the items, such as `threads`.
        size: Maximum items to request per page.
    """

    def __init__(
        self,
        client: Client,
        endpoint: Endpoint,
        *,
        item_name: str,
        size: int,
    ) -> None:
        self._client, self._endpoint = client, endpoint
        self._item_name = item_name
        self._size = PageSize(size)

    def pages(
        self,
        path: str,
        params: Mapping[str, Any],
        *,
        build_row: RowBuilder,
        cursor: str | None = None,
        policy: RetryPolicy | None = None,
    ) -> Iterator[Page]:
        """Yield pages, starting at a cursor. Each page is requested when the caller asks for it.

        Args:
            path: See `page`.
            params: See `page`.
            build_row: See `page`.
            cursor: The cursor of the first page to yield. None: start at the first page of the
                list.
            policy: See `page`.

        Raises:
            RefusedError: if HubSpot refuses a request, for example because the cursor has expired.
            PaginationLoopError: if the list makes no progress; see `PaginationGuard`.
            HubSpotError: for other errors; see `Client.request`.
        """
        guard = PaginationGuard(cursor)
        while True:
            page = self.page(path, {**params, "after": cursor}, build_row=build_row, policy=policy)
            yield page
            cursor = guard.next_cursor(page)
            if cursor is None:
                return

    def page(
        self,
        path: str,
        params: Mapping[str, Any],
        *,
        build_row: RowBuilder,
        policy: RetryPolicy | None = None,
    ) -> Page:
        """Return a page. If HubSpot refuses or fails to return the page, request fewer rows.

        Args:
            path: See `Client.request`.
            params: The query parameters, without `limit`.
            build_row: Builds the row of a JSON object.
            policy: See `Client.request`.

        Raises:
            HubSpotError: see `Client.request`.
        """
        started = self._client.clock.monotonic()
        size = SinglePageSize(
            self._size, max_failures=policy.max_attempts if policy else FAILURES_PER_SIZE
        )
        response = self._request(path, params, size=size, build_row=build_row, policy=policy)
        do_larger_fail = size.is_reduced_to_smallest
        size.succeeded()
        items = response.body["results"]
        ids = usable_ids(items, build_row, item_name=self._item_name)
        rows = Rows(response.raw, items=items, build_row=build_row)
        return Page(
            rows,
            next_cursor(response.body),
            response.now,
            len(response.raw),
            seconds=(received_at := self._client.clock.monotonic()) - started,
            received_at=received_at,
            shrink=rows.shrink,
            is_dated=response.is_dated,
            ids=ids,
            do_larger_fail=do_larger_fail,
        )

    def forget_failures(self) -> None:
        """Call `PageSize.forget_failures`."""
        self._size.forget_failures()

    def _request(
        self,
        path: str,
        params: Mapping[str, Any],
        *,
        size: SinglePageSize,
        build_row: RowBuilder,
        policy: RetryPolicy | None,
    ) -> ApiResponse:
        """Return the response for a page. Request smaller sizes after a 400 or transient errors.

        Without a policy, one call of `Client.request` retries all transient errors, and `size`
        decreases between the attempts. With a policy, this method calls `Client.request` once per
        size, and does not wait between these calls.
        """

        def accept(body: dict[str, Any]) -> bool:
            if not is_page(body):
                return False
            items = body["results"]
            return not items or any(build_row.id_of(item) is not None for item in items)

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
