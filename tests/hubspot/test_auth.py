"""OAuth: tokens in time, once for all workers; what is said when there is none."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from emulator.data.account import Account
from emulator.oauth import CLIENT_ID, CLIENT_SECRET, PATH, REFRESH_TOKEN, TokenEndpoint
from tap_hubspot_threads.errors import HubSpotError, SettingsError
from tap_hubspot_threads.hubspot.auth import RefreshToken
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


def test_reads_by_oauth(lab: Lab) -> None:
    """With OAuth's settings the same threads come, by one token for all requests."""
    output = lab.sync(thread_ids=lab.live_ids, **OAUTH)
    assert output.ids == lab.live_ids
    assert lab.calls("oauth") == [PATH]


@pytest.mark.parametrize("rotates", [False, True])
def test_tokens_that_live_four_seconds(monkeypatch: pytest.MonkeyPatch, *, rotates: bool) -> None:
    """200 threads take several tokens, no more than needed, and no request brings an old one."""
    now = [0.0]
    set_runtime(monkeypatch, clock=lambda: now[0])
    oauth = TokenEndpoint(lifetime=4, rotates=rotates, clock=lambda: now[0])
    with open_lab(Account.sample(200), oauth=oauth) as lab:

        def pass_time(_: str) -> None:
            now[0] += 0.05

        lab.emulator.before_answer = pass_time
        assert lab.sync(thread_ids=lab.ids, max_concurrency=4, **OAUTH).ids == lab.ids
        tries = len(lab.calls("archived"))
        assert len(lab.calls("/threads/")) == 200 + tries
        assert 3 <= oauth.refreshes <= now[0] / 3.6 + 1


def test_token_that_ends_early(lab: Lab) -> None:
    """A token that is refused before its time is renewed once, and the request sent again."""
    revoked = threading.Event()

    def revoke(_: str) -> None:
        if len(lab.calls("/threads/")) > 30 and not revoked.is_set():
            revoked.set()
            lab.emulator.oauth.revoke()

    lab.emulator.before_answer = revoke
    assert lab.sync(thread_ids=lab.live_ids, **OAUTH).ids == lab.live_ids
    assert lab.emulator.oauth.refreshes == 2


def test_token_that_is_never_accepted(lab: Lab) -> None:
    """When the next token is refused too, the sync ends, and says which setting the token is of."""
    lab.emulator.before_answer = lambda _: lab.emulator.oauth.revoke()
    lab.emulator.oauth.lifetime = -1
    with pytest.raises(HubSpotError, match=r"401 .*check the setting refresh_token"):
        lab.sync(thread_ids=lab.live_ids[:1], **OAUTH)
    assert len(lab.calls("/threads/")) == 2


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize(("lifetime", "workers"), [(1800, 1), (40, 1), (40, 16)])
def test_refreshes_take_nothing_of_the_limit(
    monkeypatch: pytest.MonkeyPatch, lifetime: float, workers: int
) -> None:
    """A token that takes long to come does not let more requests go at once than are allowed."""
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
    moments = [moment for moment, url in sent if not url.endswith(PATH)]
    for place in range(len(moments) - 20):
        assert moments[place + 20] - moments[place] >= 10


class Clock:
    """A clock that a test sets, and a token endpoint that counts."""

    def __init__(self, **answer: Any) -> None:
        self.now = 0.0
        self.asked = 0
        self.answer = {"expires_in": 1800, **answer}
        form = {"client_id": "1", "client_secret": "2", "refresh_token": "3"}
        self.credentials = RefreshToken(form, request_token=self._ask, clock=lambda: self.now)

    def _ask(self, form: Mapping[str, Any]) -> tuple[dict[str, Any], float]:
        self.asked += 1
        assert form["grant_type"] == "refresh_token"
        return {"access_token": f"token-{self.asked}", **self.answer}, self.now

    def take(self) -> str:
        """Return a token for a request."""
        self.credentials.ensure_fresh()
        return self.credentials.token


@pytest.mark.parametrize(
    ("lifetime", "renewed_at"), [(1800, 1740), (4, 3.6), ("600", 540), (None, 1740), (-5, 1740)]
)
def test_renewed_ahead_of_the_end(lifetime: object, renewed_at: float) -> None:
    """A token is renewed a minute before its end, or at nine tenths of a short life."""
    clock = Clock(expires_in=lifetime)
    clock.take()
    clock.now = renewed_at - 0.01
    clock.take()
    assert clock.asked == 1
    clock.now = renewed_at
    clock.take()
    assert clock.asked == 2


@pytest.mark.parametrize("how", ["expired", "refused"])
def test_two_hundred_races(how: str) -> None:
    """When 200 workers find the token ended at once, it is renewed once."""
    clock = Clock()
    old = clock.take()
    if how == "expired":
        clock.now = 1790
    start = threading.Barrier(200)
    tokens = []

    def work() -> None:
        start.wait()
        if how == "refused":
            assert clock.credentials.invalidate(old)
        tokens.append(clock.take())

    threads = [threading.Thread(target=work) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.asked == 2
    assert tokens == ["token-2"] * 200


def test_same_token_again() -> None:
    """When HubSpot gives the refused token again, nobody asks for it a third time."""
    clock = Clock(access_token="same")
    token = clock.take()
    assert clock.credentials.invalidate(token)
    token = clock.take()
    assert not clock.credentials.invalidate(token)
    assert clock.asked == 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"client_id": "x-secret-x"}, "check the setting client_id"),
        ({"client_secret": "x-secret-x"}, "check the setting client_secret"),
        ({"refresh_token": "x-secret-x"}, "check the setting refresh_token"),
    ],
)
def test_settings_that_hubspot_refuses(lab: Lab, settings: dict[str, str], words: str) -> None:
    """What the token endpoint refuses names the setting, never its value, and is asked once."""
    with pytest.raises(HubSpotError, match=words) as error:
        lab.sync(thread_ids=lab.live_ids, **{**OAUTH, **settings})
    assert "x-secret-x" not in str(error.value)
    assert len(lab.calls()) == 1


@pytest.mark.usefixtures("waits")
def test_passing_faults_of_the_token_endpoint(lab: Lab) -> None:
    """A token endpoint that fails in a passing way is asked again."""
    lab.script(path="/oauth/", status=503, times=2)
    lab.script(path="/oauth/", drop=True)
    assert lab.sync(thread_ids=lab.live_ids[:3], **OAUTH).ids == lab.live_ids[:3]
    assert lab.emulator.oauth.refreshes == 1


@pytest.mark.usefixtures("waits")
def test_token_endpoint_that_is_down(lab: Lab) -> None:
    """When there is no token to be had, the sync ends after one worker's tries."""
    lab.script(path="/oauth/", status=503, times=10**6)
    with pytest.raises(HubSpotError, match=r"oauth.*503. Gave up after 3 attempts"):
        lab.sync(thread_ids=lab.live_ids, max_attempts=3, **OAUTH)
    assert len(lab.calls()) == 3


@pytest.mark.parametrize(
    ("settings", "words"),
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
def test_half_of_oauth(lab: Lab, settings: dict[str, str | None], words: str) -> None:
    """Half of OAuth's settings, or a token besides, is refused with the names alone."""
    with pytest.raises(SettingsError, match=words) as error:
        lab.sync(**{**OAUTH, **settings})
    assert "x-secret-x" not in str(error.value)
    assert lab.calls() == []
