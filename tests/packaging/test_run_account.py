"""The runner of examples/airflow: one account, a real target, the state in the warehouse."""

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
from tests.targets.due import threads_of
from tests.targets.postgres import query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

pytestmark = pytest.mark.loads

RUNNER = Path(__file__).parents[2] / "examples" / "airflow" / "run_account.py"
SOON = 20


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    """The runner as a module."""
    spec = importlib.util.spec_from_file_location("run_account", RUNNER)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("tap", "target", "wanted"),
    [
        (0, 0, 0),
        (75, 0, 75),
        (78, 1, 78),
        (1, 0, 1),
        (1, 137, 137),  # the target was killed: all that the tap can tell is that it has gone
        (0, 1, 1),
        (137, 1, 137),  # the tap was, and the target found half a line
        (143, 0, 143),
    ],
)
def test_which_exit_code(runner: ModuleType, tap: int, target: int, wanted: int) -> None:
    """The code goes out that says what to do."""
    assert runner.choose_exit_code(tap, target) == wanted


class Warehouse:
    """A PostgreSQL, and the runner that loads an account into it."""

    def __init__(self, url: str, lab: Lab) -> None:
        self.url, self.lab = url, lab

    def start(self, **environment: str) -> subprocess.Popen[str]:
        """Start the runner, as a scheduler does: with a group of processes of its own."""
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
        """Run it; return the exit code and its last line."""
        runner = self.start(**environment)
        output, _ = runner.communicate()
        return runner.returncode, output.splitlines()[-1]

    def state(self) -> dict[str, Any]:
        """Return what is saved of the account's threads."""
        (row,) = query(self.url, "SELECT state FROM singer_states")
        kept: dict[str, Any] = row["state"]["bookmarks"]["threads"]
        return kept

    def check(self) -> None:
        """Hold the table against the account, value by value."""
        wanted = threads_of(self.lab.account)
        columns = next(iter(wanted.values())).keys()
        rows = query(self.url, "SELECT * FROM acme.threads")
        assert {row["id"]: {c: row[c] for c in columns} for row in rows} == wanted


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """A warehouse, and an account to load."""
    with embedded_postgres(tmp_path / "data") as url, open_lab(Account.sample(60)) as lab:
        lab.account.behavior.status_filter = "works"
        yield Warehouse(url, lab)


def wait_for(lab: Lab, pattern: str) -> None:
    """Wait until the account has been asked for something."""
    end = time.monotonic() + SOON
    while not lab.calls(pattern):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_loads_on_from_its_state(warehouse: Warehouse) -> None:
    """A second run reads what has changed; one that fails says why, and leaves the state alone."""
    lab = warehouse.lab
    assert warehouse.run()[0] == 0
    warehouse.check()
    lab.account.message(lab.threads[3], sent=True)
    lab.emulator.requests.clear()
    assert warehouse.run()[0] == 0
    assert not lab.calls(r"sort=id(?!.*threadStatus)")
    warehouse.check()
    before = warehouse.state()
    code, last = warehouse.run(TAP_HUBSPOT_THREADS_ACCESS_TOKEN="pat-na1-wrong")
    assert code == 78
    assert last.startswith("acme: exit code 78: GET /account-info/v3/details: 401 ")
    assert warehouse.state() == before


def test_two_runs_at_once_and_sigterm(warehouse: Warehouse) -> None:
    """A second run is told to come later; a signal has the first one save what it has loaded."""
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
    assert warehouse.state()["listing"] == "archived"
    lab.emulator.requests.clear()
    assert warehouse.run()[0] == 0
    assert not lab.calls(r"sort=id(?!.*archived)(?!.*threadStatus)")
    warehouse.check()


def test_a_host_dies(warehouse: Warehouse) -> None:
    """Killed with all its processes, it leaves no lock behind; the next run loads everything."""
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
def test_a_target_that_fails(warehouse: Warehouse, tmp_path: Path, target: str) -> None:
    """The target's exit code goes out, and no state is saved of what it had not confirmed."""
    program = tmp_path / "bin" / "target-postgres"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nread line\n{target}\n")
    program.chmod(0o755)
    path = f"{program.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    code, _ = warehouse.run(PATH=path)
    assert code == (3 if target.startswith("exit") else 137)
    assert query(warehouse.url, "SELECT * FROM singer_states") == []


def test_what_is_missing(warehouse: Warehouse, tmp_path: Path) -> None:
    """A machine without the programs says so, with the exit code of what has to be mended."""
    code, last = warehouse.run(PATH=str(tmp_path))
    assert code == 78
    programs = "tap-hubspot-threads and target-postgres"
    assert last.startswith(f"acme: exit code 78: Not on PATH: {programs}.")
