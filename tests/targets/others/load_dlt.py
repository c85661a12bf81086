"""Load with the documented dlt script into DuckDB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import duckdb

from tests.targets.others.load_duckdb import rows_of


def main(folder: str, rows: str) -> None:
    """Load the messages from stdin, run `after.sql` if it exists, and write the rows to a file."""
    script = Path(folder).parent / "load_dlt.py"
    environment = os.environ | {"HOME": folder, "RUNTIME__DLTHUB_TELEMETRY": "false"}
    subprocess.run([sys.executable, script], cwd=folder, env=environment, check=True)
    database = Path(folder, "hubspot_threads.duckdb")
    after = Path(folder).parent / "after.sql"
    if after.exists():
        with duckdb.connect(str(database)) as connection:
            connection.execute(after.read_text(encoding="utf-8"))
    tables = rows_of(database)
    Path(rows).write_text(json.dumps(tables, default=datetime.isoformat), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
