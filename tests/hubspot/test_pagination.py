"""A listing: how many things a page are asked for, also by many threads at once."""

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
from tap_hubspot_threads.hubspot.responses import Endpoint
from tap_hubspot_threads.hubspot.retry import NO_RETRY, Retry
from tap_hubspot_threads.hubspot.transport import NoResponseError
from tests.hubspot.fakes import World, refusal, response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_hubspot_threads.hubspot.transport import Request, Response
    from tap_hubspot_threads.models import Page

THINGS = Endpoint("GET", "/things/{thingId}/parts", can_be_not_found=True)
PATH = "/v3/things/17/parts"


class Parts:
    """A listing of such answers, of an API that has answered before."""

    def __init__(self, *answers: Response | Exception, size: int = 500, **parts: Any) -> None:
        self.world = World(*answers, **parts)
        self.world.client._conversations_succeeded = True  # noqa: SLF001 - as if it had
        self.listing = PagedList(
            self.world.client,
            THINGS,
            item_name="parts",
            size=size,
        )

    def page(self, **params: str) -> Page:
        """Ask for a page."""
        return self.listing.page(PATH, params, build_row=Make())

    @property
    def limits(self) -> list[str]:
        """How many things a page each request asked for."""
        return [limit_of(request) for request in self.world.transport.sent]


class Make:
    """Makes the row of what has an ID."""

    def id_of(self, found: Mapping[str, Any]) -> str | None:
        """Return the ID of an object."""
        return str(found["id"]) if found else None

    def __call__(self, found: Mapping[str, Any], /, *, is_plain: bool) -> dict[str, Any] | None:
        """Make a row."""
        return dict(found) if found and is_plain else None


def limit_of(request: Request) -> str:
    """Return how many things a page a request asks for."""
    return parse_qs(urlsplit(request.url).query)["limit"][0]


def page_of(*things: Any, after: str | None = None) -> Response:
    """Make HubSpot's answer of a page."""
    return response(body={"results": list(things), "paging": {"next": {"after": after}}})


def test_page() -> None:
    """A page is its rows, the cursor behind it, HubSpot's clock and its bytes."""
    answer = page_of({"id": "1"}, after="x%3D")
    parts = Parts(answer)
    page = parts.page(sort="id", after="w")
    assert (list(page.rows), page.cursor) == ([{"id": "1"}], "x=")
    assert (page.size, len(page.rows)) == (len(answer.body), 1)
    url = urlsplit(parts.world.transport.sent[0].url)
    assert url.path == PATH
    assert parse_qs(url.query) == {"sort": ["id"], "after": ["w"], "limit": ["500"]}


def test_what_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """A warning names what a page is of, once, however often its rows are made."""
    parts = Parts(page_of({}, {"id": "1"}))
    page = parts.page()
    for _ in range(2):
        assert list(page.rows) == [{"id": "1"}]
    assert page.ids == ["1"]
    assert caplog.messages == ["1 of 2 parts on a page have no usable ID and are skipped"]


def test_page_without_a_usable_id(caplog: pytest.LogCaptureFixture) -> None:
    """A page whose rows all lack a usable ID is a transient failure; an empty page is none."""
    parts = Parts(page_of({}, {}), page_of({"id": "1"}), page_of())
    assert list(parts.page().rows) == [{"id": "1"}]
    assert list(parts.page().rows) == []
    assert (len(parts.limits), caplog.messages) == (3, [])
    parts = Parts(*[page_of({})] * 8)
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
    """After two transient failures of a page, whatever they are, a smaller one is requested."""
    parts = Parts(*[failure] * 4, page_of({"id": 1}, after="x"), page_of({"id": 2}))
    assert [row["id"] for row in parts.page().rows] == [1]
    assert [row["id"] for row in parts.page(after="x").rows] == [2]
    assert parts.limits == ["500", "500", "100", "100", "20", "20"]


@pytest.mark.parametrize("failure", FAILURES)
def test_page_that_fails_once(failure: Response | Exception) -> None:
    """One transient failure of a page is not about its size."""
    parts = Parts(failure, page_of(), failure, page_of())
    parts.page()
    parts.page()
    assert parts.limits == ["500"] * 4


@pytest.mark.parametrize("status", [423, 429, 477])
def test_hubspot_that_is_busy(status: int) -> None:
    """A response that asks to wait says nothing about the size."""
    parts = Parts(*[response(status)] * 3, page_of())
    parts.page()
    assert parts.limits == ["500"] * 4


def test_size_that_always_fails() -> None:
    """A size that always fails costs four failures in all, in a listing of any length."""
    transport = BySize({"500": response(504)})
    parts = Parts(transport=transport)
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
    """An outage is endured for `max_attempts`, with waits that double across the sizes."""
    waits: list[float] = []
    retry = Retry(max_attempts=tries, wait=waits.append, warn=lambda _: None)
    parts = Parts(*[response(503)] * 20, size=size, retry=retry)
    with pytest.raises(TransientError, match=f"after {len(limits)} attempts"):
        parts.page()
    assert parts.limits == limits
    for number, wait in enumerate(waits[:6]):
        assert 2**number / 2 <= wait <= 2**number


