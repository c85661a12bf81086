"""The endpoints: what is asked, and what is made of the answer."""

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
from tap_hubspot_threads.models import MAX_ACTORS, REFERENCE_LISTS, ReferenceList
from tap_hubspot_threads.singer.base_stream import SCHEMAS
from tests.hubspot.fakes import CONNECTION, World, refusal, response

if TYPE_CHECKING:
    from tap_hubspot_threads.hubspot.transport import Response

SCHEMA = {"properties": {"id": {"type": "string"}, "archived": {"type": ["boolean", "null"]}}}
SINCE = "2026-11-20T12:00:00.000Z"
DATE = "Fri, 20 Nov 2026 12:00:00 GMT"


class Account:
    """An account of such answers, and what it was asked."""

    def __init__(self, *answers: Response | Exception, **options: Any) -> None:
        path = BASE_PATHS[options.get("version", "v3")]
        self.world = World(*answers, connection=replace(CONNECTION, conversations_path=path))
        names = ("associations", "property", "inbox_id")
        query = ThreadQuery(**{name: options.pop(name) for name in names if name in options})
        self.api = HubSpotApi(
            self.world.client,
            **{"version": "v3", "schema": lambda _: SCHEMA, "query": query, **options},
        )

    @property
    def asked(self) -> tuple[str, dict[str, list[str]]]:
        """The path and the query of the last request."""
        url = urlsplit(self.world.transport.sent[-1].url)
        return url.path, parse_qs(url.query)


def page_of(*threads: Any, after: str | None = None) -> Response:
    """Make HubSpot's answer of a page."""
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
    account = Account(
        response(body={"id": "17"}), page_of(), response(body={"portalId": 53}), version=version
    )
    account.api.get_thread("17", archived=False)
    assert account.asked[0] == f"{threads}/17"
    next(account.api.list_threads(archived=False))
    assert account.asked[0] == threads
    account.api.get_account_id()
    assert account.asked[0] == details


@pytest.mark.parametrize("archived", [False, True])
def test_thread(*, archived: bool) -> None:
    """A thread is asked for on one side, with what the settings want of it."""
    account = Account(response(body={"id": 17}), associations=["TICKET"], property="subject")
    row = account.api.get_thread("17", archived=archived)
    assert row["id"] == "17"
    assert account.asked[1] == {
        "association": ["TICKET"],
        "property": ["subject"],
        **({"archived": ["true"]} if archived else {}),
    }


def test_row_is_cleaned() -> None:
    """What comes is made a row of the stream's schema."""
    account = Account(response(body={"id": 17, "archived": "true", "more": 1}))
    row = account.api.get_thread("17", archived=False)
    assert row == {"id": "17", "archived": True, "otherProperties": {"more": 1}}


def test_missing_thread() -> None:
    """HubSpot's 404 for a thread means not found; for the first page, a wrong address."""
    with pytest.raises(NotFoundError):
        Account(refusal(404), page_of()).api.get_thread("17", archived=False)
    with pytest.raises(WrongAddressError):
        next(Account(refusal(404)).api.list_threads(archived=False))


@pytest.mark.parametrize("body", [{}, {"id": "18"}, {"id": None}, {"results": []}])
def test_other_thread(body: dict[str, Any]) -> None:
    """An answer that is not this thread is asked for again, not taken for it."""
    account = Account(*[response(body=body)] * 4)
    with pytest.raises(TransientError, match="not a response of this endpoint"):
        account.api.get_thread("17", archived=False)


def test_page_by_id() -> None:
    """A page by id is sorted so, 500 a page; of a cursor if there is one."""
    account = Account(page_of({"id": 1}, {"id": 2}, after="x%3D"), page_of())
    page = next(account.api.list_threads(archived=False))
    assert account.asked[1] == {"sort": ["id"], "limit": ["500"]}
    assert [row["id"] for row in page.rows] == ["1", "2"]
    assert (page.cursor, page.now) == ("x=", SINCE)
    assert next(account.api.list_threads("x=", archived=True)).cursor is None
    assert account.asked[1] == {
        "sort": ["id"],
        "limit": ["500"],
        "archived": ["true"],
        "after": ["x="],
    }


