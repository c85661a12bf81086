"""Load through target-duckdb, and read the rows with DuckDB."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb


def main(folder: str, rows: str) -> None:
    """Load the messages from stdin, and write the resulting rows to a file."""
    config, database = Path(folder, "config.json"), Path(folder, "warehouse.duckdb")
    settings = {"filepath": str(database), "default_target_schema": "hubspot"}
    config.write_text(json.dumps(settings), encoding="utf-8")
    program = Path(sys.executable).parent / "target-duckdb"
    subprocess.run([program, "--config", config], check=True)
    tables = rows_of(database)
    Path(rows).write_text(json.dumps(tables, default=datetime.isoformat), encoding="utf-8")


def rows_of(database: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of all tables of the schema `hubspot`."""
    tables = {}
    with duckdb.connect(str(database)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        names = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'hubspot'"
        ).fetchall()
        for (name,) in names:
            found = connection.execute(f'SELECT * FROM hubspot."{name}"')
            columns = [column[0] for column in found.description or ()]
            tables[name] = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
    return tables


if __name__ == "__main__":
    main(*sys.argv[1:])
