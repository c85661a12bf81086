"""HubSpot's API: one method per endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tap_hubspot_threads.errors import HubSpotError, TransientError
from tap_hubspot_threads.hubspot.client import THREADS
from tap_hubspot_threads.hubspot.error_details import error_list, plain_text
from tap_hubspot_threads.hubspot.json_to_row import RowBuilders, thread_id_of
from tap_hubspot_threads.hubspot.pagination import PagedList, Rows, usable_ids
from tap_hubspot_threads.hubspot.retry import NO_RETRY, QUICK
from tap_hubspot_threads.hubspot.status_codes import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_hubspot_threads.hubspot.client import Client
    from tap_hubspot_threads.hubspot.retry import RetryPolicy
    from tap_hubspot_threads.models import Page, Row
    from tap_hubspot_threads.reference_lists import ReferenceList

PAGE_SIZE = 500
"""Threads or messages to request per page. For threads, 500 is HubSpot's maximum (documented). For
messages, other clients of the API request 500 too (observed)."""

LIST_PAGE_SIZE = 100
"""Inboxes, channels or channel accounts to request per page."""

BASE_PATHS = {
    "v3": "/conversations/v3/conversations",
    "2026-09": "/conversations/conversations/2026-09",
}
ACCOUNT_PATHS = {version: f"/account-info/{version}/details" for version in BASE_PATHS}

MS_PER_DAY = 86_400_000
THREAD = Endpoint("GET", "/threads/{threadId}", can_be_not_found=True)
MESSAGES = Endpoint("GET", f"{THREAD.path}/messages", can_be_not_found=True)
ORIGINAL = Endpoint(
    "GET",
    f"{MESSAGES.path}/{{messageId}}/original-content",
    can_be_not_found=True,
    refusal_statuses=frozenset({403}),
)
ACTORS = Endpoint(
    "POST", "/actors/batch/read", refusal_statuses=frozenset({404}), can_be_partial=True
)
LIST_REFUSAL_STATUSES = frozenset({403, 404})
"""HubSpot returns one of these statuses for a reference list, such as the inboxes, if the account
does not have the listed feature. Requests to other endpoints still succeed."""


@dataclass(frozen=True)
class ThreadQuery:
    """Query parameters for threads, from the user's settings."""

    associations: Sequence[str] = ()
    property: str | None = None
    inbox_id: str | None = None
    """List only threads in this inbox. None: list threads in all inboxes. HubSpot refuses more than
    one inbox ID (observed), although HubSpot's specification allows an array."""


