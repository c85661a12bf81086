"""What an answer means: which error, in which words, and what never is among them."""

from __future__ import annotations

from typing import Any

import pytest

from tap_hubspot_threads.errors import (
    DailyQuotaError,
    HubSpotError,
    InconclusiveError,
    NotFoundError,
    RefusedError,
    TransientError,
    UnverifiedAddressError,
    WrongAddressError,
)
from tap_hubspot_threads.hubspot.responses import (
    FEW_TRIES,
    Asked,
    Endpoint,
    Problem,
    check,
    json_object,
    plain_text,
    unexpected_body,
)
from tap_hubspot_threads.hubspot.transport import Response
from tests.hubspot.fakes import SECRET, refusal, response

THING = Endpoint("GET", "/things/{thingId}", can_miss=True)
THINGS = Endpoint("GET", "/things", is_list_of_threads=True)
LIST = Endpoint("GET", "/list", refusals=frozenset({403, 404}))
BATCH = Endpoint("POST", "/things/read", refusals=frozenset({404}), can_be_partial=True)
ACCOUNT = Endpoint("GET", "/account", is_conversations=False)
NOT_FOUND_PAGE = "<html><body><h2>HTTP ERROR 404</h2><p>Resource not found</p></body></html>"


def judge(
    answer: Response,
    endpoint: Endpoint = THING,
    *,
    has_worked: bool = True,
    has_answered: bool | None = None,
    query: dict[str, Any] | None = None,
    now: str | None = None,
) -> HubSpotError | None:
    """Return the error that an answer means."""
    asked = Asked(
        endpoint,
        token=SECRET,
        setting="access_token",
        query=query or {},
        now=now,
        has_worked=has_worked,
        has_answered=has_worked if has_answered is None else has_answered,
        quota_returns="Tomorrow.",
    )
    try:
        check(answer, asked)
    except HubSpotError as error:
        return error
    return None


def own_404(*, body: str = NOT_FOUND_PAGE, **headers: str) -> Response:
    """Make HubSpot's 404 as it was recorded, or with another body or other headers."""
    sent = {"X_HubSpot_Correlation_Id": "c-0", "X_HubSpot_NotFound": "true"} | headers
    return response(404, body, **sent)


def test_success() -> None:
    """A 200 is no error, whatever is in it."""
    assert judge(response(200, "<html>")) is None


@pytest.mark.parametrize(
    "status", [423, 429, 477, 500, 501, 502, 503, 504, 520, 521, 522, 523, 524, 599]
)
def test_passing(status: int) -> None:
    """What passes by itself is to be tried again; only a 429 is the burst limit's."""
    error = judge(refusal(status))
    assert type(error) is TransientError
    assert error.is_burst is (status == 429)


def test_retry_after_is_handed_on() -> None:
    """How long HubSpot asks to wait is in the error."""
    error = judge(response(503, Retry_After="7"))
    assert isinstance(error, TransientError)
    assert error.retry_after == 7


@pytest.mark.parametrize("policy", ["DAILY", "daily"])
def test_spent_day(policy: str) -> None:
    """A 429 of the day's limit ends the sync, and says when the calls come back."""
    error = judge(refusal(429, policyName=policy))
    assert isinstance(error, DailyQuotaError)
    assert str(error).endswith("quota is used up. Tomorrow.")


@pytest.mark.parametrize(
    "answer",
    [
        own_404(),
        own_404(body=""),
        own_404(X_HubSpot_NotFound="True"),
        refusal(404),
        refusal(404, category="OBJECT_NOT_FOUND"),
        response(404, '{"correlationId": "c-0"}', X_HubSpot_Correlation_Id="c-0"),
    ],
)
def test_own_404(answer: Response) -> None:
    """HubSpot's own 404 has its header, or a JSON error with the header's correlation ID."""
    error = judge(answer, now="2026-11-20T12:00:00.000Z")
    assert isinstance(error, NotFoundError)
    assert error.now == "2026-11-20T12:00:00.000Z"


FOREIGN = [
    own_404(X_HubSpot_NotFound="false"),
    own_404(X_HubSpot_NotFound=""),
    own_404(X_HubSpot_Correlation_Id=""),
    own_404(body='{"correlationId": "c-1"}', X_HubSpot_NotFound=""),
    response(404, NOT_FOUND_PAGE),
    response(404, ""),
    response(404, '{"statusCode": 404, "message": "Resource not found"}'),
    response(404, '{"status": "error", "message": "resource not found", "category": "X"}'),
    response(404, '{"correlationId": "c-0", "errorType": "NOT_FOUND"}'),
    response(404, '{"correlationId": ""}'),
]


