"""Load through target-s3 into Parquet files on a local S3, and read the latest row per key.

The local S3 ends with each run, so the files of each run are copied to a folder.
"""

from __future__ import annotations

import io
import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pyarrow.parquet as pq
from moto.server import ThreadedMotoServer
from target_s3.target import Targets3

BUCKET = "hubspot"
CREDENTIALS = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}


def main(folder: str, rows: str) -> None:
    """Load the messages from stdin, and write the resulting rows to a file."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        load(f"http://{host}:{port}", Path(folder))
    finally:
        server.stop()
    tables = latest_rows(Path(folder))
    Path(rows).write_text(json.dumps(tables, default=datetime.isoformat), encoding="utf-8")


def load(url: str, folder: Path) -> None:
    """Load the messages from stdin, and copy the Parquet files to a new folder."""
    storage = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **CREDENTIALS)
    storage.create_bucket(Bucket=BUCKET)
    aws = {"aws_region": "us-east-1", "aws_bucket": BUCKET, "aws_endpoint_override": url}
    settings = {
        "format": {"format_type": "parquet"},
        "cloud_provider": {"cloud_provider_type": "aws", "aws": CREDENTIALS | aws},
        "add_record_metadata": True,
        "append_date_to_prefix": False,
    }
    config = folder / "config.json"
    config.write_text(json.dumps(settings), encoding="utf-8")
    Targets3.cli(["--config", str(config)], standalone_mode=False)
    run = folder / f"run-{len(list(folder.glob('run-*')))}"
    for file in storage.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        path = run / file["Key"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(storage.get_object(Bucket=BUCKET, Key=file["Key"])["Body"].read())


def latest_rows(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the latest row per key, by table."""
    tables: dict[str, dict[str, dict[str, Any]]] = {}
    for path in sorted(folder.glob("run-*/**/*.parquet")):
        rows = pq.read_table(io.BytesIO(path.read_bytes())).to_pylist()
        for row in sorted(rows, key=lambda one: one["_sdc_sequence"]):
            tables.setdefault(path.parent.name, {})[row["id"]] = row
    return {name: list(rows.values()) for name, rows in tables.items()}


if __name__ == "__main__":
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    main(*sys.argv[1:])
