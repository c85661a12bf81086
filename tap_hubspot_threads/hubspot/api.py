"""HubSpot's API: one method per endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tap_hubspot_threads.errors import HubSpotError, TransientError
from tap_hubspot_threads.hubspot.client import THREADS
from tap_hubspot_threads.hubspot.pagination import PagedList, Rows, usable_ids
from tap_hubspot_threads.hubspot.responses import Endpoint, plain_text
from tap_hubspot_threads.hubspot.retry import NO_RETRY, QUICK
from tap_hubspot_threads.hubspot.rows import RowBuilders, thread_id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_hubspot_threads.hubspot.client import Client
    from tap_hubspot_threads.hubspot.retry import RetryPolicy
    from tap_hubspot_threads.models import Page, ReferenceList, Row

PAGE_SIZE = 500
"""Threads or messages per page. It is HubSpot's maximum for threads (documented). Other clients
request as many messages (observed)."""

LIST_PAGE_SIZE = 100
"""Inboxes, channels or channel accounts per page."""

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
"""Statuses of an account without the list's feature. They do not affect other requests."""


@dataclass(frozen=True)
class ThreadQuery:
    """Query parameters that the settings add to each request for threads."""

    associations: Sequence[str] = ()
    property: str | None = None
    inbox_id: str | None = None
    """The inbox whose threads are listed. HubSpot refuses several, although its specification has
    an array (observed)."""