def test_smaller_pages() -> None:
    """If HubSpot refuses the size, 100 are requested, and from then on at once."""
    transport = BySize({"500": refusal(400)})
    parts = Parts(transport=transport)
    for _ in range(30):
        parts.page()
    assert transport.limits == ["500"] + ["100"] * 30


@pytest.mark.parametrize("size", [500, 100, 20])
def test_refused_in_all_sizes(size: int) -> None:
    """If every size is refused, the first refusal is raised, and no size was the reason."""
    sizes = [name for name in ("500", "100", "20", "1") if int(name) <= size]
    refusals = [refusal(400, message=f"reason {name}") for name in sizes]
    parts = Parts(*refusals, page_of(), size=size)
    with pytest.raises(RefusedError, match=f"reason {size}"):
        parts.page()
    parts.page()
    assert parts.limits == [*sizes, str(size)]


@pytest.mark.parametrize("size", [500, 100, 1])
def test_refused_once_the_size_has_worked(size: int) -> None:
    """Once a size has worked, a refusal is about something else."""
    parts = Parts(page_of(), refusal(400), size=size)
    parts.page()
    with pytest.raises(RefusedError):
        parts.page()
    assert parts.limits == [str(size)] * 2


def test_refused_after_failures() -> None:
    """A page may fail in one size and be refused in the next."""
    parts = Parts(*[response(504)] * 2, refusal(400), page_of({"id": 1}))
    assert [row["id"] for row in parts.page().rows] == [1]
    assert parts.limits == ["500", "500", "100", "20"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(refusal(404), NotFoundError), (refusal(403), HubSpotError)],
    ids=["404", "403"],
)
def test_other_errors(answer: Response, kind: type[HubSpotError]) -> None:
    """Only a refusal of the request may be one of its size."""
    parts = Parts(answer)
    with pytest.raises(kind):
        parts.page()
    assert parts.limits == ["500"]


def test_policy() -> None:
    """A page that is worth one attempt gets one per size, without a wait."""
    parts = Parts(*[response(500)] * 4)
    with pytest.raises(TransientError):
        parts.listing.page(PATH, {}, build_row=Make(), policy=NO_RETRY)
    assert (parts.limits, parts.world.waits) == (["500", "100", "20", "1"], [])


@pytest.mark.parametrize("answer", [response(429), response(423), response(503, Retry_After="7")])
def test_policy_and_a_wait(answer: Response) -> None:
    """A page that is worth one attempt is given up if HubSpot asks to wait."""
    parts = Parts(answer, page_of())
    with pytest.raises(TransientError):
        parts.listing.page(PATH, {}, build_row=Make(), policy=NO_RETRY)
    assert parts.limits == ["500"]


class BySize:
    """Gives an answer by the size that is requested, else an empty page."""

    def __init__(self, answers: Mapping[str, Response]) -> None:
        self.answers = answers
        self.limits: list[str] = []

    def send(self, request: Request, **_: float) -> Response:
        """As `Transport` says."""
        self.limits.append(limit_of(request))
        return self.answers.get(self.limits[-1], page_of())

    def close(self) -> None:
        """As `Transport` says."""


class SideBySide:
    """Answers by the size that is asked for, once as many as the barrier wants have asked."""

    def __init__(self, asking: int, answer: Callable[[str], Response]) -> None:
        self.barrier, self.answer = Barrier(asking), answer
        self.limits: list[str] = []

    def send(self, request: Request, *, timeout: float) -> Response:
        """As `Transport` says."""
        limit = limit_of(request)
        self.limits.append(limit)
        if limit == "500":
            self.barrier.wait(timeout)
        return self.answer(limit)

    def close(self) -> None:
        """As `Transport` says."""


def test_refused_to_many_at_once() -> None:
    """Threads that are refused the size side by side all get smaller pages, each asking twice."""
    transport = SideBySide(4, lambda limit: refusal(400) if limit == "500" else page_of({"id": 1}))
    parts = Parts(transport=transport)
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


def test_refused_behind_a_smaller_page_that_came() -> None:
    """A refusal that comes in after another thread's smaller pages is still one of the size."""
    parts = Parts()
    inner: list[Page] = []

    class Late:
        """Lets others' pages be asked for before the first one is refused."""

        limits: tuple[str, ...] = ()

        def send(self, request: Request, **_: float) -> Response:
            """As `Transport` says."""
            self.limits = (*self.limits, limit_of(request))
            if len(self.limits) == 1:
                inner.extend([parts.page(), parts.page()])
            return refusal(400) if limit_of(request) == "500" else page_of()

        def close(self) -> None:
            """As `Transport` says."""

    late = Late()
    parts = Parts(transport=late)
    inner.append(parts.page())
    assert len(inner) == 3
    assert late.limits == ("500", "500", "100", "100", "100")
