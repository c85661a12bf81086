"""Load with the documented dlt script into DuckDB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from tests.targets.others.load_duckdb import rows_of


def main(folder: str, rows: str) -> None:
    """Load the messages from stdin, and write the resulting rows to a file."""
    script = Path(folder).parent / "load_dlt.py"
    environment = os.environ | {"HOME": folder, "RUNTIME__DLTHUB_TELEMETRY": "false"}
    subprocess.run([sys.executable, script], cwd=folder, env=environment, check=True)
    tables = rows_of(Path(folder, "hubspot_threads.duckdb"))
    Path(rows).write_text(json.dumps(tables, default=datetime.isoformat), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
