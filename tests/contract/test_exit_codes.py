"""Exit codes, cause by cause: done, single items failed, retry later, or fix something first."""

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

DONE, EXIT_INCOMPLETE, EX_USAGE, EX_TEMPFAIL, EX_CONFIG = 0, 1, 2, 75, 78
OAUTH = {
    "access_token": None,
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
    "refresh_token": REFRESH_TOKEN,
}
ONE = str(min(Account.sample(80).threads))


@dataclass
class Cause:
    """A cause, its exit code, and a part of the last log line."""

    code: int
    text: str
    fault: dict[str, Any] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    state: dict[str, Any] | None = None


def fault_at(path: str = r"/threads\?", **fault: Any) -> dict[str, Any]:
    """Return a fault that affects every matching request."""
    return {"path": path, "times": 10_000, **fault}


BY_ID = {"thread_ids": sorted(map(str, Account.sample(80).threads)), "max_concurrency": 1}
CAUSES = {
    "quiet sync": Cause(DONE, "80 threads"),
    "configured ID not found": Cause(DONE, "1 thread not found", settings={"thread_ids": [17]}),
    "no configured IDs": Cause(DONE, "no thread IDs are configured", settings={"thread_ids": []}),
    "one failed thread": Cause(EXIT_INCOMPLETE, ONE, fault_at(ONE, status=500), BY_ID),
    "one refused thread": Cause(EXIT_INCOMPLETE, ONE, fault_at(ONE, status=400), BY_ID),
    "unknown option": Cause(EX_USAGE, "", arguments=("--tokens",)),
    "missing state file": Cause(EX_USAGE, "", arguments=("--state", "nowhere.json")),
    "spent daily quota": Cause(
        EX_TEMPFAIL,
        "midnight in the account's time zone, which is",
        fault_at(status=429, body=error_body(policyName="DAILY")),
    ),
    "reserve of the daily quota": Cause(
        EX_TEMPFAIL,
        "UTC",
        settings={"daily_quota_reserve_percent": 100, "always_fetch_by_id": True},
    ),
    "long Retry-After": Cause(
        EX_TEMPFAIL, "for 1440 minutes", fault_at(status=477, headers={"Retry-After": "86400"})
    ),
    "long Retry-After for one thread": Cause(
        EX_TEMPFAIL,
        "for 10 minutes",
        fault_at(ONE, status=503, headers={"Retry-After": "600"}),
        BY_ID,
    ),
    "unavailable list": Cause(EX_TEMPFAIL, "after 8 attempts", fault_at(status=503)),
    "dropped connection": Cause(EX_TEMPFAIL, "no complete response", fault_at(drop=True)),
    "response without JSON": Cause(
        EX_TEMPFAIL, "not a response of this endpoint", fault_at(status=200, body="<html>")
    ),
    "persistent 423": Cause(EX_TEMPFAIL, "423", fault_at(status=423)),
    "persistent 429": Cause(EX_TEMPFAIL, "429", fault_at(status=429)),
    "five failed threads": Cause(
        EX_TEMPFAIL, "failed 5 times in a row", fault_at(r"/threads/", status=503), BY_ID
    ),
    "repeated cursor": Cause(
        EX_TEMPFAIL,
        "makes no progress",
        fault_at(status=200, body='{"results": [], "paging": {"next": {"after": "x"}}}'),
    ),
    "unavailable token endpoint": Cause(
        EX_TEMPFAIL, "token: 503", fault_at("/oauth/", status=503), OAUTH
    ),
    "rejected token": Cause(EX_CONFIG, "access_token", settings={"access_token": "pat-x"}),
    "rejected refresh token": Cause(
        EX_CONFIG, "refresh_token", settings=OAUTH | {"refresh_token": "x"}
    ),
    "missing scope": Cause(
        EX_CONFIG,
        "conversations.read",
        fault_at(status=403, body=error_body(category="MISSING_SCOPES")),
    ),
    "five refused threads": Cause(EX_CONFIG, "refused", fault_at(r"/threads/", status=400), BY_ID),
    "refused list": Cause(EX_CONFIG, "refused", fault_at(status=400)),
    "not HubSpot's API": Cause(
        EX_CONFIG, "api_url", fault_at(".", status=404, body="<html>", bare=True)
    ),
    "redirect": Cause(
        EX_CONFIG, "api_url", fault_at(".", status=302, headers={"Location": "http://[::1]/"})
    ),
    "wrong account": Cause(
        EX_CONFIG, "account 62515", state={"bookmarks": {"threads": {"account_id": 77}}}
    ),
    "another tap's state": Cause(
        EX_CONFIG, "not have the form", state={"bookmarks": {"users": {}}}
    ),
    "invalid setting": Cause(EX_CONFIG, "max_attempts", settings={"max_attempts": 0}),
    "missing ID file": Cause(
        EX_CONFIG, "No such file", settings={"thread_ids_file": "nowhere.txt"}
    ),
    "missing config file": Cause(EX_CONFIG, "No such", arguments=("--config", "nowhere.json")),
    "failing stream map": Cause(
        EX_CONFIG, "stream_maps", settings={"stream_maps": {"threads": {"a": "id + 5"}}}
    ),
}


@pytest.fixture
def command(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., int]]:
    """Return a function that runs the command in this process and returns its exit code."""
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
    """Each cause has its exit code, and the last log line names the cause."""
    caplog.set_level(logging.INFO)
    if cause.fault:
        lab.script(**cause.fault)
    arguments = list(cause.arguments)
    if cause.state:
        path = tmp_path / "state.json"
        path.write_text(json.dumps(cause.state))
        arguments += ["--state", str(path)]
    assert command(*arguments, **cause.settings) == cause.code
    if cause.code != EX_USAGE:
        last = caplog.records[-1]
        assert cause.text in last.getMessage()
        assert last.levelname == ("INFO" if cause.code == DONE else "ERROR")


@pytest.mark.usefixtures("waits")
def test_failed_thread_in_a_sync_of_the_account(lab: Lab, command: Callable[..., int]) -> None:
    """A failed thread leads to exit code 1 in a sync of the whole account too."""
    lab.script(path=f"/threads/{ONE}", status=500, times=1_000)
    assert command(always_fetch_by_id=True) == EXIT_INCOMPLETE


def test_last_error_is_logged_at_every_level(
    capsys: pytest.CaptureFixture[str],
    command: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error that ended the sync is logged at every log level."""
    monkeypatch.setenv("TAP_HUBSPOT_THREADS_LOGLEVEL", "CRITICAL")
    assert command(max_attempts=0) == EX_CONFIG
    assert "max_attempts" in capsys.readouterr().err


NO_SCOPE = '{"status": "error", "category": "MISSING_SCOPES"}'


@pytest.mark.parametrize(
    ("fault", "code", "text"),
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
def test_failed_connection_test(
    lab: Lab,
    caplog: pytest.LogCaptureFixture,
    command: Callable[..., int],
    *,
    fault: dict[str, Any],
    code: int,
    text: str,
) -> None:
    """`--test` reports why threads cannot be read, with a sync's exit code, within 10 API calls."""
    lab.script(**fault, times=100)
    caplog.set_level(logging.INFO)
    assert command("--test") == code
    assert text in caplog.records[-1].getMessage()
    assert len(lab.calls(".")) <= 10