class HubSpotApi:
    """HubSpot's API: one method per endpoint.

    HubSpot has two disjoint lists of threads: live and archived. The argument `archived` selects
    one of them.

    A method blocks while it waits for the rate limit or for a retry. A method that returns an
    iterator requests a page only when the caller asks for that page.

    Unless the method's docstring says otherwise, a method can raise these errors:
        * `TransientError` if the last attempt fails with a transient error.
        * `RefusedError` if HubSpot refuses the request but may accept other requests.
        * `PaginationLoopError` if a list makes no progress (see `PaginationGuard`).
        * Another `HubSpotError` if every other request would fail too.

    Args:
        client: Sends the requests.
        version: A key of `BASE_PATHS`.
        schema: Returns the JSON Schema of the stream with a given name.
        query: The parameters from the user's settings. None: the defaults of `ThreadQuery`.
        page_size: Maximum threads to request per page.
    """

    def __init__(
        self,
        client: Client,
        *,
        version: str,
        schema: Callable[[str], Mapping[str, Any]],
        query: ThreadQuery | None = None,
        page_size: int = PAGE_SIZE,
    ) -> None:
        query = query or ThreadQuery()
        self._client = client
        self._row_builders = RowBuilders(schema)
        self._account_path = ACCOUNT_PATHS[version]
        self._params = {"association": list(query.associations), "property": query.property}
        self._list_params = {**self._params, "inboxId": query.inbox_id}
        self._page_size = page_size
        self._lists: dict[tuple[Endpoint, int], PagedList] = {}

    @property
    def quota_share(self) -> float | None:
        """The share of the daily quota that remains, from 0 to 1; None if unknown."""
        remaining, limit = self._client.quota
        return remaining / limit if remaining is not None and limit else None

    def get_account_id(self) -> int | None:
        """Return the account's ID; None if HubSpot does not report the ID, or if the request fails.

        Also store the account's UTC offset in `DailyQuota`, because the daily quota resets at
        midnight in the account's time zone.

        Raises:
            HubSpotError: if the error ends the sync (`HubSpotError.ends_sync`), for example because
                HubSpot rejects the token.
        """
        endpoint = Endpoint("GET", self._account_path, is_conversations=False)
        try:
            body = self._client.request(
                endpoint,
                endpoint.path,
                accept=lambda body: _number(body.get("portalId")) is not None,
                policy=QUICK,
            ).body
        except HubSpotError as error:
            if error.ends_sync:
                raise
            return None
        offset = _number(body.get("utcOffsetMilliseconds"))
        if offset is not None and abs(offset) < MS_PER_DAY:
            self._client.limit.quota.utc_offset = offset / 1000
        return _number(body["portalId"])

    def get_thread(self, thread_id: str, *, archived: bool, once: bool = False) -> Row:
        """Return a live or an archived thread.

        Args:
            thread_id: The thread's ID.
            archived: Whether to request an archived thread instead of a live thread.
            once: Whether to attempt the request only once.

        Raises:
            NotFoundError: if HubSpot has no thread with this ID and this value of `archived`.
        """
        response = self._client.request(
            THREAD,
            f"/threads/{thread_id}",
            params=self._params | {"archived": _flag(archived)},
            accept=lambda body: thread_id_of(body) == thread_id,
            policy=_policy(once),
        )
        return self._row_builders.cleaner("threads").clean(response.body) | {"id": thread_id}

    def list_threads(self, cursor: str | None = None, *, archived: bool) -> Iterator[Page]:
        """Yield the pages of live or archived threads, ordered by ID.

        Args:
            cursor: The cursor of the first page. None: start at the first thread.
            archived: Whether to list archived threads instead of live threads.
        """
        return self._pages({"sort": "id", "archived": _flag(archived)}, cursor=cursor)

    def try_list_after(
        self, cursor: str | None, *, archived: bool, once: bool = True
    ) -> Page | None:
        """Return a page with at most one thread: the first thread after a cursor.

        Return None if the last attempt fails with a transient error.

        Args:
            cursor: The cursor. None: request the first thread of the list.
            archived: Whether to list archived threads instead of live threads.
            once: Whether to attempt the request only once.
        """
        params = {**self._list_params, "sort": "id", "archived": _flag(archived), "after": cursor}
        try:
            return self._paged(THREADS, "threads", 1).page(
                THREADS.path,
                params,
                build_row=self._row_builders.for_threads(),
                policy=_policy(once),
            )
        except TransientError:
            return None

    def forget_failed_sizes(self) -> None:
        """Request the next page of threads in the largest size that HubSpot has not refused.

        Call this method if a row, not the page size, made a page fail.
        """
        self._paged(THREADS, "threads", self._page_size).forget_failures()

    def list_open_threads(self, *, archived: bool) -> Iterator[Page]:
        """Yield pages of threads, filtered by `threadStatus=OPEN`.

        If a page fails, smaller page sizes are requested (see `page_size`). Each size is requested
        at most once per page, without a wait between the sizes.

        UNKNOWN: whether HubSpot applies the filter `threadStatus`. HubSpot may return all threads,
        or no threads. `OPEN` is in capitals, because HubSpot may refuse another spelling.
        """
        params = {"sort": "id", "threadStatus": "OPEN", "archived": _flag(archived)}
        return self._pages(params, policy=NO_RETRY)

    def threads_since(self, since: str, *, archived: bool) -> Iterator[Page]:
        """Yield pages of threads whose latest message is at or after `since`.

        The threads are sorted by the time of their latest message, earliest first.

        Observed: HubSpot applies the filter `latestMessageTimestampAfter` only to a list that is
        sorted by `latestMessageTimestamp`. Without the filter, HubSpot refuses this sort. Inferred:
        a thread whose latest message is exactly at `since` passes the filter.

        Args:
            since: A time such as `2026-01-31T09:00:00.000Z`.
            archived: Whether to list archived threads instead of live threads.
        """
        by_time = {"sort": "latestMessageTimestamp", "latestMessageTimestampAfter": since}
        return self._pages({**by_time, "archived": _flag(archived)})

    def list_messages(
        self, thread_id: str, *, archived: bool = False, once: bool = False
    ) -> Iterator[Page]:
        """Yield the pages of a thread's messages, oldest message first.

        With this order, messages that arrive during the pagination are on the last pages. HubSpot's
        default order is newest first (documented).

        Args:
            thread_id: The thread's ID.
            archived: Whether to request archived messages instead of live messages.
            once: Whether to request each page size at most once per page, without a wait between
                the sizes. If a page fails, smaller sizes are requested (see `page_size`).

        Raises:
            NotFoundError: if HubSpot itself, not a gateway, responds with a 404 (see
                `ErrorDetails.is_own_404`).
        """
        return self._paged(MESSAGES, "messages", PAGE_SIZE).pages(
            f"/threads/{thread_id}/messages",
            {"sort": "createdAt", "archived": _flag(archived)},
            build_row=self._row_builders.for_stream("messages", conversationsThreadId=thread_id),
            policy=_policy(once),
        )

    def get_original_content(self, thread_id: str, message_id: str) -> Row:
        """Return the full `text` and `richText` of a message that HubSpot truncated.

        The row has only these columns. If HubSpot returns no value for a column, the row omits the
        column.

        Raises:
            NotFoundError: if HubSpot has no such message.
        """
        path = f"/threads/{thread_id}/messages/{quote(message_id, safe='')}/original-content"
        response = self._client.request(ORIGINAL, path, accept=lambda _: True)
        row = self._row_builders.cleaner("messages").clean(response.body)
        return {name: row[name] for name in ("text", "richText") if row[name] is not None}

    def read_actors(self, ids: Sequence[str], *, once: bool = False) -> list[Row]:
        """Return a row for each of these actor IDs that HubSpot knows.

        The request is a POST, but changes nothing in HubSpot.

        Args:
            ids: At most `models.MAX_ACTORS` IDs.
            once: Whether to attempt the request only once.

        Raises:
            RefusedError: if HubSpot refuses all the IDs because of one invalid ID.
            TransientError: also if HubSpot returns a transient error for some of the actors.
        """
        response = self._client.request(
            ACTORS,
            ACTORS.path,
            json_body={"inputs": list(ids)},
            accept=lambda body: isinstance(body.get("results"), list),
            policy=_policy(once),
        )
        if category := _transient_category(response.body):
            message = f"{ACTORS}: {category} for some of the actors"
            raise TransientError(message)
        items, build_row = response.body["results"], self._row_builders.for_stream("actors")
        usable_ids(items, build_row, item_name="actors")
        return list(Rows(response.raw, items=items, build_row=build_row))

    def list_all(self, reference: ReferenceList, *, archived: bool) -> Iterator[Page]:
        """Yield the pages of a reference list, such as the inboxes."""
        endpoint = Endpoint("GET", reference.path, refusal_statuses=LIST_REFUSAL_STATUSES)
        item_name = reference.name.replace("_", " ")
        return self._paged(endpoint, item_name, LIST_PAGE_SIZE).pages(
            reference.path,
            {"archived": _flag(archived)},
            build_row=self._row_builders.for_stream(reference.name),
        )

    def _paged(self, endpoint: Endpoint, item_name: str, size: int) -> PagedList:
        """Return the `PagedList` for an endpoint and a maximum page size.

        All calls with the same arguments share one `PagedList`, which remembers the page sizes that
        failed.
        """
        paged = PagedList(self._client, endpoint, item_name=item_name, size=size)
        return self._lists.setdefault((endpoint, size), paged)

    def _pages(
        self,
        params: Mapping[str, Any],
        *,
        cursor: str | None = None,
        policy: RetryPolicy | None = None,
    ) -> Iterator[Page]:
        """Yield pages of threads. `params` are added to the parameters of `ThreadQuery`."""
        return self._paged(THREADS, "threads", self._page_size).pages(
            THREADS.path,
            {**self._list_params, **params},
            build_row=self._row_builders.for_threads(),
            cursor=cursor,
            policy=policy,
        )


def _transient_category(body: Mapping[str, Any]) -> str:
    """Return the first transient category in the `errors` of a 207; empty if there is none."""
    objects = [error for error in error_list(body) if isinstance(error, dict)]
    categories = [plain_text(str(error.get("category"))) for error in objects]
    words = ("INTERNAL", "RATE_LIMIT", "TIMEOUT", "UNAVAILABLE")
    return next((name for name in categories if any(word in name.upper() for word in words)), "")


def _policy(once: bool) -> RetryPolicy | None:  # noqa: FBT001 - the only argument
    return NO_RETRY if once else None


def _flag(archived: bool) -> str | None:  # noqa: FBT001 - the only argument
    return "true" if archived else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