def test_page_by_time() -> None:
    """A page by time is sorted and filtered by the latest message."""
    account = Account(page_of(after="x"), page_of(), page_size=10)
    assert len(list(account.api.threads_since(SINCE, archived=True))) == 2
    assert account.asked[1] == {
        "sort": ["latestMessageTimestamp"],
        "latestMessageTimestampAfter": [SINCE],
        "limit": ["10"],
        "archived": ["true"],
        "after": ["x"],
    }


def test_one_inbox() -> None:
    """The one inbox that is wanted is asked for in listings, and not where a thread is read."""
    account = Account(page_of(), response(body={"id": "17"}), inbox_id="7")
    next(account.api.list_threads(archived=False))
    assert account.asked[1]["inboxId"] == ["7"]
    account.api.get_thread("17", archived=False)
    assert "inboxId" not in account.asked[1]


def test_no_page() -> None:
    """What is no page is asked for again, and never an empty one."""
    account = Account(*[response(body={"results": None})] * 8)
    with pytest.raises(TransientError, match="not a response of this endpoint"):
        next(account.api.list_threads(archived=False))


def test_threads_without_an_id(caplog: pytest.LogCaptureFixture) -> None:
    """Threads without a usable id are left out of a page, and counted in a warning."""
    account = Account(page_of({"id": 1}, {"id": None}, {}, {"id": "../x"}))
    assert [row["id"] for row in next(account.api.list_threads(archived=False)).rows] == ["1"]
    assert caplog.messages[0].startswith("3 of 4 threads on a page have no usable ID")


def test_account_number() -> None:
    """The account's number is what HubSpot says; its midnight goes to the limit."""
    account = Account(response(body={"portalId": 53, "utcOffsetMilliseconds": -18_000_000}))
    assert account.api.get_account_id() == 53
    assert account.world.limit.quota.utc_offset == -18_000


@pytest.mark.parametrize("offset", [None, "0", True, 90_000_000, 1.5])
def test_odd_midnight(offset: object) -> None:
    """An offset that can be none leaves the midnight unknown, and the number known."""
    account = Account(response(body={"portalId": 53, "utcOffsetMilliseconds": offset}))
    assert account.api.get_account_id() == 53
    assert account.world.limit.quota.utc_offset is None


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
def test_no_account_number(answer: Response) -> None:
    """Anything but a number is None after two tries at the most, and no error."""
    account = Account(answer, answer)
    assert account.api.get_account_id() is None
    assert len(account.world.transport.sent) <= 2


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(refusal(401), HubSpotError), (refusal(429, policyName="DAILY"), DailyQuotaError)],
    ids=["401", "spent day"],
)
def test_number_with_a_bad_token(answer: Response, kind: type[HubSpotError]) -> None:
    """A token that is not accepted, and a spent day, end the sync here already."""
    with pytest.raises(kind):
        Account(answer).api.get_account_id()


def limits(account: Account) -> list[str]:
    """Return how many threads a page each request asked for."""
    queries = [parse_qs(urlsplit(request.url).query) for request in account.world.transport.sent]
    return [query["limit"][0] for query in queries]


def test_refused_page() -> None:
    """A page that HubSpot refuses in all sizes is a refusal, as of a cursor it does not know."""
    account = Account(*[refusal(400)] * 4)
    with pytest.raises(RefusedError):
        next(account.api.list_threads("old", archived=False))
    assert limits(account) == ["500", "100", "20", "1"]


def test_smaller_page() -> None:
    """Where HubSpot refuses 500 threads a page, 100 are asked for, and from then on at once."""
    account = Account(refusal(400), page_of({"id": 1}), page_of(), page_of())
    assert [row["id"] for row in next(account.api.list_threads(archived=False)).rows] == ["1"]
    next(account.api.threads_since(SINCE, archived=False))
    next(account.api.list_open_threads(archived=False))
    assert limits(account) == ["500", "100", "100", "100"]


def test_smaller_page_that_is_refused_too() -> None:
    """What is refused in all sizes is not refused for its size: the next page is of 500."""
    account = Account(*[refusal(400)] * 4, page_of())
    with pytest.raises(RefusedError):
        next(account.api.list_threads("old", archived=False))
    next(account.api.list_threads(archived=False))
    assert limits(account) == ["500", "100", "20", "1", "500"]


