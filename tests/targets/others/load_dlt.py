"""Load with dlt into DuckDB, with the columns of the SCHEMA messages."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import dlt

from tests.targets.others.load_duckdb import rows_of


def main(folder: str, rows: str) -> None:
    """Load the messages from stdin, and write the resulting rows to a file."""
    database = Path(folder, "warehouse.duckdb")
    load(dlt.destinations.duckdb(str(database)), folder)
    tables = rows_of(database)
    Path(rows).write_text(json.dumps(tables, default=datetime.isoformat), encoding="utf-8")


def load(destination: Any, folder: str) -> None:
    """Load the messages from stdin, merge rows by primary key, and print the state."""
    schemas: dict[str, Any] = {}
    records: dict[str, Any] = {}
    state = None
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "SCHEMA":
            schemas[message["stream"]] = message["schema"]["properties"]
        elif message["type"] == "RECORD":
            record = message["record"]
            records.setdefault(message["stream"], {})[record["id"]] = record  # the latest wins
        else:
            state = message["value"]
    pipeline = dlt.pipeline("hubspot", folder, destination=destination, dataset_name="hubspot")
    resources = [
        dlt.resource(
            list(records.get(stream, {}).values()),
            name=stream,
            columns={name: {"data_type": kind_of(column)} for name, column in columns.items()},
            primary_key="id",
            write_disposition="merge",
        )
        for stream, columns in schemas.items()
    ]
    pipeline.run(resources)
    print(json.dumps(state))  # noqa: T201 - the next sync's state


def kind_of(column: dict[str, Any]) -> str:
    """Return dlt's name for a column's type."""
    if "format" in column:
        return "timestamp"
    if {"array", "object"} & set(column["type"]):
        return "json"
    return "bool" if "boolean" in column["type"] else "text"


if __name__ == "__main__":
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    main(*sys.argv[1:])
