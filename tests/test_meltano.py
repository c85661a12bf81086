"""The whole way: Meltano, the tap, target-postgres and a real PostgreSQL, with state in Meltano."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from sqlalchemy import create_engine, text

from emulator.account import Account
from emulator.postgres import embedded_postgres
from emulator.server import TOKEN
from tests.conftest import Lab, open_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent


class Project:
    """A Meltano project like the one here, but with the plugins that are installed already."""

    def __init__(self, folder: Path, database: str) -> None:
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
        programs = Path(sys.executable).parent
        clean = {name: text for name, text in os.environ.items() if not name.startswith("MELTANO_")}
        done = subprocess.run(
            [programs / "meltano", *arguments],
            cwd=self._folder,
            env=clean
            | {
                "PATH": f"{programs}:{os.environ['PATH']}",
                "TAP_HUBSPOT_THREADS_API_URL": lab.emulator.url,
                "TAP_HUBSPOT_THREADS_ACCESS_TOKEN": TOKEN,
                "TARGET_POSTGRES_SQLALCHEMY_URL": self._database,
                "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": schema,
                "PYTHONWARNINGS": "ignore",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def rows(self, schema: str) -> dict[str, tuple[Any, ...]]:
        """Return the id, latest message and archived of the loaded threads, by id."""
        engine = create_engine(self._database)
        query = f'SELECT id, "latestMessageTimestamp", archived FROM {schema}.threads'
        with engine.begin() as connection:
            rows = [tuple(row) for row in connection.execute(text(query))]
        engine.dispose()
        return {row[0]: row for row in rows}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Run a PostgreSQL, and make a project that loads into it."""
    with embedded_postgres(tmp_path / "data") as database:
        yield Project(tmp_path / "project", database)


def expected(lab: Lab) -> dict[str, tuple[Any, ...]]:
    """Return what `Project.rows` should, worked out from the account."""
    rows = {}
    for thread in lab.threads:
        moment = thread.latest_message_at
        naive = moment.astimezone(timezone.utc).replace(tzinfo=None) if moment else None
        archived = thread.payload(associations=[], extra=None).get("archived")
        rows[str(thread.id)] = (str(thread.id), naive, archived)
    return rows


def test_three_runs_and_a_full_refresh(project: Project) -> None:
    """Run after run the table follows the account at the cost of what changed; then all anew."""
    now = datetime(2026, 11, 20, tzinfo=timezone.utc)
    with open_lab(Account.sample(700)) as lab:
        lab.account.clock = lambda: now
        run = ("run", "tap-hubspot-threads", "target-postgres")
        project.meltano(lab, "one", *run)
        assert project.rows("one") == expected(lab)
        for _ in range(2):
            now += timedelta(hours=1)
            lab.emulator.requests.clear()
            for thread in [lab.account.create(), *lab.threads[5:8]]:
                lab.account.message(thread, sent=True)
            project.meltano(lab, "one", *run)
            assert project.rows("one") == expected(lab)
            assert len(lab.calls("latestMessage")) == 3
        lab.emulator.requests.clear()
        project.meltano(lab, "one", "run", "--full-refresh", *run[1:])
        assert lab.calls("sort=id")
        lab.emulator.requests.clear()
        project.meltano(lab, "one", *run)
        assert not lab.calls("sort=id")
        assert project.rows("one") == expected(lab)


def test_two_accounts(project: Project) -> None:
    """Two accounts, each with a state id of its own, do not get in each other's way."""
    with open_lab(Account.sample(30)) as one, open_lab(Account.sample(40, seed=3)) as two:
        for _ in range(2):
            for lab, name in ((one, "one"), (two, "two")):
                arguments = ("tap-hubspot-threads", "target-postgres", "--state-id", name)
                project.meltano(lab, name, "el", *arguments)
                assert project.rows(name) == expected(lab)
        assert len(one.calls("sort=id")) == len(two.calls("sort=id")) == 2