def test_no_smaller_page_once_500_has_worked() -> None:
    """Once 500 threads a page were given, a refusal is of something else."""
    account = Account(page_of(), refusal(400))
    next(account.api.threads_since(SINCE, archived=False))
    with pytest.raises(RefusedError):
        next(account.api.list_threads("old", archived=False))
    assert limits(account) == ["500", "500"]


@pytest.mark.parametrize("answer", [refusal(403), response(404, "<html>")], ids=["403", "404"])
def test_no_smaller_page_for_other_errors(answer: Response) -> None:
    """Only a refusal of the request may be one of its size."""
    account = Account(answer)
    with pytest.raises(HubSpotError):
        next(account.api.list_threads(archived=False))
    assert limits(account) == ["500"]


def test_page_of_open() -> None:
    """A page of open threads is filtered by status, in capitals, in the order of the ids."""
    account = Account(page_of(after="w"), page_of({"id": 1}))
    *_, page = account.api.list_open_threads(archived=True)
    assert account.asked[1] == {
        "sort": ["id"],
        "threadStatus": ["OPEN"],
        "limit": ["500"],
        "archived": ["true"],
        "after": ["w"],
    }
    assert [row["id"] for row in page.rows] == ["1"]


@pytest.mark.parametrize("answer", [response(500), response(body={"results": None})])
def test_page_of_open_is_tried_once(answer: Response) -> None:
    """What a sync can do without is requested once per page size, without a wait."""
    account = Account(*[answer] * 4)
    with pytest.raises(TransientError):
        next(account.api.list_open_threads(archived=False))
    assert (limits(account), account.world.waits) == (["500", "100", "20", "1"], [])


@pytest.mark.parametrize(("once", "tries"), [(True, 1), (False, 4)])
def test_thread_that_is_tried_once(tries: int, *, once: bool) -> None:
    """A thread gets as many tries as the settings say, or one."""
    account = Account(*[response(500)] * 4)
    with pytest.raises(TransientError):
        account.api.get_thread("17", archived=False, once=once)
    assert len(account.world.transport.sent) == tries


def test_bytes_of_a_page() -> None:
    """A page knows how many bytes it is kept as, which are those of the answer."""
    answer = page_of({"id": 1}, {"id": 2})
    page = next(Account(answer).api.list_threads(archived=False))
    assert (page.size, len(page.rows)) == (len(answer.body), 2)


PATHS = [
    ("v3", "/conversations/v3/conversations"),
    ("2026-09", "/conversations/conversations/2026-09"),
]


def around(*answers: Response | Exception, **options: Any) -> Account:
    """Make an account whose rows are of the streams' own schemas."""
    return Account(*answers, schema=SCHEMAS.get_schema, **options)


@pytest.mark.parametrize(("version", "base"), PATHS)
def test_paths_around_a_thread(version: str, base: str) -> None:
    """What surrounds a thread is at the paths of the API's version too."""
    empty = response(body={"results": []})
    account = around(empty, response(), *[empty] * 4, version=version)
    next(account.api.list_messages("17"))
    account.api.get_original_content("17", "m-1")
    account.api.read_actors(["A-1"])
    for listed in REFERENCE_LISTS:
        next(account.api.list_all(listed, archived=False))
    assert [urlsplit(request.url).path for request in account.world.transport.sent] == [
        f"{base}/threads/17/messages",
        f"{base}/threads/17/messages/m-1/original-content",
        f"{base}/actors/batch/read",
        f"{base}/inboxes",
        f"{base}/channels",
        f"{base}/channel-accounts",
    ]


def test_page_of_messages() -> None:
    """Messages are asked for oldest first, 500 a page; what a thread is asked for stays out."""
    answer = page_of({"id": "m-2", "conversationsThreadId": 17}, {"id": 3}, after="x%3D")
    account = around(answer, page_of(), associations=["TICKET"], property="x", inbox_id="7")
    pages = account.api.list_messages("17")
    page = next(pages)
    assert account.asked[1] == {"sort": ["createdAt"], "limit": ["500"]}
    rows = [(row["id"], row["conversationsThreadId"]) for row in page.rows]
    assert rows == [("m-2", "17"), ("3", "17")]
    assert (page.cursor, page.now, page.size) == ("x=", SINCE, len(answer.body))
    assert next(pages).cursor is None
    assert account.asked[1]["after"] == ["x="]


