"""The command as a shell sees it: output, exit code, last line on stderr."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emulator.server import TOKEN
from tap_hubspot_threads.settings.base_tap import HELP
from tap_hubspot_threads.settings.schema import SETTINGS
from tap_hubspot_threads.tap import TapHubSpotThreads
from tests.conftest import UNBUFFERED, select

if TYPE_CHECKING:
    from tests.conftest import Lab


def run(
    *arguments: str, config: dict[str, Any] | None = None, folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the tap in an empty folder, without environment variables of its own."""
    command = [sys.executable, "-m", "tap_hubspot_threads", *arguments]
    if config is not None:
        path = folder / "config.json"
        path.write_text(json.dumps(config))
        command += ["--config", str(path)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TAP_")}
    # Secrets must not be logged at this level either.
    clean["TAP_HUBSPOT_THREADS_LOGLEVEL"] = "DEBUG"
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
    """Discovery, `--about`, `--help` and `--version` need no setting."""
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == 0
    assert done.stdout
    assert "Traceback" not in done.stderr


def test_help_of_each_option() -> None:
    """`--help` describes each option of the tap; the SDK's text for `--test` does not apply."""
    options = {option.name: option for option in TapHubSpotThreads.cli.params}
    assert HELP.keys() == options.keys() - {"version"}
    for name, text in HELP.items():
        assert options[name].help == text
    assert "no record" in HELP["test"]


def test_import_does_nothing(tmp_path: Path) -> None:
    """Importing the tap opens no connection, starts no process or thread, and writes no file."""
    code = """
import sys, threading
def hook(event, arguments):
    is_write = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if event in {"socket.connect", "subprocess.Popen", "os.system", "os.mkdir"} or is_write:
        raise SystemExit(f"{event} {arguments}")
sys.addaudithook(hook)
import tap_hubspot_threads.__main__
assert threading.active_count() == 1
"""
    command = [sys.executable, "-B", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == done.stderr == ""


def test_discovery(tmp_path: Path) -> None:
    """Every stream has the key `id`. Only threads and their deletions are selected by default."""
    catalog = json.loads(run("--discover", folder=tmp_path).stdout)
    selected = {
        entry["tap_stream_id"]: next(
            meta["metadata"]["selected-by-default"]
            for meta in entry["metadata"]
            if meta["breadcrumb"] == []
        )
        for entry in catalog["streams"]
    }
    assert {name for name, is_selected in selected.items() if is_selected} == {
        "threads",
        "deleted_threads",
    }
    others = {"thread_index", "messages", "actors", "inboxes", "channels", "channel_accounts"}
    assert {name for name, is_selected in selected.items() if not is_selected} == others
    assert {tuple(entry["key_properties"]) for entry in catalog["streams"]} == {("id",)}


def test_settings_from_the_environment(lab: Lab, tmp_path: Path) -> None:
    """Every setting can come from the environment."""
    ids = [lab.live_ids[1], lab.live_ids[0]]
    path = tmp_path / "ids.txt"
    path.write_text(lab.live_ids[2])
    settings = {
        "api_url": lab.emulator.url,
        "api_version": "2026-09",
        "access_token": TOKEN,
        "thread_ids": json.dumps([int(ids[0]), ids[1]]),
        "thread_ids_file": str(path),
        "inbox_ids": "[]",
        "start_date": "2020-01-01",
        "always_fetch_by_id": "on",
        "include_archived": "No",
        "associations": "[]",
        "property": "customerSentiment",
        "open_threads_max_calls": "0",
        "full_listing_interval_hours": "1",
        "lookback_seconds": "120",
        "max_requests_per_10s": "19",
        "daily_quota_reserve_percent": "0",
        "max_concurrency": "1",
        "request_timeout": "5",
        "max_attempts": "1",
        "fetch_original_content": "true",
        "user_agent": "me",
    }
    assert settings.keys() | {"client_id", "client_secret", "refresh_token"} == set(
        SETTINGS["properties"]
    )
    environment = {f"TAP_HUBSPOT_THREADS_{name.upper()}": value for name, value in settings.items()}
    done = run("--config=ENV", folder=tmp_path, config=None, **environment)
    ids.append(lab.live_ids[2])
    assert done.returncode == 0
    records = [json.loads(line) for line in done.stdout.splitlines()[1:-1]]
    assert [message["record"]["id"] for message in records] == ids


def test_empty_ids_from_the_environment(lab: Lab, tmp_path: Path) -> None:
    """An empty list of IDs in the environment syncs nothing, not the whole account."""
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


def test_failure_is_one_line(lab: Lab, tmp_path: Path) -> None:
    """A failed sync ends with one line that says what to do, and exit code 78."""
    done = run(folder=tmp_path, config=lab.config(access_token="pat-na1-wrong"))
    assert done.returncode == 78
    assert "check the setting access_token" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert "pat-na1" not in done.stderr


def test_unknown_option(tmp_path: Path) -> None:
    """An unknown option leads to exit code 2."""
    done = run("--tokens", folder=tmp_path)
    assert done.returncode == 2
    assert "No such option" in done.stderr


@pytest.mark.parametrize("settings", [{}, {"thread_ids": []}, {"thread_ids": [17]}])
def test_connection_test(lab: Lab, tmp_path: Path, settings: dict[str, Any]) -> None:
    """`--test` reports what the token can do, writes nothing, and takes two API calls."""
    lab.account.portal_id = 77
    done = run("--test", folder=tmp_path, config=lab.config(**settings))
    assert done.returncode == 0
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].endswith(
        "Connection OK: account 77, scope conversations.read, rate limit 1,000,000 calls/10 s, "
        "649,998 of 650,000 left today"
    )
    (page,) = lab.calls()
    assert "limit=500&" in f"{page}&"
    assert len(lab.calls(".")) == 2


def test_connection_test_of_schemas(lab: Lab, tmp_path: Path) -> None:
    """`--test=schema` writes the schemas and makes no API call."""
    schemas = run("--test=schema", folder=tmp_path, config=lab.config()).stdout.splitlines()
    assert {json.loads(line)["type"] for line in schemas} == {"SCHEMA"}
    assert lab.calls(".") == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [[], ["--discover"], ["--about"]], ids=str)
