"""What an answer means: which error, in which words, and what never is among them."""

from __future__ import annotations

import pytest

from tap_hubspot_threads.errors import (
    DailyQuotaError,
    HubSpotError,
    MissingError,
    PassingError,
    RefusedError,
    WrongAddressError,
)
from tap_hubspot_threads.hubspot.answers import (
    STRANGE_TRIES,
    Endpoint,
    Problem,
    check,
    json_object,
    other_answer,
)
from tap_hubspot_threads.hubspot.transport import Response
from tests.hubspot.fakes import SECRET, refusal, response

THING = Endpoint("GET", "/things/{thingId}", can_miss=True)
THINGS = Endpoint("GET", "/things")
LIST = Endpoint("GET", "/list", refusals=frozenset({403, 404}))
BATCH = Endpoint("POST", "/things/read", refusals=frozenset({404}), can_be_partial=True)


def judge(
    answer: Response, endpoint: Endpoint = THING, *, has_worked: bool = True
) -> HubSpotError | None:
    """Return the error that an answer means."""
    try:
        check(
            answer,
            endpoint,
            token=SECRET,
            setting="access_token",
            quota_returns="Tomorrow.",
            has_worked=has_worked,
        )
    except HubSpotError as error:
        return error
    return None


def test_success() -> None:
    """A 200 is no error, whatever is in it."""
    assert judge(response(200, "<html>")) is None


@pytest.mark.parametrize(
    "status", [423, 429, 477, 500, 501, 502, 503, 504, 520, 521, 522, 523, 524, 599]
)
def test_passing(status: int) -> None:
    """What passes by itself is to be tried again; only a 429 is the burst limit's."""
    error = judge(refusal(status))
    assert type(error) is PassingError
    assert error.is_burst is (status == 429)


def test_retry_after_is_handed_on() -> None:
    """How long HubSpot asks to wait is in the error."""
    error = judge(response(503, Retry_After="7"))
    assert isinstance(error, PassingError)
    assert error.retry_after == 7


@pytest.mark.parametrize("policy", ["DAILY", "daily"])
def test_spent_day(policy: str) -> None:
    """A 429 of the day's limit ends the sync, and says when the calls come back."""
    error = judge(refusal(429, policyName=policy))
    assert isinstance(error, DailyQuotaError)
    assert str(error).endswith("used up. Tomorrow.")


@pytest.mark.parametrize("has_worked", [False, True])
def test_missing_where_the_endpoint_can_miss(*, has_worked: bool) -> None:
    """HubSpot's 404 means that the thing is missing, where the endpoint says so."""
    assert isinstance(judge(refusal(404), has_worked=has_worked), MissingError)


@pytest.mark.parametrize(
    ("date", "now"),
    [("Fri, 20 Nov 2026 12:00:00 GMT", "2026-11-20T12:00:00.000Z"), ("", None), ("soon", None)],
)
def test_when_it_was_missing(date: str, now: str | None) -> None:
    """When a thing was missing is what the answer's `Date` says; nothing, where it says none."""
    error = judge(response(404, {"status": "error", "message": "words"}, Date=date))
    assert isinstance(error, MissingError)
    assert error.now == now


@pytest.mark.parametrize("has_worked", [False, True])
def test_404_where_the_endpoint_cannot_miss(*, has_worked: bool) -> None:
    """Elsewhere HubSpot's 404 is an error of the address."""
    error = judge(refusal(404), THINGS, has_worked=has_worked)
    assert type(error) is HubSpotError
    assert "api_url and api_version" in str(error)


STRANGE = ["<html>Not Found</html>", "", "[]", '{"detail": "Not Found"}', '{"status": 404}']


@pytest.mark.parametrize("headers", [{}, {"X_HubSpot_Correlation_Id": "c-0"}], ids=["", "edge's"])
@pytest.mark.parametrize("endpoint", [THING, THINGS], ids=str)
@pytest.mark.parametrize("body", STRANGE)
def test_404_that_is_not_hubspots_word(
    body: str, endpoint: Endpoint, headers: dict[str, str]
) -> None:
    """A 404 without HubSpot's JSON says nothing of the thing, whatever its headers: three tries."""
    error = judge(response(404, body, **headers), endpoint)
    assert isinstance(error, PassingError)
    assert error.tries == STRANGE_TRIES == 3
    assert not error.is_burst
    assert "api_url, api_version" in str(error)


@pytest.mark.parametrize("headers", [{}, {"X_HubSpot_Correlation_Id": "c-0"}], ids=["", "edge's"])
@pytest.mark.parametrize("endpoint", [THING, THINGS], ids=str)
@pytest.mark.parametrize("body", STRANGE)
def test_404_at_first_contact(body: str, endpoint: Endpoint, headers: dict[str, str]) -> None:
    """Before anything has worked it is an error of the address, at once."""
    error = judge(response(404, body, **headers), endpoint, has_worked=False)
    assert isinstance(error, WrongAddressError)
    assert "check api_url and api_version" in str(error)


