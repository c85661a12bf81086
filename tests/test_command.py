"""The command, as a shell sees it: output, exit code, last line on stderr."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from emulator.server import TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Lab


def run(
    *arguments: str, config: dict[str, Any] | None = None, folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the tap in an empty folder and an environment with nothing of its own."""
    command = [sys.executable, "-m", "tap_hubspot_threads", *arguments]
    if config is not None:
        path = folder / "config.json"
        path.write_text(json.dumps(config))
        command += ["--config", str(path)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TAP_")}
    clean["TAP_HUBSPOT_THREADS_LOGLEVEL"] = (
        "DEBUG"  # what must not be told is not told there either
    )
    return subprocess.run(
        command,
        cwd=folder,
        env=clean | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--discover"],
        ["--about"],
        ["--about", "--format=json"],
        ["--about", "--format=markdown"],
        ["--help"],
        ["--version"],
    ],
    ids=" ".join,
)
def test_works_without_settings(tmp_path: Path, arguments: list[str]) -> None:
    """Discovery and the program's self-description need no setting."""
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == 0
    assert done.stdout
    assert "Traceback" not in done.stderr


def test_discovery(tmp_path: Path) -> None:
    """The catalog has the streams, with the key id; the index is not selected by default."""
    catalog = json.loads(run("--discover", folder=tmp_path).stdout)
    selected = {
        entry["tap_stream_id"]: next(
            meta["metadata"]["selected-by-default"]
            for meta in entry["metadata"]
            if meta["breadcrumb"] == []
        )
        for entry in catalog["streams"]
    }
    assert selected == {"thread_index": False, "threads": True, "deleted_threads": True}
    assert {tuple(entry["key_properties"]) for entry in catalog["streams"]} == {("id",)}


def test_from_the_environment(lab: Lab, tmp_path: Path) -> None:
    """All settings can come from the environment."""
    ids = [lab.live_ids[1], lab.live_ids[0]]
    done = run(
        "--config=ENV",
        folder=tmp_path,
        TAP_HUBSPOT_THREADS_API_URL=lab.emulator.url,
        TAP_HUBSPOT_THREADS_ACCESS_TOKEN=TOKEN,
        TAP_HUBSPOT_THREADS_THREAD_IDS=json.dumps([int(ids[0]), ids[1]]),
    )
    assert done.returncode == 0
    records = [json.loads(line) for line in done.stdout.splitlines()[1:-1]]
    assert [message["record"]["id"] for message in records] == ids


def test_empty_ids_from_the_environment(lab: Lab, tmp_path: Path) -> None:
    """An empty list of ids in the environment loads nothing, rather than the whole account."""
    for empty in ("", "[]"):
        done = run(
            "--config=ENV",
            folder=tmp_path,
            TAP_HUBSPOT_THREADS_API_URL=lab.emulator.url,
            TAP_HUBSPOT_THREADS_ACCESS_TOKEN=TOKEN,
            TAP_HUBSPOT_THREADS_THREAD_IDS=empty,
        )
        assert done.returncode == 0
    assert lab.calls() == []


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no token": ({"access_token": None}, "access_token: not set"),
    "token with a line break": ({"access_token": "pat-na1-secret\nX: 1"}, "access_token: holds"),
    "token that is no string": ({"access_token": 7_777_777}, "access_token: not a string"),
    "letters": ({"thread_ids": [1, "pat"]}, "thread_ids: item 2: 'pat' is not an id"),
    "sign": ({"thread_ids": ["-17"]}, "thread_ids: item 1: '-17' is not an id"),
    "exponent": ({"thread_ids": ["1e9"]}, "thread_ids: item 1: '1e9' is not an id"),
    "fraction": ({"thread_ids": ["17.5"]}, "thread_ids: item 1: '17.5' is not an id"),
    "over int64": ({"thread_ids": [2**63]}, "thread_ids: item 1: 9223372036854775808 is not"),
    "path trick": ({"thread_ids": ["../17"]}, "thread_ids: item 1: '../17' is not an id"),
    "inbox": ({"inbox_ids": ["help desk"]}, "inbox_ids: item 1: 'help desk' is not an id"),
    "start date": ({"start_date": "yesterday"}, "start_date: 'yesterday' is not a time"),
    "plain http": ({"api_url": "http://api.hubapi.com"}, "api_url: not an https URL"),
    "no URL": ({"api_url": "api.hubapi.com"}, "api_url: not an https URL"),
    "URL with a secret": ({"api_url": "https://me:pat-na1@api.hubapi.com"}, "api_url: not an"),
    "URL with a query": ({"api_url": "https://api.hubapi.com/?x=1"}, "api_url: not an https URL"),
    "URL with a trick": ({"api_url": "http://evil.com\\@127.0.0.1"}, "api_url: not an https URL"),
    "URL without an end": ({"api_url": "http://[::1"}, "api_url: not an https URL"),
    "URL with a wrong port": ({"api_url": "http://127.0.0.1:99999"}, "api_url: not an https URL"),
    "user agent": ({"user_agent": "me\nX: 1"}, "user_agent: holds a line break"),
    "type": ({"max_concurrency": "many"}, "'many' is not of type 'integer'"),
    "range": ({"max_attempts": 0}, "max_attempts"),
    "choice": ({"thread_fetch": "all"}, "thread_fetch"),
    "versions": ({"emit_activate_version_messages": True}, "emit_activate_version_messages"),
}


@pytest.mark.parametrize(("settings", "line"), WRONG.values(), ids=WRONG.keys())
def test_wrong_settings(lab: Lab, tmp_path: Path, settings: dict[str, Any], line: str) -> None:
    """A wrong setting is one line that names it, before any request, and never a secret."""
    done = run(folder=tmp_path, config=lab.config(**settings))
    assert done.returncode == 1
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert line in last
    assert " CRITICAL " in last
    for forbidden in ("Traceback", "pat-na1", "7777777"):
        assert forbidden not in done.stderr
    assert lab.calls() == []


def test_failure_is_one_line(lab: Lab, tmp_path: Path) -> None:
    """A sync that fails ends with one line that says what to do, and exit code 1."""
    done = run(folder=tmp_path, config=lab.config(access_token="pat-na1-wrong"))
    assert done.returncode == 1
    assert "check the setting access_token" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert "pat-na1" not in done.stderr


def test_wrong_call(tmp_path: Path) -> None:
    """An option that does not exist is exit code 2."""
    done = run("--tokens", folder=tmp_path)
    assert done.returncode == 2
    assert "No such option" in done.stderr


def test_connection_test(lab: Lab, tmp_path: Path) -> None:
    """`--test` reads a record and ends well."""
    done = run("--test", folder=tmp_path, config=lab.config())
    assert done.returncode == 0
    assert len(lab.calls()) == 1