@UNBUFFERED
def test_full_disk(
    lab: Lab, tmp_path: Path, arguments: list[str], environment: dict[str, str]
) -> None:
    """A full disk is reported as an output error, not as a settings error."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps(lab.config()))
    command = [sys.executable, "-m", "tap_hubspot_threads", "--config", str(config), *arguments]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command,
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=os.environ | environment,
            check=False,
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("closed", "settings"), [("0", {}), ("1", {}), ("2", {}), ("2", {"max_attempts": 0})], ids=str
)
def test_closed_descriptors(
    lab: Lab, tmp_path: Path, closed: str, settings: dict[str, Any]
) -> None:
    """Closing stdin or stderr does not change the exit code; without stdout it is 1."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps(lab.config(**settings)))
    command = f'exec "$@" {closed}>&-'
    done = subprocess.run(
        [
            "sh",
            "-c",
            command,
            "sh",
            sys.executable,
            "-m",
            "tap_hubspot_threads",
            "--config",
            config,
        ],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    code = 1 if closed == "1" else 78 if settings else 0
    assert done.returncode == code
    assert len(done.stdout.splitlines()) == (0 if code else len(lab.ids) + 3)
    assert "Traceback" not in done.stderr
    if closed == "1":
        assert done.stderr.startswith("Could not write to standard output: it is closed. ")


def test_files_with_byte_order_mark(lab: Lab, tmp_path: Path) -> None:
    """Config, state and catalog may start with a byte order mark, as Windows editors write it."""
    files = {
        "--config": lab.config(),
        "--state": {"bookmarks": {"threads": {"account_id": lab.account.portal_id}}},
        "--catalog": select("threads"),
    }
    arguments = []
    for option, content in files.items():
        path = tmp_path / f"windows{option}.json"
        path.write_text(json.dumps(content, indent=1).replace("\n", "\r\n"), encoding="utf-8-sig")
        arguments += [option, str(path)]
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(lab.ids) + 2


def test_env_file_is_not_read(lab: Lab, tmp_path: Path) -> None:
    """A .env file has no effect, in the working folder or near the virtual environment."""
    (tmp_path / ".env").write_text("TAP_HUBSPOT_THREADS_THREAD_IDS=[17]\nMAX_ATTEMPTS=\xff")
    code = f"""
import dotenv, singer_sdk.configuration._dict_config as sdk
sdk.find_dotenv = lambda *_, **__: {str(tmp_path / ".env")!r}
from tap_hubspot_threads.__main__ import main
main()
"""
    environment = {
        "TAP_HUBSPOT_THREADS_API_URL": lab.emulator.url,
        "TAP_HUBSPOT_THREADS_ACCESS_TOKEN": TOKEN,
    }
    done = subprocess.run(
        [sys.executable, "-c", code, "--config=ENV"],
        cwd=tmp_path,
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(lab.ids) + 3


def test_sdk_settings_are_known(lab: Lab, tmp_path: Path) -> None:
    """An SDK setting causes no warning, in a file or in the environment."""
    maps = {"threads": {"status": "__NULL__"}}
    config = lab.config(thread_ids=[], stream_maps=maps, flattening_enabled=False)
    variable = {"TAP_HUBSPOT_THREADS_STREAM_MAP_CONFIG": "{}"}
    done = run("--config=ENV", folder=tmp_path, config=config, **variable)
    assert done.returncode == 0
    assert "Unknown setting" not in done.stderr


def test_unknown_settings(lab: Lab, tmp_path: Path) -> None:
    """An unknown setting logs a warning that suggests the nearest known one."""
    config = lab.config(thread_ids=[], thread_id=[17], xyz=1)
    done = run("--config=ENV", folder=tmp_path, config=config, TAP_HUBSPOT_THREADS_INBOX_IDSS="[]")
    assert done.returncode == 0
    warnings = [line for line in done.stderr.splitlines() if "Unknown setting" in line]
    assert [line.partition("Unknown ")[2] for line in warnings] == [
        "setting inbox_idss, which has no effect; did you mean inbox_ids?",
        "setting thread_id, which has no effect; did you mean thread_ids?",
        "setting xyz, which has no effect",
    ]
