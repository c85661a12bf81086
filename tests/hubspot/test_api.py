"""`HubSpotApi`: the request of each endpoint, and the rows made from its response."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tap_hubspot_threads.errors import (
    DailyQuotaError,
    HubSpotError,
    NotFoundError,
    RefusedError,
    TransientError,
    WrongAddressError,
)
from tap_hubspot_threads.hubspot.api import BASE_PATHS, HubSpotApi, ThreadQuery
from tap_hubspot_threads.models import MAX_ACTORS
from tap_hubspot_threads.reference_lists import REFERENCE_LISTS, ReferenceList
from tap_hubspot_threads.singer.row_to_record import SCHEMAS
from tests.hubspot.fakes import CONNECTION, ClientSetup, refusal, response

if TYPE_CHECKING:
    from tap_hubspot_threads.hubspot.transport import Response

SCHEMA = {"properties": {"id": {"type": "string"}, "archived": {"type": ["boolean", "null"]}}}
SINCE = "2026-11-20T12:00:00.000Z"
DATE = "Fri, 20 Nov 2026 12:00:00 GMT"


class ApiSetup:
    """A `HubSpotApi` with scripted responses."""

    def __init__(self, *answers: Response | Exception, **options: Any) -> None:
        path = BASE_PATHS[options.get("version", "v3")]
        self.client_setup = ClientSetup(
            *answers, connection=replace(CONNECTION, conversations_path=path)
        )
        names = ("associations", "property", "inbox_id")
        query = ThreadQuery(**{name: options.pop(name) for name in names if name in options})
        self.api = HubSpotApi(
            self.client_setup.client,
            **{"version": "v3", "schema": lambda _: SCHEMA, "query": query, **options},
        )

    @property
    def last_request(self) -> tuple[str, dict[str, list[str]]]:
        """The path and the query of the last request."""
        url = urlsplit(self.client_setup.transport.sent[-1].url)
        return url.path, parse_qs(url.query)


def page_of(*threads: Any, after: str | None = None) -> Response:
    """Return HubSpot's response for a page."""
    body = {"results": list(threads), "paging": {"next": {"after": after}} if after else None}
    return response(200, body, Date=DATE)


VERSIONS = [
    ("v3", "/conversations/v3/conversations/threads", "/account-info/v3/details"),
    (
        "2026-09",
        "/conversations/conversations/2026-09/threads",
        "/account-info/2026-09/details",
    ),
]


@pytest.mark.parametrize(("version", "threads", "details"), VERSIONS)
def test_paths(version: str, threads: str, details: str) -> None:
    """Each version of the API has its own paths."""
    setup = ApiSetup(
        response(body={"id": "17"}), page_of(), response(body={"portalId": 53}), version=version
    )
    setup.api.get_thread("17", archived=False)
    assert setup.last_request[0] == f"{threads}/17"
    next(setup.api.list_threads(archived=False))
    assert setup.last_request[0] == threads
    setup.api.get_account_id()
    assert setup.last_request[0] == details


@pytest.mark.parametrize("archived", [False, True])
def test_thread(*, archived: bool) -> None:
    """A thread is requested as live or archived, with the configured associations and property."""
    setup = ApiSetup(response(body={"id": 17}), associations=["TICKET"], property="subject")
    row = setup.api.get_thread("17", archived=archived)
    assert row["id"] == "17"
    assert setup.last_request[1] == {
        "association": ["TICKET"],
        "property": ["subject"],
        **({"archived": ["true"]} if archived else {}),
    }


def test_row_is_cleaned() -> None:
    """A response is cleaned to the stream's schema."""
    setup = ApiSetup(response(body={"id": 17, "archived": "true", "more": 1}))
    row = setup.api.get_thread("17", archived=False)
    assert row == {"id": "17", "archived": True, "otherProperties": {"more": 1}}


def test_not_found_thread() -> None:
    """HubSpot's own 404 means not found for a thread, and a wrong address for the first page."""
    with pytest.raises(NotFoundError):
        ApiSetup(refusal(404), page_of()).api.get_thread("17", archived=False)
    with pytest.raises(WrongAddressError):
        next(ApiSetup(refusal(404)).api.list_threads(archived=False))