@pytest.mark.parametrize("endpoint", [THING, THINGS, LIST, BATCH], ids=str)
@pytest.mark.parametrize("answer", FOREIGN)
def test_404_of_a_gateway(answer: Response, endpoint: Endpoint) -> None:
    """Any other 404 says nothing of the thing, in whatever JSON: three attempts."""
    error = judge(answer, endpoint)
    assert isinstance(error, InconclusiveError)
    assert error.tries == FEW_TRIES == 3
    assert not error.is_burst
    assert "api_url, api_version" in str(error)


@pytest.mark.parametrize("answer", [own_404(), refusal(404), *FOREIGN])
def test_404_before_the_api_has_answered(answer: Response) -> None:
    """No 404 is believed before: for the list of threads it means a wrong address."""
    error = judge(answer, has_worked=True, has_answered=False)
    assert isinstance(error, UnverifiedAddressError)
    is_own = Problem.of(answer, SECRET).is_own_404
    assert isinstance(error.if_verified, NotFoundError if is_own else type(None))
    error = judge(answer, THINGS, has_answered=False)
    assert isinstance(error, WrongAddressError)
    assert "check the settings api_url and api_version" in str(error)


@pytest.mark.parametrize("answer", [own_404(), refusal(404), *FOREIGN])
def test_404_of_the_account(answer: Response) -> None:
    """A 404 for the account's details says nothing of the Conversations API."""
    assert type(judge(answer, ACCOUNT, has_worked=False)) is RefusedError


@pytest.mark.parametrize("answer", [own_404(), refusal(404), refusal(403, category="FORBIDDEN")])
@pytest.mark.parametrize(("endpoint", "query"), [(THINGS, {}), (LIST, {"after": "x"})])
def test_page_after_others(answer: Response, endpoint: Endpoint, query: dict[str, Any]) -> None:
    """A 403 or 404 for a page after others came is that page's passing failure."""
    error = judge(answer, endpoint, query=query)
    assert type(error) is InconclusiveError
    assert error.tries == FEW_TRIES


@pytest.mark.parametrize(
    ("status", "words", "is_auth_error"),
    [(401, "check the setting access_token", True), (403, "conversations.read", False)],
)
def test_advice(status: int, words: str, *, is_auth_error: bool) -> None:
    """The error says what to fix; a 401 is about the token, whatever is asked."""
    error = judge(refusal(status, category="MISSING_SCOPES"))
    assert type(error) is HubSpotError
    assert words in str(error)
    assert error.is_auth_error is is_auth_error


@pytest.mark.parametrize("status", [400, 405, 409, 413, 414, 422])
def test_refused(status: int) -> None:
    """Any other 4xx is a refusal of this request, in HubSpot's words."""
    error = judge(refusal(status))
    assert type(error) is RefusedError
    assert str(error).endswith("refused the request: words")


@pytest.mark.parametrize("status", [103, 201, 204, 206, 301, 302, 304])
def test_other_status_below_400(status: int) -> None:
    """Another status below 400 passes once something has worked; else it is not HubSpot's API."""
    assert type(judge(response(status, ""))) is TransientError
    error = judge(response(status, ""), has_worked=False)
    assert type(error) is HubSpotError
    assert "not HubSpot's API" in str(error)


@pytest.mark.parametrize("has_worked", [False, True])
def test_530(*, has_worked: bool) -> None:
    """A 530 before anything has worked is given up early, with advice on the token's form."""
    error = judge(response(530, "<html>"), has_worked=has_worked)
    assert isinstance(error, TransientError)
    assert error.tries == (None if has_worked else 3)
    assert ("whole token" in error.advice) is not has_worked


FORBIDDEN = refusal(403, category="FORBIDDEN", message="no access to this inbox")


@pytest.mark.parametrize("endpoint", [THING, LIST, BATCH], ids=str)
def test_refusal_of_one_thing(endpoint: Endpoint) -> None:
    """A 403 of another category is this thing's refusal, once the API has answered."""
    error = judge(FORBIDDEN, endpoint)
    assert type(error) is RefusedError
    assert "scope" not in str(error)
    unproven = judge(FORBIDDEN, endpoint, has_answered=False)
    assert isinstance(unproven, UnverifiedAddressError)
    assert isinstance(unproven.if_verified, RefusedError)


