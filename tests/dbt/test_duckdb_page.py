"""The page on DuckDB: its configuration is the tested one, and its commands and SQL run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from tests.dbt.cases import sample
from tests.dbt.warehouse import PROJECT, STREAMS, DuckDB
from tests.tools.docs import blocks, page

pytestmark = [
    pytest.mark.dbt,
    pytest.mark.skipif(sys.version_info >= (3, 14), reason="dbt-core 1.11 is for Python < 3.14"),
]

PAGE = page("destinations/duckdb")
THREADS = 30


def test_configuration(tmp_path: Path) -> None:
    """The target has the settings and the versions with which all tests of the models run."""
    (block,) = blocks(PAGE, "yaml")
    (loader,) = yaml.safe_load(block)["plugins"]["loaders"]
    pinned = [f"{name}=={version(name)}" for name in ("target-duckdb", "duckdb")]
    assert loader["pip_url"].split() == pinned
    tested = DuckDB(tmp_path).target_config("hubspot")
    assert loader["config"] == tested | {"filepath": Path(tested["filepath"]).name}
    assert {setting["name"] for setting in loader["settings"]} == loader["config"].keys()


def test_commands_and_sql(tmp_path: Path) -> None:
    """The commands build the models, and each query returns rows."""
    warehouse = DuckDB(tmp_path)
    warehouse.load(sample(THREADS), "hubspot", *STREAMS)
    shutil.copytree(PROJECT, tmp_path / "dbt")
    (commands,) = [block for block in blocks(PAGE, "console") if "dbt build" in block]
    script = [
        line.removeprefix("$ ") for line in commands.splitlines() if not line.startswith("$ pip")
    ]
    environment = {name: text for name, text in os.environ.items() if name != "DBT_SCHEMA"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-ec", "\n".join(script)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout
    line = "hubspot.threads has the column names of target-duckdb or pipelinewise-target-postgres"
    assert line in done.stdout
    statuses, recipients, inboxes = (warehouse.query(sql) for sql in blocks(PAGE, "sql"))
    assert sum(row["threads"] for row in statuses) == THREADS
    assert any(row["address"] == "support@example.com" for row in recipients)
    assert sum(row["conversations"] for row in inboxes) == THREADS
