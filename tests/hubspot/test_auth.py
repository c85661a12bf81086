"""OAuth: tokens are refreshed in time, once for all workers; errors name the setting."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from emulator.data.account import Account
from emulator.oauth import CLIENT_ID, CLIENT_SECRET, PATH, REFRESH_TOKEN, TokenEndpoint
from tap_hubspot_threads.errors import HubSpotError, SettingsError
from tap_hubspot_threads.hubspot.auth import OAuthCredentials
from tap_hubspot_threads.hubspot.transport import HttpTransport, Request, Response
from tap_hubspot_threads.signals import Stop
from tests.conftest import Lab, open_lab, set_runtime

if TYPE_CHECKING:
    from collections.abc import Mapping

OAUTH: dict[str, Any] = {
    "access_token": None,
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
    "refresh_token": REFRESH_TOKEN,
}


def test_sync_with_oauth(lab: Lab) -> None:
    """With OAuth, one token serves all requests of a sync."""
    output = lab.sync(thread_ids=lab.live_ids, **OAUTH)
    assert output.ids == lab.live_ids
    assert lab.calls("oauth") == [PATH]


@pytest.mark.parametrize("rotates", [False, True])
def test_short_lived_tokens(monkeypatch: pytest.MonkeyPatch, *, rotates: bool) -> None:
    """A sync refreshes short-lived tokens no more than needed, and sends no expired token."""
    now = [0.0]
    set_runtime(monkeypatch, clock=lambda: now[0])
    oauth = TokenEndpoint(lifetime=4, rotates=rotates, clock=lambda: now[0])
    with open_lab(Account.sample(200), oauth=oauth) as lab:

        def pass_time(_: str) -> None:
            now[0] += 0.05

        lab.emulator.before_answer = pass_time
        assert lab.sync(thread_ids=lab.ids, max_concurrency=4, **OAUTH).ids == lab.ids
        archived_calls = len(lab.calls("archived"))
        assert len(lab.calls("/threads/")) == 200 + archived_calls
        assert 3 <= oauth.refreshes <= now[0] / 3.6 + 1


def test_token_rejected_early(lab: Lab) -> None:
    """A token that is rejected early is refreshed once, and the request is sent again."""
    revoked = threading.Event()

    def revoke(_: str) -> None:
        if len(lab.calls("/threads/")) > 30 and not revoked.is_set():
            revoked.set()
            lab.emulator.oauth.revoke()

    lab.emulator.before_answer = revoke
    assert lab.sync(thread_ids=lab.live_ids, **OAUTH).ids == lab.live_ids
    assert lab.emulator.oauth.refreshes == 2


def test_token_always_rejected(lab: Lab) -> None:
    """If the next token is rejected too, the sync ends and names the setting."""
    lab.emulator.before_answer = lambda _: lab.emulator.oauth.revoke()
    lab.emulator.oauth.lifetime = -1
    with pytest.raises(HubSpotError, match=r"401 .*check the setting refresh_token"):
        lab.sync(thread_ids=lab.live_ids[:1], **OAUTH)
    assert len(lab.calls("/threads/")) == 2


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize(("lifetime", "workers"), [(1800, 1), (40, 1), (40, 16)])
def test_slow_refresh_and_the_rate_limit(
    monkeypatch: pytest.MonkeyPatch, lifetime: float, workers: int
) -> None:
    """A slow token refresh does not cause more requests than the rate limit allows."""
    now = [0.0]
    set_runtime(monkeypatch, clock=lambda: now[0])
    sent: list[tuple[float, str]] = []

    def wait(stop: Stop, seconds: float) -> None:
        stop.check()
        now[0] += seconds

    def send(transport: HttpTransport, request: Request, *, timeout: float) -> Response:
        sent.append((now[0], request.url))
        if request.url.endswith(PATH):
            now[0] += 12
        return real(transport, request, timeout=timeout)

    real = HttpTransport.send
    monkeypatch.setattr(Stop, "wait", wait)
    monkeypatch.setattr(HttpTransport, "send", send)
    oauth = TokenEndpoint(lifetime=lifetime, clock=lambda: now[0])
    with open_lab(Account.sample(120), oauth=oauth) as lab:
        ids = lab.live_ids[:60]
        settings = {"max_requests_per_10s": 20, "max_concurrency": workers, **OAUTH}
        assert lab.sync(thread_ids=ids, **settings).ids == ids
    times = [time for time, url in sent if not url.endswith(PATH)]
    for place in range(len(times) - 20):
        assert times[place + 20] - times[place] >= 10


class CredentialsSetup:
    """Credentials with a clock that the test sets, and a token endpoint that counts requests."""

    def __init__(self, **fields: Any) -> None:
        self.now = 0.0
        self.request_count = 0
        self.response = {"expires_in": 1800, **fields}
        form = {"client_id": "1", "client_secret": "2", "refresh_token": "3"}
        self.credentials = OAuthCredentials(form, request_token=self._ask, clock=lambda: self.now)

    def _ask(self, form: Mapping[str, Any]) -> tuple[dict[str, Any], float]:
        self.request_count += 1
        assert form["grant_type"] == "refresh_token"
        return {"access_token": f"token-{self.request_count}", **self.response}, self.now

    def token(self) -> str:
        """Return a token for a request."""
        self.credentials.ensure_fresh()
        return self.credentials.token


@pytest.mark.parametrize(
    ("lifetime", "refreshed_at"), [(1800, 1740), (4, 3.6), ("600", 540), (None, 1740), (-5, 1740)]
)
def test_refreshed_before_it_expires(lifetime: object, refreshed_at: float) -> None:
    """A token is refreshed 60 seconds before it expires, or after 90% of a short lifetime."""
    setup = CredentialsSetup(expires_in=lifetime)
    setup.token()
    setup.now = refreshed_at - 0.01
    setup.token()
    assert setup.request_count == 1
    setup.now = refreshed_at
    setup.token()
    assert setup.request_count == 2


@pytest.mark.parametrize("mode", ["expired", "rejected"])
def test_concurrent_refreshes(mode: str) -> None:
    """If 200 workers find an expired or rejected token at once, it is refreshed once."""
    setup = CredentialsSetup()
    old = setup.token()
    if mode == "expired":
        setup.now = 1790
    start = threading.Barrier(200)
    tokens = []

    def work() -> None:
        start.wait()
        if mode == "rejected":
            assert setup.credentials.invalidate(old)
        tokens.append(setup.token())

    threads = [threading.Thread(target=work) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert setup.request_count == 2
    assert tokens == ["token-2"] * 200


def test_two_workers_report_the_same_token() -> None:
    """If a second worker reports a rejected token before the refresh, both send again."""
    setup = CredentialsSetup()
    old = setup.token()
    assert setup.credentials.invalidate(old)
    assert setup.credentials.invalidate(old)
    assert setup.token() == "token-2"
    assert setup.request_count == 2


def test_same_token_again() -> None:
    """If HubSpot returns the rejected token again, there is no third token request."""
    setup = CredentialsSetup(access_token="same")
    token = setup.token()
    assert setup.credentials.invalidate(token)
    token = setup.token()
    assert not setup.credentials.invalidate(token)
    assert setup.request_count == 2


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"client_id": "x-secret-x"}, "check the setting client_id"),
        ({"client_secret": "x-secret-x"}, "check the setting client_secret"),
        ({"refresh_token": "x-secret-x"}, "check the setting refresh_token"),
    ],
)
def test_rejected_settings(lab: Lab, settings: dict[str, str], text: str) -> None:
    """A rejection by the token endpoint names the setting, not its value, and is not retried."""
    with pytest.raises(HubSpotError, match=text) as error:
        lab.sync(thread_ids=lab.live_ids, **{**OAUTH, **settings})
    assert "x-secret-x" not in str(error.value)
    assert len(lab.calls()) == 1


@pytest.mark.usefixtures("waits")
def test_transient_errors_of_the_token_endpoint(lab: Lab) -> None:
    """Transient errors of the token endpoint are retried."""
    lab.script(path="/oauth/", status=503, times=2)
    lab.script(path="/oauth/", drop=True)
    assert lab.sync(thread_ids=lab.live_ids[:3], **OAUTH).ids == lab.live_ids[:3]
    assert lab.emulator.oauth.refreshes == 1


@pytest.mark.usefixtures("waits")
def test_token_endpoint_that_is_down(lab: Lab) -> None:
    """If the token endpoint is down, the sync ends after the attempts of one worker."""
    lab.script(path="/oauth/", status=503, times=10**6)
    with pytest.raises(HubSpotError, match=r"oauth.*503. Gave up after 3 attempts"):
        lab.sync(thread_ids=lab.live_ids, max_attempts=3, **OAUTH)
    assert len(lab.calls()) == 3


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (
            {"access_token": "x-secret-x"},
            "access_token and client_id, client_secret, refresh_token",
        ),
        ({"client_secret": None}, "client_secret: not set"),
        ({"client_id": None, "refresh_token": None}, "client_id, refresh_token: not set"),
        (dict.fromkeys(OAUTH), "access_token: not set"),
    ],
)
def test_incomplete_oauth(lab: Lab, settings: dict[str, str | None], text: str) -> None:
    """Incomplete OAuth settings, or an access token too, are rejected by name, without values."""
    with pytest.raises(SettingsError, match=text) as error:
        lab.sync(**{**OAUTH, **settings})
    assert "x-secret-x" not in str(error.value)
    assert lab.calls() == []