@pytest.mark.parametrize("body", [{}, {"id": "18"}, {"id": None}, {"results": []}])
def test_other_thread(body: dict[str, Any]) -> None:
    """A response without this thread's ID is a transient error."""
    setup = ApiSetup(*[response(body=body)] * 4)
    with pytest.raises(TransientError, match="not a response of this endpoint"):
        setup.api.get_thread("17", archived=False)


def test_page_by_id() -> None:
    """A page by ID has the sort, 500 rows, and the cursor if one is given."""
    setup = ApiSetup(page_of({"id": 1}, {"id": 2}, after="x%3D"), page_of())
    page = next(setup.api.list_threads(archived=False))
    assert setup.last_request[1] == {"sort": ["id"], "limit": ["500"]}
    assert [row["id"] for row in page.rows] == ["1", "2"]
    assert (page.cursor, page.now) == ("x=", SINCE)
    assert next(setup.api.list_threads("x=", archived=True)).cursor is None
    assert setup.last_request[1] == {
        "sort": ["id"],
        "limit": ["500"],
        "archived": ["true"],
        "after": ["x="],
    }


def test_page_by_time() -> None:
    """A page by time is sorted and filtered by the latest message."""
    setup = ApiSetup(page_of(after="x"), page_of(), page_size=10)
    assert len(list(setup.api.threads_since(SINCE, archived=True))) == 2
    assert setup.last_request[1] == {
        "sort": ["latestMessageTimestamp"],
        "latestMessageTimestampAfter": [SINCE],
        "limit": ["10"],
        "archived": ["true"],
        "after": ["x"],
    }


def test_single_inbox() -> None:
    """A single configured inbox filters lists, but not requests for one thread."""
    setup = ApiSetup(page_of(), response(body={"id": "17"}), inbox_id="7")
    next(setup.api.list_threads(archived=False))
    assert setup.last_request[1]["inboxId"] == ["7"]
    setup.api.get_thread("17", archived=False)
    assert "inboxId" not in setup.last_request[1]


def test_not_a_page() -> None:
    """A response that is not a page is a transient error, not an empty page."""
    setup = ApiSetup(*[response(body={"results": None})] * 8)
    with pytest.raises(TransientError, match="not a response of this endpoint"):
        next(setup.api.list_threads(archived=False))


def test_threads_without_an_id(caplog: pytest.LogCaptureFixture) -> None:
    """Threads without a usable ID are omitted from a page and counted in a warning."""
    setup = ApiSetup(page_of({"id": 1}, {"id": None}, {}, {"id": "../x"}))
    assert [row["id"] for row in next(setup.api.list_threads(archived=False)).rows] == ["1"]
    assert caplog.messages[0].startswith("3 of 4 threads on a page have no usable ID")


def test_account_id() -> None:
    """The account ID is HubSpot's `portalId`; the UTC offset is passed to the daily quota."""
    setup = ApiSetup(response(body={"portalId": 53, "utcOffsetMilliseconds": -18_000_000}))
    assert setup.api.get_account_id() == 53
    assert setup.client_setup.limit.quota.utc_offset == -18_000


@pytest.mark.parametrize("offset", [None, "0", True, 90_000_000, 1.5])
def test_invalid_utc_offset(offset: object) -> None:
    """An invalid UTC offset is ignored."""
    setup = ApiSetup(response(body={"portalId": 53, "utcOffsetMilliseconds": offset}))
    assert setup.api.get_account_id() == 53
    assert setup.client_setup.limit.quota.utc_offset is None


@pytest.mark.parametrize(
    "answer",
    [
        refusal(403),
        refusal(404),
        response(404, "<html>"),
        refusal(400),
        response(500),
        response(200, "<html>"),
        response(200, {"portalId": None}),
        response(200, {"portalId": "53"}),
        response(200, {"portalId": True}),
    ],
)
def test_no_account_id(answer: Response) -> None:
    """If HubSpot returns no account ID, it is None after at most two attempts."""
    setup = ApiSetup(answer, answer)
    assert setup.api.get_account_id() is None
    assert len(setup.client_setup.transport.sent) <= 2


@pytest.mark.parametrize(
    ("answer", "error_type"),
    [(refusal(401), HubSpotError), (refusal(429, policyName="DAILY"), DailyQuotaError)],
    ids=["401", "spent quota"],
)
def test_account_id_with_an_invalid_token(answer: Response, error_type: type[HubSpotError]) -> None:
    """An invalid token or a spent daily quota ends the sync."""
    with pytest.raises(error_type):
        ApiSetup(answer).api.get_account_id()


