"""The API: one method for each endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tap_hubspot_threads.errors import HubSpotError, TransientError
from tap_hubspot_threads.hubspot.client import THREADS
from tap_hubspot_threads.hubspot.pagination import PagedList, Rows, usable_ids
from tap_hubspot_threads.hubspot.responses import Endpoint, plain_text
from tap_hubspot_threads.hubspot.retry import NO_RETRY, QUICK
from tap_hubspot_threads.hubspot.rows import Makers, thread_id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_hubspot_threads.hubspot.client import Client
    from tap_hubspot_threads.hubspot.retry import RetryPolicy
    from tap_hubspot_threads.models import Page, ReferenceList, Row

PAGE_SIZE = 500
"""Things a page: of threads the most that HubSpot gives (documented), of messages what clients ask
for (observed)."""

LIST_PAGE_SIZE = 100
"""Inboxes, channels or channel accounts per page."""

BASE_PATHS = {
    "v3": "/conversations/v3/conversations",
    "2026-09": "/conversations/conversations/2026-09",
}
ACCOUNT_PATHS = {version: f"/account-info/{version}/details" for version in BASE_PATHS}

DAY = 86_400_000
THREAD = Endpoint("GET", "/threads/{threadId}", can_miss=True)
MESSAGES = Endpoint("GET", f"{THREAD.path}/messages", can_miss=True)
ORIGINAL = Endpoint(
    "GET",
    f"{MESSAGES.path}/{{messageId}}/original-content",
    can_miss=True,
    refusals=frozenset({403}),
)
ACTORS = Endpoint("POST", "/actors/batch/read", refusals=frozenset({404}), can_be_partial=True)
REFUSALS_OF_A_LIST = frozenset({403, 404})
"""What an account that lacks the thing may be told; the threads can be read all the same."""


@dataclass(frozen=True)
class ThreadQuery:
    """What the settings add to each request for threads."""

    associations: Sequence[str] = ()
    property: str | None = None
    inbox_id: str | None = None
    """The inbox whose threads are listed. HubSpot refuses several, although the specification has
    an array. Observed."""


class HubSpotApi:
    """The API: one method for each endpoint. Each may wait, for the rate limit and for HubSpot.

    Methods raise `TransientError` if the last attempt failed in a transient way, `RefusedError` if
    HubSpot refuses the request, and another `HubSpotError` for what ends the sync. Lists also raise
    `PaginationLoopError`. Each page of a list is requested when it is asked for.

    Args:
        client: Sends the requests.
        version: A key of `BASE_PATHS`.
        schema: Returns the schema of a stream, by its name.
        query: What is added to each request for threads.
        page_size: Threads per page.
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
        self._makers = Makers(schema)
        self._account_path = ACCOUNT_PATHS[version]
        self._params = {"association": list(query.associations), "property": query.property}
        self._inbox_id = query.inbox_id
        self._page_size = page_size
        self._lists: dict[Endpoint, PagedList] = {}

    @property
    def quota_share(self) -> float | None:
        """What is left of the daily quota, from 0 to 1; None if unknown."""
        left, total = self._client.quota
        return left / total if left is not None and total else None

    def get_account_id(self) -> int | None:
        """Return the account's ID; None if HubSpot does not say it.

        The account's time zone goes to the limit, which names its midnight.

        Raises:
            HubSpotError: only if the token is not accepted or the daily quota is spent.
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
        if offset is not None and abs(offset) < DAY:
            self._client.limit.quota.utc_offset = offset / 1000
        return _number(body["portalId"])

    def get_thread(self, thread_id: str, *, archived: bool, once: bool = False) -> Row:
        """Return a thread that is, or is not, archived.

        Args:
            thread_id: The thread.
            archived: Which of HubSpot's two lists to look in.
            once: Whether the request is attempted once only.

        Raises:
            NotFoundError: if HubSpot has none there.
        """
        answer = self._client.request(
            THREAD,
            f"/threads/{thread_id}",
            params=self._params | {"archived": _flag(archived)},
            accept=lambda body: thread_id_of(body) == thread_id,
            policy=_policy(once),
        )
        return self._makers.cleaner("threads").clean(answer.body) | {"id": thread_id}

    def list_threads(
        self, cursor: str | None = None, *, archived: bool, max_pages: int | None = None
    ) -> Iterator[Page]:
        """Yield all threads, ordered by ID, from a cursor on."""
        params = {"sort": "id", "archived": _flag(archived)}
        return self._pages(params, cursor=cursor, max_pages=max_pages)

    def list_open_threads(self, *, archived: bool) -> Iterator[Page]:
        """Yield open threads, each page attempted once.

        UNKNOWN: whether `threadStatus` filters at all: there may be all threads, or none. It is in
        capitals: another spelling may be refused.
        """
        params = {"sort": "id", "threadStatus": "OPEN", "archived": _flag(archived)}
        return self._pages(params, policy=NO_RETRY)

    def threads_since(self, since: str, *, archived: bool) -> Iterator[Page]:
        """Yield the threads whose latest message is not before a moment, oldest message first.

        Without this sort HubSpot ignores the filter, without the filter it refuses the sort, and
        the filter is inclusive. Observed.

        Args:
            since: A cleaned time.
            archived: Which of HubSpot's two lists to read.
        """
        by_time = {"sort": "latestMessageTimestamp", "latestMessageTimestampAfter": since}
        return self._pages({**by_time, "archived": _flag(archived)})

    def list_messages(
        self, thread_id: str, *, archived: bool = False, once: bool = False
    ) -> Iterator[Page]:
        """Yield the messages of a thread, oldest first, so that new ones come last.

        Without this sort the newest would come first. Documented.

        Args:
            thread_id: The thread.
            archived: Whether to request what HubSpot has archived.
            once: Whether each request is attempted once only.

        Raises:
            NotFoundError: if HubSpot has no such thread, or does not show its messages.
        """
        return self._paged(MESSAGES, "messages", PAGE_SIZE).pages(
            f"/threads/{thread_id}/messages",
            {"sort": "createdAt", "archived": _flag(archived)},
            make=self._makers.of("messages", conversationsThreadId=thread_id),
            policy=_policy(once),
        )

    def get_original_content(self, thread_id: str, message_id: str) -> Row:
        """Return the full `text` and `richText` of a message that HubSpot truncated.

        A column that the response lacks, or that is no text, is left out.

        Raises:
            NotFoundError: if HubSpot has no such message.
        """
        path = f"/threads/{thread_id}/messages/{quote(message_id, safe='')}/original-content"
        answer = self._client.request(ORIGINAL, path, accept=lambda _: True)
        row = self._makers.cleaner("messages").clean(answer.body)
        return {name: row[name] for name in ("text", "richText") if row[name] is not None}

    def read_actors(self, ids: Sequence[str], *, once: bool = False) -> list[Row]:
        """Return those of at most `MAX_ACTORS` actors that HubSpot has. It only reads.

        Raises:
            RefusedError: if HubSpot refuses them all for one.
        """
        answer = self._client.request(
            ACTORS,
            ACTORS.path,
            json_body={"inputs": list(ids)},
            accept=lambda body: isinstance(body.get("results"), list),
            policy=_policy(once),
        )
        if trouble := _trouble(answer.body):
            message = f"{ACTORS}: {trouble} for some of the actors"
            raise TransientError(message)
        found, make = answer.body["results"], self._makers.of("actors")
        usable_ids(found, make, things="actors")
        return list(Rows(answer.text, found=found, make=make))

    def list_all(self, reference: ReferenceList, *, archived: bool) -> Iterator[Page]:
        """Yield a reference list."""
        endpoint = Endpoint("GET", reference.path, refusals=REFUSALS_OF_A_LIST)
        things = reference.name.replace("_", " ")
        return self._paged(endpoint, things, LIST_PAGE_SIZE).pages(
            reference.path,
            {"archived": _flag(archived)},
            make=self._makers.of(reference.name),
        )

    def _paged(self, endpoint: Endpoint, things: str, size: int) -> PagedList:
        """Return the list of an endpoint: one for all of its pages, so it learns their size."""
        paged = self._lists.get(endpoint)
        return paged or self._lists.setdefault(
            endpoint, PagedList(self._client, endpoint, things=things, size=size)
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
            make=self._makers.of_threads(),
            cursor=cursor,
            policy=policy,
            max_pages=max_pages,
        )


def _trouble(body: Mapping[str, Any]) -> str:
    """Return the category of an error that is HubSpot's own, of a part of an answer; or nothing."""
    errors = body.get("errors")
    found = [error for error in errors if isinstance(error, dict)] if errors else []
    categories = [plain_text(str(error.get("category"))) for error in found]
    own = ("INTERNAL", "RATE_LIMIT", "TIMEOUT", "UNAVAILABLE")
    return next((name for name in categories if any(word in name.upper() for word in own)), "")


def _policy(once: bool) -> RetryPolicy | None:  # noqa: FBT001 - its only argument
    return NO_RETRY if once else None


def _flag(archived: bool) -> str | None:  # noqa: FBT001 - its only argument
    return "true" if archived else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