class HubSpotApi:
    """HubSpot's API: one method per endpoint. Each waits for the rate limit and for retries.

    Methods raise `TransientError` if the last attempt fails with a transient error, `RefusedError`
    if HubSpot refuses the request, and another `HubSpotError` if the sync has to end. Lists also
    raise `PaginationLoopError`. Each page of a list is requested when it is consumed.

    Args:
        client: Sends the requests.
        version: A key of `BASE_PATHS`.
        schema: Returns the schema of a stream by its name.
        query: Parameters for each request for threads.
        page_size: Maximum threads per page.
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
        self._inbox_id = query.inbox_id
        self._page_size = page_size
        self._lists: dict[Endpoint, PagedList] = {}

    @property
    def quota_share(self) -> float | None:
        """The remaining share of the daily quota, from 0 to 1; None if unknown."""
        remaining, limit = self._client.quota
        return remaining / limit if remaining is not None and limit else None

    def get_account_id(self) -> int | None:
        """Return the account's ID; None if HubSpot does not return it.

        The account's time zone is stored in the daily quota, whose messages name the reset time.

        Raises:
            HubSpotError: only if the token is not accepted or the daily quota is used up.
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
            archived: Whether to read archived threads instead of live ones.
            once: Whether to attempt the request only once.

        Raises:
            NotFoundError: if HubSpot has no such thread among these.
        """
        response = self._client.request(
            THREAD,
            f"/threads/{thread_id}",
            params=self._params | {"archived": _flag(archived)},
            accept=lambda body: thread_id_of(body) == thread_id,
            policy=_policy(once),
        )
        return self._row_builders.cleaner("threads").clean(response.body) | {"id": thread_id}

    def list_threads(
        self, cursor: str | None = None, *, archived: bool, max_pages: int | None = None
    ) -> Iterator[Page]:
        """Yield all live or all archived threads, ordered by ID, from a cursor on."""
        params = {"sort": "id", "archived": _flag(archived)}
        return self._pages(params, cursor=cursor, max_pages=max_pages)

    def list_open_threads(self, *, archived: bool) -> Iterator[Page]:
        """Yield open threads. Each page is attempted only once.

        UNKNOWN: whether `threadStatus` filters at all: HubSpot may return all threads, or none. The
        value is in capitals, because HubSpot may refuse another spelling.
        """
        params = {"sort": "id", "threadStatus": "OPEN", "archived": _flag(archived)}
        return self._pages(params, policy=NO_RETRY)

    def threads_since(self, since: str, *, archived: bool) -> Iterator[Page]:
        """Yield the threads whose latest message is not before a time, oldest message first.

        Observed: without this sort HubSpot ignores the filter, without the filter it refuses the
        sort, and the filter is inclusive.

        Args:
            since: A cleaned time.
            archived: Whether to list archived threads instead of live ones.
        """
        by_time = {"sort": "latestMessageTimestamp", "latestMessageTimestampAfter": since}
        return self._pages({**by_time, "archived": _flag(archived)})

    def list_messages(
        self, thread_id: str, *, archived: bool = False, once: bool = False
    ) -> Iterator[Page]:
        """Yield the messages of a thread, oldest first, so that new ones come last.

        HubSpot's default order is newest first. Documented.

        Args:
            thread_id: The thread's ID.
            archived: Whether to request archived messages instead of live ones.
            once: Whether to attempt each request only once.

        Raises:
            NotFoundError: if HubSpot has no such thread or does not return its messages.
        """
        return self._paged(MESSAGES, "messages", PAGE_SIZE).pages(
            f"/threads/{thread_id}/messages",
            {"sort": "createdAt", "archived": _flag(archived)},
            build_row=self._row_builders.for_stream("messages", conversationsThreadId=thread_id),
            policy=_policy(once),
        )

    def get_original_content(self, thread_id: str, message_id: str) -> Row:
        """Return the full `text` and `richText` of a message that HubSpot truncated.

        The row lacks a column that the response does not contain as text.

        Raises:
            NotFoundError: if HubSpot has no such message.
        """
        path = f"/threads/{thread_id}/messages/{quote(message_id, safe='')}/original-content"
        response = self._client.request(ORIGINAL, path, accept=lambda _: True)
        row = self._row_builders.cleaner("messages").clean(response.body)
        return {name: row[name] for name in ("text", "richText") if row[name] is not None}

    def read_actors(self, ids: Sequence[str], *, once: bool = False) -> list[Row]:
        """Return those actors that HubSpot has. The POST request only reads.

        Args:
            ids: At most `MAX_ACTORS` IDs.
            once: Whether to attempt the request only once.

        Raises:
            RefusedError: if HubSpot refuses the whole batch because of one ID.
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
        found, build_row = response.body["results"], self._row_builders.for_stream("actors")
        usable_ids(found, build_row, item_name="actors")
        return list(Rows(response.raw, found=found, build_row=build_row))

    def list_all(self, reference: ReferenceList, *, archived: bool) -> Iterator[Page]:
        """Yield the pages of a reference list."""
        endpoint = Endpoint("GET", reference.path, refusal_statuses=LIST_REFUSAL_STATUSES)
        item_name = reference.name.replace("_", " ")
        return self._paged(endpoint, item_name, LIST_PAGE_SIZE).pages(
            reference.path,
            {"archived": _flag(archived)},
            build_row=self._row_builders.for_stream(reference.name),
        )

    def _paged(self, endpoint: Endpoint, item_name: str, size: int) -> PagedList:
        """Return the endpoint's list. Each endpoint has one, which learns the page size."""
        paged = self._lists.get(endpoint)
        return paged or self._lists.setdefault(
            endpoint, PagedList(self._client, endpoint, item_name=item_name, size=size)
        )

    def _pages(
        self,
        params: Mapping[str, Any],
        *,
        cursor: str | None = None,
        policy: RetryPolicy | None = None,
        max_pages: int | None = None,
    ) -> Iterator[Page]:
        """Yield pages of threads."""
        return self._paged(THREADS, "threads", self._page_size).pages(
            THREADS.path,
            {**self._params, **params, "inboxId": self._inbox_id},
            build_row=self._row_builders.for_threads(),
            cursor=cursor,
            policy=policy,
            max_pages=max_pages,
        )


def _transient_category(body: Mapping[str, Any]) -> str:
    """Return the first category in a partial response that a retry may fix; empty if none."""
    errors = body.get("errors")
    found = [error for error in errors if isinstance(error, dict)] if errors else []
    categories = [plain_text(str(error.get("category"))) for error in found]
    transient = ("INTERNAL", "RATE_LIMIT", "TIMEOUT", "UNAVAILABLE")
    return next(
        (name for name in categories if any(word in name.upper() for word in transient)), ""
    )


def _policy(once: bool) -> RetryPolicy | None:  # noqa: FBT001 - the only argument
    return NO_RETRY if once else None


def _flag(archived: bool) -> str | None:  # noqa: FBT001 - the only argument
    return "true" if archived else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
