"""`PagedList.page`: one page, the number of rows requested, and concurrent requests."""

from __future__ import annotations

from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tap_hubspot_threads.errors import (
    HubSpotError,
    NotFoundError,
    RefusedError,
    TransientError,
)
from tap_hubspot_threads.hubspot.pagination import PagedList
from tap_hubspot_threads.hubspot.retry import NO_RETRY, Retry
from tap_hubspot_threads.hubspot.status_codes import Endpoint
from tap_hubspot_threads.hubspot.transport import NoResponseError
from tests.hubspot.fakes import ClientSetup, refusal, response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_hubspot_threads.hubspot.transport import Request, Response
    from tap_hubspot_threads.models import Page

ENDPOINT = Endpoint("GET", "/items/{itemId}/parts", can_be_not_found=True)
PATH = "/v3/items/17/parts"


class ScriptedList:
    """A list with scripted responses, from an API that has answered before."""

    def __init__(self, *answers: Response | Exception, size: int = 500, **parts: Any) -> None:
        self.setup = ClientSetup(*answers, **parts)
        self.setup.client._conversations_succeeded = True  # noqa: SLF001 - simulated
        self.listing = PagedList(
            self.setup.client,
            ENDPOINT,
            item_name="parts",
            size=size,
        )

    def page(self, **params: str) -> Page:
        """Request a page."""
        return self.listing.page(PATH, params, build_row=FakeRowBuilder())

    @property
    def limits(self) -> list[str]:
        """The page size of each request."""
        return [limit_of(request) for request in self.setup.transport.sent]


class FakeRowBuilder:
    """A row builder for objects with an ID."""

    def id_of(self, found: Mapping[str, Any]) -> str | None:
        """Return the ID of an object."""
        return str(found["id"]) if found else None

    def __call__(
        self, found: Mapping[str, Any], /, *, needs_no_cleaning: bool
    ) -> dict[str, Any] | None:
        """Return a copy of the object, or None if it is empty or needs cleaning."""
        return dict(found) if found and needs_no_cleaning else None


def limit_of(request: Request) -> str:
    """Return the page size of a request."""
    return parse_qs(urlsplit(request.url).query)["limit"][0]


def page_of(*items: Any, after: str | None = None) -> Response:
    """Return HubSpot's response for a page."""
    return response(body={"results": list(items), "paging": {"next": {"after": after}}})


def test_page() -> None:
    """A page has its rows, the next cursor and the size in bytes."""
    answer = page_of({"id": "1"}, after="x%3D")
    parts = ScriptedList(answer)
    page = parts.page(sort="id", after="w")
    assert (list(page.rows), page.cursor) == ([{"id": "1"}], "x=")
    assert (page.size, len(page.rows)) == (len(answer.body), 1)
    url = urlsplit(parts.setup.transport.sent[0].url)
    assert url.path == PATH
    assert parse_qs(url.query) == {"sort": ["id"], "after": ["w"], "limit": ["500"]}


def test_rows_without_an_id(caplog: pytest.LogCaptureFixture) -> None:
    """Rows without an ID are counted in one warning, however often the rows are built."""
    parts = ScriptedList(page_of({}, {"id": "1"}))
    page = parts.page()
    for _ in range(2):
        assert list(page.rows) == [{"id": "1"}]
    assert page.ids == ["1"]
    assert caplog.messages == ["1 of 2 parts on a page have no usable ID and are skipped"]


def test_page_without_a_usable_id(caplog: pytest.LogCaptureFixture) -> None:
    """A page whose rows all lack a usable ID is a transient failure; an empty page is not."""
    parts = ScriptedList(page_of({}, {}), page_of({"id": "1"}), page_of())
    assert list(parts.page().rows) == [{"id": "1"}]
    assert list(parts.page().rows) == []
    assert (len(parts.limits), caplog.messages) == (3, [])
    parts = ScriptedList(*[page_of({})] * 8)
    with pytest.raises(TransientError, match="not a response of this endpoint"):
        parts.page()


