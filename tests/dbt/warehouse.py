"""A PostgreSQL database with accounts loaded by the tap, and dbt to build the models in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text

from emulator.data.account import Account
from tests.conftest import open_lab, select

PROJECT = Path(__file__).parent.parent.parent / "dbt"
STREAMS = (
    "threads",
    "deleted_threads",
    "messages",
    "actors",
    "inboxes",
    "channels",
    "channel_accounts",
)
ZONE = "US/Eastern"
ACCOUNT = Account.sample(150)


class Warehouse:
    """A database. dbt builds the models of a schema in schemas named after it."""

    def __init__(self, url: str, folder: Path) -> None:
        self._engine = create_engine(url)
        self.url = make_url(url)
        self._folder = folder

    def load(self, account: Account, schema: str, *streams: str) -> None:
        """Pipe these streams of an account through the tap and target-postgres."""
        programs = Path(sys.executable).parent
        tap, catalog, target = (self._folder / f"{name}.json" for name in ("tap", "cat", "target"))
        catalog.write_text(json.dumps(select(*streams)))
        target.write_text(
            json.dumps(
                {
                    "sqlalchemy_url": self.url.render_as_string(hide_password=False),
                    "default_target_schema": schema,
                }
            )
        )
        with open_lab(account) as lab:
            tap.write_text(json.dumps(lab.config()))
            with subprocess.Popen(
                [programs / "tap-hubspot-threads", "--config", tap, "--catalog", catalog],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            ) as process:
                done = subprocess.run(
                    [programs / "target-postgres", "--config", target],
                    stdin=process.stdout,
                    capture_output=True,
                    encoding="utf-8",
                    env=os.environ | {"PYTHONWARNINGS": "ignore"},
                    check=False,
                )
        assert process.returncode == 0
        assert done.returncode == 0, done.stderr

    def dbt(self, *arguments: str, schema: str = "hubspot", **variables: Any) -> dict[str, str]:
        """Run dbt in this process on a loaded schema, and return the status of each node."""
        from dbt.cli.main import dbtRunner  # noqa: PLC0415 - only where its group is installed

        os.environ["PGHOST"] = str(self.url.query["host"])
        os.environ["DBT_SCHEMA"] = f"{schema}_analytics"
        dbt_vars = json.dumps({"hubspot_schema": schema, "time_zone": ZONE} | variables)
        places = {
            "--project-dir": PROJECT,
            "--profiles-dir": PROJECT,
            "--target-path": self._folder / "target",
            "--log-path": self._folder / "logs",
        }
        where = [word for pair in places.items() for word in map(str, pair)]
        command = [*arguments, "--quiet", *where, "--vars", dbt_vars]
        done: Any = dbtRunner().invoke(command)
        assert done.exception is None
        return {one.node.name: str(one.status) for one in done.result if hasattr(one, "node")}

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Run statements, and return the rows of the last one, if any."""
        with self._engine.begin() as connection:
            result = connection.execute(text(sql))
            return [dict(row) for row in result.mappings()] if result.returns_rows else []

    def table(self, name: str, key: str) -> dict[str, dict[str, Any]]:
        """Return the rows of a table by the values of a column."""
        return {row[key]: row for row in self.query(f"SELECT * FROM {name}")}

    def column(self, name: str, column: str) -> set[str]:
        """Return the values of a table's column."""
        return {row[column] for row in self.query(f"SELECT {column} FROM {name}")}

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()
