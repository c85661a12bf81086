"""The whole pipeline: Meltano, the tap, target-postgres and a real PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from sqlalchemy import create_engine, text

from demo.postgres import embedded_postgres
from emulator.data.account import Account
from emulator.endpoints.threads import thread_payload
from emulator.server import TOKEN
from tests.conftest import Lab, open_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

FULL_LISTING = r"sort=id(?!.*threadStatus)"
ROOT = Path(__file__).parents[2]


class Project:
    """This repository's Meltano project, with the plugins that are installed already."""

    def __init__(self, folder: Path, database: str = "") -> None:
        project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
        for plugins in project["plugins"].values():
            for plugin in plugins:
                del plugin["pip_url"]
        folder.mkdir()
        (folder / "meltano.yml").write_text(yaml.safe_dump(project), encoding="utf-8")
        self._folder = folder
        self._database = database

    def meltano(self, lab: Lab, schema: str, *arguments: str) -> None:
        """Run Meltano for an account, into a schema of the database."""
        done = self.call(
            lab,
            *arguments,
            TARGET_POSTGRES_SQLALCHEMY_URL=self._database,
            TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA=schema,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def call(
        self, lab: Lab, *arguments: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Meltano for an account, and return the result of any exit code."""
        programs = Path(sys.executable).parent
        clean = {name: text for name, text in os.environ.items() if not name.startswith("MELTANO_")}
        return subprocess.run(
            [programs / "meltano", *arguments],
            cwd=self._folder,
            env=clean
            | {
                "PATH": f"{programs}:{os.environ['PATH']}",
                "TAP_HUBSPOT_THREADS_API_URL": lab.emulator.url,
                "TAP_HUBSPOT_THREADS_ACCESS_TOKEN": TOKEN,
                "PYTHONWARNINGS": "ignore",
            }
            | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    def log(
        self, lab: Lab, *arguments: str, **environment: str
    ) -> tuple[int, list[dict[str, Any]]]:
        """Run the tap by Meltano. Return its exit code and its entries in Meltano's log."""
        environment |= {"MELTANO_CLI_LOG_FORMAT": "json", "TAP_HUBSPOT_THREADS_MAX_ATTEMPTS": "2"}
        done = self.call(lab, "invoke", "tap-hubspot-threads", *arguments, **environment)
        lines = [json.loads(line) for line in done.stderr.splitlines() if line[0] == "{"]
        return done.returncode, [line for line in lines if line.get("app_name") == "singer-sdk"]

    def rows(self, schema: str) -> dict[str, tuple[Any, ...]]:
        """Return the ID, latest message and archived flag of the loaded threads, by ID."""
        engine = create_engine(self._database)
        query = f'SELECT id, "latestMessageTimestamp", archived FROM {schema}.threads'
        with engine.begin() as connection:
            rows = [tuple(row) for row in connection.execute(text(query))]
        engine.dispose()
        return {row[0]: row for row in rows}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Run a PostgreSQL server, and make a project that loads into it."""
    with embedded_postgres(tmp_path / "data") as database:
        yield Project(tmp_path / "project", database)


def expected_rows(lab: Lab) -> dict[str, tuple[Any, ...]]:
    """Return the expected rows of `Project.rows`."""
    rows = {}
    for thread in lab.threads:
        moment = thread.latest_message_at
        naive = moment.astimezone(timezone.utc).replace(tzinfo=None) if moment else None
        archived = thread_payload(thread, associations=[], extra=None).get("archived")
        rows[str(thread.id)] = (str(thread.id), naive, archived)
    return rows


def test_three_runs_and_a_full_refresh(project: Project) -> None:
    """Each run costs only its changes. A full refresh reads everything again."""
    now = datetime(2026, 11, 20, tzinfo=timezone.utc)
    with open_lab(Account.sample(700)) as lab:
        lab.account.clock = lambda: now
        lab.account.behavior.status_filter = "works"
        run = ("run", "tap-hubspot-threads", "target-postgres")
        project.meltano(lab, "one", *run)
        assert project.rows("one") == expected_rows(lab)
        for _ in range(2):
            now += timedelta(hours=1)
            lab.emulator.requests.clear()
            for thread in [lab.account.create(), *lab.threads[5:8]]:
                lab.account.message(thread, sent=True)
            project.meltano(lab, "one", *run)
            assert project.rows("one") == expected_rows(lab)
            assert len(lab.calls("latestMessage")) == 3
        lab.emulator.requests.clear()
        project.meltano(lab, "one", "run", "--full-refresh", *run[1:])
        assert lab.calls("sort=id")
        lab.emulator.requests.clear()
        project.meltano(lab, "one", *run)
        assert len(lab.calls(FULL_LISTING)) == 1  # new threads
        assert project.rows("one") == expected_rows(lab)


def test_two_accounts(project: Project) -> None:
    """Two accounts with different state IDs do not affect each other."""
    with open_lab(Account.sample(30)) as one, open_lab(Account.sample(40, seed=3)) as two:
        for lab in (one, two):
            lab.account.behavior.status_filter = "works"
        for _ in range(2):
            for lab, name in ((one, "one"), (two, "two")):
                arguments = ("tap-hubspot-threads", "target-postgres", "--state-id", name)
                project.meltano(lab, name, "el", *arguments)
                assert project.rows(name) == expected_rows(lab)
        # Live and archived threads in the first run, and new threads in the second run.
        assert len(one.calls(FULL_LISTING)) == len(two.calls(FULL_LISTING)) == 2 + 1


def test_log_of_a_good_run(lab: Lab, tmp_path: Path) -> None:
    """Meltano's log ends with the summary and its fields, and no line is above level info."""
    exit_code, log = Project(tmp_path / "project").log(lab)
    assert exit_code == 0
    assert {line["level"] for line in log} == {"info"}
    assert len(log) <= 10
    summary = log[-1]
    assert summary["event"].startswith("Sync complete: 80 threads. ")
    assert summary["records"] == {"threads": 80, "deleted_threads": 0}
    assert summary["api_calls"] == len(lab.calls("."))
    assert summary["skipped"] == {"unchanged": 0, "before_start_date": 0, "other_inbox": 0}
    assert summary["bookmark_lag_seconds"] < 60


def test_log_of_a_bad_token(lab: Lab, tmp_path: Path) -> None:
    """Meltano logs the tap's error as an error on the last line, and returns its exit code."""
    project = Project(tmp_path / "project")
    token = {"TAP_HUBSPOT_THREADS_ACCESS_TOKEN": "pat-na1-wrong"}
    exit_code, log = project.log(lab, **token)
    assert exit_code == 78
    assert {line["level"] for line in log[:-1]} == {"info"}
    assert log[-1]["level"] == "error"
    assert "check the setting access_token" in log[-1]["event"]
    done = project.call(lab, "config", "test", "tap-hubspot-threads", **token)
    assert "Plugin configuration is invalid" in done.stderr + done.stdout
    assert "check the setting access_token" in done.stderr + done.stdout


def test_log_of_a_thread_that_cannot_be_read(lab: Lab, tmp_path: Path) -> None:
    """A retry is a warning. A thread that cannot be read is an error that names it."""
    bad = lab.live_ids[5]
    lab.script(path=f"/threads/{bad}", status=500, times=100)
    ids = json.dumps(lab.live_ids)
    exit_code, log = Project(tmp_path / "project").log(lab, TAP_HUBSPOT_THREADS_THREAD_IDS=ids)
    assert exit_code == 1
    assert [line["level"] for line in log if line["level"] != "info"] == ["warning", "error"]
    assert log[-1]["event"].startswith("Could not read 1 thread(s); everything else was synced. ")
    assert f": {bad}. The last error: " in log[-1]["event"]
    assert log[-2]["failed"] == 1
    assert log[-2]["records"] == {"threads": len(lab.live_ids) - 1, "deleted_threads": 0}


def test_connection_by_meltano(lab: Lab, tmp_path: Path) -> None:
    """`meltano config test` accepts the settings, and `invoke --test` logs what they reach."""
    project = Project(tmp_path / "project")
    done = project.call(lab, "config", "test", "tap-hubspot-threads")
    assert done.returncode == 0, done.stdout + done.stderr
    lab.emulator.requests.clear()
    exit_code, log = project.log(lab, "--test")
    assert exit_code == 0
    assert log[-1]["event"].startswith("Connection OK: account 62515")
    assert len(lab.calls(".")) == 2
