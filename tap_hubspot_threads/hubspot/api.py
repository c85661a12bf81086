"""The endpoints: what each is asked, and what its answer is taken for."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tap_hubspot_threads.errors import HubSpotError, TransientError
from tap_hubspot_threads.hubspot.conversations import THREADS, Conversations
from tap_hubspot_threads.hubspot.pagination import Listing, Rows, usable_ids
from tap_hubspot_threads.hubspot.responses import Endpoint, plain_text
from tap_hubspot_threads.hubspot.retry import NO_RETRY, QUICK
from tap_hubspot_threads.hubspot.rows import Makers, thread_id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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


class Api:
    """The account behind a client; the methods are those of `contract.HubSpot`.

    Args:
        client: Sends the requests.
        version: A key of `BASE_PATHS`.
        schema: As `Makers` wants it.
        associations: What to ask for in threadAssociations.
        further_property: A further property to ask for.
        inbox_id: The one inbox whose threads are listed, if it is one. HubSpot refuses several,
            although the specification has an array. Observed.
        page_size: Threads a page.
        messages_a_page: Messages a page.
        warn: Is told of what cannot be used.
    """

    def __init__(
        self,
        client: Client,
        *,
        version: str,
        schema: Callable[[str], Mapping[str, Any]],
        associations: Sequence[str] = (),
        further_property: str | None = None,
        inbox_id: str | None = None,
        page_size: int = PAGE_SIZE,
        messages_a_page: int = PAGE_SIZE,
        warn: Callable[[str], None],
    ) -> None:
        self._client, self._warn = client, warn
        self._makers = Makers(schema)
        self._conversations = Conversations(client, BASE_PATHS[version])
        self._account_path = ACCOUNT_PATHS[version]
        self._params = {
            "association": list(filter(None, associations)),
            "property": further_property,
        }
        self._inbox_id = inbox_id
        conversations = self._conversations
        self._threads = Listing(conversations, THREADS, things="threads", size=page_size, warn=warn)
        self._messages = Listing(
            conversations, MESSAGES, things="messages", size=messages_a_page, warn=warn
        )
        self._lists = cache(self._make_list)

    @property
    def quota_share(self) -> float | None:
        """As `HubSpot` says."""
        left, total = self._client.quota
        return left / total if left is not None and total else None

    def account_number(self) -> int | None:
        """As `HubSpot` says. What HubSpot says of the account's midnight goes to the limit."""
        endpoint = Endpoint("GET", self._account_path, is_conversations=False)
        try:
            body = self._client.ask(
                endpoint,
                endpoint.path,
                accept=lambda body: _number(body.get("portalId")) is not None,
                patience=QUICK,
            ).body
        except HubSpotError as error:
            if error.ends_sync:
                raise
            return None
        offset = _number(body.get("utcOffsetMilliseconds"))
        if offset is not None and abs(offset) < DAY:
            self._client.limit.quota.utc_offset = offset / 1000
        return _number(body["portalId"])

    def thread(self, thread_id: str, *, archived: bool, once: bool = False) -> Row:
        """As `HubSpot` says."""
        answer = self._conversations.ask(
            THREAD,
            f"/threads/{thread_id}",
            params=self._params | {"archived": _flag(archived)},
            accept=lambda body: thread_id_of(body) == thread_id,
            patience=_patience(once),
        )
        return self._makers.cleaner("threads").clean(answer.body) | {"id": thread_id}

    def page_by_id(self, cursor: str | None, *, archived: bool) -> Page:
        """As `HubSpot` says."""
        return self._page({"sort": "id", "archived": _flag(archived), "after": cursor})

    def page_of_open(self, cursor: str | None, *, archived: bool) -> Page:
        """As `HubSpot` says. The filter is in capitals: another spelling may be refused."""
        of_open = {"sort": "id", "threadStatus": "OPEN"}
        params = of_open | {"archived": _flag(archived), "after": cursor}
        return self._page(params, patience=NO_RETRY)

    def page_by_time(self, since: str, cursor: str | None, *, archived: bool) -> Page:
        """As `HubSpot` says.

        Without this sort HubSpot ignores the filter, without the filter it refuses the sort.
        Observed.
        """
        by_time = {"sort": "latestMessageTimestamp", "latestMessageTimestampAfter": since}
        return self._page(by_time | {"archived": _flag(archived), "after": cursor})

    def page_of_messages(
        self, thread_id: str, cursor: str | None, *, archived: bool = False, once: bool = False
    ) -> Page:
        """As `HubSpot` says. Without this sort the newest would be the first. Documented."""
        return self._messages.page(
            f"/threads/{thread_id}/messages",
            {"sort": "createdAt", "archived": _flag(archived), "after": cursor},
            make=self._makers.of("messages", conversationsThreadId=thread_id),
            patience=_patience(once),
        )

    def original_content(self, thread_id: str, message_id: str) -> Row:
        """As `HubSpot` says. A column that the answer lacks, or has as no text, is left out."""
        path = f"/threads/{thread_id}/messages/{quote(message_id, safe='')}/original-content"
        answer = self._conversations.ask(ORIGINAL, path, accept=lambda _: True)
        row = self._makers.cleaner("messages").clean(answer.body)
        return {name: row[name] for name in ("text", "richText") if row[name] is not None}

    def actors(self, ids: Sequence[str], *, once: bool = False) -> list[Row]:
        """As `HubSpot` says. Sent again like a GET: it only reads."""
        answer = self._conversations.ask(
            ACTORS,
            ACTORS.path,
            json_body={"inputs": list(ids)},
            accept=lambda body: isinstance(body.get("results"), list),
            patience=_patience(once),
        )
        if trouble := _trouble(answer.body):
            message = f"{ACTORS}: {trouble} for some of the actors"
            raise TransientError(message)
        found, make = answer.body["results"], self._makers.of("actors")
        usable_ids(found, make, things="actors", warn=self._warn)
        return list(Rows(answer.text, found=found, make=make))

    def page_of(self, listed: ReferenceList, cursor: str | None, *, archived: bool) -> Page:
        """As `HubSpot` says."""
        return self._lists(listed).page(
            listed.path,
            {"archived": _flag(archived), "after": cursor},
            make=self._makers.of(listed.name),
        )

    def _make_list(self, listed: ReferenceList) -> Listing:
        """Return the listing of a stream; one for all of its pages, so it keeps their size."""
        endpoint = Endpoint("GET", listed.path, refusals=REFUSALS_OF_A_LIST)
        things = listed.name.replace("_", " ")
        return Listing(
            self._conversations, endpoint, things=things, size=LIST_PAGE_SIZE, warn=self._warn
        )

    def _page(self, params: Mapping[str, Any], *, patience: RetryPolicy | None = None) -> Page:
        """Return a page of threads."""
        return self._threads.page(
            THREADS.path,
            {**self._params, **params, "inboxId": self._inbox_id},
            make=self._makers.of_threads(),
            patience=patience,
        )


def _trouble(body: Mapping[str, Any]) -> str:
    """Return the category of an error that is HubSpot's own, of a part of an answer; or nothing."""
    errors = body.get("errors")
    found = [error for error in errors if isinstance(error, dict)] if errors else []
    categories = [plain_text(str(error.get("category"))) for error in found]
    own = ("INTERNAL", "RATE_LIMIT", "TIMEOUT", "UNAVAILABLE")
    return next((name for name in categories if any(word in name.upper() for word in own)), "")


def _patience(once: bool) -> RetryPolicy | None:  # noqa: FBT001 - its only argument
    return NO_RETRY if once else None


def _flag(archived: bool) -> str | None:  # noqa: FBT001 - its only argument
    return "true" if archived else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
