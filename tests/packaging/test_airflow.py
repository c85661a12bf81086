"""Eight accounts under a real Airflow, in two runs.

`make test-airflow` runs this. It first creates Airflow's environment from the locked requirements.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from demo.postgres import embedded_postgres
from emulator.data.account import Account
from emulator.limits import RollingLimit
from emulator.server import TOKEN
from tests.conftest import Lab, open_lab
from tests.targets.expected import expected_threads
from tests.targets.postgres import query

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "airflow"
AIRFLOW = ROOT / ".airflow" / "bin" / "airflow"
BAD_TOKEN, NO_QUOTA = "initech", "umbrella"
NAMES = ("acme", "globex", BAD_TOKEN, "hooli", NO_QUOTA, "stark", "tyrell", "wayne")
LOADED = [name for name in NAMES if name not in {BAD_TOKEN, NO_QUOTA}]
RETRIES = 2
FULL_LISTING = r"sort=id(?!.*(threadStatus|after=))"
WRONG_TOKEN = "pat-na1-0000-of-nobody"
pytestmark = pytest.mark.airflow


@dataclass
class Task:
    """The result of one account's task in a run."""

    state: str
    tries: int


@dataclass
class Airflow:
    """An Airflow installation with its own home and database."""

    home: Path
    environment: dict[str, str]

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the `airflow` command."""
        return subprocess.run(
            [AIRFLOW, *arguments],
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )

    def query(self, sql: str) -> list[Any]:
        """Query Airflow's database."""
        with closing(sqlite3.connect(self.home / "airflow.db")) as database:
            return database.execute(sql).fetchall()

    def tasks(self) -> dict[str, Task]:
        """Return the accounts' tasks of the last run, by the names that the UI shows."""
        last = "(SELECT run_id FROM dag_run ORDER BY id DESC LIMIT 1)"
        rows = self.query(
            "SELECT rendered_map_index, state, try_number FROM task_instance"
            f" WHERE task_id = 'load' AND run_id = {last}"
        )
        return {name: Task(state, tries) for name, state, tries in rows}


@pytest.fixture
def labs() -> Iterator[dict[str, Lab]]:
    """Serve eight accounts, one of which has exhausted its daily quota."""
    with ExitStack() as stack:
        labs = {}
        for number, name in enumerate(NAMES):
            account = Account.sample(40 + 5 * number, seed=number)
            account.portal_id, account.behavior.status_filter = 1000 + number, "works"
            used = 950 if name == NO_QUOTA else 0
            limit = RollingLimit(maximum=1_000_000, daily=1_000, used_today=used)
            labs[name] = stack.enter_context(open_lab(account, limit=limit))
        yield labs


@pytest.fixture
def airflow(labs: dict[str, Lab], tmp_path: Path) -> Iterator[Airflow]:
    """Set up Airflow with a list of these accounts, and a warehouse."""
    listed = [
        {"name": name, "connection": f"hubspot_{name}", "settings": {"api_url": lab.emulator.url}}
        for name, lab in labs.items()
    ]
    accounts = tmp_path / "accounts.json"
    accounts.write_text(json.dumps(listed))
    secrets = {
        f"AIRFLOW_CONN_HUBSPOT_{name.upper()}": json.dumps(
            {"conn_type": "generic", "password": WRONG_TOKEN if name == BAD_TOKEN else TOKEN}
        )
        for name in NAMES
    }
    with embedded_postgres(tmp_path / "pg") as database:
        programs = Path(sys.executable).parent
        mine = ("AIRFLOW", "TAP_", "TARGET_")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(mine)}
        yield Airflow(
            tmp_path,
            environment
            | secrets
            | {
                "AIRFLOW_HOME": str(tmp_path),
                "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLE),
                "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                "HUBSPOT_ACCOUNTS": str(accounts),
                "HUBSPOT_PYTHON": sys.executable,
                "HUBSPOT_RETRY_SECONDS": "0.1",
                "PATH": f"{programs}:{os.environ['PATH']}",
                "PYTHONWARNINGS": "ignore",
                "TARGET_POSTGRES_SQLALCHEMY_URL": database,
            },
        )


def check_tables(labs: dict[str, Lab], database: str) -> None:
    """Compare each loaded table with its account, value by value."""
    for name in LOADED:
        expected = expected_threads(labs[name].account)
        rows = query(database, f"SELECT * FROM hubspot_{name}.threads")
        columns = next(iter(expected.values())).keys()
        assert {row["id"]: {c: row[c] for c in columns} for row in rows} == expected


def check_log(log: str) -> None:
    """Check that the log has the cause and handling of both failures, and no secret."""
    decisions = [line for line in log.splitlines() if "Retry policy decision" in line]
    failed = [line for line in decisions if "action=fail" in line]
    again = [line for line in decisions if "action=retry" in line]
    assert len(failed) == 1
    assert f"{BAD_TOKEN}: exit code 78: GET /account-info/v3/details: 401 " in failed[0]
    assert "check the setting access_token" in failed[0]
    assert len(again) == 1 + RETRIES
    for line in again:
        assert f"{NO_QUOTA}: exit code 75: " in line
        assert "the sync leaves a reserve of 10% (daily_quota_reserve_percent)" in line
    assert TOKEN not in log
    assert WRONG_TOKEN not in log


def test_eight_accounts_twice(labs: dict[str, Lab], airflow: Airflow) -> None:
    """Six accounts load and two fail as their exit codes demand. A second run reads the changes."""
    database = airflow.environment["TARGET_POSTGRES_SQLALCHEMY_URL"]
    assert airflow.call("db", "migrate").returncode == 0
    for run in range(2):
        for lab in labs.values():
            lab.emulator.requests.clear()
            if run:
                changed = [lab.account.create(), *lab.threads[3:5]]
                for thread in changed:
                    lab.account.message(thread, sent=True)
        done = airflow.call("dags", "test", "hubspot_threads")
        tasks = airflow.tasks()
        assert {name: tasks[name] for name in LOADED} == dict.fromkeys(LOADED, Task("success", 1))
        assert tasks[BAD_TOKEN] == Task("failed", 1)
        assert tasks[NO_QUOTA] == Task("failed", 1 + RETRIES)
        assert done.returncode == 1
        check_log(done.stdout)
        check_tables(labs, database)
        for name in LOADED:
            assert bool(labs[name].calls(FULL_LISTING)) == (run == 0)
    secrets = [TOKEN.encode(), WRONG_TOKEN.encode()]
    database_file = (airflow.home / "airflow.db").read_bytes()
    assert not [secret for secret in secrets if secret in database_file]
