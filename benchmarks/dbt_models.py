"""Measure how long dbt takes to build the models on many messages, in PostgreSQL and DuckDB."""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from contextlib import ExitStack
from pathlib import Path

from demo.postgres import embedded_postgres
from tests.dbt import warehouse
from tests.dbt.warehouse import DuckDB, PostgreSQL, Warehouse

MESSAGES = """
    (0, 'MESSAGE', 'INCOMING', 'V-', NULL, NULL),
    (1, 'ASSIGNMENT', NULL, 'S-', 'A-', NULL),
    (2, 'MESSAGE', 'OUTGOING', 'B-', NULL, NULL),
    (50, 'MESSAGE', 'INCOMING', 'V-', NULL, NULL),
    (90, 'MESSAGE', 'OUTGOING', 'A-', NULL, NULL),
    (95, 'COMMENT', NULL, 'A-', NULL, NULL),
    (1500, 'THREAD_STATUS_CHANGE', NULL, 'A-', NULL, 'CLOSED')
"""
"""Each thread: minutes after its start, type, direction, author, assignee and status."""
PER_THREAD = MESSAGES.count("(")
THREADS = """
INSERT INTO hubspot.threads
    (id, "createdAt", "closedAt", status, "latestMessageTimestamp", "inboxId", _sdc_extracted_at)
SELECT CAST(n AS varchar), begins, begins + interval '1500 minutes', 'CLOSED',
       begins + interval '90 minutes', CAST(n % 5 AS varchar), timestamp '2026-12-01'
FROM (
    SELECT n, timestamp '2025-01-01' + n * interval '3 minutes' AS begins
    FROM generate_series(1, {threads}) AS numbers (n)
) AS threads
"""
ENTRIES = """
INSERT INTO hubspot.messages
    (id, type, "conversationsThreadId", "createdAt", "createdBy", client, senders, recipients,
     text, "richText", status, direction, "channelId", "assignedTo", "newStatus",
     _sdc_extracted_at)
SELECT CAST(n AS varchar) || '/' || CAST(minutes AS varchar), type, CAST(n AS varchar),
       timestamp '2025-01-01' + n * interval '3 minutes' + minutes * interval '1 minute',
       author || CAST(n % 20 AS varchar), CAST('{{"clientType": "HUBSPOT"}}' AS {json}),
       CAST('[{{"actorId": "' || author || CAST(n % 20 AS varchar) || '"}}]' AS {json}),
       CAST('[]' AS {json}), repeat('All work and no play. ', 10),
       '<p>' || repeat('All work and no play. ', 10) || '</p>',
       CAST('{{"statusType": "SENT"}}' AS {json}), direction, '1002',
       assignee || CAST(n % 20 AS varchar), new_status, timestamp '2026-12-01'
FROM generate_series(1, {threads}) AS numbers (n)
CROSS JOIN (VALUES {messages}) AS entries
    (minutes, type, direction, author, assignee, new_status)
"""


def main() -> None:
    """Fill both databases and print how long `dbt run` takes in each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dbt_models", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--project", type=Path, default=warehouse.PROJECT, help="a dbt project")
    parser.add_argument("--only", choices=["postgres", "duckdb"])
    options = parser.parse_args()
    warehouse.PROJECT = options.project.resolve()
    warnings.simplefilter("ignore")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if options.only != "duckdb":
            url = stack.enter_context(embedded_postgres(folder / "data"))
            database = PostgreSQL(folder, url)
            stack.callback(database.close)
            _measure(database, "jsonb", options.messages)
        if options.only != "postgres":
            _measure(DuckDB(folder), "json", options.messages)


def _measure(database: Warehouse, json_type: str, messages: int) -> None:
    """Fill a database, build the models, and print the seconds."""
    threads = messages // PER_THREAD
    names = {"threads": threads, "json": json_type, "messages": MESSAGES}
    for stream, sql in (("threads", THREADS), ("messages", ENTRIES)):
        database.fill("hubspot", stream, [])
        database.query(sql.format(**names))
    database.dbt("seed")
    started = time.perf_counter()
    said = database.dbt("run")
    seconds = time.perf_counter() - started
    assert set(said.values()) == {"success"}, said
    (count,) = database.query("SELECT count(*) AS n FROM hubspot_analytics.conversation_messages")
    print(f"{database.name}: {threads:,} threads, {count['n']:,} messages: dbt run {seconds:.1f} s")


if __name__ == "__main__":
    main()