def test_messages_without_an_id(caplog: pytest.LogCaptureFixture) -> None:
    """Messages without an id are left out, and counted in a warning without their text."""
    account = around(page_of({"id": "m-1"}, {"text": "private"}))
    assert [row["id"] for row in next(account.api.list_messages("17")).rows] == ["m-1"]
    assert caplog.messages == ["1 of 2 messages on a page have no usable ID and are skipped"]


def test_size_of_a_page_of_messages() -> None:
    """Messages and threads have sizes of their own: a refusal of one says nothing of the other."""
    account = around(refusal(400), page_of(), page_of(), page_of())
    next(account.api.list_messages("17"))
    next(account.api.list_messages("18"))
    next(account.api.list_threads(archived=False))
    assert limits(account) == ["500", "100", "100", "500"]


@pytest.mark.parametrize(("once", "tries"), [(True, 1), (False, 4)])
def test_actors_that_are_tried_once(tries: int, *, once: bool) -> None:
    """Actors get as many tries as the settings say, or one."""
    account = around(*[response(500)] * 4)
    with pytest.raises(TransientError):
        account.api.read_actors(["A-1"], once=once)
    assert len(account.world.transport.sent) == tries


@pytest.mark.parametrize(("once", "tries"), [(True, 1), (False, 2)])
def test_messages_that_are_tried_once(tries: int, *, once: bool) -> None:
    """A page of messages is requested once or twice per page size."""
    account = around(*[response(500)] * 8)
    with pytest.raises(TransientError):
        next(account.api.list_messages("17", once=once))
    assert limits(account) == [size for size in ("500", "100", "20", "1") for _ in range(tries)]


def test_thread_whose_messages_are_missing() -> None:
    """HubSpot's 404 to messages means that there are none to show; another 404 means nothing."""
    with pytest.raises(NotFoundError):
        next(around(refusal(404), page_of()).api.list_messages("17"))
    account = around(page_of(), *[response(404, "<html>")] * 3)
    next(account.api.list_threads(archived=False))
    with pytest.raises(TransientError):
        next(account.api.list_messages("17"))


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
    """The texts of a message that was cut off are those that the answer has, cleaned."""
    assert around(response(body=body)).api.get_original_content("17", "m") == content


def test_id_of_a_message_in_a_path() -> None:
    """Whatever the id of a message is, it is one part of the path."""
    account = around(response())
    account.api.get_original_content("17", "a/../b?c#d é")
    url = account.world.transport.sent[0].url
    assert url.endswith("/threads/17/messages/a%2F..%2Fb%3Fc%23d%20%C3%A9/original-content")


def test_refused_original_content() -> None:
    """A 403 says nothing of what else may be read: the short text stays then."""
    with pytest.raises(RefusedError):
        around(refusal(403), page_of()).api.get_original_content("17", "m")


def test_trouble_with_some_actors() -> None:
    """A part that HubSpot could not read passes, and may be asked for again; one it lacks is none.

    Nobody knows the categories: these words are those of a server's own trouble.
    """
    for category, is_transient in (("INTERNAL_ERROR", True), ("OBJECT_NOT_FOUND", False)):
        body = {"results": [{"id": "A-1", "type": "AGENT"}], "errors": [{"category": category}]}
        api = around(response(207, body)).api
        if is_transient:
            with pytest.raises(TransientError, match="INTERNAL_ERROR for some of the actors"):
                api.read_actors(["A-1", "A-2"])
        else:
            assert [row["id"] for row in api.read_actors(["A-1", "A-2"])] == ["A-1"]


def test_original_content_that_is_missing() -> None:
    """HubSpot's 404 to the original means that it is missing."""
    with pytest.raises(NotFoundError):
        around(refusal(404), page_of()).api.get_original_content("17", "m")


