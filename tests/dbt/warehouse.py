"""A PostgreSQL database with accounts loaded by the tap, and dbt to build the models in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from sqlalchemy import create_engine, make_url, text

from tests.conftest import open_lab, select
from tests.dbt.cases import account_with_cases
from tests.dbt.conversation import Names
from tests.dbt.figures import differences, of_models
from tests.dbt.working_time import HOLIDAYS, HOURS, WorkingTime

if TYPE_CHECKING:
    from emulator.data.account import Account

PROJECT = Path(__file__).parent.parent.parent / "dbt"
SOURCES = PROJECT / "models" / "sources.yml"
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
ACCOUNT = account_with_cases(150)


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

    def fill(self, schema: str, stream: str, rows: list[dict[str, Any]]) -> None:
        """Make a stream's table, with the types that target-postgres uses, and fill it."""
        tables = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))["sources"][0]["tables"]
        (columns,) = (table["columns"] for table in tables if table["name"] == stream)
        types = ", ".join(
            f'"{column["name"]}" {column["data_type"].replace("json", "jsonb")}'
            for column in columns
        )
        self.query(
            f"CREATE SCHEMA IF NOT EXISTS {schema}; CREATE TABLE {schema}.{stream} ({types})"
        )
        table = f"{schema}.{stream}"
        given = f"jsonb_populate_recordset(CAST(null AS {table}), CAST(:rows AS jsonb))"
        with self._engine.begin() as connection:
            insert = text(f"INSERT INTO {table} SELECT * FROM {given}")
            connection.execute(insert, {"rows": json.dumps(rows)})

    def dbt(self, *arguments: str, schema: str = "hubspot", **variables: Any) -> dict[str, str]:
        """Run dbt in this process on a loaded schema, and return the status of each node."""
        from dbt.cli.main import dbtRunner  # noqa: PLC0415 - only where its group is installed

        os.environ["PGHOST"] = str(self.url.query["host"])
        os.environ["DBT_SCHEMA"] = f"{schema}_analytics"
        dbt_vars = json.dumps({"hubspot_schema": schema, "time_zone": ZONE} | variables)
        places = {
            "--project-dir": PROJECT,
            "--profiles-dir": PROJECT,
            # dbt keeps what it has parsed there, as long as the variables are the same.
            "--target-path": self._folder / "-".join(["target", schema, *variables]),
            "--log-path": self._folder / "logs",
        }
        where = [word for pair in places.items() for word in map(str, pair)]
        command = [*arguments, "--quiet", *where, "--vars", dbt_vars]
        done: Any = dbtRunner().invoke(command)
        assert done.exception is None, done.exception
        return {one.node.name: str(one.status) for one in done.result if hasattr(one, "node")}

    def configure_working_time(self) -> None:
        """Add holidays, and build the models again with working hours."""
        days = ", ".join(f"('{day}', $${name}$$)" for day, name in HOLIDAYS.items())
        holidays = "hubspot_analytics.holidays"
        self.query(f"DELETE FROM {holidays}; INSERT INTO {holidays} VALUES {days}")
        said = self.dbt("run", "--select", "working_clock+", working_hours=HOURS)
        assert set(said.values()) == {"success"}, said

    def names(self, account: Account, schema: str = "hubspot", *, works: bool = False) -> Names:
        """Return what the figures of an account need to know of its load."""
        synced = self.query(f"SELECT max(_sdc_extracted_at) AS at FROM {schema}.threads")[0]["at"]
        hours = WorkingTime(HOURS, set(HOLIDAYS)) if works else None
        return Names(account, synced, hours)

    def differences(self, account: Account, names: Names, *models: str) -> list[str]:
        """Return what differs between models, by default all, and the account's figures."""
        return [
            f"{model}: {line}"
            for model, (key, wanted) in of_models(account, ZONE, names).items()
            if not models or model in models
            for line in differences(self.table(f"hubspot_analytics.{model}", key), wanted)
        ]

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