def limits(setup: ApiSetup) -> list[str]:
    """Return the page size of each request."""
    queries = [
        parse_qs(urlsplit(request.url).query) for request in setup.client_setup.transport.sent
    ]
    return [query["limit"][0] for query in queries]


def test_refused_page() -> None:
    """A page that is refused in every size is a refusal, for example of an expired cursor."""
    setup = ApiSetup(*[refusal(400)] * 4)
    with pytest.raises(RefusedError):
        next(setup.api.list_threads("old", archived=False))
    assert limits(setup) == ["500", "100", "20", "1"]


def test_smaller_page() -> None:
    """If HubSpot refuses 500 threads per page, all later pages have 100."""
    setup = ApiSetup(refusal(400), page_of({"id": 1}), page_of(), page_of())
    assert [row["id"] for row in next(setup.api.list_threads(archived=False)).rows] == ["1"]
    next(setup.api.threads_since(SINCE, archived=False))
    next(setup.api.list_open_threads(archived=False))
    assert limits(setup) == ["500", "100", "100", "100"]


def test_every_size_is_refused() -> None:
    """If every size is refused, the size was not the reason: the next page has 500 rows again."""
    setup = ApiSetup(*[refusal(400)] * 4, page_of())
    with pytest.raises(RefusedError):
        next(setup.api.list_threads("old", archived=False))
    next(setup.api.list_threads(archived=False))
    assert limits(setup) == ["500", "100", "20", "1", "500"]


def test_no_smaller_page_after_a_success() -> None:
    """Once a page of 500 has succeeded, a refusal is not retried with smaller sizes."""
    setup = ApiSetup(page_of(), refusal(400))
    next(setup.api.threads_since(SINCE, archived=False))
    with pytest.raises(RefusedError):
        next(setup.api.list_threads("old", archived=False))
    assert limits(setup) == ["500", "500"]


@pytest.mark.parametrize("answer", [refusal(403), response(404, "<html>")], ids=["403", "404"])
def test_no_smaller_page_for_other_errors(answer: Response) -> None:
    """Other errors are not retried with smaller pages."""
    setup = ApiSetup(answer)
    with pytest.raises(HubSpotError):
        next(setup.api.list_threads(archived=False))
    assert limits(setup) == ["500"]


def test_page_of_open_threads() -> None:
    """A page of open threads is filtered by the status in capitals and sorted by ID."""
    setup = ApiSetup(page_of(after="w"), page_of({"id": 1}))
    *_, page = setup.api.list_open_threads(archived=True)
    assert setup.last_request[1] == {
        "sort": ["id"],
        "threadStatus": ["OPEN"],
        "limit": ["500"],
        "archived": ["true"],
        "after": ["w"],
    }
    assert [row["id"] for row in page.rows] == ["1"]


@pytest.mark.parametrize("answer", [response(500), response(body={"results": None})])
def test_open_threads_are_tried_once(answer: Response) -> None:
    """The optional list of open threads is requested once per page size, without a wait."""
    setup = ApiSetup(*[answer] * 4)
    with pytest.raises(TransientError):
        next(setup.api.list_open_threads(archived=False))
    assert (limits(setup), setup.client_setup.waits) == (["500", "100", "20", "1"], [])


@pytest.mark.parametrize(("once", "tries"), [(True, 1), (False, 4)])
def test_thread_attempts(tries: int, *, once: bool) -> None:
    """A thread gets `max_attempts` attempts, or one with `once`."""
    setup = ApiSetup(*[response(500)] * 4)
    with pytest.raises(TransientError):
        setup.api.get_thread("17", archived=False, once=once)
    assert len(setup.client_setup.transport.sent) == tries


def test_size_of_a_page() -> None:
    """A page's size is the number of bytes of its response."""
    answer = page_of({"id": 1}, {"id": 2})
    page = next(ApiSetup(answer).api.list_threads(archived=False))
    assert (page.size, len(page.rows)) == (len(answer.body), 2)


@pytest.mark.parametrize("archived", [False, True])
def test_single_row(*, archived: bool) -> None:
    """A single row is listed with the parameters of its page, and a size of 1."""
    setup = ApiSetup(page_of({"id": 1}, after="x"), inbox_id="7", associations=["TICKET"])
    page = setup.api.try_list_after("MTc=", archived=archived)
    assert page is not None
    assert page.ids == ["1"]
    assert setup.last_request[1] == {
        "association": ["TICKET"],
        "inboxId": ["7"],
        "sort": ["id"],
        "limit": ["1"],
        "after": ["MTc="],
        **({"archived": ["true"]} if archived else {}),
    }