@pytest.mark.parametrize("status", [200, 207])
def test_actors(status: int, caplog: pytest.LogCaptureFixture) -> None:
    """Actors are those that HubSpot has of the ids; of the others it is no error."""
    ann = {"id": "A-1", "type": "AGENT", "name": "Ann\0", "more": 1}
    errors = [{"status": "error", "category": "OBJECT_NOT_FOUND", "message": "x"}]
    body = {"results": [ann, {"id": 2}, {"id": None}, None], "numErrors": 1, "errors": errors}
    account = around(response(status, body))
    empty = dict.fromkeys(SCHEMAS.get_schema("actors")["properties"])
    assert account.api.read_actors(["A-1", "V-9"]) == [
        {**empty, "id": "A-1", "type": "AGENT", "name": "Ann", "otherProperties": {"more": 1}},
        {**empty, "id": "2"},
    ]
    (request,) = account.world.transport.sent
    assert (request.method, json.loads(request.body or b"")) == ("POST", {"inputs": ["A-1", "V-9"]})
    assert caplog.messages == ["2 of 4 actors on a page have no usable ID and are skipped"]


@pytest.mark.parametrize("status", [400, 404])
def test_refused_actors(status: int) -> None:
    """What HubSpot refuses for the ids is a refusal, whether it says 400 or 404."""
    with pytest.raises(RefusedError):
        around(refusal(status), page_of()).api.read_actors(["A-1"])


def test_actors_that_are_asked_for_again() -> None:
    """What only reads is sent again, as it was, after a failure or an answer without results."""
    account = around(response(503), response(207, {}), response(body={"results": []}))
    assert account.api.read_actors(["A-1"] * MAX_ACTORS) == []
    bodies = [json.loads(request.body or b"") for request in account.world.transport.sent]
    assert bodies == [{"inputs": ["A-1"] * MAX_ACTORS}] * 3


@pytest.mark.parametrize("listed", REFERENCE_LISTS, ids=lambda listed: listed.name)
@pytest.mark.parametrize("archived", [False, True])
def test_page_of_a_stream(
    caplog: pytest.LogCaptureFixture, listed: ReferenceList, *, archived: bool
) -> None:
    """A stream is listed 100 a page, as rows of its own schema."""
    account = around(page_of({"id": 4}, after="w"), page_of({"id": 5, "name": "x"}, {}))
    *_, page = account.api.list_all(listed, archived=archived)
    assert account.asked[1] == {
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
def test_refusal_of_a_list(status: int, sizes: list[str]) -> None:
    """What an account has no such list of is a refusal of that list; a 400 may be of the size."""
    account = around(*[refusal(status)] * len(sizes), page_of())
    with pytest.raises(RefusedError):
        next(account.api.list_all(REFERENCE_LISTS[0], archived=False))
    assert limits(account)[: len(sizes)] == sizes


def test_size_of_a_list() -> None:
    """Each list keeps the page size that it was refused from one page to the next."""
    account = around(refusal(400), *[page_of()] * 3)
    for listed in (REFERENCE_LISTS[0], REFERENCE_LISTS[0], REFERENCE_LISTS[1]):
        next(account.api.list_all(listed, archived=False))
    assert limits(account) == ["100", "20", "20", "100"]


def test_token_that_ends_a_list() -> None:
    """A token that is not accepted is no refusal of a list alone."""
    with pytest.raises(HubSpotError) as raised:
        next(around(refusal(401)).api.list_all(REFERENCE_LISTS[0], archived=False))
    assert not isinstance(raised.value, RefusedError)


DAILY, LEFT = "X_HubSpot_RateLimit_Daily", "X_HubSpot_RateLimit_Daily_Remaining"


@pytest.mark.parametrize(
    ("headers", "share"),
    [
        ({}, None),
        ({DAILY: "1000"}, None),
        ({LEFT: "5"}, None),
        ({DAILY: "0", LEFT: "0"}, None),
        ({DAILY: "1000", LEFT: "250"}, 0.25),
        ({DAILY: "1000", LEFT: "0"}, 0),
    ],
    ids=lambda value: repr(value).replace("X_HubSpot_RateLimit_", ""),
)
def test_share_of_the_quota(headers: dict[str, str], share: float | None) -> None:
    """The share of the day's calls that is left is known once an answer has told both numbers."""
    account = Account(response(200, {"results": []}, **headers))
    assert account.api.quota_share is None
    next(account.api.list_threads(archived=False))
    assert account.api.quota_share == share