@pytest.mark.parametrize("body", ['{"category": "X"}', '{"message": "resource not found"}'])
def test_other_forms_of_hubspots_word(body: str) -> None:
    """HubSpot's JSON error has several forms."""
    assert isinstance(judge(response(404, body)), MissingError)


@pytest.mark.parametrize(
    ("status", "words", "is_of_token"),
    [(401, "check the setting access_token", True), (403, "conversations.read", False)],
)
def test_advice(status: int, words: str, *, is_of_token: bool) -> None:
    """What a person can mend is said; a 401 is of the token, whatever is asked."""
    error = judge(refusal(status))
    assert type(error) is HubSpotError
    assert words in str(error)
    assert error.is_of_token is is_of_token


@pytest.mark.parametrize("status", [400, 405, 409, 413, 414, 422])
def test_refused(status: int) -> None:
    """Any other 4xx is a refusal of this request, in HubSpot's words."""
    error = judge(refusal(status))
    assert type(error) is RefusedError
    assert str(error).endswith("refused the request: words")


@pytest.mark.parametrize("status", [201, 204, 301, 302, 304])
def test_what_an_api_does_not_answer(status: int) -> None:
    """Another status below 400 is not HubSpot's API."""
    error = judge(response(status, ""))
    assert type(error) is HubSpotError
    assert "not HubSpot's API" in str(error)


def test_what_was_tried() -> None:
    """A message begins with what was asked, the status, the category and the correlation id."""
    error = judge(refusal(400, category="VALIDATION_ERROR"))
    assert str(error).startswith(
        "GET /things/{thingId}: 400 VALIDATION_ERROR (correlationId c-0). "
    )


def test_other_answer() -> None:
    """A 200 with something else in it is tried again as HubSpot asks."""
    error = other_answer(response(200, "<html>", Retry_After="3"), THING, SECRET)
    assert error.retry_after == 3
    assert str(error) == "GET /things/{thingId}: 200, but the answer is not what was asked for"


@pytest.mark.parametrize("name", ["message", "category", "correlationId", "errorType"])
def test_token_is_not_repeated(name: str) -> None:
    """Where a server echoes the token, no message has it."""
    assert SECRET not in str(judge(refusal(400, **{name: f"Bearer {SECRET} is bad"})))


def test_token_in_a_header_is_not_repeated() -> None:
    """Nor where a header echoes it."""
    answer = response(400, "{}", X_HubSpot_Correlation_Id=f"x-{SECRET}")
    assert SECRET not in str(judge(answer))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'"x"', b"\xff", b"[" * 100_000, b'{"message": 17, "status": []}']
)
def test_any_body(body: bytes) -> None:
    """Whatever an error's body is, it is read without a failure, and no word is made of it."""
    problem = Problem.of(Response(500, {}, body), SECRET)
    assert (problem.message, problem.category, problem.policy) == ("", "", "")


def test_long_words() -> None:
    """A long message is cut, and has one line."""
    message = Problem.of(refusal(400, message="many\n words " * 1_000), SECRET).message
    assert len(message) == 300
    assert "\n" not in message


@pytest.mark.parametrize(("text", "found"), [(b'{"a": 1}', {"a": 1}), (b"[1]", {}), (b"{", {})])
def test_json_object(text: bytes, found: dict[str, int]) -> None:
    """A text that holds no JSON object holds an empty one."""
    assert json_object(text) == found


def test_partial_answer() -> None:
    """A 207 is no error where parts may be missing, and no answer of HubSpot's anywhere else."""
    assert judge(response(207, {"results": []}), BATCH) is None
    error = judge(response(207, {"results": []}), THINGS)
    assert type(error) is HubSpotError


@pytest.mark.parametrize(("endpoint", "status"), [(LIST, 403), (LIST, 404), (BATCH, 404)])
def test_refusal_of_one_endpoint(endpoint: Endpoint, status: int) -> None:
    """Where a status says nothing of other requests it is a refusal."""
    error = judge(refusal(status, message="not for you"), endpoint)
    assert type(error) is RefusedError
    assert str(error).startswith(f"{endpoint}: {status}")


@pytest.mark.parametrize(("endpoint", "is_told"), [(LIST, True), (BATCH, False)])
def test_reason_of_a_refusal(endpoint: Endpoint, *, is_told: bool) -> None:
    """HubSpot's reason is told, but of what was posted: it may repeat an actor's address."""
    error = judge(refusal(404, message="no E-me@example.com"), endpoint)
    assert str(error).endswith("no E-me@example.com") == is_told


@pytest.mark.parametrize("status", [403, 404])
def test_refusal_that_is_not_hubspots(status: int) -> None:
    """What something in front of HubSpot says is never a refusal of HubSpot's."""
    error = judge(response(status, "<html>"), LIST)
    assert not isinstance(error, (RefusedError, type(None)))


@pytest.mark.parametrize("status", [401, 403])
def test_token_that_is_refused(status: int) -> None:
    """A token that lacks a scope, or is not accepted, ends the sync where the endpoint is usual."""
    assert type(judge(refusal(status), BATCH)) is HubSpotError
