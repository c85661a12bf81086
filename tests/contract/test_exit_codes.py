"""Exit codes, for schedulers: try again or not, or look at single threads; cause by cause."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

from emulator.data.account import Account
from emulator.oauth import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from tap_hubspot_threads.__main__ import main
from tests.contract.test_failed_requests import error_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Lab

DONE, EXIT_INCOMPLETE, WRONG_CALL, LATER, EX_CONFIG = 0, 1, 2, 75, 78
OAUTH = {
    "access_token": None,
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
    "refresh_token": REFRESH_TOKEN,
}
ONE = str(min(Account.sample(80).threads))


@dataclass
class Cause:
    """What befalls a run, the code that it ends with, and words of its last line."""

    code: int
    words: str
    fault: dict[str, Any] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    state: dict[str, Any] | None = None


def on(path: str = r"/threads\?", **fault: Any) -> dict[str, Any]:
    """Return a fault that stays."""
    return {"path": path, "times": 10_000, **fault}


BY_ID = {"thread_ids": sorted(map(str, Account.sample(80).threads)), "max_concurrency": 1}
CAUSES = {
    "a quiet sync": Cause(DONE, "80 threads"),
    "configured ids that are not there": Cause(
        DONE, "1 thread not found", settings={"thread_ids": [17]}
    ),
    "no thread is wanted": Cause(DONE, "no thread IDs are configured", settings={"thread_ids": []}),
    "one thread fails": Cause(EXIT_INCOMPLETE, ONE, on(ONE, status=500), BY_ID),
    "one thread is refused": Cause(EXIT_INCOMPLETE, ONE, on(ONE, status=400), BY_ID),
    "an unknown option": Cause(WRONG_CALL, "", arguments=("--tokens",)),
    "a state that is not there": Cause(WRONG_CALL, "", arguments=("--state", "nowhere.json")),
    "the day is spent": Cause(
        LATER,
        "midnight in the account's time zone, which is",
        on(status=429, body=error_body(policyName="DAILY")),
    ),
    "the reserve is reached": Cause(
        LATER, "UTC", settings={"daily_quota_reserve_percent": 100, "always_fetch_by_id": True}
    ),
    "a long Retry-After": Cause(
        LATER, "for 1440 minutes", on(status=477, headers={"Retry-After": "86400"})
    ),
    "a long Retry-After for one thread": Cause(
        LATER, "for 10 minutes", on(ONE, status=503, headers={"Retry-After": "600"}), BY_ID
    ),
    "a listing out of reach": Cause(LATER, "after 8 attempts", on(status=503)),
    "a listing that is dropped": Cause(LATER, "no complete response", on(drop=True)),
    "a listing that is no JSON": Cause(
        LATER, "not a response of this endpoint", on(status=200, body="<html>")
    ),
    "423 to the last": Cause(LATER, "423", on(status=423)),
    "429 to the last": Cause(LATER, "429", on(status=429)),
    "five threads in a row": Cause(
        LATER, "5 threads in a row", on(r"/threads/", status=503), BY_ID
    ),
    "no progress": Cause(
        LATER,
        "makes no progress",
        on(status=200, body='{"results": [], "paging": {"next": {"after": "x"}}}'),
    ),
    "the token endpoint is down": Cause(LATER, "token: 503", on("/oauth/", status=503), OAUTH),
    "the token is not accepted": Cause(
        EX_CONFIG, "access_token", settings={"access_token": "pat-x"}
    ),
    "the refresh token is not accepted": Cause(
        EX_CONFIG, "refresh_token", settings=OAUTH | {"refresh_token": "x"}
    ),
    "the scope is missing": Cause(
        EX_CONFIG, "conversations.read", on(status=403, body=error_body(category="MISSING_SCOPES"))
    ),
    "five threads refused": Cause(EX_CONFIG, "refused", on(r"/threads/", status=400), BY_ID),
    "the listing is refused": Cause(EX_CONFIG, "refused", on(status=400)),
    "not HubSpot's API": Cause(EX_CONFIG, "api_url", on(".", status=404, body="<html>", bare=True)),
    "a redirect": Cause(
        EX_CONFIG, "api_url", on(".", status=302, headers={"Location": "http://[::1]/"})
    ),
    "another account": Cause(
        EX_CONFIG, "account 62515", state={"bookmarks": {"threads": {"account_id": 77}}}
    ),
    "another tap's state": Cause(EX_CONFIG, "not of the form", state={"bookmarks": {"users": {}}}),
    "a wrong setting": Cause(EX_CONFIG, "max_attempts", settings={"max_attempts": 0}),
    "a file of ids that is not there": Cause(
        EX_CONFIG, "No such file", settings={"thread_ids_file": "nowhere.txt"}
    ),
    "a config that is not there": Cause(
        EX_CONFIG, "No such", arguments=("--config", "nowhere.json")
    ),
    "stream maps that fail": Cause(
        EX_CONFIG, "stream_maps", settings={"stream_maps": {"threads": {"a": "id + 5"}}}
    ),
}


@pytest.fixture
def command(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., int]]:
    """Run the command in this process; return its exit code."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def run(*arguments: str, **settings: Any) -> int:
        config = tmp_path / "config.json"
        config.write_text(json.dumps(lab.config(**settings)))
        monkeypatch.setattr(sys, "argv", ["tap", "--config", str(config), *arguments])
        with pytest.raises(SystemExit) as end, redirect_stdout(StringIO()):
            main()
        return int(end.value.code or 0)

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES.keys())
@pytest.mark.usefixtures("waits")
def test_exit_codes(
    lab: Lab,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    command: Callable[..., int],
    cause: Cause,
) -> None:
    """Each cause has its code; the last line says what it was, as an error unless all is done."""
    caplog.set_level(logging.INFO)
    if cause.fault:
        lab.script(**cause.fault)
    arguments = list(cause.arguments)
    if cause.state:
        path = tmp_path / "state.json"
        path.write_text(json.dumps(cause.state))
        arguments += ["--state", str(path)]
    assert command(*arguments, **cause.settings) == cause.code
    if cause.code != WRONG_CALL:
        last = caplog.records[-1]
        assert cause.words in last.getMessage()
        assert last.levelname == ("INFO" if cause.code == DONE else "ERROR")


