"""Responses: which error each one leads to, its message, and what no message contains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from tap_hubspot_threads.hubspot.error_details import ErrorDetails
from tap_hubspot_threads.hubspot.status_codes import (
    ATTEMPTS_IF_LIKELY_PERMANENT,
    Endpoint,
    RequestContext,
    raise_for_status,
    unexpected_body,
)
from tests.hubspot.fakes import SECRET, refusal, response

if TYPE_CHECKING:
    from tap_hubspot_threads.hubspot.transport import Response

ITEM = Endpoint("GET", "/items/{itemId}", can_be_not_found=True)
THREADS = Endpoint("GET", "/items", is_list_of_threads=True)
LIST = Endpoint("GET", "/list", refusal_statuses=frozenset({403, 404}))
BATCH = Endpoint("POST", "/items/read", refusal_statuses=frozenset({404}), can_be_partial=True)
ACCOUNT = Endpoint("GET", "/account", is_conversations=False)
NOT_FOUND_PAGE = "<html><body><h2>HTTP ERROR 404</h2><p>Resource not found</p></body></html>"


def error_for(
    answer: Response,
    endpoint: Endpoint = ITEM,
    *,
    any_succeeded: bool = True,
    conversations_succeeded: bool | None = None,
    query: dict[str, Any] | None = None,
    now: str | None = None,
) -> HubSpotError | None:
    """Return the error that a response leads to."""
    request = RequestContext(
        endpoint,
        token=SECRET,
        setting="access_token",
        query=query or {},
        now=now,
        any_succeeded=any_succeeded,
        conversations_succeeded=any_succeeded
        if conversations_succeeded is None
        else conversations_succeeded,
        quota_reset_notice="Tomorrow.",
    )
    try:
        raise_for_status(answer, request)
    except HubSpotError as error:
        return error
    return None


def own_404(*, body: str = NOT_FOUND_PAGE, **headers: str) -> Response:
    """Return HubSpot's own 404 as recorded, or with another body or other headers."""
    sent = {"X_HubSpot_Correlation_Id": "c-0", "X_HubSpot_NotFound": "true"} | headers
    return response(404, body, **sent)


def test_success() -> None:
    """A 200 is not an error, whatever its body is."""
    assert error_for(response(200, "<html>")) is None


@pytest.mark.parametrize(
    "status", [423, 429, 477, 500, 501, 502, 503, 504, 520, 521, 522, 523, 524, 599]
)
def test_transient(status: int) -> None:
    """These statuses are transient errors; only a 429 is the rate limit's."""
    error = error_for(refusal(status))
    assert type(error) is TransientError
    assert error.is_burst is (status == 429)


def test_retry_after() -> None:
    """The error has the requested wait."""
    error = error_for(response(503, Retry_After="7"))
    assert isinstance(error, TransientError)
    assert error.retry_after == 7


@pytest.mark.parametrize("policy", ["DAILY", "daily"])
def test_spent_daily_quota(policy: str) -> None:
    """A 429 for the daily quota ends the sync, and its message gives the reset time."""
    error = error_for(refusal(429, policyName=policy))
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
    """HubSpot's own 404 has its marker header, or a JSON error with the header's correlation ID."""
    error = error_for(answer, now="2026-11-20T12:00:00.000Z")
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


@pytest.mark.parametrize("endpoint", [ITEM, THREADS, LIST, BATCH], ids=str)
@pytest.mark.parametrize("answer", FOREIGN)
def test_foreign_404(answer: Response, endpoint: Endpoint) -> None:
    """Any other 404, whatever its JSON, says nothing about the item and gets three attempts."""
    error = error_for(answer, endpoint)
    assert isinstance(error, InconclusiveError)
    assert error.max_attempts == ATTEMPTS_IF_LIKELY_PERMANENT == 3
    assert not error.is_burst
    assert "api_url and api_version" in str(error)


@pytest.mark.parametrize("answer", [own_404(), refusal(404), *FOREIGN])
def test_404_before_any_success(answer: Response) -> None:
    """A 404 before any 200 needs proof; for the list of threads it means a wrong address."""
    error = error_for(answer, any_succeeded=True, conversations_succeeded=False)
    assert isinstance(error, UnverifiedAddressError)
    is_own = ErrorDetails.from_response(answer, SECRET).is_own_404
    assert isinstance(error.if_verified, NotFoundError if is_own else type(None))
    error = error_for(answer, THREADS, conversations_succeeded=False)
    assert isinstance(error, WrongAddressError)
    assert "Check the settings api_url and api_version" in str(error)


