"""`make demo-metrics`: show support metrics for the tables that `make run` has loaded.

The command builds the models in dbt/, runs their tests, and prints three tables.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.markup import escape
from rich.table import Table
from sqlalchemy import URL, Connection, create_engine, inspect, make_url, text

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

if TYPE_CHECKING:
    from contextlib import ExitStack
    from datetime import timedelta

PROJECT = ROOT / "dbt"
OUTPUT = ROOT / ".demo" / "dbt"

BY_INBOX = """
SELECT coalesce(inbox_name, inbox_id, 'unknown'), count(*)::text,
       (count(*) FILTER (WHERE status = 'OPEN'))::text,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY first_response_seconds) * interval '1 second',
       percentile_cont(0.5) WITHIN GROUP (ORDER BY first_person_response_seconds)
           * interval '1 second',
       round(100.0 * count(*) FILTER (WHERE first_response_by_kind IN ('bot', 'ai'))
           / nullif(count(first_response_at), 0))::text,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds_to_last_close) * interval '1 second',
       sum(reopened_count)::text
FROM {schema}.conversations WHERE NOT coalesce(is_spam, false)
GROUP BY 1 ORDER BY count(*) DESC, 1
"""
WAITING = """
SELECT conversation_id, coalesce(inbox_name, inbox_id),
       coalesce(assigned_to_name, assigned_to, 'unassigned'), ticket_id,
       to_char(coalesce(waiting_since, latest_message_at), 'YYYY-MM-DD'),
       now() AT TIME ZONE 'UTC' - coalesce(waiting_since, latest_message_at)
FROM {schema}.conversations WHERE awaiting_reply_from = 'business'
ORDER BY coalesce(waiting_since, latest_message_at) NULLS LAST LIMIT 10
"""
BY_AGENT = """
WITH recent AS (
    SELECT * FROM {schema}.agent_daily_activity
    WHERE day > (SELECT max(day) FROM {schema}.agent_daily_activity) - 30
)
SELECT coalesce(recent.agent_name, recent.agent_id), count(*)::text,
       sum(messages_sent)::text, sum(conversations_closed)::text, sum(first_responses)::text,
       (
           SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY first_person_response_seconds)
               * interval '1 second'
           FROM {schema}.conversations
           WHERE first_person_response_by = recent.agent_id AND NOT coalesce(is_spam, false)
               AND first_person_response_at >= (SELECT min(day) FROM recent)
       )
FROM recent GROUP BY recent.agent_id, recent.agent_name ORDER BY sum(messages_sent) DESC, 1
"""
TABLES = {
    "First reply and resolution time by inbox (median, calendar time)": (
        BY_INBOX,
        (
            *("inbox", "threads", "open", "first reply", "first reply by a person"),
            *("first reply by bot/AI (%)", "time to close", "reopened"),
        ),
    ),
    "Longest-waiting customers": (
        WAITING,
        ("thread", "inbox", "assigned to", "ticket", "waiting since (UTC)", "waiting time"),
    ),
    "Agent activity, last 30 days with replies": (
        BY_AGENT,
        ("agent", "active days", "messages", "closed", "first replies", "median first reply"),
    ),
}
"""The query and the column titles of each table, by its title."""


class Destination(NamedTuple):
    """The database and the schema with the loaded tables."""

    url: URL
    schema: str


def main() -> int:
    """Build the models and show the metrics. Return the exit code."""
    zone = os.environ.get("REPORT_TIME_ZONE", "UTC")
    return run_command(lambda stack: build_and_show(_destination(stack), zone))


def build_and_show(destination: Destination, zone: str) -> int:
    """Build and test the models, and show the metrics. Return the exit code."""
    engine = create_engine(destination.url)
    try:
        with engine.begin() as connection:
            if not inspect(connection).has_table("threads", destination.schema):
                message = (
                    f"Table {destination.schema}.threads does not exist. Run `make run` first."
                )
                raise ValueError(message)
        models = f"{destination.schema}_analytics"
        console.print(f"Schema [bold]{destination.schema}[/] → models in [bold]{models}[/]")
        if not _build(destination, models, zone):
            return 1
        with engine.begin() as connection:
            for title, (query, columns) in TABLES.items():
                _show(connection, title, query.format(schema=f'"{models}"'), columns)
    finally:
        engine.dispose()
    return 0


def _destination(stack: ExitStack) -> Destination:
    """Return the database and schema that `make run` uses with the current environment."""
    if sys.version_info >= (3, 14):
        message = (
            "dbt requires Python 3.10 to 3.13. Choose one of them, for example with "
            "`make demo-metrics PYTHON=python3.13`."
        )
        raise ValueError(message)
    variables = read_environment()
    schema = variables.get(f"{TARGET}_DEFAULT_TARGET_SCHEMA") or "hubspot"
    if variables.get(f"{TARGET}_SQLALCHEMY_URL"):
        url = make_url(variables[f"{TARGET}_SQLALCHEMY_URL"]).set(drivername="postgresql+psycopg")
        return Destination(url, schema)
    url = make_url(stack.enter_context(embedded_postgres(DATA)))
    return Destination(url, schema if variables.get(f"{TAP}_ACCESS_TOKEN") else SAMPLE_SCHEMA)


def _build(destination: Destination, models: str, zone: str) -> bool:
    """Build and test the models with dbt. Print the result, and return whether all succeeded."""
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - slow, so imported after the first output

    os.environ.update(connection_variables(destination.url) | {"DBT_SCHEMA": models})
    variables = {"hubspot_schema": destination.schema, "time_zone": zone}
    command = ["build", "--quiet", "--target", "postgres", "--vars", json.dumps(variables)]
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


def _show(connection: Connection, title: str, query: str, columns: tuple[str, ...]) -> None:
    table = Table(*columns, title=title, title_justify="left", title_style="bold")
    for row in connection.execute(text(query)):
        table.add_row(*map(_cell, row))
    console.print()
    console.print(
        table if table.row_count else f"{title}\nNo results. Is the `messages` stream loaded?"
    )


def _cell(value: Any) -> str:
    """Format a value for a table."""
    if value is None:
        return "–"
    if hasattr(value, "total_seconds"):
        return duration(value)
    return escape(str(value))


def duration(span: timedelta) -> str:
    """Format a duration in its two largest units."""
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s")]
    first = next((index for index, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count}{unit}" for count, unit in parts[first : first + 2])


if __name__ == "__main__":
    sys.exit(main())