FAILURES = [
    response(500),
    response(504),
    response(body="<html>"),
    response(body={"results": None}),
    page_of({}),
    NoResponseError(": no complete response within 60 s"),
    NoResponseError(": the response is larger than 64 MB"),
]


@pytest.mark.parametrize("failure", FAILURES)
def test_page_that_fails_twice(failure: Response | Exception) -> None:
    """After two transient failures of any type, a smaller page is requested."""
    parts = ScriptedList(*[failure] * 4, page_of({"id": 1}, after="x"), page_of({"id": 2}))
    assert [row["id"] for row in parts.page().rows] == [1]
    assert [row["id"] for row in parts.page(after="x").rows] == [2]
    assert parts.limits == ["500", "500", "100", "100", "20", "20"]


@pytest.mark.parametrize("failure", FAILURES)
def test_page_that_fails_once(failure: Response | Exception) -> None:
    """After one transient failure, the same page size is requested again."""
    parts = ScriptedList(failure, page_of(), failure, page_of())
    parts.page()
    parts.page()
    assert parts.limits == ["500"] * 4


@pytest.mark.parametrize("status", [423, 429, 477])
def test_response_that_asks_to_wait(status: int) -> None:
    """A response that asks to wait does not change the size."""
    parts = ScriptedList(*[response(status)] * 3, page_of())
    parts.page()
    assert parts.limits == ["500"] * 4


def test_size_that_always_fails() -> None:
    """A size that always fails costs four failures per listing, whatever its length."""
    transport = TransportBySize({"500": response(504)})
    parts = ScriptedList(transport=transport)
    for _ in range(100):
        parts.page()
    assert transport.limits.count("500") == 4
    assert transport.limits.count("100") == 100


@pytest.mark.parametrize(
    ("tries", "size", "limits"),
    [
        (1, 500, ["500", "500", "100", "100", "20", "20", "1", "1"]),
        (8, 500, ["500", "500", "100", "100", "20", "20", "1", "1"]),
        (10, 500, ["500", "500", "100", "100", "20", "20", "1", "1", "1", "1"]),
        (8, 100, ["100", "100", "20", "20", "1", "1", "1", "1"]),
        (4, 1, ["1"] * 4),
    ],
)
def test_outage(tries: int, size: int, limits: list[str]) -> None:
    """An outage is retried for `max_attempts`, with waits that double across the sizes."""
    waits: list[float] = []
    retry = Retry(max_attempts=tries, wait=waits.append, warn=lambda _: None)
    parts = ScriptedList(*[response(503)] * 20, size=size, retry=retry)
    with pytest.raises(TransientError, match=f"after {len(limits)} attempts"):
        parts.page()
    assert parts.limits == limits
    for number, wait in enumerate(waits[:6]):
        assert 2**number / 2 <= wait <= 2**number


def test_smaller_pages() -> None:
    """If HubSpot refuses 500 rows, this and all later pages have 100."""
    transport = TransportBySize({"500": refusal(400)})
    parts = ScriptedList(transport=transport)
    for _ in range(30):
        parts.page()
    assert transport.limits == ["500"] + ["100"] * 30


@pytest.mark.parametrize("size", [500, 100, 20])
def test_every_size_is_refused(size: int) -> None:
    """If every size is refused, the first refusal is raised and the size is kept."""
    sizes = [name for name in ("500", "100", "20", "1") if int(name) <= size]
    refusals = [refusal(400, message=f"reason {name}") for name in sizes]
    parts = ScriptedList(*refusals, page_of(), size=size)
    with pytest.raises(RefusedError, match=f"reason {size}"):
        parts.page()
    parts.page()
    assert parts.limits == [*sizes, str(size)]


@pytest.mark.parametrize("size", [500, 100, 1])
def test_refusal_after_a_success(size: int) -> None:
    """After a success, a refusal is not retried with smaller pages."""
    parts = ScriptedList(page_of(), refusal(400), size=size)
    parts.page()
    with pytest.raises(RefusedError):
        parts.page()
    assert parts.limits == [str(size)] * 2


