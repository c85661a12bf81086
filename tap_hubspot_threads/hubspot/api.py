"""The endpoints: what each is asked, and what its answer is taken for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_hubspot_threads.contract import DailyQuotaError, HubSpotError, Page, RefusedError
from tap_hubspot_threads.hubspot.answers import Endpoint
from tap_hubspot_threads.hubspot.pages import Rows, is_page, next_cursor
from tap_hubspot_threads.hubspot.retry import BRIEFLY, ONCE
from tap_hubspot_threads.values import InvalidIdError, parse_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tap_hubspot_threads.contract import Row
    from tap_hubspot_threads.hubspot.cleaning import RowCleaner
    from tap_hubspot_threads.hubspot.client import Client
    from tap_hubspot_threads.hubspot.retry import Patience

PAGE_SIZE = 500
"""Threads a page: the most that HubSpot gives. Documented."""
SMALL_PAGE = 100
"""What is asked for where that is refused: the most that others call the ceiling. Observed."""

BASE_PATHS = {
    "v3": "/conversations/v3/conversations",
    "2026-09": "/conversations/conversations/2026-09",
}
ACCOUNT_PATHS = {version: f"/account-info/{version}/details" for version in BASE_PATHS}

DAY = 86_400_000
THREAD = Endpoint("GET", "/threads/{threadId}", can_miss=True)
THREADS = Endpoint("GET", "/threads")


class Api:
    """The account behind a client; the methods are those of `contract.HubSpot`.

    Args:
        client: Sends the requests.
        version: A key of `BASE_PATHS`.
        threads: Makes rows of threads.
        associations: What to ask for in threadAssociations.
        further_property: A further property to ask for.
        inbox_id: The one inbox whose threads are listed, if it is one. HubSpot refuses several,
            although the specification has an array. Observed.
        warn: Is told of threads that cannot be used.
    """

    def __init__(
        self,
        client: Client,
        *,
        version: str,
        threads: RowCleaner,
        associations: Sequence[str] = (),
        further_property: str | None = None,
        inbox_id: str | None = None,
        page_size: int = PAGE_SIZE,
        warn: Callable[[str], None],
    ) -> None:
        self._client, self._threads, self._warn = client, threads, warn
        self._base_path, self._account_path = BASE_PATHS[version], ACCOUNT_PATHS[version]
        self._params = {
            "association": list(filter(None, associations)),
            "property": further_property,
        }
        self._inbox_id, self._page_size = inbox_id, page_size
        self._has_worked = False
        """Whether a page of that size was answered well in this sync."""

    def account_number(self) -> int | None:
        """As `HubSpot` says. What HubSpot says of the account's midnight goes to the limit."""
        endpoint = Endpoint("GET", self._account_path)
        try:
            body = self._client.ask(
                endpoint,
                endpoint.path,
                accept=lambda body: _number(body.get("portalId")) is not None,
                patience=BRIEFLY,
            ).body
        except DailyQuotaError:
            raise
        except HubSpotError as error:
            if error.is_of_token:
                raise
            return None
        offset = _number(body.get("utcOffsetMilliseconds"))
        if offset is not None and abs(offset) < DAY:
            self._client.limit.quota.utc_offset = offset / 1000
        return _number(body["portalId"])

    def thread(self, thread_id: str, *, archived: bool, once: bool = False) -> Row:
        """As `HubSpot` says."""
        answer = self._client.ask(
            THREAD,
            f"{self._base_path}/threads/{thread_id}",
            params=self._params | {"archived": _flag(archived)},
            accept=lambda body: _id_of(body) == thread_id,
            patience=ONCE if once else None,
        )
        return self._threads.clean(answer.body) | {"id": thread_id}

    def page_by_id(self, cursor: str | None, *, archived: bool) -> Page:
        """As `HubSpot` says."""
        return self._page({"sort": "id", "archived": _flag(archived), "after": cursor})

    def page_of_open(self, cursor: str | None, *, archived: bool) -> Page:
        """As `HubSpot` says. The filter is in capitals: another spelling may be refused."""
        of_open = {"sort": "id", "threadStatus": "OPEN"}
        params = of_open | {"archived": _flag(archived), "after": cursor}
        return self._page(params, patience=ONCE)

    def page_by_time(self, since: str, cursor: str | None, *, archived: bool) -> Page:
        """As `HubSpot` says.

        Without this sort HubSpot ignores the filter, without the filter it refuses the sort.
        Observed.
        """
        by_time = {"sort": "latestMessageTimestamp", "latestMessageTimestampAfter": since}
        return self._page(by_time | {"archived": _flag(archived), "after": cursor})

    def _page(self, params: Mapping[str, Any], *, patience: Patience | None = None) -> Page:
        """Return a page; a smaller one, where HubSpot does not give as many threads a call."""
        size = self._page_size
        try:
            page = self._ask_for(params, size, patience)
        except RefusedError:
            if size <= SMALL_PAGE or self._has_worked:
                raise
            page = self._ask_for(params, SMALL_PAGE, patience)
            self._page_size = SMALL_PAGE
        self._has_worked = True
        return page

    def _ask_for(self, params: Mapping[str, Any], size: int, patience: Patience | None) -> Page:
        answer = self._client.ask(
            THREADS,
            f"{self._base_path}/threads",
            params={**self._params, **params, "limit": size, "inboxId": self._inbox_id},
            accept=is_page,
            patience=patience,
        )
        found = answer.body["results"]
        rows = Rows(answer.text, count=len(found), make=self._row, warn=self._warn)
        return Page(rows, next_cursor(answer.body), answer.now, len(answer.text))

    def _row(self, thread: Mapping[str, Any], is_plain: bool) -> Row | None:  # noqa: FBT001 - of `Rows`
        """Return the row of a thread; None where it has no id that could be used."""
        thread_id = _id_of(thread)
        if thread_id is None:
            return None
        row = self._threads.clean(thread, is_plain=is_plain)
        row["id"] = thread_id
        return row


def _flag(archived: bool) -> str | None:  # noqa: FBT001 - its only argument
    return "true" if archived else None


def _id_of(thread: Mapping[str, Any]) -> str | None:
    """Return the id of a JSON object that may be a thread."""
    try:
        return parse_id(thread.get("id"))
    except InvalidIdError:
        return None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
