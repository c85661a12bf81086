"""`make demo-metrics`: what a support lead asks, answered from the tables that `make run` loaded.

Builds the models of dbt/ in the database, runs their tests, and shows three tables.
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
    in_one_line,
    what_is_set,
)
from demo.postgres import embedded_postgres

if TYPE_CHECKING:
    from contextlib import ExitStack
    from datetime import timedelta

PROJECT = ROOT / "dbt"
BUILT = ROOT / ".demo" / "dbt"

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
       coalesce(assigned_to_name, assigned_to, 'nobody'), ticket_id,
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
QUESTIONS = {
    "How fast do we answer, and is it over then? (Medians, calendar time)": (
        BY_INBOX,
        (
            *("inbox", "threads", "open", "first answer", "by a person"),
            *("% bot or AI first", "closed after", "open again"),
        ),
    ),
    "Who has been waiting for us the longest?": (
        WAITING,
        ("thread", "inbox", "assigned to", "ticket", "since (UTC)", "for"),
    ),
    "Who did what, in the last 30 days with any answer?": (
        BY_AGENT,
        ("agent", "days", "messages", "closed", "first answers", "median"),
    ),
}


class Place(NamedTuple):
    """A database and the schema in it that the target loaded into."""

    url: URL
    schema: str


def main() -> int:
    """Build and show; return the exit code."""
    zone = os.environ.get("REPORT_TIME_ZONE", "UTC")
    return in_one_line(lambda stack: answer(_place(stack), zone))


def answer(place: Place, zone: str) -> int:
    """Build the models, test them and show what they say; return the exit code."""
    engine = create_engine(place.url)
    try:
        with engine.begin() as connection:
            if not inspect(connection).has_table("threads", place.schema):
                message = f"There is no table {place.schema}.threads yet: make run first."
                raise ValueError(message)
        models = f"{place.schema}_analytics"
        console.print(f"Schema [bold]{place.schema}[/] → models in [bold]{models}[/]")
        if not _build(place, models, zone):
            return 1
        with engine.begin() as connection:
            for question, (query, columns) in QUESTIONS.items():
                _show(connection, question, query.format(schema=f'"{models}"'), columns)
    finally:
        engine.dispose()
    return 0


def _place(stack: ExitStack) -> Place:
    """Find what `make run` loaded last: the user's account, or else the sample account."""
    if sys.version_info >= (3, 14):
        message = "dbt runs on Python 3.10 to 3.13: make demo-metrics PYTHON=python3.13, say."
        raise ValueError(message)
    given = what_is_set()
    schema = given.get(f"{TARGET}_DEFAULT_TARGET_SCHEMA") or "hubspot"
    if given.get(f"{TARGET}_SQLALCHEMY_URL"):
        url = make_url(given[f"{TARGET}_SQLALCHEMY_URL"]).set(drivername="postgresql+psycopg")
        return Place(url, schema)
    url = make_url(stack.enter_context(embedded_postgres(DATA)))
    return Place(url, schema if given.get(f"{TAP}_ACCESS_TOKEN") else SAMPLE_SCHEMA)


def _build(place: Place, models: str, zone: str) -> bool:
    """Have dbt build and test the models; tell what failed."""
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - slow, and said to be at work first

    os.environ.update(connection_variables(place.url) | {"DBT_SCHEMA": models})
    variables = {"hubspot_schema": place.schema, "time_zone": zone}
    command = ["build", "--quiet", "--target", "postgres", "--vars", json.dumps(variables)]
    command += ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    command += ["--target-path", str(BUILT), "--log-path", str(BUILT)]
    with console.status("Building the models and testing them …"):
        done: Any = dbtRunner().invoke(command)
    if done.exception:
        console.print(f"[red]{escape(str(done.exception))}[/]")
        return False
    said = [str(one.status) for one in done.result]
    failed = [one.node.name for one in done.result if one.status in {"error", "fail"}]
    console.print(
        f"{said.count('success')} models built, {said.count('pass')} tests passed"
        + (f", [red]failed: {', '.join(failed)}[/]" if failed else ".")
    )
    return bool(done.success)


def connection_variables(url: URL) -> dict[str, str]:
    """Return what libpq, and so dbt's profile, is to find in the environment."""
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


def _show(connection: Connection, question: str, query: str, columns: tuple[str, ...]) -> None:
    table = Table(*columns, title=question, title_justify="left", title_style="bold")
    for row in connection.execute(text(query)):
        table.add_row(*map(_cell, row))
    console.print()
    console.print(
        table if table.row_count else f"{question}\nNothing to tell of: are `messages` loaded?"
    )


def _cell(value: Any) -> str:
    """Write a value as people read it."""
    if value is None:
        return "–"
    if hasattr(value, "total_seconds"):
        return duration(value)
    return escape(str(value))


def duration(span: timedelta) -> str:
    """Write a duration in its two largest units."""
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s")]
    first = next((place for place, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count}{unit}" for count, unit in parts[first : first + 2])


if __name__ == "__main__":
    sys.exit(main())
