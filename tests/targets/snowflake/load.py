"""Run target-snowflake against fakesnow, and report what is in the tables.

Usage: python -m tests.targets.snowflake.load DATABASES CONFIG REPORT < messages

DATABASES is a folder that keeps the databases between runs. REPORT is a JSON object: the `tables`,
each with its `columns` (name and type) and `rows`; how often the shim replaced each statement
(`done`); and the files `left` in the stage. Runs in target-snowflake's own environment.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

import fakesnow
import snowflake.connector
from target_snowflake.target import TargetSnowflake

from tests.targets.snowflake.shim import StagedCursor


def main(databases: str, config: str, path: str) -> None:
    """Load the messages from stdin, and write the report."""
    with (
        mock.patch("fakesnow.conn.FakeSnowflakeCursor", StagedCursor),
        mock.patch.object(TargetSnowflake, "max_parallelism", 1),  # fakesnow runs one MERGE
        fakesnow.patch(db_path=databases),
    ):
        TargetSnowflake.cli(["--config", config], standalone_mode=False)
        settings = json.loads(Path(config).read_text(encoding="utf-8"))
        tables = read_tables(settings["database"], settings["default_target_schema"])
    report = {"tables": tables, "done": StagedCursor.done, "left": StagedCursor.files}
    Path(path).write_text(json.dumps(report, default=datetime.isoformat), encoding="utf-8")


def read_tables(database: str, schema: str) -> dict[str, dict[str, Any]]:
    """Return the columns and rows of all tables."""
    tables = {}
    with snowflake.connector.connect(database=database, schema=schema) as connection:
        cursor = connection.cursor()
        names = cursor.execute(
            "select table_name from information_schema.tables"
            f" where table_schema = '{schema.upper()}'"
        ).fetchall()
        for (name,) in names:
            described = cursor.execute(f"describe table {name}").fetchall()
            columns = {column[0]: column[1] for column in described}
            rows = cursor.execute(f"select * from {name}").fetchall()
            tables[name] = {
                "columns": columns,
                "rows": [dict(zip(columns, row, strict=True)) for row in rows],
            }
    return tables


if __name__ == "__main__":
    main(*sys.argv[1:])