def test_refused_list_of_threads() -> None:
    """If the list of threads is refused from the start, the sync ends and names the setting."""
    error = judge(FORBIDDEN, THINGS, has_answered=False)
    assert type(error) is HubSpotError
    assert "access_token" in str(error)
    assert "scope" not in str(error)


def test_removed_user() -> None:
    """If the user behind the token was removed, the advice is to rotate the token."""
    for endpoint in (THING, LIST):
        error = judge(refusal(403, category="USER_DOES_NOT_HAVE_PERMISSIONS"), endpoint)
        assert type(error) is HubSpotError
        assert "rotate the token" in str(error)
        assert "scope" not in str(error)


def test_missing_scope_without_category() -> None:
    """A missing scope is known by the errors too."""
    context = {"requiredGranularScopes": ["conversations.read"]}
    body = {"status": "error", "errors": [{"message": "words", "context": context}]}
    assert "scope conversations.read" in str(judge(response(403, body)))


@pytest.mark.parametrize("has_worked", [False, True])
def test_403_that_is_html(*, has_worked: bool) -> None:
    """A 403 that is HTML is not HubSpot's answer."""
    error = judge(response(403, "<html>"), has_worked=has_worked)
    assert type(error) is (InconclusiveError if has_worked else HubSpotError)
    assert "HubSpot's" in str(error)


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ([{"message": "no such property"}], "words no such property"),
        (["no such property"], "words no such property"),
        ([{"message": "words"}, 17, {"message": 17}], "words"),
        ("no list", "words"),
    ],
)
def test_reason_in_errors(errors: object, words: str) -> None:
    """HubSpot's reason is in `errors` too, as objects or as strings."""
    body = {"status": "error", "message": "words", "errors": errors}
    assert str(judge(response(400, body))).endswith(f"refused the request: {words}")


@pytest.mark.parametrize(
    ("message", "query", "words"),
    [
        ("bad", {"property": "x"}, "bad. Check the setting property."),
        ("bad", {"inboxId": "1", "property": "x"}, "Check the settings property, inbox_ids."),
        ("bad inboxId", {"inboxId": "1", "property": "x"}, "Check the setting inbox_ids."),
        ("bad", {"association": ["TICKET"], "limit": 5}, "refused the request: bad"),
        ("bad association", {"association": ["TICKET"]}, "Check the setting associations."),
    ],
)
def test_setting_of_a_refusal(message: str, query: dict[str, Any], words: str) -> None:
    """A 400 names the settings that the refused query came from."""
    assert str(judge(refusal(400, message=message), query=query)).endswith(words)


def test_what_was_tried() -> None:
    """A message begins with what was asked, the status, the category and the correlation id."""
    error = judge(refusal(400, category="VALIDATION_ERROR"))
    assert str(error).startswith(
        "GET /things/{thingId}: 400 VALIDATION_ERROR (correlationId c-0). "
    )


def test_other_answer() -> None:
    """A 200 with something else in it is tried again as HubSpot asks."""
    error = unexpected_body(response(200, "<html>", Retry_After="3"), THING, SECRET)
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
    error = judge(response(207, {"results": []}), THINGS, has_worked=False)
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


@pytest.mark.parametrize(("status", "category"), [(401, "X"), (403, "MISSING_SCOPES")])
def test_token_that_is_refused(status: int, category: str) -> None:
    """A token that lacks a scope, or is not accepted, ends the sync."""
    assert type(judge(refusal(status, category=category), BATCH)) is HubSpotError


@pytest.mark.parametrize(
    "text", ["a\x1b[31mb", "a\u202eb", "a\x00\x07b", "a\u200bb", "a\x9bb", "a\ud800b"]
)
def test_control_characters(text: str) -> None:
    """Control characters, escapes and bidirectional overrides never reach a message."""
    for name in ("message", "category", "correlationId"):
        words = str(judge(refusal(400, **{name: text})))
        assert words.isprintable()
    assert plain_text("a\n\u2028 b\t") == "a b"
    assert str(judge(response(400, "{}", X_HubSpot_Correlation_Id=text))).isprintable()


def test_token_among_control_characters() -> None:
    """A token is not repeated, even if a server puts characters into it that are left out."""
    hidden = "\u200b".join(SECRET)
    assert SECRET not in str(judge(refusal(400, message=hidden)))
