"""PostgreSQL and DuckDB with accounts loaded by the tap, and dbt to build the models in them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import yaml
from sqlalchemy import create_engine, make_url, text

from tests.conftest import open_lab, select
from tests.dbt.cases import account_with_cases
from tests.dbt.conversation import Names
from tests.dbt.figures import differences, of_models
from tests.dbt.working_time import HOLIDAYS, HOURS, WorkingTime

if TYPE_CHECKING:
    from collections.abc import Callable

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


class Warehouse(ABC):
    """A database. dbt builds the models of a schema in schemas named after it."""

    name: ClassVar[str]
    """The output of dbt's profile, and the name of the Singer target."""
    types: ClassVar[dict[str, str]]
    """The types that the target uses for those of sources.yml, if they differ."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @abstractmethod
    def connection_variables(self) -> dict[str, str]:
        """Return the variables of dbt's profile."""

    @abstractmethod
    def target_config(self, schema: str) -> dict[str, Any]:
        """Return the settings of the Singer target."""

    @abstractmethod
    def query(self, sql: str) -> list[dict[str, Any]]:
        """Run statements, and return the rows of the last one, if any."""

    @abstractmethod
    def insert(self, table: str, columns: dict[str, str], rows: list[dict[str, Any]]) -> None:
        """Insert rows, which may lack columns. Times and objects are those of JSON."""

    @abstractmethod
    def type_of(self, column: str) -> str:
        """Return SQL for the name of a column's type."""

    def load(self, account: Account, schema: str, *streams: str) -> None:
        """Pipe these streams of an account through the tap and the target."""
        programs = Path(sys.executable).parent
        tap, catalog, target = (self._folder / f"{name}.json" for name in ("tap", "cat", "target"))
        catalog.write_text(json.dumps(select(*streams)))
        target.write_text(json.dumps(self.target_config(schema)))
        with open_lab(account) as lab:
            tap.write_text(json.dumps(lab.config()))
            with subprocess.Popen(
                [programs / "tap-hubspot-threads", "--config", tap, "--catalog", catalog],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            ) as process:
                done = subprocess.run(
                    [programs / f"target-{self.name}", "--config", target],
                    stdin=process.stdout,
                    capture_output=True,
                    encoding="utf-8",
                    env=os.environ | {"PYTHONWARNINGS": "ignore"},
                    check=False,
                )
        assert process.returncode == 0
        assert done.returncode == 0, done.stderr

    def fill(
        self,
        schema: str,
        stream: str,
        rows: list[dict[str, Any]],
        *,
        spell: Callable[[str], str] = str,
    ) -> None:
        """Create a stream's table, with the types that the target uses, and fill it."""
        tables = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))["sources"][0]["tables"]
        (declared,) = (table["columns"] for table in tables if table["name"] == stream)
        columns = {
            spell(column["name"]): self.types.get(column["data_type"], column["data_type"])
            for column in declared
        }
        definitions = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        self.query(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        self.query(f"CREATE TABLE {schema}.{stream} ({definitions})")
        spelled = [{spell(name): value for name, value in row.items()} for row in rows]
        self.insert(f"{schema}.{stream}", columns, spelled)

    def dbt(
        self, *arguments: str, schema: str = "hubspot", quiet: bool = True, **variables: Any
    ) -> dict[str, str]:
        """Run dbt in this process on a loaded schema, and return the status of each node."""
        from dbt.cli.main import dbtRunner  # noqa: PLC0415 - only where its group is installed

        os.environ.update(self.connection_variables())
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
        command = [
            *arguments,
            *(["--quiet"] if quiet else []),
            "--target",
            self.name,
            *where,
            "--vars",
            dbt_vars,
        ]
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

    def table(self, name: str, key: str) -> dict[str, dict[str, Any]]:
        """Return the rows of a table by the values of a column."""
        return {row[key]: row for row in self.query(f"SELECT * FROM {name}")}

    def column(self, name: str, column: str) -> set[str]:
        """Return the values of a table's column."""
        return {row[column] for row in self.query(f"SELECT {column} FROM {name}")}


class PostgreSQL(Warehouse):
    """A PostgreSQL database, loaded by target-postgres."""

    name = "postgres"
    types: ClassVar = {"json": "jsonb"}

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder)
        self._engine = create_engine(url)
        self.url = make_url(url)

    def connection_variables(self) -> dict[str, str]:
        """Return the host, which is the socket's folder."""
        return {"PGHOST": str(self.url.query["host"])}

    def target_config(self, schema: str) -> dict[str, Any]:
        """Return the URL and the schema."""
        url = self.url.render_as_string(hide_password=False)
        return {"sqlalchemy_url": url, "default_target_schema": schema}

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Run statements in one transaction, and return the rows of the last one."""
        with self._engine.begin() as connection:
            result = connection.execute(text(sql))
            return [dict(row) for row in result.mappings()] if result.returns_rows else []

    def insert(self, table: str, columns: dict[str, str], rows: list[dict[str, Any]]) -> None:
        """Insert rows by name."""
        del columns
        given = f"jsonb_populate_recordset(CAST(null AS {table}), CAST(:rows AS jsonb))"
        with self._engine.begin() as connection:
            insert = text(f"INSERT INTO {table} SELECT * FROM {given}")
            connection.execute(insert, {"rows": json.dumps(rows)})

    def type_of(self, column: str) -> str:
        """Return the type, such as `text`."""
        return f"pg_typeof({column})::text"

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


class DuckDB(Warehouse):
    """A DuckDB file, loaded by target-duckdb."""

    name = "duckdb"
    types: ClassVar[dict[str, str]] = {}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path = folder / "warehouse.duckdb"

    def connection_variables(self) -> dict[str, str]:
        """Return the path of the file."""
        return {"DUCKDB_PATH": str(self.path)}

    def target_config(self, schema: str) -> dict[str, Any]:
        """Return the path and the schema, with the columns `_sdc_...`."""
        return {
            "filepath": str(self.path),
            "default_target_schema": schema,
            "add_metadata_columns": True,
        }

    def dbt(
        self, *arguments: str, schema: str = "hubspot", quiet: bool = True, **variables: Any
    ) -> dict[str, str]:
        """Run dbt, and close the file, which only one process can write to."""
        from dbt.adapters.duckdb import connections  # noqa: PLC0415 - only with its group

        manager: Any = connections.DuckDBConnectionManager
        try:
            return super().dbt(*arguments, schema=schema, quiet=quiet, **variables)
        finally:
            manager.close_all_connections()

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Run statements, and return the rows of the last one."""
        return self._execute(sql)

    def insert(self, table: str, columns: dict[str, str], rows: list[dict[str, Any]]) -> None:
        """Insert rows by name."""
        given = (
            f"INSERT INTO {table} SELECT unnest(row) FROM (SELECT unnest(from_json(?, ?)) AS row)"
        )
        self._execute(given, json.dumps(rows), json.dumps([columns]))

    def _execute(self, sql: str, *parameters: str) -> list[dict[str, Any]]:
        import duckdb  # noqa: PLC0415 - only where its group is installed

        with duckdb.connect(str(self.path)) as connection:
            result = connection.execute(sql, parameters)
            names = [column[0] for column in result.description or ()]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def type_of(self, column: str) -> str:
        """Return the type, such as `VARCHAR`."""
        return f"typeof({column})"