@pytest.mark.parametrize("answer", [own_404(), refusal(404), *FOREIGN])
def test_404_for_the_account(answer: Response) -> None:
    """A 404 for the account's details is a refusal of that request only."""
    assert type(error_for(answer, ACCOUNT, any_succeeded=False)) is RefusedError


@pytest.mark.parametrize("answer", [own_404(), refusal(404), refusal(403, category="FORBIDDEN")])
@pytest.mark.parametrize(("endpoint", "query"), [(THREADS, {}), (LIST, {"after": "x"})])
def test_403_or_404_for_a_later_page(
    answer: Response, endpoint: Endpoint, query: dict[str, Any]
) -> None:
    """A 403 or 404 for a page after the first is a transient failure of that page."""
    error = error_for(answer, endpoint, query=query)
    assert type(error) is InconclusiveError
    assert error.max_attempts == ATTEMPTS_IF_LIKELY_PERMANENT
    assert "did not come from HubSpot" not in str(error)


@pytest.mark.parametrize(
    ("status", "text", "is_auth_error"),
    [(401, "check the setting access_token", True), (403, "conversations.read", False)],
)
def test_advice(status: int, text: str, *, is_auth_error: bool) -> None:
    """The error says what to fix; only a 401 is an authentication error."""
    error = error_for(refusal(status, category="MISSING_SCOPES"))
    assert type(error) is HubSpotError
    assert text in str(error)
    assert error.is_auth_error is is_auth_error


@pytest.mark.parametrize("status", [400, 405, 409, 413, 414, 422])
def test_refused(status: int) -> None:
    """Any other 4xx is a refusal of this request, with HubSpot's reason."""
    error = error_for(refusal(status))
    assert type(error) is RefusedError
    assert str(error).endswith("refused the request: reason")


@pytest.mark.parametrize("status", [103, 201, 204, 206, 301, 302, 304])
def test_other_status_below_400(status: int) -> None:
    """Another status below 400 is transient after a success; else it is not HubSpot's API."""
    assert type(error_for(response(status, ""))) is TransientError
    error = error_for(response(status, ""), any_succeeded=False)
    assert type(error) is HubSpotError
    assert "did not come from HubSpot's API" in str(error)


@pytest.mark.parametrize("any_succeeded", [False, True])
def test_530(*, any_succeeded: bool) -> None:
    """A 530 before any success gets three attempts, and advice on the token's form."""
    error = error_for(response(530, "<html>"), any_succeeded=any_succeeded)
    assert isinstance(error, TransientError)
    assert error.max_attempts == (None if any_succeeded else 3)
    assert ("whole token" in error.advice) is not any_succeeded


FORBIDDEN = refusal(403, category="FORBIDDEN", message="no access to this inbox")


@pytest.mark.parametrize("endpoint", [ITEM, LIST, BATCH], ids=str)
def test_refusal_of_one_item(endpoint: Endpoint) -> None:
    """A 403 of another category is a refusal of this item, once the API has answered."""
    error = error_for(FORBIDDEN, endpoint)
    assert type(error) is RefusedError
    assert "scope" not in str(error)
    unproven = error_for(FORBIDDEN, endpoint, conversations_succeeded=False)
    assert isinstance(unproven, UnverifiedAddressError)
    assert isinstance(unproven.if_verified, RefusedError)


def test_refused_list_of_threads() -> None:
    """If the list of threads is refused from the start, the sync ends and names the setting."""
    error = error_for(FORBIDDEN, THREADS, conversations_succeeded=False)
    assert type(error) is HubSpotError
    assert "access_token" in str(error)
    assert "scope" not in str(error)


def test_removed_user() -> None:
    """If the token's user was removed, the advice is to rotate the token."""
    for endpoint in (ITEM, LIST):
        error = error_for(refusal(403, category="USER_DOES_NOT_HAVE_PERMISSIONS"), endpoint)
        assert type(error) is HubSpotError
        assert "Rotate the token" in str(error)
        assert "scope" not in str(error)


def test_missing_scope_without_category() -> None:
    """A missing scope is also recognized by the error's context."""
    context = {"requiredGranularScopes": ["conversations.read"]}
    body = {"status": "error", "errors": [{"message": "reason", "context": context}]}
    assert "scope conversations.read" in str(error_for(response(403, body)))


@pytest.mark.parametrize("any_succeeded", [False, True])
def test_403_that_is_html(*, any_succeeded: bool) -> None:
    """A 403 that is HTML is not HubSpot's response."""
    error = error_for(response(403, "<html>"), any_succeeded=any_succeeded)
    assert type(error) is (InconclusiveError if any_succeeded else HubSpotError)
    assert "HubSpot's" in str(error)