def test_row_that_cannot_be_listed() -> None:
    """A row that cannot be listed is requested once, and later pages keep their size."""
    setup = ApiSetup(page_of(), response(500), page_of())
    next(setup.api.list_threads(archived=False))
    assert setup.api.try_list_after("MTc=", archived=False) is None
    next(setup.api.list_threads(archived=False))
    assert (limits(setup), setup.client_setup.waits) == (["500", "1", "500"], [])


def test_end_of_a_list() -> None:
    """Behind the last row, an empty page can be listed."""
    page = ApiSetup(page_of()).api.try_list_after("MTc=", archived=False)
    assert page is not None
    assert page.ids == []


@pytest.mark.parametrize(
    ("answer", "error_type"),
    [(refusal(400), RefusedError), (refusal(401), HubSpotError)],
    ids=["refused cursor", "401"],
)
def test_row_whose_request_is_refused(answer: Response, error_type: type[HubSpotError]) -> None:
    """A refusal says nothing about the row, so it is an error."""
    with pytest.raises(error_type):
        ApiSetup(answer).api.try_list_after("MTc=", archived=False)


PATHS = [
    ("v3", "/conversations/v3/conversations"),
    ("2026-09", "/conversations/conversations/2026-09"),
]


def related(*answers: Response | Exception, **options: Any) -> ApiSetup:
    """Return a setup with the streams' own schemas."""
    return ApiSetup(*answers, schema=SCHEMAS.get_schema, **options)


@pytest.mark.parametrize(("version", "base"), PATHS)
def test_paths_of_related_streams(version: str, base: str) -> None:
    """Each version of the API has its own paths for messages, actors and reference lists."""
    empty = response(body={"results": []})
    setup = related(empty, response(), *[empty] * 4, version=version)
    next(setup.api.list_messages("17"))
    setup.api.get_original_content("17", "m-1")
    setup.api.read_actors(["A-1"])
    for listed in REFERENCE_LISTS:
        next(setup.api.list_all(listed, archived=False))
    assert [urlsplit(request.url).path for request in setup.client_setup.transport.sent] == [
        f"{base}/threads/17/messages",
        f"{base}/threads/17/messages/m-1/original-content",
        f"{base}/actors/batch/read",
        f"{base}/inboxes",
        f"{base}/channels",
        f"{base}/channel-accounts",
    ]


def test_page_of_messages() -> None:
    """Messages are requested oldest first, 500 per page, without the parameters of threads."""
    answer = page_of({"id": "m-2", "conversationsThreadId": 17}, {"id": 3}, after="x%3D")
    setup = related(answer, page_of(), associations=["TICKET"], property="x", inbox_id="7")
    pages = setup.api.list_messages("17")
    page = next(pages)
    assert setup.last_request[1] == {"sort": ["createdAt"], "limit": ["500"]}
    rows = [(row["id"], row["conversationsThreadId"]) for row in page.rows]
    assert rows == [("m-2", "17"), ("3", "17")]
    assert (page.cursor, page.now, page.size) == ("x=", SINCE, len(answer.body))
    assert next(pages).cursor is None
    assert setup.last_request[1]["after"] == ["x="]


def test_messages_without_an_id(caplog: pytest.LogCaptureFixture) -> None:
    """Messages without an ID are omitted and counted in a warning without their text."""
    setup = related(page_of({"id": "m-1"}, {"text": "private"}))
    assert [row["id"] for row in next(setup.api.list_messages("17")).rows] == ["m-1"]
    assert caplog.messages == ["1 of 2 messages on a page have no usable ID and are skipped"]


def test_page_size_of_messages() -> None:
    """Messages and threads have separate page sizes."""
    setup = related(refusal(400), page_of(), page_of(), page_of())
    next(setup.api.list_messages("17"))
    next(setup.api.list_messages("18"))
    next(setup.api.list_threads(archived=False))
    assert limits(setup) == ["500", "100", "100", "500"]