@pytest.mark.usefixtures("waits")
def test_failed_threads_in_a_sync_of_the_account(lab: Lab, command: Callable[..., int]) -> None:
    """A thread that cannot be read is code 1 in a sync of the account too."""
    lab.script(path=f"/threads/{ONE}", status=500, times=1_000)
    assert command(always_fetch_by_id=True) == EXIT_INCOMPLETE


def test_errors_are_seen_at_every_level(
    capsys: pytest.CaptureFixture[str],
    command: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where errors are not to be seen, what ended the sync is."""
    monkeypatch.setenv("TAP_HUBSPOT_THREADS_LOGLEVEL", "CRITICAL")
    assert command(max_attempts=0) == EX_CONFIG
    assert "max_attempts" in capsys.readouterr().err


NO_SCOPE = '{"status": "error", "category": "MISSING_SCOPES"}'


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ({"path": "/account-info/", "status": 403}, 0, "account unknown"),
        ({"path": ".", "status": 401}, 78, "check the setting access_token"),
        ({"path": "/conv", "status": 403, "body": NO_SCOPE}, 78, "the scope conversations.read"),
        ({"path": ".", "status": 404, "body": "<html>", "bare": True}, 78, "settings api_url"),
        ({"path": ".", "status": 503, "headers": {"Retry-After": "301"}}, 75, "for 5 minutes"),
        ({"path": ".", "status": 503, "headers": {"Retry-After": "0"}}, 75, "after 8 attempts"),
        ({"path": ".", "drop": True}, 75, "no complete response"),
    ],
)
@pytest.mark.usefixtures("waits")
def test_connection_test_that_fails(
    lab: Lab,
    caplog: pytest.LogCaptureFixture,
    command: Callable[..., int],
    *,
    fault: dict[str, Any],
    code: int,
    words: str,
) -> None:
    """`--test` says what keeps threads from being read, with its exit code, in 10 API calls."""
    lab.script(**fault, times=100)
    caplog.set_level(logging.INFO)
    assert command("--test") == code
    assert words in caplog.records[-1].getMessage()
    assert len(lab.calls(".")) <= 10