def test_refused_after_failures() -> None:
    """A page can fail in one size and be refused in the next."""
    parts = ScriptedList(*[response(504)] * 2, refusal(400), page_of({"id": 1}))
    assert [row["id"] for row in parts.page().rows] == [1]
    assert parts.limits == ["500", "500", "100", "20"]


@pytest.mark.parametrize(
    ("answer", "error_type"),
    [(refusal(404), NotFoundError), (refusal(403), HubSpotError)],
    ids=["404", "403"],
)
def test_other_errors(answer: Response, error_type: type[HubSpotError]) -> None:
    """Other errors are not retried with smaller pages."""
    parts = ScriptedList(answer)
    with pytest.raises(error_type):
        parts.page()
    assert parts.limits == ["500"]


def test_no_retry() -> None:
    """With `NO_RETRY`, a page gets one attempt per size, without a wait."""
    parts = ScriptedList(*[response(500)] * 4)
    with pytest.raises(TransientError):
        parts.listing.page(PATH, {}, build_row=FakeRowBuilder(), policy=NO_RETRY)
    assert (parts.limits, parts.setup.waits) == (["500", "100", "20", "1"], [])


@pytest.mark.parametrize("answer", [response(429), response(423), response(503, Retry_After="7")])
def test_no_retry_and_a_wait(answer: Response) -> None:
    """With `NO_RETRY`, a page is given up if HubSpot asks to wait."""
    parts = ScriptedList(answer, page_of())
    with pytest.raises(TransientError):
        parts.listing.page(PATH, {}, build_row=FakeRowBuilder(), policy=NO_RETRY)
    assert parts.limits == ["500"]


class TransportBySize:
    """A transport with one response per requested size; other sizes get an empty page."""

    def __init__(self, answers: Mapping[str, Response]) -> None:
        self.answers = answers
        self.limits: list[str] = []

    def send(self, request: Request, **_: float) -> Response:
        """Implement `Transport`."""
        self.limits.append(limit_of(request))
        return self.answers.get(self.limits[-1], page_of())

    def close(self) -> None:
        """Implement `Transport`."""


class ConcurrentTransport:
    """A transport that holds requests for 500 rows until a number of them has arrived."""

    def __init__(self, parties: int, answer: Callable[[str], Response]) -> None:
        self.barrier, self.answer = Barrier(parties), answer
        self.limits: list[str] = []

    def send(self, request: Request, *, timeout: float) -> Response:
        """Implement `Transport`."""
        limit = limit_of(request)
        self.limits.append(limit)
        if limit == "500":
            self.barrier.wait(timeout)
        return self.answer(limit)

    def close(self) -> None:
        """Implement `Transport`."""


def test_concurrent_refusals() -> None:
    """Concurrent requests that are refused each get a smaller page with one more request."""
    transport = ConcurrentTransport(
        4, lambda limit: refusal(400) if limit == "500" else page_of({"id": 1})
    )
    parts = ScriptedList(transport=transport)
    pages: list[Page] = []
    threads = [Thread(target=lambda: pages.append(parts.page())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [list(page.rows) for page in pages] == [[{"id": 1}]] * 4
    assert sorted(transport.limits) == ["100"] * 4 + ["500"] * 4
    parts.page()
    assert transport.limits[8:] == ["100"]


def test_refusal_after_smaller_pages() -> None:
    """A refusal that arrives after smaller pages of other threads still counts for the size."""
    parts = ScriptedList()
    inner: list[Page] = []

    class LateRefusal:
        """A transport that requests two other pages before it refuses the first one."""

        limits: tuple[str, ...] = ()

        def send(self, request: Request, **_: float) -> Response:
            """Implement `Transport`."""
            self.limits = (*self.limits, limit_of(request))
            if len(self.limits) == 1:
                inner.extend([parts.page(), parts.page()])
            return refusal(400) if limit_of(request) == "500" else page_of()

        def close(self) -> None:
            """Implement `Transport`."""

    transport = LateRefusal()
    parts = ScriptedList(transport=transport)
    inner.append(parts.page())
    assert len(inner) == 3
    assert transport.limits == ("500", "500", "100", "100", "100")