@pytest.mark.parametrize(("once", "tries"), [(True, 1), (False, 4)])
def test_actors_attempts(tries: int, *, once: bool) -> None:
    """Actors get `max_attempts` attempts, or one with `once`."""
    setup = related(*[response(500)] * 4)
    with pytest.raises(TransientError):
        setup.api.read_actors(["A-1"], once=once)
    assert len(setup.client_setup.transport.sent) == tries


@pytest.mark.parametrize(("once", "tries"), [(True, 1), (False, 2)])
def test_messages_attempts(tries: int, *, once: bool) -> None:
    """A page of messages is requested twice per page size, or once with `once`."""
    setup = related(*[response(500)] * 8)
    with pytest.raises(TransientError):
        next(setup.api.list_messages("17", once=once))
    assert limits(setup) == [size for size in ("500", "100", "20", "1") for _ in range(tries)]


def test_not_found_messages() -> None:
    """HubSpot's own 404 for messages means not found; another 404 is a transient error."""
    with pytest.raises(NotFoundError):
        next(related(refusal(404), page_of()).api.list_messages("17"))
    setup = related(page_of(), *[response(404, "<html>")] * 3)
    next(setup.api.list_threads(archived=False))
    with pytest.raises(TransientError):
        next(setup.api.list_messages("17"))


@pytest.mark.parametrize(
    ("body", "content"),
    [
        ({"text": "a\0b", "richText": "<p>b</p>"}, {"text": "ab", "richText": "<p>b</p>"}),
        ({"text": "", "more": 1}, {"text": ""}),
        ({"text": None, "richText": {"a": 1}}, {}),
        ({}, {}),
    ],
    ids=repr,
)
def test_original_content(body: dict[str, Any], content: dict[str, str]) -> None:
    """The original content has the text fields of the response, cleaned."""
    assert related(response(body=body)).api.get_original_content("17", "m") == content


def test_id_of_a_message_in_a_path() -> None:
    """A message's ID is encoded as one segment of the path."""
    setup = related(response())
    setup.api.get_original_content("17", "a/../b?c#d é")
    url = setup.client_setup.transport.sent[0].url
    assert url.endswith("/threads/17/messages/a%2F..%2Fb%3Fc%23d%20%C3%A9/original-content")


def test_refused_original_content() -> None:
    """A 403 for the original content is a refusal of that message only."""
    with pytest.raises(RefusedError):
        related(refusal(403), page_of()).api.get_original_content("17", "m")


def test_partial_failure_of_actors() -> None:
    """A partial failure is a transient error, unless HubSpot does not know the actor.

    The categories are not documented: INTERNAL_ERROR stands for a failure of the server.
    """
    for category, is_transient in (("INTERNAL_ERROR", True), ("OBJECT_NOT_FOUND", False)):
        body = {"results": [{"id": "A-1", "type": "AGENT"}], "errors": [{"category": category}]}
        api = related(response(207, body)).api
        if is_transient:
            with pytest.raises(TransientError, match="INTERNAL_ERROR for some of the actors"):
                api.read_actors(["A-1", "A-2"])
        else:
            assert [row["id"] for row in api.read_actors(["A-1", "A-2"])] == ["A-1"]


def test_errors_of_another_type() -> None:
    """If `errors` is not a list, the actors are read anyway."""
    body = {"results": [{"id": "A-1", "type": "AGENT"}], "errors": 5}
    assert [row["id"] for row in related(response(207, body)).api.read_actors(["A-1"])] == ["A-1"]


def test_not_found_original_content() -> None:
    """HubSpot's own 404 for the original content means not found."""
    with pytest.raises(NotFoundError):
        related(refusal(404), page_of()).api.get_original_content("17", "m")


@pytest.mark.parametrize("status", [200, 207])
def test_actors(status: int, caplog: pytest.LogCaptureFixture) -> None:
    """The actors that HubSpot returns are rows; actors that it does not return are no error."""
    ann = {"id": "A-1", "type": "AGENT", "name": "Ann\0", "more": 1}
    errors = [{"status": "error", "category": "OBJECT_NOT_FOUND", "message": "x"}]
    body = {"results": [ann, {"id": 2}, {"id": None}, None], "numErrors": 1, "errors": errors}
    setup = related(response(status, body))
    empty = dict.fromkeys(SCHEMAS.get_schema("actors")["properties"])
    assert setup.api.read_actors(["A-1", "V-9"]) == [
        {**empty, "id": "A-1", "type": "AGENT", "name": "Ann", "otherProperties": {"more": 1}},
        {**empty, "id": "2"},
    ]
    (request,) = setup.client_setup.transport.sent
    assert (request.method, json.loads(request.body or b"")) == ("POST", {"inputs": ["A-1", "V-9"]})
    assert caplog.messages == ["2 of 4 actors on a page have no usable ID and are skipped"]


