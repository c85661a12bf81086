"""Load with target-jsonl, and read the rows with the documented function."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

STREAMS = (
    *("threads", "thread_index", "deleted_threads", "messages", "actors"),
    *("inboxes", "channels", "channel_accounts"),
)


def main(folder: str, rows: str) -> None:
    """Load the messages from stdin, and write the current rows to a file."""
    place = Path(folder).parent
    program = Path(sys.executable).parent / "target-jsonl"
    subprocess.run([program, "--config", place / "jsonl.json"], cwd=place, check=True)
    current_rows = runpy.run_path(str(place / "current_rows.py"))["current_rows"]
    tables = {stream: current_rows(stream, folder) for stream in STREAMS}
    Path(rows).write_text(json.dumps(tables), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
