"""The runner of examples/airflow: one account, a real target, and the state in the warehouse."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from demo.postgres import embedded_postgres
from emulator.data.account import Account
from emulator.server import TOKEN
from tests.conftest import Lab, open_lab
from tests.targets.expected import expected_threads
from tests.targets.postgres import query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

pytestmark = pytest.mark.loads

RUNNER = Path(__file__).parents[2] / "examples" / "airflow" / "run_account.py"
SOON = 20


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    """Load the runner as a module."""
    spec = importlib.util.spec_from_file_location("run_account", RUNNER)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("tap", "target", "expected"),
    [
        (0, 0, 0),
        (75, 0, 75),
        (78, 1, 78),
        (1, 0, 1),
        (1, 137, 137),  # the target was killed: the tap only knows that the pipe broke
        (0, 1, 1),
        (137, 1, 137),  # the tap was killed, and the target read half a line
        (143, 0, 143),
    ],
)
def test_exit_code(runner: ModuleType, tap: int, target: int, expected: int) -> None:
    """The runner returns the exit code that says what to do."""
    assert runner.choose_exit_code(tap, target) == expected


class Warehouse:
    """A PostgreSQL database, and the runner that loads an account into it."""

    def __init__(self, url: str, lab: Lab) -> None:
        self.url, self.lab = url, lab

    def start(self, **environment: str) -> subprocess.Popen[str]:
        """Start the runner in its own process group, as a scheduler does."""
        return subprocess.Popen(
            [sys.executable, RUNNER, "acme"],
            env={
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "PYTHONWARNINGS": "ignore",
                "TAP_HUBSPOT_THREADS_API_URL": self.lab.emulator.url,
                "TAP_HUBSPOT_THREADS_ACCESS_TOKEN": TOKEN,
                "TARGET_POSTGRES_SQLALCHEMY_URL": self.url,
                "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": "acme",
            }
            | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )

    def run(self, **environment: str) -> tuple[int, str]:
        """Run it, and return the exit code and its last line."""
        runner = self.start(**environment)
        output, _ = runner.communicate()
        return runner.returncode, output.splitlines()[-1]

    def state(self) -> dict[str, Any]:
        """Return the saved bookmark of the account's threads."""
        (row,) = query(self.url, "SELECT state FROM singer_states")
        bookmark: dict[str, Any] = row["state"]["bookmarks"]["threads"]
        return bookmark

    def check(self) -> None:
        """Compare the table with the account, value by value."""
        expected = expected_threads(self.lab.account)
        columns = next(iter(expected.values())).keys()
        rows = query(self.url, "SELECT * FROM acme.threads")
        assert {row["id"]: {c: row[c] for c in columns} for row in rows} == expected


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """Provide a warehouse, and an account to load."""
    with embedded_postgres(tmp_path / "data") as url, open_lab(Account.sample(60)) as lab:
        lab.account.behavior.status_filter = "works"
        yield Warehouse(url, lab)


def wait_for(lab: Lab, pattern: str) -> None:
    """Wait until the account has received a matching request."""
    end = time.monotonic() + SOON
    while not lab.calls(pattern):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_resumes_from_its_state(warehouse: Warehouse) -> None:
    """A second run reads only changes. A failing run logs the reason and keeps the state."""
    lab = warehouse.lab
    assert warehouse.run()[0] == 0
    warehouse.check()
    lab.account.message(lab.threads[3], sent=True)
    lab.emulator.requests.clear()
    assert warehouse.run()[0] == 0
    assert not lab.calls(r"sort=id(?!.*(threadStatus|after=))")
    warehouse.check()
    before = warehouse.state()
    code, last = warehouse.run(TAP_HUBSPOT_THREADS_ACCESS_TOKEN="pat-na1-wrong")
    assert code == 78
    assert last.startswith("acme: exit code 78: GET /account-info/v3/details: 401 ")
    assert warehouse.state() == before


def test_concurrent_run_and_sigterm(warehouse: Warehouse) -> None:
    """A concurrent run exits with 75. A signal makes the first run save what it has loaded."""
    lab = warehouse.lab
    lab.script(path="sort=id.*archived=true", delay=60)
    first = warehouse.start()
    wait_for(lab, "sort=id.*archived=true")
    code, last = warehouse.run()
    assert code == 75
    assert last.startswith("acme: exit code 75: Another run of this account is in progress.")
    os.killpg(first.pid, signal.SIGTERM)
    output, _ = first.communicate()
    assert first.returncode == 143, output
    assert output.splitlines()[-1].startswith("acme: exit code 143: Stopped by SIGTERM.")
    assert warehouse.state()["listing_ranges"] == [["archived", "0", None]]
    lab.emulator.requests.clear()
    assert warehouse.run()[0] == 0
    assert not lab.calls(r"sort=id(?!.*(archived|threadStatus|after=))")
    warehouse.check()


def test_all_processes_killed(warehouse: Warehouse) -> None:
    """If all processes are killed, no lock remains, and the next run loads everything."""
    lab = warehouse.lab
    lab.script(path="sort=id.*archived=true", delay=60)
    first = warehouse.start()
    wait_for(lab, "sort=id.*archived=true")
    for process in [*psutil.Process(first.pid).children(), psutil.Process(first.pid)]:
        process.kill()
    first.communicate()
    assert warehouse.run()[0] == 0
    warehouse.check()


@pytest.mark.parametrize("target", ["exit 3", "kill -9 $$"])
def test_failing_target(warehouse: Warehouse, tmp_path: Path, target: str) -> None:
    """The runner returns the target's exit code, and saves no unconfirmed state."""
    program = tmp_path / "bin" / "target-postgres"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nread line\n{target}\n")
    program.chmod(0o755)
    path = f"{program.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    code, _ = warehouse.run(PATH=path)
    assert code == (3 if target.startswith("exit") else 137)
    assert query(warehouse.url, "SELECT * FROM singer_states") == []


def test_missing_programs(warehouse: Warehouse, tmp_path: Path) -> None:
    """If the programs are missing, the runner names them and exits with 78."""
    code, last = warehouse.run(PATH=str(tmp_path))
    assert code == 78
    programs = "tap-hubspot-threads and target-postgres"
    assert last.startswith(f"acme: exit code 78: Not on PATH: {programs}.")