@pytest.mark.parametrize("status", [400, 404])
def test_refused_actors(status: int) -> None:
    """A 400 or HubSpot's own 404 for actors is a refusal."""
    with pytest.raises(RefusedError):
        related(refusal(status), page_of()).api.read_actors(["A-1"])


def test_actors_are_retried() -> None:
    """The POST that reads actors is retried after a failure or a response without results."""
    setup = related(response(503), response(207, {}), response(body={"results": []}))
    assert setup.api.read_actors(["A-1"] * MAX_ACTORS) == []
    bodies = [json.loads(request.body or b"") for request in setup.client_setup.transport.sent]
    assert bodies == [{"inputs": ["A-1"] * MAX_ACTORS}] * 3


@pytest.mark.parametrize("listed", REFERENCE_LISTS, ids=lambda listed: listed.name)
@pytest.mark.parametrize("archived", [False, True])
def test_page_of_a_reference_list(
    caplog: pytest.LogCaptureFixture, listed: ReferenceList, *, archived: bool
) -> None:
    """A reference list has 100 rows per page, with the columns of its schema."""
    setup = related(page_of({"id": 4}, after="w"), page_of({"id": 5, "name": "x"}, {}))
    *_, page = setup.api.list_all(listed, archived=archived)
    assert setup.last_request[1] == {
        "limit": ["100"],
        "after": ["w"],
        **({"archived": ["true"]} if archived else {}),
    }
    empty = dict.fromkeys(SCHEMAS.get_schema(listed.name)["properties"])
    assert list(page.rows) == [empty | {"id": "5", "name": "x"}]
    assert (page.cursor, page.now) == (None, SINCE)
    assert listed.name.replace("_", " ") in caplog.messages[0]


@pytest.mark.parametrize(
    ("status", "sizes"), [(403, ["100"]), (404, ["100"]), (400, ["100", "20", "1"])]
)
def test_refused_reference_list(status: int, sizes: list[str]) -> None:
    """A 403, 404 or 400 is a refusal of that list; a 400 is retried with smaller pages."""
    setup = related(*[refusal(status)] * len(sizes), page_of())
    with pytest.raises(RefusedError):
        next(setup.api.list_all(REFERENCE_LISTS[0], archived=False))
    assert limits(setup)[: len(sizes)] == sizes


def test_page_size_of_a_reference_list() -> None:
    """Each reference list has its own page size, which stays reduced after a refusal."""
    setup = related(refusal(400), *[page_of()] * 3)
    for listed in (REFERENCE_LISTS[0], REFERENCE_LISTS[0], REFERENCE_LISTS[1]):
        next(setup.api.list_all(listed, archived=False))
    assert limits(setup) == ["100", "20", "20", "100"]


def test_reference_list_with_an_invalid_token() -> None:
    """An invalid token is not a refusal of one list."""
    with pytest.raises(HubSpotError) as raised:
        next(related(refusal(401)).api.list_all(REFERENCE_LISTS[0], archived=False))
    assert not isinstance(raised.value, RefusedError)


DAILY, REMAINING = "X_HubSpot_RateLimit_Daily", "X_HubSpot_RateLimit_Daily_Remaining"


@pytest.mark.parametrize(
    ("headers", "share"),
    [
        ({}, None),
        ({DAILY: "1000"}, None),
        ({REMAINING: "5"}, None),
        ({DAILY: "0", REMAINING: "0"}, None),
        ({DAILY: "1000", REMAINING: "250"}, 0.25),
        ({DAILY: "1000", REMAINING: "0"}, 0),
    ],
    ids=lambda value: repr(value).replace("X_HubSpot_RateLimit_", ""),
)
def test_share_of_the_quota(headers: dict[str, str], share: float | None) -> None:
    """The remaining share of the daily quota is known once a response has both headers."""
    setup = ApiSetup(response(200, {"results": []}, **headers))
    assert setup.api.quota_share is None
    next(setup.api.list_threads(archived=False))
    assert setup.api.quota_share == share