@pytest.mark.parametrize(
    ("errors", "text"),
    [
        ([{"message": "no such property"}], "reason no such property"),
        (["no such property"], "reason no such property"),
        ([{"message": "reason"}, 17, {"message": 17}], "reason"),
        ("no list", "reason"),
    ],
)
def test_reason_in_errors(errors: object, text: str) -> None:
    """The reason includes HubSpot's `errors`, as objects or as strings."""
    body = {"status": "error", "message": "reason", "errors": errors}
    assert str(error_for(response(400, body))).endswith(f"refused the request: {text}")


@pytest.mark.parametrize(
    ("message", "query", "text"),
    [
        ("bad", {"property": "x"}, "bad. Check the setting property."),
        ("bad", {"inboxId": "1", "property": "x"}, "Check the settings property, inbox_ids."),
        ("bad inboxId", {"inboxId": "1", "property": "x"}, "Check the setting inbox_ids."),
        ("bad", {"association": ["TICKET"], "limit": 5}, "refused the request: bad"),
        ("bad association", {"association": ["TICKET"]}, "Check the setting associations."),
    ],
)
def test_settings_behind_a_refusal(message: str, query: dict[str, Any], text: str) -> None:
    """The error for a 400 names the settings behind the refused query."""
    assert str(error_for(refusal(400, message=message), query=query)).endswith(text)


def test_start_of_a_message() -> None:
    """A message starts with the endpoint, the status, the category and the correlation ID."""
    error = error_for(refusal(400, category="VALIDATION_ERROR"))
    assert str(error).startswith("GET /items/{itemId}: 400 VALIDATION_ERROR (correlationId c-0). ")


def test_unexpected_body() -> None:
    """An unexpected body is retried, after the wait that HubSpot requests."""
    error = unexpected_body(response(200, "<html>", Retry_After="3"), ITEM, SECRET)
    assert error.retry_after == 3
    expected = "GET /items/{itemId}: 200, but the body is not a response of this endpoint"
    assert str(error) == expected


@pytest.mark.parametrize("name", ["message", "category", "correlationId", "errorType"])
def test_token_is_not_repeated(name: str) -> None:
    """A token that a server repeats in its body is not in the message."""
    assert SECRET not in str(error_for(refusal(400, **{name: f"Bearer {SECRET} is bad"})))


def test_token_in_a_header_is_not_repeated() -> None:
    """A token that a server repeats in a header is not in the message."""
    answer = response(400, "{}", X_HubSpot_Correlation_Id=f"x-{SECRET}")
    assert SECRET not in str(error_for(answer))


def test_partial_response() -> None:
    """A 207 is a success for batches only."""
    assert error_for(response(207, {"results": []}), BATCH) is None
    error = error_for(response(207, {"results": []}), THREADS, any_succeeded=False)
    assert type(error) is HubSpotError


@pytest.mark.parametrize(("endpoint", "status"), [(LIST, 403), (LIST, 404), (BATCH, 404)])
def test_refusal_of_one_endpoint(endpoint: Endpoint, status: int) -> None:
    """A status in an endpoint's `refusals` is a refusal of that endpoint."""
    error = error_for(refusal(status, message="not for you"), endpoint)
    assert type(error) is RefusedError
    assert str(error).startswith(f"{endpoint}: {status}")


@pytest.mark.parametrize(("endpoint", "is_reported"), [(LIST, True), (BATCH, False)])
def test_reason_for_a_refusal(endpoint: Endpoint, *, is_reported: bool) -> None:
    """HubSpot's reason is reported, except for a POST: it could repeat an actor's address."""
    error = error_for(refusal(404, message="no E-me@example.com"), endpoint)
    assert str(error).endswith("no E-me@example.com") == is_reported


@pytest.mark.parametrize(("status", "category"), [(401, "X"), (403, "MISSING_SCOPES")])
def test_refused_token(status: int, category: str) -> None:
    """An invalid token, or one that lacks a scope, ends the sync."""
    assert type(error_for(refusal(status, category=category), BATCH)) is HubSpotError


@pytest.mark.parametrize(
    "text", ["a\x1b[31mb", "a\u202eb", "a\x00\x07b", "a\u200bb", "a\x9bb", "a\ud800b"]
)
def test_control_characters(text: str) -> None:
    """Control characters, escapes and bidirectional overrides never reach a message."""
    for name in ("message", "category", "correlationId"):
        message = str(error_for(refusal(400, **{name: text})))
        assert message.isprintable()
    assert str(error_for(response(400, "{}", X_HubSpot_Correlation_Id=text))).isprintable()


def test_token_among_control_characters() -> None:
    """A token is not repeated, even if a server inserts characters that are later stripped."""
    hidden = "\u200b".join(SECRET)
    assert SECRET not in str(error_for(refusal(400, message=hidden)))
