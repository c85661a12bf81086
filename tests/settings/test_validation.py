"""Wrong settings and files: each error is one line that names its cause, before any request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.test_command import run

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.conftest import Lab

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no token": ({"access_token": None}, "access_token: not set"),
    "token with a line break": ({"access_token": "pat-na1-secret\nX: 1"}, "access_token: contains"),
    "token that is a number": ({"access_token": 7_777_777}, "access_token: not a string"),
    "token in quotes": ({"access_token": '"pat-na1-x"'}, "access_token: is in quotes"),
    "token in half of quotes": ({"access_token": "pat-na1-x'"}, "access_token: is in quotes"),
    "token in typographic quotes": (
        {"access_token": "\u201cpat-na1\u201d"},
        "access_token: is in quotes",
    ),
    "token with Bearer": (
        {"access_token": "bearer pat-na1"},
        "access_token: starts with a header name",
    ),
    "token with the header name": (
        {"access_token": "Authorization:pat-na1"},
        "access_token: starts with",
    ),
    "client secret in quotes": ({"client_secret": "'pat-na1'"}, "client_secret: is in quotes"),
    "refresh token in quotes": ({"refresh_token": '\\"pat-na1\\"'}, "refresh_token: is in quotes"),
    "client ID in quotes": ({"client_id": '"pat-na1"'}, "client_id: is in quotes"),
    "letters": ({"thread_ids": [1, "pat"]}, "thread_ids: item 2: 'pat' is not an ID"),
    "sign": ({"thread_ids": ["-17"]}, "thread_ids: item 1: '-17' is not an ID"),
    "exponent": ({"thread_ids": ["1e9"]}, "thread_ids: item 1: '1e9' is not an ID"),
    "fraction": ({"thread_ids": ["17.5"]}, "thread_ids: item 1: '17.5' is not an ID"),
    "over int64": ({"thread_ids": [2**63]}, "thread_ids: item 1: 9223372036854775808 is not"),
    "path traversal": ({"thread_ids": ["../17"]}, "thread_ids: item 1: '../17' is not an ID"),
    "inbox": ({"inbox_ids": ["help desk"]}, "inbox_ids: item 1: 'help desk' is not an ID"),
    "start date": ({"start_date": "yesterday"}, "start_date: 'yesterday' is not a time"),
    "plain http": ({"api_url": "http://api.hubapi.com"}, "api_url: not an HTTPS URL"),
    "no URL": ({"api_url": "api.hubapi.com"}, "api_url: not an HTTPS URL"),
    "URL with a secret": ({"api_url": "https://me:pat-na1@api.hubapi.com"}, "api_url: not an"),
    "URL with a query": ({"api_url": "https://api.hubapi.com/?x=1"}, "api_url: not an HTTPS URL"),
    "URL with a backslash": (
        {"api_url": "http://evil.com\\@127.0.0.1"},
        "api_url: not an HTTPS URL",
    ),
    "URL with an unclosed bracket": ({"api_url": "http://[::1"}, "api_url: not an HTTPS URL"),
    "URL with a wrong port": ({"api_url": "http://127.0.0.1:99999"}, "api_url: not an HTTPS URL"),
    "user agent": ({"user_agent": "me\nX: 1"}, "user_agent: contains a line break"),
    "type": ({"max_concurrency": "many"}, "max_concurrency: 'many' is not of type 'integer'"),
    "range": ({"max_attempts": 0}, "max_attempts: 0 is less than the minimum of 1"),
    "no workers": ({"max_concurrency": 0}, "max_concurrency"),
    "negative calls": ({"open_threads_max_calls": -1}, "open_threads_max_calls"),
    "hours": ({"full_listing_interval_hours": 0}, "full_listing_interval_hours"),
    "lookback": ({"lookback_seconds": 119}, "lookback_seconds"),
    "rate": ({"max_requests_per_10s": 0}, "max_requests_per_10s"),
    "reserve": ({"daily_quota_reserve_percent": 101}, "daily_quota_reserve_percent"),
    "timeout": ({"request_timeout": 0}, "request_timeout"),
    "version": ({"api_version": "v4"}, "api_version"),
    "a single ID": ({"thread_ids": "17"}, "thread_ids: '17' is not of type 'array'"),
    "an item": ({"associations": ["TICKET", 1]}, "associations[1]: 1 is not of type 'string'"),
    "a single association": ({"associations": "TICKET"}, "associations"),
    "too many workers": ({"max_concurrency": 10**30}, "max_concurrency"),
    "too many hours": ({"full_listing_interval_hours": 10**8}, "full_listing_interval_hours"),
    "too many calls": ({"open_threads_max_calls": 10**30}, "open_threads_max_calls"),
    "offset": ({"start_date": "2026-01-01T00:00:00+99:99"}, "start_date: '2026-01-01T00:00:00+99"),
    "address": ({"api_url": "https://[1.2]"}, "api_url: not an HTTPS URL"),
    "hash seed": ({"stream_map_config": ["pat-na1"]}, "stream_map_config: has the wrong type"),
    "else": ({"stream_maps": {"threads": {"__else__": "x"}}}, "__else__ must be null"),
    "no depth": ({"flattening_enabled": True}, "flattening_max_depth: needed if"),
    "short names": (
        {"flattening_enabled": True, "flattening_max_depth": 1, "flattening_max_key_length": 3},
        "stream_maps or flattening: Duplicate column name",
    ),
    "yes": ({"include_archived": "yes"}, "include_archived"),
    "no such day": ({"start_date": "2026-02-30"}, "start_date: '2026-02-30' is not a time"),
    "token and OAuth": (
        {"refresh_token": "pat-na1"},
        "access_token and refresh_token: set access_token",
    ),
    "incomplete OAuth": (
        {"access_token": None, "client_id": "me"},
        "client_secret, refresh_token: n",
    ),
    "client secret that is a list": ({"client_secret": ["pat-na1"]}, "client_secret: not a string"),
    "file": ({"thread_ids_file": "nowhere.txt"}, "thread_ids_file: nowhere.txt: No such file"),
    "folder": ({"thread_ids_file": "."}, "thread_ids_file: .: is neither a file"),
    "stream maps": ({"stream_maps": {"threads": {"a": "1 +"}}}, "stream_maps: Failed to parse"),
    "no such stream": (
        {"stream_maps": {"message": {"text": "__NULL__"}}},
        "did you mean messages?",
    ),
    "no such column": ({"stream_maps": {"messages": {"richtext": "__NULL__"}}}, "richText?"),
    "key": ({"stream_maps": {"threads": {"id": None}}}, "stream_maps: Removing key property 'id'"),
    "batches": ({"batch_config": {"encoding": {}}}, "batch_config: not supported"),
    "versions": ({"emit_activate_version_messages": True}, "emit_activate_version_messages"),
}


@pytest.mark.parametrize(("settings", "line"), WRONG.values(), ids=WRONG.keys())
def test_wrong_settings(lab: Lab, tmp_path: Path, settings: dict[str, Any], line: str) -> None:
    """The error for a wrong setting is one line that names it, without a secret."""
    check(lab, run(folder=tmp_path, config=lab.config(**settings)), line)


FILES: dict[str, tuple[str, bytes, str]] = {
    "config cut off": ("--config", b'{"access_token": "pat-na1"', "not JSON (line 1, column 27)"),
    "config that is a list": ("--config", b'["pat-na1"]', "not a JSON object"),
    "config that is null": ("--config", b"null", "not a JSON object"),
    "config that is empty": ("--config", b"", "not JSON (line 1, column 1)"),
    "config in another encoding": ("--config", '{"a": "\xe4"}'.encode("latin-1"), "not in UTF-8"),
    "config with deep nesting": ("--config", b"[" * 100_000, "not a JSON object"),
    "config with NaN": ("--config", b'{"max_attempts": NaN}', "not a JSON object"),
    "state with a list": (
        "--state",
        b'{"bookmarks": {"threads": {"listing": []}}}',
        "listing is not",
    ),
    "state with progress markers": (
        "--state",
        b'{"bookmarks": {"threads": {"progress_markers": 5}}}',
        "progress_markers is not",
    ),
    "state with partitions": (
        "--state",
        b'{"bookmarks": {"threads": {}, "deleted_threads": {"partitions": [{}]}}}',
        "The state does not have the form",
    ),
    "state cut off": ("--state", b'{"bookmarks": {', "not JSON (line 1, column 16)"),
    "state that is empty": ("--state", b"", "not JSON"),
    "state that is a list": ("--state", b"[]", "not a JSON object"),
    "state that is null": ("--state", b"null", "not a JSON object"),
    "config in UTF-16": ("--config", '{"a": 1}'.encode("utf-16"), "not in UTF-8; save it as UTF-8"),
    "config in UTF-16 without BOM": (
        "--config",
        '{"a": 1}'.encode("utf-16-le"),
        "not in UTF-8; save",
    ),
    "state in UTF-16": ("--state", "{}".encode("utf-16"), "not in UTF-8; save it as UTF-8"),
    "catalog in UTF-16": ("--catalog", "{}".encode("utf-16-be"), "not in UTF-8; save it as UTF-8"),
    "state in another encoding": ("--state", b"\xff\xfe{}", "not in UTF-8"),
    "state of another tap": (
        "--state",
        b'{"bookmarks": {"users": {}}}',
        "The state does not have the",
    ),
    "state of a later version": (
        "--state",
        b'{"bookmarks": {"threads": {"version": 9}}}',
        "version is n",
    ),
    "catalog cut off": ("--catalog", b'{"streams": [', "not JSON"),
    "catalog that is a list": ("--catalog", b"[]", "not a JSON object"),
    "catalog without streams": ("--catalog", b"{}", "not a Singer catalog"),
    "catalog with another key": (
        "--catalog",
        b'{"streams": [{"tap_stream_id": "threads", "key_properties": ["zz"], "schema": {}}]}',
        "the name or key_properties of threads differ",
    ),
    "catalog with another name": (
        "--catalog",
        b'{"streams": [{"tap_stream_id": "threads", "stream": "t", "key_properties": ["id"]}]}',
        "the name or key_properties of threads differ",
    ),
    "catalog without a stream name": (
        "--catalog",
        b'{"streams": [{"pat-na1": 1}]}',
        "not a Singer catalog",
    ),
}


@pytest.mark.parametrize(("option", "content", "line"), FILES.values(), ids=FILES.keys())
def test_wrong_files(lab: Lab, tmp_path: Path, option: str, content: bytes, line: str) -> None:
    """The error for a wrong file is one line that names the option; no full sync starts."""
    path = tmp_path / "wrong.json"
    path.write_bytes(content)
    check(lab, run(option, str(path), folder=tmp_path, config=lab.config()), line)


def test_settings_in_place_of_a_file(lab: Lab, tmp_path: Path) -> None:
    """Settings that are passed in place of a file are not repeated in the log."""
    done = run("--config", '{"access_token": "pat-na1"}', folder=tmp_path)
    check(lab, done, "--config: expects the path of a file, or ENV")


@pytest.mark.parametrize("option", ["--config", "--state", "--catalog"])
def test_missing_files(lab: Lab, tmp_path: Path, option: str) -> None:
    """The error for a missing file names the file."""
    done = run(option, "nowhere.json", folder=tmp_path, config=lab.config())
    assert done.returncode == (78 if option == "--config" else 2)
    last = done.stderr.splitlines()[-1]
    assert "nowhere.json" in last
    assert "No such file" in last
    assert lab.calls() == []


ENVIRONMENT: dict[str, tuple[str, str]] = {
    "MAX_CONCURRENCY": ("many", "not a whole number"),
    "MAX_ATTEMPTS": ("", "not a whole number"),
    "MAX_REQUESTS_PER_10S": ("19.0", "not a whole number"),
    "LOOKBACK_SECONDS": ("1" * 5_000, "not a whole number"),
    "INCLUDE_ARCHIVED": ("nope", "not a boolean (true or false)"),
    "THREAD_IDS": ("17", "not a JSON list (for example"),
    "INBOX_IDS": ('{"a": 1}', "not a JSON list (for example"),
    "ASSOCIATIONS": ("[17, 18", "not a JSON list (for example"),
    "STREAM_MAPS": ("{", "not a JSON object"),
    "STREAM_MAP_CONFIG": ("[]", "not a JSON object"),
    "FLATTENING_MAX_DEPTH": ("deep", "not a whole number"),
    "LOGLEVEL": ("LOUD", "not one of DEBUG, INFO"),
}


@pytest.mark.parametrize(
    ("name", "value", "line"), [(name, *rest) for name, rest in ENVIRONMENT.items()]
)
def test_wrong_environment(lab: Lab, tmp_path: Path, name: str, value: str, line: str) -> None:
    """The error for a wrong variable is one line that names it and the expected type."""
    variable = f"TAP_HUBSPOT_THREADS_{name}"
    done = run("--config=ENV", folder=tmp_path, config=lab.config(), **{variable: value})
    check(lab, done, f"{variable}: {line}")


@pytest.mark.parametrize("secret", ["pat-na1\n", "pat-na1 x", "pat-na1-é"])
def test_wrong_token_in_the_environment(lab: Lab, tmp_path: Path, secret: str) -> None:
    """An invalid token from the environment is rejected, and is not logged."""
    config = lab.config(access_token=None)
    done = run(
        "--config=ENV", folder=tmp_path, config=config, TAP_HUBSPOT_THREADS_ACCESS_TOKEN=secret
    )
    check(lab, done, "access_token: contains a space, a line break")


@pytest.mark.parametrize(
    ("expression", "line"),
    [
        ("nope(id)", "stream_maps: Failed to evaluate simpleeval expressions nope(id)"),
        ("id + 5", "stream_maps: an expression for threads fails for a row (TypeError)"),
    ],
)
@pytest.mark.parametrize("entry", ["__filter__", "column"])
def test_failing_stream_maps(
    lab: Lab, tmp_path: Path, entry: str, expression: str, line: str
) -> None:
    """The error for an expression that fails is one line without the row's values."""
    maps = {"threads": {entry: expression}}
    config = lab.config(thread_ids=lab.ids, stream_maps=maps)
    done = run(folder=tmp_path, config=config, TAP_HUBSPOT_THREADS_LOGLEVEL="INFO")
    assert done.returncode == 78
    assert line in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not any(thread_id in done.stderr for thread_id in lab.ids)


def check(lab: Lab, done: subprocess.CompletedProcess[str], line: str) -> None:
    """Check that a process wrote nothing, sent no request, and ended with this line."""
    assert done.returncode == 78
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert line in last
    for forbidden in ("Traceback", "pat-na1", "7777777"):
        assert forbidden not in done.stderr
    assert lab.calls() == []
