"""`make demo-metrics`: show support metrics for the tables that `make run` has loaded.

The command builds the models in dbt/, runs their tests, prints tables, and writes a page of charts.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rich.markup import escape
from rich.table import Table
from sqlalchemy import URL, create_engine, make_url, text

from demo.environment import (
    DATA,
    ROOT,
    SAMPLE_SCHEMA,
    TAP,
    TARGET,
    console,
    read_environment,
    run_command,
)
from demo.postgres import embedded_postgres
from demo.support_metrics import TOO_FEW, Metrics, Row, duration, is_too_few, read, share

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

PROJECT = ROOT / "dbt"
OUTPUT = ROOT / ".demo" / "dbt"
PAGE = ROOT / ".demo" / "support.html"
DUCKDB = "TARGET_DUCKDB"


class Destination(Protocol):
    """A database with the loaded tables.

    Attributes:
        name: The name of the output in dbt's profile.
        schema: The schema of the loaded tables.
        variables: The environment variables that dbt's profile reads.
    """

    name: str
    schema: str
    variables: dict[str, str]

    def query(self, sql: str) -> list[Row]:
        """Run a query and return its rows."""


class PostgreSQL:
    """A PostgreSQL database."""

    name = "postgres"

    def __init__(self, url: URL, schema: str) -> None:
        self.schema = schema
        self.variables = connection_variables(url)
        self._engine = create_engine(url)

    def query(self, sql: str) -> list[Row]:
        """Run a query and return its rows."""
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(sql)).mappings()]

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


class DuckDB:
    """A DuckDB file.

    Raises:
        ValueError: if the file does not exist.
    """

    name = "duckdb"

    def __init__(self, path: Path, schema: str) -> None:
        if not path.exists():
            message = f"{path}, named by {DUCKDB}_FILEPATH, does not exist. Load into it first."
            raise ValueError(message)
        self.schema = schema
        self.variables = {"DUCKDB_PATH": str(path)}
        self._path = str(path)

    def query(self, sql: str) -> list[Row]:
        """Run a query and return its rows.

        Raises:
            ValueError: if the query fails, for example because another program writes to the file.
        """
        import duckdb  # noqa: PLC0415 - installed for Python 3.10 to 3.13 only

        try:
            with duckdb.connect(self._path) as connection:
                result = connection.execute(sql)
                names = [column[0] for column in result.description or ()]
                return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
        except duckdb.Error as error:
            raise ValueError(str(error)) from error


def main() -> int:
    """Build the models and show the metrics. Return the exit code."""
    zone = os.environ.get("REPORT_TIME_ZONE", "UTC")
    return run_command(lambda stack: build_and_show(_destination(stack), zone))


def build_and_show(destination: Destination, zone: str) -> int:
    """Build and test the models, and show the metrics. Return the exit code.

    Raises:
        ValueError: if the schema has no table `threads`.
    """
    found = destination.query(
        "SELECT 1 AS found FROM information_schema.tables WHERE table_name = 'threads'"
        f" AND table_schema = '{destination.schema}'"
    )
    if not found:
        message = f"Table {destination.schema}.threads does not exist. Run `make run` first."
        raise ValueError(message)
    models = f"{destination.schema}_analytics"
    console.print(f"Schema [bold]{destination.schema}[/] → models in [bold]{models}[/]")
    if not _build(destination, models, zone):
        return 1
    from demo.support_page import write  # noqa: PLC0415 - slow, so imported after the first output

    metrics = read(destination.query, models, zone)
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    for table in tables(metrics, now):
        console.print()
        console.print(
            table if table.row_count else f"{table.title}\nNo results. Is `messages` loaded?"
        )
    console.print(f"\n(too few): fewer than {TOO_FEW} conversations.")
    write(PAGE, metrics, schema=destination.schema, now=now)
    console.print(f"Charts: {PAGE.relative_to(ROOT)}, a page that needs no network.")
    return 0


def _destination(stack: ExitStack) -> Destination:
    """Return the database and schema that the environment names, as for `make run`.

    Raises:
        ValueError: if dbt does not support this version of Python.
    """
    if sys.version_info >= (3, 14):
        message = (
            "dbt requires Python 3.10 to 3.13. Choose one of them, for example with "
            "`make demo-metrics PYTHON=python3.13`."
        )
        raise ValueError(message)
    variables = read_environment()
    if path := variables.get(f"{DUCKDB}_FILEPATH"):
        return DuckDB(Path(path), variables.get(f"{DUCKDB}_DEFAULT_TARGET_SCHEMA") or "hubspot")
    schema = variables.get(f"{TARGET}_DEFAULT_TARGET_SCHEMA") or "hubspot"
    if variables.get(f"{TARGET}_SQLALCHEMY_URL"):
        url = make_url(variables[f"{TARGET}_SQLALCHEMY_URL"]).set(drivername="postgresql+psycopg")
    else:
        url = make_url(stack.enter_context(embedded_postgres(DATA)))
        schema = schema if variables.get(f"{TAP}_ACCESS_TOKEN") else SAMPLE_SCHEMA
    database = PostgreSQL(url, schema)
    stack.callback(database.close)
    return database


def _build(destination: Destination, models: str, zone: str) -> bool:
    """Build and test the models with dbt. Print the result, and return whether all succeeded."""
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - slow, so imported after the first output

    os.environ.update(destination.variables | {"DBT_SCHEMA": models})
    variables = {"hubspot_schema": destination.schema, "time_zone": zone}
    command = ["build", "--quiet", "--target", destination.name, "--vars", json.dumps(variables)]
    command += ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    command += ["--target-path", str(OUTPUT), "--log-path", str(OUTPUT)]
    with console.status("Building and testing the models …"):
        build: Any = dbtRunner().invoke(command)
    if build.exception:
        console.print(f"[red]{escape(str(build.exception))}[/]")
        return False
    statuses = [str(one.status) for one in build.result]
    failed = [one.node.name for one in build.result if one.status in {"error", "fail"}]
    console.print(
        f"{statuses.count('success')} models built, {statuses.count('pass')} tests passed"
        + (f", [red]failed: {', '.join(failed)}[/]" if failed else ".")
    )
    return bool(build.success)


def connection_variables(url: URL) -> dict[str, str]:
    """Return a database URL as libpq's environment variables, which dbt's profile reads."""
    options = {f"PG{name.upper()}": str(value) for name, value in url.query.items()}
    options.pop("PGHOST", None)
    parts = {
        "PGHOST": url.host or str(url.query.get("host") or "localhost"),
        "PGPORT": str(url.port or url.query.get("port") or 5432),
        "PGUSER": url.username or "postgres",
        "PGPASSWORD": url.password or "",
        "PGDATABASE": url.database or "postgres",
    }
    return options | parts


def tables(metrics: Metrics, now: datetime) -> Iterator[Table]:
    """Yield the tables to print.

    Args:
        metrics: What to show.
        now: The current time, as naive UTC.
    """
    table = _table(
        "Response and resolution times by inbox (calendar time)",
        *("inbox", "time to", "count", "median", "90th percentile"),
    )
    inbox = None
    for row in metrics.responses:
        if inbox not in {None, row["inbox"]}:
            table.add_section()
        name = row["inbox"] if row["inbox"] != inbox else ""
        inbox = row["inbox"]
        _add(table, row, name, row["metric"], _count(row), _time(row, "median"), _time(row, "p90"))
    yield table

    table = _table(
        "Conversations and reopenings by inbox",
        *("inbox", "conversations", "open", "waiting for a reply", "closed", "reopened"),
    )
    for row in metrics.inboxes:
        reopened = share(row["reopened"], row["closed"])
        counts = (row[name] for name in ("conversations", "open", "waiting", "closed"))
        _add(table, {}, row["inbox"], *counts, reopened)
    yield table

    table = _table(
        "Answered by a bot or an AI agent",
        *("inbox", "conversations", "taken over by a person", "deflected"),
    )
    for row in metrics.inboxes:
        if row["bot_answered"]:
            decided = row["deflected"] + row["not_deflected"]
            deflected = share(row["deflected"], decided)
            taken_over = share(row["taken_over"], row["bot_answered"])
            _add(table, {}, row["inbox"], row["bot_answered"], taken_over, deflected)
    yield table

    table = _table(
        "Longest-waiting customers",
        *("thread", "inbox", "assigned to", "ticket", "waiting since (UTC)", "waiting time"),
    )
    for row in metrics.waiting:
        since = row["waiting_since"]
        waiting = duration((now - since).total_seconds())
        cells = (row[name] for name in ("conversation_id", "inbox", "assigned_to", "ticket_id"))
        _add(table, {}, *cells, f"{since:%Y-%m-%d}", waiting)
    yield table

    table = _table(
        "Agent activity, last 30 days with replies",
        *("agent", "active days", "messages", "closed", "first replies", "median first reply"),
        "90th percentile",
    )
    for row in metrics.agents:
        cells = (row[name] for name in ("agent", "days", "messages", "closed"))
        _add(table, row, *cells, _count(row), _time(row, "median"), _time(row, "p90"))
    yield table


def _table(title: str, *columns: str) -> Table:
    return Table(*columns, title=title, title_justify="left", title_style="bold")


def _add(table: Table, row: Row, *cells: Any) -> None:
    """Add a row to a table. Dim the row if it has too few conversations."""
    style = "dim" if row and is_too_few(row) else ""
    table.add_row(*("–" if cell is None else escape(str(cell)) for cell in cells), style=style)


def _count(row: Row) -> str:
    return f"{row['conversations']} (too few)" if is_too_few(row) else str(row["conversations"])


def _time(row: Row, name: str) -> str | None:
    return None if row[name] is None else duration(row[name])


if __name__ == "__main__":
    sys.exit(main())
